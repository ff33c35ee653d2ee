// annals through its public API: a durable store in a directory, string ids, every batch synced before it counts.
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { DATA_DIRECTORY } from './data-sets.mjs'
import { rowOfId } from './vector-file.mjs'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const COLLECTION = 'rows'
const EFFORTS = [10, 15, 20, 30, 40, 60, 80, 100, 120, 150, 200, 280, 360, 450, 600, 900]
/** Half of the default buffer, which is scanned beside the graph. */
const HALF_BUFFER_ROWS = 5000

export const annals = {
  name: 'annals',
  notes: ['Durable: building counts the log, its syncs and the index. Distances are computed on the originals.'],
  version: () => `${JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version} (${snapshotHash()})`,
  load: () => snapshotPath(),
  settings: () => [
    { name: 'settled', curves: [{ name: '', efforts: EFFORTS }] },
    { name: 'buffer empty', bufferRows: 0, curves: [{ name: '', efforts: EFFORTS }] },
    { name: 'buffer half full', bufferRows: HALF_BUFFER_ROWS, curves: [{ name: '', efforts: EFFORTS }] },
  ],

  /** Says `{ unsupported }` for what this build of annals cannot do yet. */
  async build(directory, source, { metric, bufferRows, onProgress }) {
    const { VectorStore } = await importAnnals()
    const store = await VectorStore.open(join(directory, 'store'))
    try {
      const rows = await store.collection(COLLECTION, { dimensions: source.dimensions, metric })
      if (bufferRows === undefined) {
        await rows.addAll(entriesOf(source, onProgress))
        await rows.settled?.()
        return {}
      }
      // Only a rebuild is sure to empty the buffer, so that a known number of rows can go into it.
      if (rows.optimize === undefined) return { unsupported: 'there is no index yet, so no buffer' }
      const entries = entriesOf(source, onProgress)
      await rows.addAll(take(entries, Math.max(0, source.count - bufferRows)))
      await rows.settled()
      await rows.optimize()
      await rows.addAll(entries)
      return {}
    } finally {
      await store.close()
    }
  },

  async open(directory, { dimensions, metric }) {
    const { VectorStore } = await importAnnals()
    const store = await VectorStore.open(join(directory, 'store'))
    const rows = await store.collection(COLLECTION, { dimensions, metric })
    const hasList = await acceptsListSize(rows, dimensions)
    let options
    return {
      /** Without an index every effort is the same scan. */
      effortsThatDiffer: hasList ? undefined : 1,
      prepareQuery: (vector) => vector,
      useEffort(listSize, _curve, k) {
        options = hasList ? { k, listSize } : { k }
      },
      search: (query) => rows.search(query, options),
      rowsOf: ({ hits }) => hits.map(({ id }) => rowOfId(id)),
      close: () => store.close(),
    }
  },
}

/** Unknown options are refused before an impossible k is, so this finds out without searching: the first answer is timed too. */
async function acceptsListSize(rows, dimensions) {
  const refusal = await rows
    .search(new Float32Array(dimensions).fill(1), { k: 0, listSize: 10 })
    .catch((error) => error)
  return refusal instanceof RangeError
}

function* entriesOf(source, onProgress) {
  const { dimensions } = source
  for (const { first, rows, vectors } of source.batches(1000)) {
    for (let row = 0; row < rows; row += 1)
      yield { id: source.idOf(first + row), vector: vectors.slice(row * dimensions, (row + 1) * dimensions) }
    onProgress(first + rows)
  }
}

/** The first entries of an iterator that goes on to be used. */
function* take(entries, count) {
  for (let taken = 0; taken < count; taken += 1) {
    const { value, done } = entries.next()
    if (done) return
    yield value
  }
}

async function importAnnals() {
  return import(pathToFileURL(join(snapshotPath(), 'index.js')).href)
}

/** The built package is copied once for each state of it: a build while a long run is under way must not change what is measured. */
function snapshotPath() {
  const path = process.env.ANNALS_SNAPSHOT ?? join(DATA_DIRECTORY, 'annals', snapshotHash())
  if (!existsSync(path)) {
    mkdirSync(join(DATA_DIRECTORY, 'annals'), { recursive: true })
    const temporaryPath = `${path}.${process.pid}.tmp`
    cpSync(join(ROOT, 'dist'), temporaryPath, { recursive: true })
    renameSync(temporaryPath, path)
  }
  return path
}

function snapshotHash() {
  if (process.env.ANNALS_SNAPSHOT !== undefined) return process.env.ANNALS_SNAPSHOT.slice(-12)
  const hash = createHash('sha256')
  const dist = join(ROOT, 'dist')
  for (const name of readdirSync(dist, { recursive: true }).map(String).sort())
    if (/\.(js|wasm)$/.test(name)) hash.update(name).update(readFileSync(join(dist, name)))
  return hash.digest('hex').slice(0, 12)
}
