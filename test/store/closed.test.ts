import { describe, expect, test } from 'vitest'
import { Collection } from '../../src/store/collection.ts'
import { VectorStore } from '../../src/store/vector-store.ts'
import { endingOf, StoreFixture, someEntries, until } from './support/store-fixture.ts'

type StoreCall = (store: VectorStore) => unknown
type CollectionCall = (vectors: Collection) => unknown

/** What every method of a store answers once `close` was called. */
const STORE_ANSWERS: Record<string, [StoreCall, 'ok' | 'ERR_STORE_CLOSED']> = {
  readOnly: [(store) => store.readOnly, 'ok'],
  collection: [(store) => store.collection('vectors'), 'ERR_STORE_CLOSED'],
  collections: [(store) => store.collections(), 'ERR_STORE_CLOSED'],
  drop: [(store) => store.drop('vectors'), 'ERR_STORE_CLOSED'],
  sync: [(store) => store.sync(), 'ERR_STORE_CLOSED'],
  digest: [(store) => store.digest(), 'ERR_STORE_CLOSED'],
  verify: [(store) => store.verify(), 'ERR_STORE_CLOSED'],
  snapshot: [(store) => store.snapshot(), 'ERR_STORE_CLOSED'],
  backup: [(store) => store.backup('unused'), 'ERR_STORE_CLOSED'],
  stats: [(store) => store.stats(), 'ERR_STORE_CLOSED'],
  memoryUsage: [(store) => store.memoryUsage(), 'ERR_STORE_CLOSED'],
  close: [(store) => store.close(), 'ok'],
  [String(Symbol.asyncDispose)]: [(store) => store[Symbol.asyncDispose](), 'ok'],
}

/** The same for a collection. Iterators answer at the first entry asked for. */
const COLLECTION_ANSWERS: Record<string, [CollectionCall, 'ok' | 'ERR_STORE_CLOSED']> = {
  name: [(vectors) => vectors.name, 'ok'],
  dimensions: [(vectors) => vectors.dimensions, 'ok'],
  type: [(vectors) => vectors.type, 'ok'],
  metric: [(vectors) => vectors.metric, 'ok'],
  add: [(vectors) => vectors.add(someEntries(1)), 'ERR_STORE_CLOSED'],
  addAll: [(vectors) => vectors.addAll(someEntries(1)), 'ERR_STORE_CLOSED'],
  update: [(vectors) => vectors.update('e0', { metadata: {} }), 'ERR_STORE_CLOSED'],
  delete: [(vectors) => vectors.delete(['e0']), 'ERR_STORE_CLOSED'],
  get: [(vectors) => vectors.get('e0'), 'ERR_STORE_CLOSED'],
  getMany: [(vectors) => vectors.getMany(['e0']), 'ERR_STORE_CLOSED'],
  has: [(vectors) => vectors.has('e0'), 'ERR_STORE_CLOSED'],
  count: [(vectors) => vectors.count(), 'ERR_STORE_CLOSED'],
  stats: [(vectors) => vectors.stats(), 'ERR_STORE_CLOSED'],
  search: [(vectors) => vectors.search([1, 2]), 'ERR_STORE_CLOSED'],
  searchMany: [(vectors) => vectors.searchMany([[1, 2]]), 'ERR_STORE_CLOSED'],
  settled: [(vectors) => vectors.settled(), 'ERR_STORE_CLOSED'],
  flush: [(vectors) => vectors.flush(), 'ERR_STORE_CLOSED'],
  consolidate: [(vectors) => vectors.consolidate(), 'ERR_STORE_CLOSED'],
  compact: [(vectors) => vectors.compact(), 'ERR_STORE_CLOSED'],
  optimize: [(vectors) => vectors.optimize(), 'ERR_STORE_CLOSED'],
  quantize: [(vectors) => vectors.quantize('int8'), 'ERR_STORE_CLOSED'],
  ids: [(vectors) => vectors.ids().next(), 'ERR_STORE_CLOSED'],
  entries: [(vectors) => vectors.entries().next(), 'ERR_STORE_CLOSED'],
  [String(Symbol.asyncIterator)]: [(vectors) => vectors[Symbol.asyncIterator]().next(), 'ERR_STORE_CLOSED'],
}

function membersOf(prototype: object): string[] {
  const members = Reflect.ownKeys(prototype).filter((key) => key !== 'constructor' && key !== Symbol.toStringTag)
  return members.map(String).sort()
}

/** The two ways of being closed: `close` was called, and `close` has ended. */
const WAYS: [string, (store: VectorStore) => Promise<void>][] = [
  ['closed', (store) => store.close()],
  [
    'closing',
    async (store) => {
      store.close()
    },
  ],
]

describe.each(WAYS)('a store that is %s', (_, close) => {
  test.each(Object.entries(STORE_ANSWERS))('answers %s', async (_name, [call, answer]) => {
    const { fixture, store } = await StoreFixture.withCollection()
    await close(store)
    expect(await endingOf(() => call(store))).toBe(answer)
    await store.close()
    expect((await StoreFixture.open({ readOnly: true }, fixture.files)).store.stats().lsn).toBe(1)
  })

  test.each(Object.entries(COLLECTION_ANSWERS))('has collections that answer %s', async (_name, [call, answer]) => {
    const { store, vectors } = await StoreFixture.withCollection()
    await vectors.add(someEntries(3))
    await close(store)
    expect(await endingOf(() => call(vectors))).toBe(answer)
    await store.close()
  })

  test('ends iterators that were under way', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    await vectors.add(someEntries(3))
    const walks = [vectors.ids(), vectors.entries(), vectors[Symbol.asyncIterator]()]
    for (const walk of walks) expect((await walk.next()).done).toBe(false)
    await close(store)
    for (const walk of walks) {
      expect(await endingOf(() => walk.next())).toBe('ERR_STORE_CLOSED')
      expect((await walk.next()).done).toBe(true)
    }
    await store.close()
  })
})

describe('the tables above', () => {
  test('have every method there is', () => {
    expect(Object.keys(STORE_ANSWERS).sort()).toEqual(membersOf(VectorStore.prototype))
    expect(Object.keys(COLLECTION_ANSWERS).sort()).toEqual(membersOf(Collection.prototype))
  })
})

describe('close', () => {
  test('gives the same promise every time', async () => {
    const { store } = await StoreFixture.withCollection()
    const first = store.close()
    expect(store.close()).toBe(first)
    expect(store[Symbol.asyncDispose]()).toBe(first)
    await first
    expect(store.close()).toBe(first)
  })

  test('waits for the writes under way, which are on disk then', async () => {
    const { fixture, store, vectors } = await StoreFixture.withCollection()
    const settled: string[] = []
    const adds = someEntries(100).map((entry) => vectors.add([entry]).then(() => settled.push('add')))
    await store.close().then(() => settled.push('close'))
    await Promise.all(adds)
    expect(settled.indexOf('close')).toBe(100)
    const reopened = await StoreFixture.open(
      {},
      fixture.files.crashImage({ sector: () => 0, size: () => 0, entry: () => 0 }),
    )
    expect((await reopened.store.collection('vectors')).count()).toBe(100)
    await reopened.store.close()
  })

  test('lets a search, a digest and a verification under way come to their end', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    await vectors.addAll(someEntries(5000))
    const live = await store.digest()
    const underWay = [vectors.search([1, 2], { k: 1 }), store.digest(), store.verify()] as const
    await store.close()
    const [result, digest, report] = await Promise.all(underWay)
    expect(result.hits).toEqual([{ id: 'e0', distance: 0 }])
    expect(digest).toEqual(live)
    expect(report).toMatchObject({ ok: true, digest: live.data })
  })

  test('takes nothing from a call that was waiting for another one', async () => {
    const { fixture, store } = await StoreFixture.withCollection()
    const creating = endingOf(() => store.collection('other', { dimensions: 2 }))
    const dropping = endingOf(() => store.drop('other'))
    await store.close()
    expect([await creating, await dropping]).toEqual(['ERR_STORE_CLOSED', 'ERR_STORE_CLOSED'])
    const reopened = await StoreFixture.open({}, fixture.files.restartImage())
    expect(reopened.store.collections().map(({ name }) => name)).toEqual(['vectors', 'other'])
    expect((await reopened.store.verify()).problems).toEqual([])
    await reopened.store.close()
  })

  test('gives up everything once, also when the last sync fails, and says that writes may be lost', async () => {
    let releases = 0
    const release = async () => {
      releases += 1
    }
    const fixture = await StoreFixture.open({ durability: 'async' }, undefined, { release })
    const vectors = await fixture.store.collection('vectors', { dimensions: 2 })
    await vectors.add(someEntries(3))
    fixture.files.failWhen((operation) => operation.startsWith('sync '), { sync: 'drop' })
    expect(await endingOf(() => fixture.store.close())).toBe('ERR_INDETERMINATE')
    expect(await endingOf(() => fixture.store.close())).toBe('ERR_INDETERMINATE')
    expect(releases).toBe(1)
    expect(fixture.files.operations.slice(-2)).toEqual([expect.stringMatching(/^close/), 'close wal/durable'])
  })

  test('of a store whose writes all failed resolves: nothing that was acknowledged is lost', async () => {
    const { fixture, store, vectors } = await StoreFixture.withCollection()
    fixture.files.failWhen((operation) => operation.startsWith('sync '), { sync: 'drop' })
    const adding = endingOf(() => vectors.add(someEntries(3)))
    await until(() => store.stats().poisoned !== undefined)
    expect(await adding).toBe('ERR_INDETERMINATE')
    expect(await endingOf(() => store.close())).toBe('ok')
  })

  test('of a reader leaves the writer be', async () => {
    const { fixture, store, vectors } = await StoreFixture.withCollection()
    const reader = await fixture.openReader()
    await reader.store.close()
    expect(await vectors.add(someEntries(1))).toMatchObject({ added: 1 })
    await store.close()
  })
})
