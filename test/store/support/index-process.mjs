// A process of its own that builds an index with the built package, and says line by line what came of it. It never closes its
// store, and it ends by itself.
import { VectorStore } from '../../../dist/index.js'

const [verb, directory, options] = process.argv.slice(2)
const DIMENSIONS = 100
const COUNT = 8000

const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)

/** Numbers that are the same in every process. */
let state = 1
const next = () => {
  state = Math.imul(state, 1664525) + 1013904223
  return (state >>> 8) / 2 ** 24 - 0.5
}
const vectors = Array.from({ length: COUNT }, () => Float32Array.from({ length: DIMENSIONS }, next))
const entries = vectors.map((vector, index) => ({ id: `e${index}`, vector }))

const store = await VectorStore.open(directory, JSON.parse(options))
const collection = await store.collection('vectors', { dimensions: DIMENSIONS })
const shown = () => {
  const { indexed, waiting, backlog } = collection.stats().index
  return { indexed, waiting, backlog }
}

const verbs = {
  /** Leaves while the index is being built. */
  async leave() {
    await collection.addAll(entries)
    while (collection.stats().index.backlog === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    say(shown())
  },
  /** Leaves while an index is being built from the log. */
  async reopen() {
    say(shown())
  },
  async settled() {
    await collection.addAll(entries)
    await collection.settled()
    say(shown())
  },
  async optimize() {
    await collection.addAll(entries)
    await collection.optimize()
    say(shown())
  },
  async digest() {
    await collection.addAll(entries)
    say(typeof (await store.digest()).index)
  },
  async searchMany() {
    await collection.addAll(entries)
    await collection.optimize()
    const results = await collection.searchMany(vectors.slice(0, 1000), { k: 1 })
    say(results.every(({ hits }, index) => hits[0].id === `e${index}`))
  },
  /** Asks for a snapshot, which waits for what is being built. */
  async snapshot() {
    await collection.addAll(entries)
    while (collection.stats().index.backlog === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    const { lsn } = await store.snapshot()
    say({ lsn, kept: store.stats().snapshots.length, indexed: shown().indexed })
  },
  /** Leaves while a snapshot that nobody asked for waits for what is being built. */
  async snapshotUnasked() {
    await collection.addAll(entries)
    while (collection.stats().index.backlog === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    await collection.delete(['e1'])
    const { lsn, snapshots } = store.stats()
    say({ lsn, kept: snapshots.length, indexed: shown().indexed })
  },
  /** Adds wait for room. */
  async full() {
    for (let at = 0; at < COUNT; at += 400) await collection.add(entries.slice(at, at + 400))
    say(collection.count())
  },
  /** Has been idle for so long that its workers have ended, and works on. */
  async idle() {
    await collection.addAll(entries.slice(0, 4000))
    await collection.settled()
    await new Promise((resolve) => setTimeout(resolve, 6000))
    await collection.addAll(entries.slice(4000))
    await collection.optimize()
    say(shown())
  },
}

await verbs[verb]()
