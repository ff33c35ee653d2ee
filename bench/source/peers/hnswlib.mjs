// hnswlib-node: an HNSW graph in memory, saved as one file. Two engines: as its install script compiles it (for any x86-64, so SSE
// only), and compiled for this very machine.
import { join } from 'node:path'
import { loadNative } from './hnswlib-native.mjs'
import { packageVersion, requirePackage } from './packages.mjs'

const EF_CONSTRUCTION = 200
const EFFORTS = [10, 15, 20, 30, 45, 60, 80, 120, 160, 240, 320, 480, 640, 960]
const SPACES = { cosine: 'cosine', euclidean: 'l2' }

export const hnswlib = createEngine('hnswlib-node', () => requirePackage('hnswlib-node'), [
  'Takes number[] only: queries are converted before the clock starts.',
  'Nothing is on disk until the whole file is saved, and saving does not sync.',
])

export const hnswlibNative = createEngine('hnswlib-node native', loadNative, [
  'The same sources, compiled with -O3 -march=native on this machine; npm never does that by itself.',
])

function createEngine(name, load, notes) {
  return {
    name,
    notes,
    version: () => packageVersion('hnswlib-node'),
    load,
    settings: () => [16, 32].map((m) => ({ name: `M ${m}`, m, curves: [{ name: '', efforts: EFFORTS }] })),

    async build(directory, source, { metric, m, onProgress }) {
      const { HierarchicalNSW } = load()
      const index = new HierarchicalNSW(SPACES[metric], source.dimensions)
      index.initIndex({ maxElements: source.count, m, efConstruction: EF_CONSTRUCTION })
      for (const { first, rows, vectors } of source.batches(1000)) {
        for (let row = 0; row < rows; row += 1) {
          const vector = vectors.subarray(row * source.dimensions, (row + 1) * source.dimensions)
          index.addPoint(Array.from(vector), first + row)
        }
        onProgress(first + rows)
      }
      index.writeIndexSync(join(directory, 'index.hnsw'))
    },

    async open(directory, { metric, dimensions }) {
      const { HierarchicalNSW } = load()
      const index = new HierarchicalNSW(SPACES[metric], dimensions)
      index.readIndexSync(join(directory, 'index.hnsw'))
      return {
        prepareQuery: (vector) => Array.from(vector),
        useEffort: (ef) => index.setEf(ef),
        search: (query, k) => index.searchKnn(query, k),
        rowsOf: (found) => found.neighbors,
        close() {},
      }
    },
  }
}
