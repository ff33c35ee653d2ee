// Opens a store, waits until it has the form of its mode, searches, and prints as JSON what it reports and what the process takes.
import { setTimeout as sleep } from 'node:timers/promises'
import { VectorStore } from '../../dist/index.js'
import { readVectorFile } from './peers/vector-file.mjs'

const [, , path, queryFile, dimensions] = process.argv
const SEARCHES = 200
const SETTLING_MS = 300

const queries = readVectorFile(queryFile)
const bareBytes = await residentBytes()
const startMs = performance.now()
const store = await VectorStore.open(path, { readOnly: true, threads: 0 })
const openMs = performance.now() - startMs
const rows = await store.collection('rows')
while (rows.stats().quantization !== 'none' && rows.stats().index.form !== 'lean') await sleep(5)
const leanMs = performance.now() - startMs
for (let query = 0; query < SEARCHES; query += 1)
  await rows.search(queries.subarray(query * dimensions, (query + 1) * dimensions), { k: 10 })
const rssBytes = await residentBytes()
const { total } = store.memoryUsage()
console.log(JSON.stringify({ reportedBytes: total, grownBytes: rssBytes - bareBytes, rssBytes, openMs, leanMs }))
await store.close()

/** When the collector has found all that nobody refers to, and the system has it back. */
async function residentBytes() {
  for (let round = 0; round < 5; round += 1) {
    globalThis.gc()
    await sleep(SETTLING_MS)
  }
  return process.memoryUsage().rss
}
