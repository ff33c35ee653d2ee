// Does some things to a store, one after the other, and after each prints as JSON what the store reports and what the process has grown by.
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { VectorStore } from '../../dist/index.js'

const [, , path, count, ...actions] = process.argv
const GLOVE = fileURLToPath(new URL('../data/glove-100d.bin', import.meta.url))
const HEADER_BYTES = 24
/** More than the buffer holds, so that an index is built. */
const WARMING_ENTRIES = 12_000
const READ_ROWS = 100
const DELETED_AT_ONCE = 5000
const LONGEST_WAIT_MS = 15_000
const COLLECTIONS = 10

const perform = {
  open: async () => {},
  import: async (words, entries) => {
    await words.addAll(vectorsOf(entries))
    await words.settled()
  },
  delete: async (words, entries) => {
    for (let first = 0; first < entries; first += DELETED_AT_ONCE * 5) {
      const ids = []
      for (let row = first; row < Math.min(entries, first + DELETED_AT_ONCE * 5); row += 5) ids.push(`word-${row}`)
      await words.delete(ids)
    }
    await words.settled()
  },
  optimize: (words) => words.optimize(),
  search: async (words) => {
    for (const { vector } of vectorsOf(200)) await words.search(vector)
    await words.searchMany([...vectorsOf(200)].map(({ vector }) => vector))
  },
  int8: (words) => words.quantize('int8'),
  binary: (words) => words.quantize('binary'),
  none: (words) => words.quantize('none'),
}

// What the runtime takes once and for all, compiled code above all, is no store's.
const warming = mkdtempSync(join(tmpdir(), 'annals-memory-'))
await run(warming, WARMING_ENTRIES, ['import', ...actions.filter((action) => action !== 'import')], () => {})
rmSync(warming, { recursive: true, force: true })
const bareBytes = await residentBytes()
await run(path, Number(count), actions, async (store, action) => {
  await untilIdle(store)
  const rssBytes = (await residentBytes()) - bareBytes
  const { total, components } = store.memoryUsage()
  const { heapUsed, heapTotal } = process.memoryUsage()
  console.log(JSON.stringify({ action, bareBytes, rssBytes, reportedBytes: total, components, heapUsed, heapTotal }))
})

async function run(directory, entries, list, report) {
  const store = await VectorStore.open(directory)
  const words = await store.collection('words', { dimensions: 100, metric: 'cosine' })
  for (const action of list) {
    await perform[action](words, entries)
    await report(store, action)
  }
  await store.close()
}

/** Read in pieces, so that what is measured is the store's and not the set's. */
function* vectorsOf(entries) {
  const file = openSync(GLOVE)
  const header = Buffer.alloc(HEADER_BYTES)
  readSync(file, header, 0, HEADER_BYTES, 0)
  const dimensions = header.readUInt32LE(12)
  const vectorsAt = Math.ceil((HEADER_BYTES + header.readUInt32LE(16)) / 4) * 4
  const rowBytes = dimensions * 4
  for (let first = 0; first < entries; first += READ_ROWS) {
    const rows = Math.min(READ_ROWS, entries - first)
    const bytes = new Uint8Array(rows * rowBytes)
    readSync(file, bytes, 0, bytes.byteLength, vectorsAt + first * rowBytes)
    for (let row = 0; row < rows; row++) {
      yield { id: `word-${first + row}`, vector: new Float32Array(bytes.buffer, row * rowBytes, dimensions) }
    }
  }
  closeSync(file)
}

/** Idle workers end by themselves, each with the memory that it holds. */
async function untilIdle(store) {
  const startMs = performance.now()
  while (store.memoryUsage().components.workers > 0 && performance.now() - startMs < LONGEST_WAIT_MS) await sleep(100)
}

/** As little as it comes to: what a collection finds may free more only at the next one. */
async function residentBytes() {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < COLLECTIONS; round++) {
    globalThis.gc()
    await sleep(50)
    least = Math.min(least, residentNow())
  }
  return least
}

function residentNow() {
  if (process.platform !== 'linux') return process.memoryUsage().rss
  return Number(/^Rss:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/smaps_rollup', 'latin1'))[1]) * 1024
}
