import { describe, expect, test } from 'vitest'
import { errorOf } from '../support/log-fixture.ts'
import { bitsOf, collect, endingOf, StoreFixture, someEntries, traceOf, until } from './support/store-fixture.ts'

describe('add', () => {
  test('says how many were new and how many replaced, and where they are in the log', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    expect(await vectors.add(someEntries(3))).toEqual({ lsn: 2, added: 3, replaced: 0 })
    expect(await vectors.add(someEntries(5))).toEqual({ lsn: 3, added: 2, replaced: 3 })
    expect([vectors.count(), vectors.stats().slots, vectors.stats().dead]).toEqual([5, 8, 3])
    await store.close()
  })

  test('lets the last of equal ids win within a batch, which counts as one', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    const batch = [
      { id: 'a', vector: [1, 1], metadata: { first: true } },
      { id: 'b', vector: [2, 2] },
      { id: 'a', vector: [3, 3] },
    ]
    expect(await vectors.add(batch)).toEqual({ lsn: 2, added: 2, replaced: 0 })
    expect(await vectors.get('a')).toEqual({ id: 'a', vector: Float32Array.of(3, 3) })
    expect(await collect(vectors.ids())).toEqual(['b', 'a'])
    await store.close()
  })

  test('replaces the metadata too, with none where none is given', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    await vectors.add([{ id: 'a', vector: [1, 1], metadata: { a: 1 } }])
    await vectors.add([{ id: 'a', vector: [1, 1] }])
    expect(await vectors.get('a')).not.toHaveProperty('metadata')
    await store.close()
  })

  test.each(['cosine', 'euclidean', 'dot'] as const)(
    'keeps every bit under %s, also after a reopening',
    async (metric) => {
      const edges = [-0, 1.401298464324817e-45, -1.1754942106924411e-38, 3.4028234663852886e38, 1 / 3]
      const { fixture, vectors } = await StoreFixture.withCollection({ dimensions: 5, metric })
      await vectors.add([{ id: 'edges', vector: edges }])
      expect(bitsOf((await vectors.get('edges'))?.vector)).toEqual(bitsOf(edges))
      const { store } = await fixture.reopen()
      expect(bitsOf((await (await store.collection('vectors')).get('edges'))?.vector)).toEqual(bitsOf(edges))
      await store.close()
    },
  )

  test('has copied everything when it returns', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    const entry = { id: 'a', vector: Float32Array.of(1, 2), metadata: { list: [1] } }
    const batch = [entry]
    const adding = vectors.add(batch)
    entry.id = 'b'
    entry.vector.fill(9)
    entry.metadata.list.push(2)
    batch.pop()
    await adding
    expect(await vectors.get('a')).toEqual({ id: 'a', vector: Float32Array.of(1, 2), metadata: { list: [1] } })
    await store.close()
  })

  test('gives its record and nothing else to a batch that takes part of a larger array', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    const all = Float32Array.of(1, 2, 3, 4)
    await vectors.add([{ id: 'a', vector: all.subarray(2) }])
    expect((await vectors.get('a'))?.vector).toEqual(Float32Array.of(3, 4))
    await store.close()
  })

  test('takes ids of every kind that UTF-8 can hold', async () => {
    const ids = [
      '\uFEFFa',
      'a',
      'A',
      '🂡',
      '\u0000',
      ' ',
      'constructor',
      '__proto__',
      `\uFEFF${'x'.repeat(100)}`,
      'é',
      'e\u0301',
    ]
    const { fixture, vectors } = await StoreFixture.withCollection()
    await vectors.add(ids.map((id, index) => ({ id, vector: [index, 1] })))
    expect(await collect(vectors.ids())).toEqual(ids)
    const { store } = await fixture.reopen()
    expect(await collect((await store.collection('vectors')).ids())).toEqual(ids)
    await store.close()
  })
})

describe('delete and update', () => {
  test('delete says how many there were and passes over the others', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    await vectors.add(someEntries(3))
    expect(await vectors.delete(['e0', 'nobody', 'e2', 'e0'])).toEqual({ lsn: 3, deleted: 2 })
    expect(await vectors.delete(['e0'])).toEqual({ lsn: 4, deleted: 0 })
    expect(await collect(vectors.ids())).toEqual(['e1'])
    await store.close()
  })

  test('update says whether there was an entry, and leaves its vector and place', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    await vectors.add(someEntries(2))
    expect(await vectors.update('e0', { metadata: { new: true } })).toEqual({ lsn: 3, updated: true })
    expect(await vectors.update('nobody', { metadata: {} })).toMatchObject({ updated: false })
    expect(await vectors.get('e0')).toEqual({ id: 'e0', vector: Float32Array.of(1, 2), metadata: { new: true } })
    expect(await collect(vectors.ids())).toEqual(['e0', 'e1'])
    expect(vectors.stats()).toMatchObject({ count: 2, slots: 2, dead: 0 })
    await store.close()
  })

  test('update sees the add that is queued before it, and the delete', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    const answers = await Promise.all([
      vectors.update('a', { metadata: { early: true } }),
      vectors.add([{ id: 'a', vector: [1, 2] }]),
      vectors.update('a', { metadata: { late: true } }),
      vectors.delete(['a']),
      vectors.update('a', { metadata: {} }),
    ])
    expect(answers).toMatchObject([
      { updated: false },
      { added: 1 },
      { updated: true },
      { deleted: 1 },
      { updated: false },
    ])
    await store.close()
  })
})

describe('an empty batch', () => {
  test('logs nothing and answers with the LSN as it is', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    await vectors.add(someEntries(1))
    const before = await traceOf(store)
    expect(await vectors.add([])).toEqual({ lsn: 2, added: 0, replaced: 0 })
    expect(await vectors.addAll([])).toEqual({ lsn: 2, added: 0, replaced: 0 })
    expect(await vectors.delete([])).toEqual({ lsn: 2, deleted: 0 })
    expect(await vectors.getMany([])).toEqual([])
    expect(await traceOf(store)).toEqual(before)
    await store.close()
  })
})

describe('many callers at once', () => {
  test('ten thousand adds take a handful of syncs and their LSNs are in the order of the calls', async () => {
    const { fixture, store, vectors } = await StoreFixture.withCollection()
    const before = fixture.syncs.length
    const results = await Promise.all(someEntries(10_000).map((entry) => vectors.add([entry])))
    expect(results.map(({ lsn }) => lsn)).toEqual(results.map((_, index) => index + 2))
    expect(fixture.syncs.length - before).toBeLessThanOrEqual(3)
    expect(vectors.count()).toBe(10_000)
    await store.close()
  })

  test('those who come while a sync runs share the next one', async () => {
    const { fixture, store, vectors } = await StoreFixture.withCollection()
    const first = vectors.add([{ id: 'first', vector: [1, 2] }])
    const writes = () => fixture.files.operations.filter((operation) => operation.includes('.wal'))
    const before = writes().length
    await until(() => writes().length > before)
    const before2 = fixture.syncs.length
    const rest = Promise.all(someEntries(100).map((entry) => vectors.add([entry])))
    await Promise.all([first, rest])
    expect(fixture.syncs.length - before2).toBeLessThanOrEqual(2)
    await store.close()
  })

  test('a batch is seen whole or not at all', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    const counts = new Set<number>()
    let isWriting = true
    const writing = vectors.addAll(someEntries(500), { batchSize: 50 }).finally(() => {
      isWriting = false
    })
    while (isWriting) {
      counts.add(vectors.count())
      await Promise.resolve()
    }
    await writing
    expect([...counts].filter((count) => count % 50 !== 0)).toEqual([])
    await store.close()
  })

  test('a full queue refuses what comes on top, and nothing else', async () => {
    const { store, vectors } = await StoreFixture.withCollection(undefined, { maxQueueBytes: 1000 })
    const calls = Array.from({ length: 10 }, (_, round) =>
      vectors.add(someEntries(10).map((entry) => ({ ...entry, id: `${round}${entry.id}` }))),
    )
    const endings = await Promise.all(calls.map((call) => endingOf(() => call)))
    const taken = endings.filter((ending) => ending === 'ok').length
    expect(endings).toEqual(endings.map((_, index) => (index < taken ? 'ok' : 'ERR_QUEUE_FULL')))
    expect(taken).toBeGreaterThan(0)
    expect(taken).toBeLessThan(10)
    expect([vectors.count(), store.stats().lsn]).toEqual([taken * 10, taken + 1])
    expect(await endingOf(() => vectors.add(someEntries(1)))).toBe('ok')
    await store.close()
  })

  test('a full queue says how full it is, and takes one write of any size when it is empty', async () => {
    const { store, vectors } = await StoreFixture.withCollection(undefined, { maxQueueBytes: 1 })
    const large = vectors.add(someEntries(100))
    const error = await errorOf(vectors.add(someEntries(1)))
    expect(error.details).toEqual({ queuedBytes: expect.any(Number), bytes: expect.any(Number), maxQueueBytes: 1 })
    expect(error.message).toMatch(/maxQueueBytes \(1\).*addAll/)
    expect(await large).toMatchObject({ added: 100 })
    await store.close()
  })

  test('a disk that is full refuses what is under way, and goes on when there is room again', async () => {
    const { fixture, store, vectors } = await StoreFixture.withCollection()
    const before = await traceOf(store)
    fixture.files.failWhen((operation) => operation.startsWith('write wal/') && operation.includes('.wal'), 'ENOSPC')
    const endings = await Promise.all(someEntries(3).map((entry) => endingOf(() => vectors.add([entry]))))
    expect(endings).toEqual(['ERR_DISK_FULL', 'ERR_DISK_FULL', 'ERR_DISK_FULL'])
    expect(await traceOf(store)).toEqual(before)
    expect(await vectors.add(someEntries(3))).toEqual({ lsn: 2, added: 3, replaced: 0 })
    expect(await (await fixture.killAndReopen()).store.digest()).toEqual(await store.digest())
    await store.close()
  })

  test('a sync that fails leaves a store that reads and says why it does not write', async () => {
    const { fixture, store, vectors } = await StoreFixture.withCollection()
    await vectors.add(someEntries(3))
    fixture.files.failWhen((operation) => operation.startsWith('sync wal/'), { sync: 'keep' })
    expect(await endingOf(() => vectors.add(someEntries(5)))).toBe('ERR_INDETERMINATE')
    expect(await endingOf(() => vectors.delete(['e0']))).toBe('ERR_POISONED')
    expect(await endingOf(() => store.collection('other', { dimensions: 2 }))).toBe('ERR_POISONED')
    expect(await endingOf(() => store.drop('vectors'))).toBe('ERR_POISONED')
    expect(await endingOf(() => store.sync())).toBe('ERR_POISONED')
    expect([vectors.count(), (await vectors.search([1, 2])).hits.length]).toEqual([3, 3])
    expect(store.stats().poisoned).toMatch(/indeterminate/)
    await store.close()
  })
})
