// Writes to a store until it is killed. What it did is journalled outside of it: one line for each call that is about to be
// made and each that was acknowledged, written to a pipe before anything else happens.
import { writeSync } from 'node:fs'
import { VectorStore } from '../../../dist/index.js'
import { numbersOf, operationAt } from './kill-workload.mjs'

const [directory, seed, durability] = process.argv.slice(2)
const next = numbersOf(Number(seed))
const journal = (word, lsn) => writeSync(1, `${word} ${lsn}\n`)

journal('opening', 0)
const store = await VectorStore.open(directory, { durability, segmentSizeBytes: 4096 * (1 + (next() % 4)) })
let { lsn } = store.stats()
journal('opened', lsn)

let words = store.collections().length === 0 ? undefined : await store.collection('words')
for (;;) {
  const operations = [operationAt(lsn + 1)]
  const most = 1 + (next() % 12)
  const isWrite = (operation) => operation.type !== 'create' && operation.type !== 'drop'
  while (operations.length < most && isWrite(operations[0]) && isWrite(operationAt(lsn + operations.length + 1))) {
    operations.push(operationAt(lsn + operations.length + 1))
  }
  // Called in one turn, as by so many callers at once.
  await Promise.all(operations.map((operation, index) => write(operation, lsn + 1 + index)))
  lsn += operations.length
  if (next() % 20 === 0) await store.sync()
}

async function write(operation, at) {
  journal('tried', at)
  const written = await start(operation)
  if (written !== undefined && written !== at) throw new Error(`the record of LSN ${at} got LSN ${written}`)
  journal('acknowledged', at)
}

async function start({ type, name, dimensions, metric, entries, ids, id, metadata }) {
  switch (type) {
    case 'create':
      words = await store.collection(name, { dimensions, metric })
      return undefined
    case 'drop':
      await store.drop(name)
      return undefined
    case 'add':
      return (await words.add(entries)).lsn
    case 'update':
      return (await words.update(id, { metadata })).lsn
    default:
      return (await words.delete(ids)).lsn
  }
}
