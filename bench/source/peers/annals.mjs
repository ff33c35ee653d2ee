// annals through its public API: a durable store in a directory, string ids, every batch synced before it counts.
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { DATA_DIRECTORY } from './data-sets.mjs'
import { rowOfId } from './vector-file.mjs'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const COLLECTION = 'rows'
/** Below twice the hits that are asked for every list is the same. */
const EFFORTS = [20, 30, 40, 60, 80, 100, 120, 150, 200, 280, 360, 450, 600, 900]
/** What a machine of one or two cores gets by itself. */
const BUILD_THREADS = 1
/** Nothing runs beside a search: what builds after opening, builds on the same thread, and is waited for. */
const SEARCH_THREADS = 0
/** Half of the default buffer, which is scanned beside the graph. */
const HALF_BUFFER_ROWS = 5000

export const annals = {
  name: 'annals',
  notes: [
    'Durable: building counts the log, its syncs and the index. Distances are computed on the originals.',
    'It opens from its newest snapshot, graph included; what the log behind that one orders is built before searches are measured.',
  ],
  version: () => `${JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version} (${snapshotHash()})`,
  load: () => snapshotPath(),
  settings: () => [
    { name: 'settled', curves: [{ name: '', efforts: EFFORTS }] },
    { name: 'buffer empty', isOptimized: true, curves: [{ name: '', efforts: EFFORTS }] },
    {
      name: 'buffer half full',
      isOptimized: true,
      bufferRows: HALF_BUFFER_ROWS,
      curves: [{ name: '', efforts: EFFORTS }],
    },
  ],

  async build(directory, source, { metric, bufferRows = 0, isOptimized, onProgress }) {
    const { VectorStore } = await importAnnals()
    const store = await VectorStore.open(join(directory, 'store'), { threads: BUILD_THREADS })
    try {
      const rows = await store.collection(COLLECTION, { dimensions: source.dimensions, metric })
      const entries = entriesOf(source, onProgress)
      await rows.addAll(take(entries, source.count - bufferRows))
      await rows.settled()
      if (!isOptimized) return
      // Only a new graph is sure to empty the buffer, so that a known number of rows can go into it.
      await rows.optimize()
      await rows.addAll(entries)
      requireWaiting(rows, bufferRows)
    } finally {
      await store.close()
    }
  },

  async open(directory, { dimensions, metric, bufferRows = 0, isOptimized }) {
    const { VectorStore } = await importAnnals()
    const store = await VectorStore.open(join(directory, 'store'), { threads: SEARCH_THREADS })
    const rows = await store.collection(COLLECTION, { dimensions, metric })
    let options
    return {
      prepareQuery: (vector) => vector,
      async settle() {
        await rows.settled()
        if (isOptimized) requireWaiting(rows, bufferRows)
      },
      useEffort(listSize, _curve, k) {
        options = { k, listSize }
      },
      search: (query) => rows.search(query, options),
      rowsOf: ({ hits }) => hits.map(({ id }) => rowOfId(id)),
      close: () => store.close(),
    }
  },
}

function requireWaiting(rows, expected) {
  const { waiting } = rows.stats().index
  if (waiting !== expected) throw new Error(`${waiting} rows are in the buffer, which should hold ${expected}`)
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
