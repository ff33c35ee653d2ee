// Opens a store in a fresh process and reports times and memory as JSON.
import { VectorStore } from '../../dist/index.js'

const [, , path, originals] = process.argv
globalThis.gc()
const rssBefore = process.memoryUsage().rss
const startMs = performance.now()
const store = await VectorStore.open(path, { originals, readOnly: true })
const openMs = performance.now() - startMs
const words = await store.collection('words')
const { hits } = await words.search({ id: 'king' }, { k: 10 })
const answerMs = performance.now() - startMs
if (hits.length !== 10) throw new Error(`expected 10 hits, got ${hits.length}`)
globalThis.gc()
const { rss, heapUsed } = process.memoryUsage()
const { total } = store.memoryUsage()
await words.settled()
const settledMs = performance.now() - startMs
const { bytes } = store.stats().recovery
await store.close()
const memory = { reportedBytes: total, rssBytes: rss - rssBefore, heapBytes: heapUsed }
console.log(JSON.stringify({ openMs, answerMs, settledMs, logBytes: bytes, ...memory }))
