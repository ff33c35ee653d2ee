// The process that the demo kills: imports the words in batches, and says on stdout what has been acknowledged.
// A line is written only after the store's promise resolved, so each line is a promise that the demo holds the store to.
import { VectorStore } from 'annals'
import { DIMENSIONS, entryAt, WORD_COUNT } from './words.mjs'

const BATCH_SIZE = 100
/** Batches under way at any moment, so that the kill finds some that are written but not acknowledged. */
const LANES = 8

// Never closes the store and never ends by itself, unless the process that should kill it is gone.
process.stdin.resume().on('end', () => process.exit(1))

const store = await VectorStore.open(process.argv[2])
const words = await store.collection('words', { dimensions: DIMENSIONS, metric: 'cosine' })
let nextRow = 0
await Promise.all(Array.from({ length: LANES }, addBatches))

async function addBatches() {
  while (nextRow < WORD_COUNT) {
    const from = nextRow
    const to = Math.min(from + BATCH_SIZE, WORD_COUNT)
    nextRow = to
    const { lsn } = await words.add(Array.from({ length: to - from }, (_, index) => entryAt(from + index)))
    process.stdout.write(`${JSON.stringify({ from, to, lsn })}\n`)
  }
}
