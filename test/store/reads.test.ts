import { describe, expect, test } from 'vitest'
import { collect, endingOf, StoreFixture, someEntries } from './support/store-fixture.ts'

/** More than is walked between two turns of the event loop. */
const MANY = 2500

describe('looking entries up', () => {
  test('getMany keeps the order asked for, with repeats and gaps', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    await vectors.add(someEntries(3))
    const found = await vectors.getMany(['e2', 'nobody', 'e0', 'e2'])
    expect(found.map((entry) => entry?.id)).toEqual(['e2', undefined, 'e0', 'e2'])
    await store.close()
  })

  test('has, get and count agree about what is there', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    await vectors.add(someEntries(2))
    await vectors.delete(['e0'])
    expect([await vectors.has('e0'), await vectors.get('e0'), vectors.count()]).toEqual([false, undefined, 1])
    expect([await vectors.has('e1'), (await vectors.get('e1'))?.id]).toEqual([true, 'e1'])
    await store.close()
  })

  test('what get gives is shared with nobody', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    await vectors.add(someEntries(1))
    const [first, again] = await vectors.getMany(['e0', 'e0'])
    first?.vector.fill(0)
    expect(again?.vector).toEqual(Float32Array.of(1, 2))
    expect((await vectors.get('e0'))?.vector).toEqual(Float32Array.of(1, 2))
    await store.close()
  })

  test('a handle says what its collection is', async () => {
    const { store, vectors } = await StoreFixture.withCollection({ dimensions: 3, metric: 'dot' })
    await vectors.add(someEntries(2, 3))
    expect([vectors.name, vectors.dimensions, vectors.metric]).toEqual(['vectors', 3, 'dot'])
    const shape = { dimensions: 3, metric: 'dot', type: 'float32', quantization: 'none' }
    const info = { name: 'vectors', ...shape, count: 2, createdAtLsn: 1 }
    expect(store.collections()).toEqual([info])
    const index = {
      indexed: 0,
      waiting: 2,
      share: 0,
      backlog: 0,
      indexedThroughLsn: 1,
      nodes: 0,
      deadNodes: 0,
      unreachable: 0,
      capacity: 0,
    }
    const originals = { residence: 'memory', chunks: 0, chunksOnDisk: 0 }
    const measured = { index, originals, recall: [], memory: expect.any(Object) }
    expect(vectors.stats()).toEqual({ ...info, slots: 2, dead: 0, ...measured })
    await store.close()
  })

  test('the metric is cosine unless told otherwise', async () => {
    const { store, vectors } = await StoreFixture.withCollection({ dimensions: 3 })
    expect(vectors.metric).toBe('cosine')
    await store.close()
  })
})

describe('walking over a collection', () => {
  test('gives the entries in the order in which they were added', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    await vectors.add(someEntries(4))
    await vectors.delete(['e1'])
    await vectors.add([{ id: 'e0', vector: [9, 9] }])
    expect(await collect(vectors.ids())).toEqual(['e2', 'e3', 'e0'])
    expect((await collect(vectors)).map(({ id, vector }) => [id, ...vector])).toEqual([
      ['e2', 3, 4],
      ['e3', 4, 5],
      ['e0', 9, 9],
    ])
    await store.close()
  })

  test('gives nothing for an empty collection', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    expect([await collect(vectors.ids()), await collect(vectors.entries())]).toEqual([[], []])
    await store.close()
  })

  test('leaves out what is deleted before it comes to it, and what is added meanwhile', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    await vectors.add(someEntries(5))
    const seen: string[] = []
    for await (const id of vectors.ids()) {
      seen.push(id)
      if (id === 'e0') await vectors.delete(['e3'])
      if (id === 'e1') await vectors.add([{ id: 'new', vector: [1, 2] }])
    }
    expect(seen).toEqual(['e0', 'e1', 'e2', 'e4'])
    await store.close()
  })

  test('gives an entry that is replaced meanwhile once, as it is when it is come to', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    await vectors.add(someEntries(3))
    const seen: [string, number][] = []
    for await (const { id, vector } of vectors) {
      seen.push([id, vector[0]!])
      await vectors.add([
        { id: 'e0', vector: [70, 0] },
        { id: 'e2', vector: [72, 0] },
      ])
    }
    expect(seen).toEqual([
      ['e0', 1],
      ['e1', 2],
      ['e2', 72],
    ])
    await store.close()
  })

  test('gives an entry that was deleted and is back when it is come to', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    await vectors.add(someEntries(2))
    const seen: unknown[] = []
    for await (const { id, metadata } of vectors) {
      seen.push([id, metadata])
      await vectors.delete(['e1'])
      await vectors.add([{ id: 'e1', vector: [1, 2], metadata: { back: true } }])
    }
    expect(seen).toEqual([
      ['e0', { index: 0 }],
      ['e1', { back: true }],
    ])
    await store.close()
  })

  test('gives each id once, whatever many writers do meanwhile', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    await vectors.add(someEntries(MANY))
    const seen: string[] = []
    for await (const id of vectors.ids()) {
      seen.push(id)
      if (seen.length % 100 === 0) await vectors.add(someEntries(MANY).slice(0, 900))
    }
    expect(seen).toEqual(someEntries(MANY).map(({ id }) => id))
    await store.close()
  })

  test('fails at the next entry when the collection is dropped', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    await vectors.add(someEntries(3))
    const walk = vectors.entries()
    expect((await walk.next()).value?.id).toBe('e0')
    await store.drop('vectors')
    expect(await endingOf(() => walk.next())).toBe('ERR_COLLECTION_NOT_FOUND')
    expect(await walk.next()).toEqual({ done: true, value: undefined })
    await store.close()
  })

  test('can be left early', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    await vectors.add(someEntries(3))
    for await (const id of vectors.ids()) if (id === 'e1') break
    expect(await vectors.has('e2')).toBe(true)
    await store.close()
  })

  test('lets the event loop turn', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    await vectors.add(someEntries(MANY))
    let hasTurned = false
    setImmediate(() => {
      hasTurned = true
    })
    await collect(vectors.ids())
    expect(hasTurned).toBe(true)
    await store.close()
  })
})
