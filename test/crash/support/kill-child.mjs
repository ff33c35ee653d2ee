// Writes to a store until it is killed; its indexes are kept up by a worker meanwhile, and snapshots are taken, on demand and by
// themselves. What it did is journalled outside of it: one line for each call that is about to be made and each that was
// acknowledged, written to a pipe before anything else happens.
import { writeSync } from 'node:fs'
import { VectorStore } from '../../../dist/index.js'
import { numbersOf, operationAt } from './kill-workload.mjs'

const [directory, seed, durability, doneOperations, historyBytes] = process.argv.slice(2)
/** It waits for its end then, so that what is in its log stays within the history that is kept. */
const MOST_OPERATIONS = 400
const next = numbersOf(Number(seed))
const pick = (...values) => values[next() % values.length]

/** Waits where the pipe is full: who reads it is busy with other processes now and then. */
function journal(word, ...numbers) {
  const line = Buffer.from(`${word} ${numbers.join(' ')}\n`)
  for (let written = 0; written < line.byteLength; ) {
    try {
      written += writeSync(1, line, written)
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
  }
}

journal('opening', 0)
const store = await VectorStore.open(directory, {
  durability,
  segmentSizeBytes: 4096 * (1 + (next() % 4)),
  threads: 1,
  bufferEntries: 16,
  snapshotRecords: pick(10, 30, 100, 1_000_000),
  history: { bytes: Number(historyBytes) },
})
journal('opened', store.stats().lsn)

let words = store.collections().length === 0 ? undefined : await store.collection('words')
const first = Number(doneOperations)
let done = first
while (done < first + MOST_OPERATIONS) {
  const operations = [operationAt(done + 1)]
  const most = 1 + (next() % 12)
  // A switch is logged once it has measured, so what is called beside it may come before.
  const isWrite = (operation) => !['create', 'drop', 'quantize'].includes(operation.type)
  while (operations.length < most && isWrite(operations[0]) && isWrite(operationAt(done + operations.length + 1))) {
    operations.push(operationAt(done + operations.length + 1))
  }
  const taking = next() % 8 === 0 ? takeSnapshot() : undefined
  // Called in one turn, as by so many callers at once.
  await Promise.all(operations.map((operation, index) => write(operation, done + 1 + index)))
  done += operations.length
  if (next() % 20 === 0) await store.sync()
  if (next() % 2 === 0) await taking
}
journal('idle', done)
setInterval(() => {}, 1000)

async function takeSnapshot() {
  journal('snapshotting', store.stats().lsn)
  journal('snapshotted', (await store.snapshot()).lsn)
}

async function write(operation, number) {
  journal('tried', number)
  const lsn = await start(operation)
  journal('acknowledged', number, lsn)
}

/** Resolves with the LSN, or 0 where the call does not tell it. */
async function start({ type, name, dimensions, metric, mode, entries, ids, id, metadata }) {
  switch (type) {
    case 'create':
      words = await store.collection(name, { dimensions, metric })
      return 0
    case 'drop':
      await store.drop(name)
      return 0
    case 'add':
      return (await words.add(entries)).lsn
    case 'quantize':
      return (await words.quantize(mode)).lsn
    case 'update':
      return (await words.update(id, { metadata })).lsn
    default:
      return (await words.delete(ids)).lsn
  }
}
