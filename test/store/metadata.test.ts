// Not `toStrictEqual`, which takes a key named 'constructor' for the type of the object.
import { deepStrictEqual } from 'node:assert/strict'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Collection } from '../../src/store/collection.ts'
import { decodeMetadata, encodeMetadata } from '../../src/store/metadata.ts'
import { metadata as anyMetadata } from '../support/store-generators.ts'
import { bitsOf, StoreFixture } from './support/store-fixture.ts'

let fixture: StoreFixture
let vectors: Collection

beforeAll(async () => {
  fixture = await StoreFixture.open()
  vectors = await fixture.store.collection('vectors', { dimensions: 2, metric: 'dot' })
})

afterAll(() => fixture.store.close())

async function roundTrip(metadata: object): Promise<object | undefined> {
  await vectors.add([{ id: 'a', vector: [1, 2], metadata }])
  return (await vectors.get('a'))?.metadata
}

describe('metadata', () => {
  test('comes back as it was, whatever JSON holds', () => {
    const property = fc.property(anyMetadata, (metadata) => {
      deepStrictEqual(decodeMetadata(encodeMetadata(metadata, 'a')), metadata)
    })
    fc.assert(property, { numRuns: 1000 })
  })

  test.each<[string, object]>([
    ['nothing', {}],
    ['keys that objects have', { constructor: 1, toString: { constructor: 'b' }, hasOwnProperty: [], length: 2 }],
    ['the keys of things that can be iterated or written as JSON', { toJSON: 'a', constructor: 'Map', next: 1 }],
    ['numbers for keys', { 2: 'b', 1: 'a', '-1': 'c', '01': 'd', 4294967296: 'e' }],
    ['an empty key', { '': { '': '' } }],
    ['integers beyond 2^53', { a: [2 ** 53, 2 ** 53 + 2, -(2 ** 60), 1e21, Number.MAX_VALUE] }],
    ['integers about 32 bits', { a: [2 ** 31, -(2 ** 31), 2 ** 32 - 1, 2 ** 32, -(2 ** 32), -(2 ** 32) - 1] }],
    ['fractions', { a: [0.1, -0.5, 5e-324, 1 / 3, 1.5e300] }],
    ['text beyond the basic plane', { '🂡': '👩‍👩‍👧', a: '\u0000\uffff\ufeff' }],
    ['text with a byte order mark', { '\uFEFF': '\uFEFFa', long: `\uFEFF${'ä'.repeat(200)}` }],
    ['long text', { ascii: 'x'.repeat(70_000), wide: '漢'.repeat(30_000) }],
    ['many keys', Object.fromEntries(Array.from({ length: 70_000 }, (_, index) => [`k${index}`, index]))],
    ['an array of everything', { a: [null, true, false, 0, '', [], {}, [[[]]]] }],
  ])('comes back as it was: %s', async (_, metadata) => {
    deepStrictEqual(await roundTrip(metadata), metadata)
  })

  test('comes back as it was after a reopening', async () => {
    const own = await StoreFixture.withCollection()
    const metadata = { constructor: [1, { 1: '\uFEFF' }], a: 2 ** 60 }
    await own.vectors.add([{ id: 'a', vector: [1, 2], metadata }])
    const { store } = await own.fixture.reopen()
    deepStrictEqual((await (await store.collection('vectors')).get('a'))?.metadata, metadata)
    await store.close()
  })

  test('keeps the order of its keys', async () => {
    expect(Object.keys((await roundTrip({ b: 1, a: 2, 10: 3, 9: 4 })) ?? {})).toEqual(['9', '10', 'b', 'a'])
  })

  test('may have no prototype, and comes back with one', async () => {
    const bare = Object.assign(Object.create(null), { a: Object.create(null) })
    expect(await roundTrip(bare)).toStrictEqual({ a: {} })
  })

  test('holds what getters give at the call', async () => {
    let reads = 0
    const metadata = {
      get a() {
        reads += 1
        return reads
      },
    }
    expect(await roundTrip(metadata)).toStrictEqual({ a: 1 })
  })

  test('is told apart from none at all', async () => {
    await vectors.add([{ id: 'a', vector: [1, 2], metadata: undefined }])
    expect(await vectors.get('a')).not.toHaveProperty('metadata')
    await vectors.update('a', { metadata: {} })
    expect(await vectors.get('a')).toHaveProperty('metadata', {})
    await vectors.update('a', { metadata: undefined })
    expect(await vectors.get('a')).not.toHaveProperty('metadata')
  })

  test('is shared with nobody', async () => {
    const metadata = { list: [1] }
    await vectors.add([{ id: 'a', vector: [1, 2], metadata }])
    metadata.list.push(2)
    const first = (await vectors.get('a'))?.metadata as typeof metadata
    first.list.push(3)
    expect((await vectors.get('a'))?.metadata).toEqual({ list: [1] })
  })
})

describe('what comes from another realm', () => {
  const foreign = runInNewContext(`({
    entries: [
      { id: 'list', vector: [1.5, -0], metadata: { a: [1, { b: 'c' }] } },
      { id: 'floats', vector: Float32Array.of(1.5, -0), metadata: Object.create(null) },
    ],
    ids: ['list', 'floats'],
    query: Float32Array.of(1, 0),
    options: { k: 1 },
    date: { at: new Date(0) },
    map: { of: new Map() },
  })`)

  test('is taken like our own: arrays, Float32Arrays, plain objects', async () => {
    await vectors.add(foreign.entries)
    const [list, floats] = await vectors.getMany(foreign.ids)
    expect(bitsOf(list?.vector)).toEqual(bitsOf([1.5, -0]))
    expect(bitsOf(floats?.vector)).toEqual(bitsOf([1.5, -0]))
    expect(list?.metadata).toStrictEqual({ a: [1, { b: 'c' }] })
    expect(floats?.metadata).toStrictEqual({})
    expect((await vectors.search(foreign.query, foreign.options)).hits).toHaveLength(1)
    expect(await vectors.delete(foreign.ids)).toMatchObject({ deleted: 2 })
  })

  test.each(['date', 'map'])('is refused like our own: a %s', async (kind) => {
    await expect(vectors.add([{ id: 'a', vector: [1, 2], metadata: foreign[kind] }])).rejects.toMatchObject({
      code: 'ERR_METADATA_INVALID',
    })
  })
})
