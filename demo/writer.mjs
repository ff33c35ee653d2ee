// The process that the demo kills: imports the words in batches, and says on stdout what has been acknowledged.
// A line is written only after the store's promise resolved, so each line is a promise that the demo holds the store to.
import { setTimeout as sleep } from 'node:timers/promises'
import { VectorStore } from 'annals'
import { DIMENSIONS, entryAt, WORD_COUNT } from './words.mjs'

const BATCH_SIZE = 100
/** Batches are sent in bursts: the fiftieth opens one, so the kill that follows its acknowledgement meets the rest under way. */
const BURST_BATCHES = 7
const BURST_INTERVAL_MS = 30

const store = await VectorStore.open(process.argv[2])
const words = await store.collection('words', { dimensions: DIMENSIONS, metric: 'cosine' })
const acknowledgements = []
for (let from = 0; from < WORD_COUNT; from += BATCH_SIZE) {
  acknowledgements.push(addBatch(from, Math.min(from + BATCH_SIZE, WORD_COUNT)))
  if (acknowledgements.length % BURST_BATCHES === 0) await sleep(BURST_INTERVAL_MS)
}
await Promise.all(acknowledgements)
// Never closes the store: being killed is what this process is for.
setInterval(() => undefined, 1000)

async function addBatch(from, to) {
  const entries = []
  for (let row = from; row < to; row++) entries.push(entryAt(row))
  const { lsn } = await words.add(entries)
  process.stdout.write(`${JSON.stringify({ from, to, lsn })}\n`)
}
