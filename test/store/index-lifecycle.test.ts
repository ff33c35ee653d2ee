import './support/forced-walks.ts'
import { describe, expect, test } from 'vitest'
import type { Collection } from '../../src/store/collection.ts'
import type { OpenOptions } from '../../src/store/options.ts'
import { rowsOf } from '../engine/graph/graph-fixture.ts'
import { normalSet } from '../engine/graph/vector-sets.ts'
import { emptyCollectionFor, entriesOf, gloveSet, indexedCollection, ON_DEMAND } from './support/index-fixture.ts'
import { ordersIn } from './support/log-events.ts'
import { endingOf, StoreFixture, until } from './support/store-fixture.ts'

const SET = gloveSet(4000)
const ROWS = rowsOf(SET)
const idsOf = (from: number, end: number) => Array.from({ length: end - from }, (_, row) => `e${from + row}`)

/** Each of some entries, those in the buffer too, is the nearest to its own vector. */
async function expectFound(vectors: Collection, end: number, step = 37): Promise<void> {
  for (let row = 0; row < end; row += step) {
    const { hits } = await vectors.search(ROWS[row]!, { k: 1 })
    expect(hits.map(({ id }) => id)).toEqual([`e${row}`])
  }
}

describe.each([0, 1, 2])('with %d threads', (threads) => {
  test('a full buffer is moved into the index in the background, and settled waits for it', async () => {
    const options = { threads, bufferEntries: 300 }
    const { fixture, store, vectors } = await StoreFixture.withCollection({ dimensions: 100 }, options)
    await vectors.addAll(entriesOf(SET, 0, 299))
    await vectors.settled()
    expect(vectors.stats().index).toMatchObject({ indexed: 0, waiting: 299, backlog: 0, nodes: 0 })
    for (let at = 299; at < 4000; at += 100) {
      await vectors.add(entriesOf(SET, at, Math.min(4000, at + 100)))
      expect((await vectors.search(ROWS[at]!, { k: 1 })).hits[0]?.id).toBe(`e${at}`)
    }
    await vectors.settled()
    const { index } = vectors.stats()
    expect(index.waiting).toBeLessThan(300)
    expect(index).toMatchObject({ indexed: 4000 - index.waiting, backlog: 0, unreachable: 0, deadNodes: 0 })
    expect(index.share).toBe(index.indexed / 4000)
    expect(index.capacity).toBeGreaterThan(1_000_000)
    expect((await ordersIn(fixture.files))[0]).toBe('flush bulk')
    await expectFound(vectors, 4000)
    await store.close()
  })

  test('entries that die are taken out, and after many the index is built anew', async () => {
    const options = { threads, bufferEntries: 1000, consolidateShare: 0.1, rebuildShare: 0.5 }
    const { fixture, store, vectors } = await StoreFixture.withCollection({ dimensions: 100 }, options)
    await vectors.add(entriesOf(SET, 0, 2000))
    await vectors.settled()
    const orders = async () => (await ordersIn(fixture.files)).slice(1)
    await vectors.delete(idsOf(0, 200))
    await vectors.settled()
    expect(await orders()).toEqual([])
    expect(vectors.stats().index).toMatchObject({ nodes: 2000, deadNodes: 200, indexed: 1800 })
    await vectors.delete(idsOf(200, 201))
    await vectors.settled()
    expect(await orders()).toEqual(['consolidate'])
    expect(vectors.stats().index).toMatchObject({ nodes: 1799, deadNodes: 0, indexed: 1799, unreachable: 0 })
    await vectors.delete(idsOf(201, 800))
    await vectors.settled()
    expect(await orders()).toEqual(['consolidate', 'rebuild'])
    expect(vectors.stats().index).toMatchObject({ nodes: 1200, deadNodes: 0, indexed: 1200, unreachable: 0 })
    await vectors.add(entriesOf(SET, 0, 800))
    await vectors.delete(idsOf(1900, 2000))
    await vectors.settled()
    expect(await orders()).toEqual(['consolidate', 'rebuild'])
    await vectors.delete(idsOf(0, 2000))
    await vectors.settled()
    expect(vectors.stats().index).toMatchObject({ nodes: 0, deadNodes: 0, indexed: 0, waiting: 0, share: 1 })
    await store.close()
  })

  test('closing ends a build, and opening takes it up again, every entry found meanwhile', async () => {
    const { fixture, store, vectors } = await emptyCollectionFor(SET, { threads })
    await vectors.addAll(entriesOf(SET, 0, 3500))
    const endings = [
      endingOf(() => vectors.optimize()),
      endingOf(() => vectors.settled()),
      endingOf(() => vectors.flush()),
    ]
    await until(() => vectors.stats().index.backlog > 0)
    await store.close()
    expect(await Promise.all(endings)).toEqual(['ERR_STORE_CLOSED', 'ERR_STORE_CLOSED', 'ERR_STORE_CLOSED'])
    const again = await StoreFixture.open({ ...ON_DEMAND, threads }, fixture.files)
    const reopened = await again.store.collection('vectors')
    expect(reopened.stats().index).toMatchObject({ indexed: 0, waiting: 3500, backlog: 1, indexedThroughLsn: 1 })
    await reopened.add(entriesOf(SET, 3500))
    do await expectFound(reopened, 4000, 97)
    while (reopened.stats().index.backlog > 0)
    await reopened.settled()
    expect(reopened.stats().index).toMatchObject({ indexed: 3500, waiting: 500, share: 0.875, unreachable: 0 })
    await expectFound(reopened, 4000)
    await again.store.close()
  })

  test.each(['flush', 'consolidate', 'optimize'] as const)('closing and dropping during a %s', async (verb) => {
    const beginning = async () => {
      const opened = await emptyCollectionFor(SET, { threads })
      const { vectors } = opened
      await vectors.addAll(entriesOf(SET, 0, 2500))
      await vectors.optimize()
      await vectors.addAll(entriesOf(SET, 2500))
      await vectors.delete(idsOf(0, 500))
      const ending = endingOf(() => vectors[verb]())
      await until(() => vectors.stats().index.backlog > 0)
      return { ...opened, ending }
    }
    const closed = await beginning()
    await closed.store.close()
    expect(await closed.ending).toBe('ERR_STORE_CLOSED')

    const { store, ending } = await beginning()
    await store.drop('vectors')
    expect(await ending).toBe('ERR_COLLECTION_NOT_FOUND')
    const { components } = store.memoryUsage()
    expect(Object.keys(components).filter((component) => component.startsWith('index'))).toEqual([])
    const anew = await store.collection('vectors', { dimensions: 100 })
    await anew.addAll(entriesOf(SET, 0, 700))
    await anew.optimize()
    await expectFound(anew, 700)
    await store.close()
  })

  test('one who only reads builds what the log says, orders nothing, and may not', async () => {
    const { fixture, store, vectors } = await indexedCollection(gloveSet(1000), { threads, way: 'insert', batch: 400 })
    await vectors.delete(idsOf(0, 100))
    const options = { threads, readOnly: true, bufferEntries: 1, consolidateShare: 0.01 }
    const reader = await StoreFixture.open(options, fixture.files)
    const read = await reader.store.collection('vectors')
    for (const verb of ['optimize', 'flush', 'consolidate', 'compact'] as const) {
      expect(await endingOf(() => read[verb]())).toBe('ERR_READ_ONLY')
    }
    await read.settled()
    expect(read.stats().index).toEqual(vectors.stats().index)
    expect(await read.search(ROWS[500]!)).toEqual(await vectors.search(ROWS[500]!))
    expect(await reader.store.digest()).toEqual(await store.digest())
    await reader.store.close()
    await store.close()
  })

  test('adds wait while too much waits for the index, and the writes behind them keep their order', async () => {
    const options = { threads, bufferEntries: 500, maxUnindexedEntries: 1000 }
    const { store, vectors } = await StoreFixture.withCollection({ dimensions: 100 }, options)
    await vectors.add(entriesOf(SET, 0, 600))
    await vectors.add(entriesOf(SET, 600, 1200))
    expect(vectors.stats().index.indexed).toBe(0)
    const seen: string[] = []
    const note = (what: string) => () => void seen.push(`${what}, ${vectors.stats().index.indexed >= 600}`)
    await Promise.all([
      vectors.add(entriesOf(SET, 1200, 1300)).then(note('add')),
      vectors.update('e1200', { metadata: { n: 1 } }).then(note('update')),
      vectors.add([{ id: 'e1201', vector: ROWS[3000]! }]).then(note('replace')),
      vectors.delete(['e1202', 'e1201']).then(note('delete')),
      vectors.add([{ id: 'e1202', vector: ROWS[3001]! }]).then(note('add again')),
    ])
    expect(seen).toEqual(['add, true', 'update, true', 'replace, true', 'delete, true', 'add again, true'])
    expect((await vectors.get('e1200'))?.metadata).toEqual({ n: 1 })
    expect(await vectors.has('e1201')).toBe(false)
    expect((await vectors.get('e1202'))?.vector).toEqual(ROWS[3001])
    await vectors.settled()
    expect(vectors.stats().index).toMatchObject({ backlog: 0, unreachable: 0 })
    await store.close()
  })

  test('addAll waits as well, and all of it arrives', async () => {
    const options = { threads, bufferEntries: 200, maxUnindexedEntries: 400 }
    const { store, vectors } = await StoreFixture.withCollection({ dimensions: 100 }, options)
    let most = 0
    const onProgress = () => {
      most = Math.max(most, vectors.stats().index.waiting)
    }
    expect(await vectors.addAll(entriesOf(SET), { batchSize: 100, onProgress })).toMatchObject({ added: 4000 })
    // Those that were under way when it was full are over it.
    expect(most).toBeLessThanOrEqual(700)
    await vectors.settled()
    await expectFound(vectors, 4000)
    await store.close()
  })

  test.each(['close', 'drop'] as const)('adds that wait end with a %s', async (how) => {
    const options = { threads, bufferEntries: 500, maxUnindexedEntries: 500 }
    const { store, vectors } = await StoreFixture.withCollection({ dimensions: 100 }, options)
    await vectors.add(entriesOf(SET, 0, 3000))
    await until(() => vectors.stats().index.backlog > 0)
    const endings = [
      endingOf(() => vectors.add(entriesOf(SET, 3000, 3100))),
      endingOf(() => vectors.delete(['e1'])),
      endingOf(() => vectors.addAll(entriesOf(SET, 3100, 3200))),
    ]
    if (how === 'drop') await store.drop('vectors')
    else await store.close()
    const ending = how === 'drop' ? 'ERR_COLLECTION_NOT_FOUND' : 'ERR_STORE_CLOSED'
    expect(await Promise.all(endings)).toEqual([ending, ending, ending])
    await store.close()
  })

  test('timers have their turn while an index is built', async () => {
    const { store, vectors } = await emptyCollectionFor(SET, { threads })
    await vectors.addAll(entriesOf(SET))
    let turns = 0
    const interval = setInterval(() => {
      turns += 1
    }, 1)
    await vectors.optimize()
    clearInterval(interval)
    expect(turns).toBeGreaterThan(20)
    await store.close()
  })
})

describe('what is asked for on demand', () => {
  test('does nothing where nothing is to be done, and logs nothing then', async () => {
    const { fixture, store, vectors } = await emptyCollectionFor(SET)
    const all = async () => {
      for (const verb of ['settled', 'flush', 'consolidate', 'compact'] as const) await vectors[verb]()
    }
    await all()
    await vectors.optimize()
    expect(store.stats().lsn).toBe(1)
    await vectors.add(entriesOf(SET, 0, 10))
    await vectors.optimize()
    expect(store.stats().lsn).toBe(3)
    await all()
    expect(store.stats().lsn).toBe(3)
    await vectors.delete(['e1'])
    await vectors.flush()
    await vectors.consolidate()
    await all()
    expect(await ordersIn(fixture.files)).toEqual(['rebuild', 'consolidate'])
    await store.close()
  })

  test('comes in the order in which it was asked for', async () => {
    const { fixture, store, vectors } = await emptyCollectionFor(SET)
    await vectors.add(entriesOf(SET, 0, 1000))
    await vectors.flush()
    await vectors.add(entriesOf(SET, 1000, 1300))
    await vectors.delete(idsOf(0, 30))
    const over: string[] = []
    await Promise.all(
      (['flush', 'consolidate', 'flush', 'settled'] as const).map((verb) =>
        vectors[verb]().then(() => over.push(verb)),
      ),
    )
    expect(over).toHaveLength(4)
    expect((await ordersIn(fixture.files)).toSorted()).toEqual(['consolidate', 'flush bulk', 'flush insert'])
    expect(vectors.stats().index).toMatchObject({ indexed: 1270, waiting: 0, nodes: 1270 })
    await store.close()
  })

  test('optimize takes in the buffer, and may be asked for many times at once', async () => {
    const { store, vectors } = await indexedCollection(gloveSet(1000))
    await vectors.add(entriesOf(SET, 1000, 1500))
    await Promise.all([vectors.optimize(), vectors.optimize(), vectors.settled(), vectors.optimize()])
    expect(vectors.stats().index).toMatchObject({ indexed: 1500, waiting: 0, backlog: 0, unreachable: 0 })
    await expectFound(vectors, 1500)
    await store.close()
  })

  test('compact frees what the dead held, and loses nothing that lives', async () => {
    const set = normalSet('euclidean', 20_000, 8)
    const { fixture, store, vectors } = await emptyCollectionFor(set)
    await vectors.addAll(entriesOf(set))
    await vectors.optimize()
    await vectors.delete(idsOf(0, 20_000).filter((_, row) => row % 10 !== 0))
    const before = { ...vectors.stats(), held: store.memoryUsage().components }
    expect([before.slots, before.dead]).toEqual([20_000, 18_000])
    const { hits } = await vectors.search(rowsOf(set)[10]!, { k: 100, exact: true })
    await vectors.compact()
    expect(vectors.stats()).toMatchObject({ slots: 3616 + 1639, dead: 3255, count: 2000 })
    expect(vectors.stats().index).toMatchObject({ indexed: 2000, waiting: 0, nodes: 20_000, deadNodes: 18_000 })
    expect(store.memoryUsage().components.originals).toBeLessThanOrEqual(before.held.originals! / 2)
    expect((await vectors.search(rowsOf(set)[10]!, { k: 100, exact: true })).hits).toEqual(hits)
    expect((await vectors.search(rowsOf(set)[10]!, { k: 100, listSize: 1000 })).hits).toEqual(hits)
    await vectors.add(entriesOf(set, 1, 50))
    await vectors.flush()
    await vectors.consolidate()
    expect(vectors.stats().index).toMatchObject({ indexed: 2045, waiting: 0, deadNodes: 0, unreachable: 0 })
    const digest = await store.digest()
    const reopened = await fixture.reopen(ON_DEMAND)
    expect(await reopened.store.digest()).toEqual(digest)
    await reopened.store.close()
  })
})

describe('stats and memory', () => {
  test('say how far the index is, and what it holds', async () => {
    const { store, vectors } = await emptyCollectionFor(SET)
    const empty = { indexed: 0, waiting: 0, share: 1, backlog: 0, indexedThroughLsn: 1, nodes: 0, deadNodes: 0 }
    expect(vectors.stats().index).toEqual({ ...empty, unreachable: 0, capacity: 0 })
    await vectors.add(entriesOf(SET, 0, 2000))
    await vectors.add([{ id: 'twin', vector: ROWS[0]! }])
    expect(vectors.stats().index).toEqual({ ...empty, waiting: 2001, share: 0, unreachable: 0, capacity: 0 })
    await vectors.optimize()
    await vectors.delete(['e0', 'e1'])
    await vectors.add(entriesOf(SET, 2000, 2500))
    expect(vectors.stats().index).toEqual({
      indexed: 1999,
      waiting: 500,
      share: 1999 / 2499,
      backlog: 0,
      indexedThroughLsn: 5,
      nodes: 2000,
      deadNodes: 1,
      unreachable: 0,
      capacity: expect.any(Number),
      codes: '4-bit',
      form: 'whole',
    })
    await store.close()
  })

  test('add up, in the collection as in the store, while another graph is built beside the one in use', async () => {
    const { store, vectors } = await indexedCollection(SET)
    const INDEX = ['indexCodes', 'indexFactors', 'indexGraph', 'indexScratch', 'indexSlots']
    const one = vectors.stats().memory
    for (const component of INDEX) expect(one[component], component).toBeGreaterThan(0)
    expect(one.indexCodes).toBeGreaterThanOrEqual(4000 * 64)
    const building = vectors.optimize()
    await until(() => vectors.stats().index.backlog > 0)
    let most = 0
    while (vectors.stats().index.backlog > 0) {
      const { memory } = vectors.stats()
      most = Math.max(most, memory.indexGraph!)
      const { total, components } = store.memoryUsage()
      expect(Object.values(components).reduce((sum, bytes) => sum + bytes, 0)).toBe(total)
      for (const [component, bytes] of Object.entries(memory)) expect(components[component], component).toBe(bytes)
      await vectors.search(ROWS[0]!)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await building
    expect(most).toBeGreaterThanOrEqual(one.indexGraph! * 2)
    expect(vectors.stats().memory.indexGraph).toBe(one.indexGraph)
    await store.close()
  })
})

test('searches that are awaited one after the other let the event loop turn', async () => {
  const { store, vectors } = await indexedCollection(gloveSet(500))
  let turns = 0
  const interval = setInterval(() => {
    turns += 1
  }, 0)
  for (let search = 0; search < 500; search++) await vectors.search(ROWS[search]!)
  const inARow = turns
  await Promise.all(ROWS.slice(0, 500).map((row) => vectors.search(row)))
  clearInterval(interval)
  expect(inARow).toBeGreaterThan(5)
  expect(turns - inARow).toBeGreaterThan(5)
  await store.close()
})

const OPTIONS: OpenOptions[] = [
  { threads: 0 },
  { threads: 7 },
  { bufferEntries: 1, threads: 0 },
  { maxUnindexedEntries: 1, threads: 0 },
]

test.each(OPTIONS)('the least and the most that options allow work: %o', async (options) => {
  const { store, vectors } = await StoreFixture.withCollection({ dimensions: 100 }, options)
  for (let at = 0; at < 300; at += 20) await vectors.add(entriesOf(SET, at, at + 20))
  await vectors.optimize()
  expect(vectors.stats().index).toMatchObject({ indexed: 300, waiting: 0, unreachable: 0 })
  expect((await vectors.searchMany(ROWS.slice(0, 50), { k: 1 })).map(({ hits }) => hits[0]?.id)).toEqual(idsOf(0, 50))
  await store.close()
})
