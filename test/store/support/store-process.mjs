// A process of its own that does one thing with the built package and says on its standard output, line by line, what came of it.
import { createInterface } from 'node:readline'
import { VectorStore } from '../../../dist/index.js'

const [verb, directory, options = '{}'] = process.argv.slice(2)

const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)

const entries = (count) => Array.from({ length: count }, (_, index) => ({ id: `e${index}`, vector: [index + 1, 1] }))

async function openWith(count) {
  const store = await VectorStore.open(directory, JSON.parse(options))
  const vectors = await store.collection('vectors', { dimensions: 2 })
  if (count > 0) await vectors.add(entries(count))
  return { store, vectors }
}

async function look(store) {
  const { lsn, data } = await store.digest()
  return { count: (await store.collection('vectors')).count(), lsn, data }
}

const verbs = {
  /** Opens, writes, and stays until it is killed. */
  async hold() {
    const { store } = await openWith(3)
    say(await look(store))
    setInterval(() => {}, 1000)
  },
  /** Opens, looks, closes. */
  async look() {
    const store = await VectorStore.open(directory, JSON.parse(options))
    say(await look(store))
    await store.close()
  },
  /** Opens, looks, and looks again at what it has open whenever a line comes in. */
  async watch() {
    const store = await VectorStore.open(directory, JSON.parse(options))
    say(await look(store))
    for await (const _ of createInterface({ input: process.stdin })) say(await look(store))
    await store.close()
  },
  /** Writes and closes; nothing is left that keeps the process. */
  async close() {
    const { store } = await openWith(3)
    await store.close()
    say('closed')
  },
  /** Writes and forgets to close. */
  async forget() {
    const { vectors } = await openWith(3)
    say((await vectors.search([1, 1])).hits.length)
  },
}

try {
  await verbs[verb]()
} catch (error) {
  say({ code: error.code ?? error.name })
}
