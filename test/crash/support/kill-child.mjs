// Writes to a store until it is killed, and has its indexes kept up by a worker meanwhile. What it did is journalled outside of it:
// one line for each call that is about to be made and each that was acknowledged, written to a pipe before anything else happens.
import { writeSync } from 'node:fs'
import { VectorStore } from '../../../dist/index.js'
import { numbersOf, operationAt } from './kill-workload.mjs'

const [directory, seed, durability, doneOperations] = process.argv.slice(2)
const next = numbersOf(Number(seed))
const journal = (word, ...numbers) => writeSync(1, `${word} ${numbers.join(' ')}\n`)

journal('opening', 0)
const options = { durability, segmentSizeBytes: 4096 * (1 + (next() % 4)), threads: 1, bufferEntries: 16 }
const store = await VectorStore.open(directory, options)
journal('opened', store.stats().lsn)

let words = store.collections().length === 0 ? undefined : await store.collection('words')
let done = Number(doneOperations)
for (;;) {
  const operations = [operationAt(done + 1)]
  const most = 1 + (next() % 12)
  const isWrite = (operation) => operation.type !== 'create' && operation.type !== 'drop'
  while (operations.length < most && isWrite(operations[0]) && isWrite(operationAt(done + operations.length + 1))) {
    operations.push(operationAt(done + operations.length + 1))
  }
  // Called in one turn, as by so many callers at once.
  await Promise.all(operations.map((operation, index) => write(operation, done + 1 + index)))
  done += operations.length
  if (next() % 20 === 0) await store.sync()
}

async function write(operation, number) {
  journal('tried', number)
  const lsn = await start(operation)
  journal('acknowledged', number, lsn)
}

/** Resolves with the LSN, or 0 where the call does not tell it. */
async function start({ type, name, dimensions, metric, entries, ids, id, metadata }) {
  switch (type) {
    case 'create':
      words = await store.collection(name, { dimensions, metric })
      return 0
    case 'drop':
      await store.drop(name)
      return 0
    case 'add':
      return (await words.add(entries)).lsn
    case 'update':
      return (await words.update(id, { metadata })).lsn
    default:
      return (await words.delete(ids)).lsn
  }
}
