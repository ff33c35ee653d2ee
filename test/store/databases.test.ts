import { Level } from 'level'
import { MemoryLevel } from 'memory-level'
import { describe, expect, test } from 'vitest'
import { VectorStore } from '../../src/store/vector-store.ts'
import { bitsOf, endingOf, someEntries } from './support/store-fixture.ts'
import { temporaryDirectories } from './support/temporary-directories.ts'

const directory = temporaryDirectories()
const SHAPE = { dimensions: 2 }

const DATABASES: [string, () => Promise<Level | MemoryLevel>][] = [
  ['a Level', async () => new Level(await directory())],
  ['a MemoryLevel', async () => new MemoryLevel()],
  ['a MemoryLevel of bytes', async () => new MemoryLevel({ storeEncoding: 'view' }) as MemoryLevel],
]

describe.each(DATABASES)('a store in %s', (_, create) => {
  test('comes back from the same database, bit for bit', async () => {
    const database = await create()
    const store = await VectorStore.open(database)
    const vectors = await store.collection('vectors', SHAPE)
    await vectors.addAll(someEntries(50), { batchSize: 7 })
    await vectors.add([{ id: 'edges', vector: [-0, 1e-45], metadata: { a: '\uFEFF' } }])
    const digest = await store.digest()
    await store.close()

    const reopened = await VectorStore.open(database)
    expect(await reopened.digest()).toEqual(digest)
    const edges = await (await reopened.collection('vectors')).get('edges')
    expect([bitsOf(edges?.vector), edges?.metadata]).toEqual([bitsOf([-0, 1e-45]), { a: '\uFEFF' }])
    expect((await reopened.verify()).problems).toEqual([])
    await reopened.close()
    await database.close()
  })

  test('is shared by equal options, refuses others, and leaves the database open', async () => {
    const database = await create()
    const [first, second] = [await VectorStore.open(database), await VectorStore.open(database)]
    await (await first.collection('vectors', SHAPE)).add(someEntries(3))
    expect((await second.collection('vectors')).count()).toBe(3)
    expect(await endingOf(() => VectorStore.open(database, { durability: 'async' }))).toBe('ERR_STORE_OPTIONS')
    await first.close()
    await second.close()
    expect(database.status).toBe('open')
    await database.close()
  })

  test('can be read beside its writer', async () => {
    const database = await create()
    expect(await endingOf(() => VectorStore.open(database, { readOnly: true }))).toBe('ERR_STORE_NOT_FOUND')
    const writer = await VectorStore.open(database)
    const vectors = await writer.collection('vectors', SHAPE)
    await vectors.add(someEntries(3))
    const reader = await VectorStore.open(database, { readOnly: true })
    await vectors.add(someEntries(9))
    expect((await reader.collection('vectors')).count()).toBe(3)
    await reader.close()
    await writer.close()
    await database.close()
  })

  test('leaves alone what else is in the database', async () => {
    const database = await create()
    await database.put('mine', 'untouched')
    const store = await VectorStore.open(database)
    await (await store.collection('vectors', SHAPE)).add(someEntries(3))
    await store.close()
    expect(await database.get('mine')).toBe('untouched')
    await database.close()
  })
})

describe('a store in a database that goes away', () => {
  test('rejects what it cannot write and can still be closed', async () => {
    const database = new MemoryLevel()
    const store = await VectorStore.open(database)
    const vectors = await store.collection('vectors', SHAPE)
    await vectors.add(someEntries(3))
    await database.close()
    expect(await endingOf(() => vectors.add(someEntries(5)))).toMatch(/^ERR_(IO|INDETERMINATE)$/)
    expect(vectors.count()).toBe(3)
    expect(await endingOf(() => store.close())).toMatch(/^(ok|ERR_.*)$/)
  })
})

describe('an ephemeral store', () => {
  test('is a store like any other', async () => {
    const store = await VectorStore.ephemeral({ segmentSizeBytes: 4096 })
    const vectors = await store.collection('vectors', SHAPE)
    await vectors.addAll(someEntries(200), { batchSize: 20 })
    expect((await vectors.search([1, 2], { k: 1 })).hits[0]?.id).toBe('e0')
    expect(store.stats().segments).toBeGreaterThan(1)
    expect((await store.verify()).ok).toBe(true)
    await store.close()
  })

  test('has nothing in common with another', async () => {
    const [first, second] = [await VectorStore.ephemeral(), await VectorStore.ephemeral()]
    await first.collection('vectors', SHAPE)
    expect(second.collections()).toEqual([])
    expect(first.stats().storeId).not.toBe(second.stats().storeId)
    await first.close()
    await second.close()
  })
})
