import { describe, expect, test } from 'vitest'
import { errorOf } from '../support/log-fixture.ts'
import { endingOf, StoreFixture, someEntries, traceOf } from './support/store-fixture.ts'

const SHAPE = { dimensions: 2, metric: 'euclidean' } as const

async function openStore() {
  const fixture = await StoreFixture.open()
  return { fixture, store: fixture.store }
}

describe('a collection', () => {
  test('is made once and found again, with settings and without', async () => {
    const { store } = await openStore()
    const made = await store.collection('a', SHAPE)
    await made.add(someEntries(2))
    expect((await store.collection('a', SHAPE)).count()).toBe(2)
    expect((await store.collection('a')).count()).toBe(2)
    expect(store.stats().lsn).toBe(2)
    await store.close()
  })

  test('that is not there is not made without settings', async () => {
    const { store } = await openStore()
    const error = await errorOf(store.collection('a'))
    expect([error.code, error.details]).toEqual(['ERR_COLLECTION_NOT_FOUND', { collection: 'a' }])
    expect(store.stats().lsn).toBe(0)
    await store.close()
  })

  test.each([
    ['dimensions', { dimensions: 3, metric: 'euclidean' }],
    ['metric', { dimensions: 2, metric: 'dot' }],
    ['metric, left to its default', { dimensions: 2 }],
  ] as const)('with another %s is refused, and nothing is changed', async (_, settings) => {
    const { store } = await openStore()
    await store.collection('a', SHAPE)
    const before = await traceOf(store)
    expect(await endingOf(() => store.collection('a', settings))).toBe('ERR_COLLECTION_MISMATCH')
    expect(await traceOf(store)).toEqual(before)
    await store.close()
  })

  test.each(['words', 'ä'.repeat(128), '../a', 'constructor', '__proto__', ' ', '\uFEFF', '\u0000'])(
    'may be named %j',
    async (name) => {
      const { fixture, store } = await openStore()
      await (await store.collection(name, SHAPE)).add(someEntries(1))
      const reopened = await fixture.reopen()
      expect(reopened.store.collections()).toMatchObject([{ name, count: 1 }])
      expect(await reopened.store.drop(name)).toBe(true)
      await reopened.store.close()
    },
  )

  test('keeps its place in the list, which is the order of creation', async () => {
    const { store } = await openStore()
    for (const name of ['b', 'a', 'c']) await store.collection(name, SHAPE)
    await store.drop('a')
    await store.collection('a', SHAPE)
    expect(store.collections().map(({ name }) => name)).toEqual(['b', 'c', 'a'])
    await store.close()
  })
})

describe('creating at once', () => {
  test('makes one collection, which every caller gets', async () => {
    const { store } = await openStore()
    const handles = await Promise.all(Array.from({ length: 20 }, () => store.collection('a', SHAPE)))
    expect(store.stats().lsn).toBe(1)
    await handles[0]!.add(someEntries(3))
    expect(handles.map((handle) => handle.count())).toEqual(new Array(20).fill(3))
    await store.close()
  })

  test('is found by who asks without settings', async () => {
    const { store } = await openStore()
    const creating = store.collection('a', SHAPE)
    const found = await store.collection('a')
    expect([found.name, (await creating).name]).toEqual(['a', 'a'])
    await store.close()
  })

  test('with another shape is refused before the first is even on disk', async () => {
    const { store } = await openStore()
    const creating = store.collection('a', SHAPE)
    expect(await endingOf(() => store.collection('a', { dimensions: 3 }))).toBe('ERR_COLLECTION_MISMATCH')
    expect((await creating).dimensions).toBe(2)
    expect(store.stats().lsn).toBe(1)
    await store.close()
  })

  test('fails for all where the disk is full, and can be tried again', async () => {
    const { fixture, store } = await openStore()
    fixture.files.failWhen((operation) => operation.startsWith('write wal/0'), 'ENOSPC')
    const endings = [1, 2].map(() => endingOf(() => store.collection('a', SHAPE)))
    expect(await Promise.all(endings)).toEqual(['ERR_DISK_FULL', 'ERR_DISK_FULL'])
    expect((await store.collection('a', SHAPE)).name).toBe('a')
    expect(store.stats().lsn).toBe(1)
    await store.close()
  })
})

describe('dropping', () => {
  test('takes the collection away, and says whether there was one', async () => {
    const { fixture, store } = await openStore()
    await (await store.collection('a', SHAPE)).add(someEntries(3))
    expect([await store.drop('a'), await store.drop('a'), await store.drop('b')]).toEqual([true, false, false])
    expect(store.collections()).toEqual([])
    expect((await fixture.reopen()).store.collections()).toEqual([])
  })

  test('twice at once: one of them did it', async () => {
    const { store } = await openStore()
    await store.collection('a', SHAPE)
    expect(await Promise.all([store.drop('a'), store.drop('a')])).toEqual([true, false])
    expect(store.stats().lsn).toBe(2)
    await store.close()
  })

  test('behind a queued create drops what it made, for good', async () => {
    const { fixture, store } = await openStore()
    const creating = store.collection('a', SHAPE)
    const dropping = store.drop('a')
    const handle = await creating
    expect(await dropping).toBe(true)
    expect(await endingOf(() => handle.count())).toBe('ERR_COLLECTION_NOT_FOUND')
    expect(store.collections()).toEqual([])
    expect((await fixture.reopen()).store.collections()).toEqual([])
  })

  test('behind a queued create, twice: one of them did it', async () => {
    const { store } = await openStore()
    const answers = await Promise.all([store.collection('a', SHAPE), store.drop('a'), store.drop('a')])
    expect(answers.slice(1)).toEqual([true, false])
    await store.close()
  })

  test('turns away what is written behind it, and lets through what was written before', async () => {
    const { store } = await openStore()
    const a = await store.collection('a', SHAPE)
    const before = endingOf(() => a.add(someEntries(1)))
    const dropping = store.drop('a')
    const behind = [
      () => a.add(someEntries(1)),
      () => a.addAll(someEntries(1)),
      () => a.update('e0', { metadata: {} }),
      () => a.delete(['e0']),
      () => store.collection('a'),
    ].map(endingOf)
    expect(await Promise.all(behind)).toEqual(new Array(5).fill('ERR_COLLECTION_NOT_FOUND'))
    expect([await before, await dropping]).toEqual(['ok', true])
    expect(store.stats().lsn).toBe(3)
    await store.close()
  })

  test('lets a new one of that name be made right behind it, of another shape', async () => {
    const { store } = await openStore()
    const old = await store.collection('a', SHAPE)
    await old.add(someEntries(3))
    const dropping = store.drop('a')
    const made = await store.collection('a', { dimensions: 3, metric: 'dot' })
    expect([await dropping, made.dimensions, made.count()]).toEqual([true, 3, 0])
    expect(await endingOf(() => old.count())).toBe('ERR_COLLECTION_NOT_FOUND')
    expect(await endingOf(() => old.add(someEntries(1)))).toBe('ERR_COLLECTION_NOT_FOUND')
    expect(await made.add(someEntries(1, 3))).toMatchObject({ added: 1 })
    await store.close()
  })

  test('that could not be written leaves everything as it was', async () => {
    const { fixture, store } = await openStore()
    const a = await store.collection('a', SHAPE)
    await a.add(someEntries(2))
    fixture.files.failWhen((operation) => operation.startsWith('write wal/0'), 'ENOSPC')
    expect(await endingOf(() => store.drop('a'))).toBe('ERR_DISK_FULL')
    expect([a.count(), (await a.add(someEntries(3))).added]).toEqual([2, 1])
    await store.close()
  })

  test.each<[string, (handle: Awaited<ReturnType<StoreFixture['store']['collection']>>) => unknown]>([
    ['add', (handle) => handle.add(someEntries(1))],
    ['addAll', (handle) => handle.addAll(someEntries(1))],
    ['update', (handle) => handle.update('e0', { metadata: {} })],
    ['delete', (handle) => handle.delete(['e0'])],
    ['get', (handle) => handle.get('e0')],
    ['getMany', (handle) => handle.getMany(['e0'])],
    ['has', (handle) => handle.has('e0')],
    ['count', (handle) => handle.count()],
    ['stats', (handle) => handle.stats()],
    ['search', (handle) => handle.search([1, 2])],
    ['ids', (handle) => handle.ids().next()],
    ['entries', (handle) => handle.entries().next()],
    ['iteration', (handle) => handle[Symbol.asyncIterator]().next()],
  ])('leaves a handle whose %s says that it is gone', async (_, call) => {
    const { store } = await openStore()
    const handle = await store.collection('a', SHAPE)
    await store.drop('a')
    const before = await traceOf(store)
    expect(await endingOf(() => call(handle))).toBe('ERR_COLLECTION_NOT_FOUND')
    expect(await traceOf(store)).toEqual(before)
    expect([handle.name, handle.dimensions, handle.metric]).toEqual(['a', 2, 'euclidean'])
    await store.close()
  })
})
