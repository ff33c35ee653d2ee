// Opens a store in a fresh process and reports times and memory as JSON.
import { VectorStore } from '../../dist/index.js'

globalThis.gc()
const rssBefore = process.memoryUsage().rss
const startMs = performance.now()
const store = await VectorStore.open(process.argv[2])
const openMs = performance.now() - startMs
const words = await store.collection('words')
const { hits } = await words.search({ id: 'king' }, { k: 10 })
const answerMs = performance.now() - startMs
if (hits.length !== 10) throw new Error(`expected 10 hits, got ${hits.length}`)
await words.settled()
const settledMs = performance.now() - startMs
globalThis.gc()
const { rss, heapUsed } = process.memoryUsage()
const { total } = store.memoryUsage()
const { logBytes } = store.stats()
await store.close()
console.log(
  JSON.stringify({
    openMs,
    answerMs,
    settledMs,
    logBytes,
    reportedBytes: total,
    rssBytes: rss - rssBefore,
    heapBytes: heapUsed,
  }),
)
