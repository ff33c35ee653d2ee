// usearch: an HNSW graph with vectors in one of several number formats, saved as one file.
import { join } from 'node:path'
import { packageVersion, requirePackage } from './packages.mjs'

const EXPANSION_ADD = 128
const EFFORTS = [10, 15, 20, 30, 45, 60, 80, 120, 160, 240, 320, 480, 640, 960]
const METRICS = { cosine: 'cos', euclidean: 'l2sq' }
const FORMATS = [
  { connectivity: 16, quantization: 'f32' },
  { connectivity: 32, quantization: 'f32' },
  { connectivity: 16, quantization: 'f16' },
  { connectivity: 16, quantization: 'i8' },
]

export const usearch = {
  name: 'usearch',
  notes: [
    'The search width can only be given when an index is opened, so each width opens the file again, outside the clock.',
    'Nothing is on disk until the whole file is saved, and saving does not sync.',
  ],
  version: () => packageVersion('usearch'),
  load: () => requirePackage('usearch'),
  settings: () =>
    FORMATS.map((format) => ({
      name: `${format.quantization} c${format.connectivity}`,
      ...format,
      curves: [{ name: '', efforts: EFFORTS }],
    })),

  async build(directory, source, settings) {
    const index = createIndex({ ...settings, dimensions: source.dimensions }, 0)
    for (const { first, rows, vectors } of source.batches(1000)) {
      const keys = BigUint64Array.from({ length: rows }, (_, row) => BigInt(first + row))
      index.add(keys, vectors, 1)
      settings.onProgress(first + rows)
    }
    index.save(join(directory, 'index.usearch'))
  },

  async open(directory, settings) {
    let index
    return {
      prepareQuery: (vector) => vector,
      async useEffort(expansion) {
        index = undefined
        await releaseMemory()
        index = createIndex(settings, expansion)
        // A view is mapped and not copied: it opens sooner, and measured as fast as a copy once its pages are there.
        index.view(join(directory, 'index.usearch'))
      },
      search: (query, k) => index.search(query, k, 1),
      rowsOf: (found) => Array.from(found.keys, Number),
      close() {},
    }
  },
}

function createIndex({ metric, dimensions, quantization, connectivity }, expansionSearch) {
  const { Index } = requirePackage('usearch')
  return new Index({
    dimensions,
    metric: METRICS[metric],
    quantization,
    connectivity,
    expansion_add: EXPANSION_ADD,
    expansion_search: expansionSearch,
    multi: false,
  })
}

/** The index before is freed by a finalizer; two at once would count as its peak memory. */
async function releaseMemory() {
  globalThis.gc?.()
  await new Promise((resolve) => setImmediate(resolve))
}
