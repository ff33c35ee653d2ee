import { describe, expect, test } from 'vitest'
import type { Collection } from '../../src/store/collection.ts'
import { LIMITS } from '../../src/store/limits.ts'
import type { VectorStore } from '../../src/store/vector-store.ts'
import { errorOf } from '../support/log-fixture.ts'
import { endingOf, StoreFixture, traceOf } from './support/store-fixture.ts'

class Person {
  readonly name = 'Ada'
}

const cyclic: Record<string, unknown> = {}
cyclic.self = { inner: [cyclic] }

/** Each level holds the one below twice: 2^60 values that take no memory. */
const bottomless = Array.from({ length: 60 }).reduce<unknown>((inner) => [inner, inner], 1)

const BAD_VECTORS: [what: string, vector: unknown, ending: string][] = [
  ['one component short', [1], 'ERR_DIMENSIONS'],
  ['one too many', new Float32Array(3), 'ERR_DIMENSIONS'],
  ['empty', [], 'ERR_DIMENSIONS'],
  ['detached', detached(), 'ERR_DIMENSIONS'],
  ['NaN', [Number.NaN, 1], 'ERR_VECTOR_NOT_FINITE'],
  ['infinity', Float32Array.of(1, Number.POSITIVE_INFINITY), 'ERR_VECTOR_NOT_FINITE'],
  ['minus infinity', [1, Number.NEGATIVE_INFINITY], 'ERR_VECTOR_NOT_FINITE'],
  ['a number beyond float32', [1e39, 1], 'ERR_VECTOR_NOT_FINITE'],
  ['zero', [0, -0], 'ERR_VECTOR_ZERO'],
  ['a number that vanishes in float32', [1e-60, 0], 'ERR_VECTOR_ZERO'],
  // biome-ignore lint/suspicious/noSparseArray: the hole is what is tested
  ['a hole', [1, ,], 'TypeError'],
  ['text', [1, '2'], 'TypeError'],
  ['a bigint', [1, 2n], 'TypeError'],
  ['undefined', [1, undefined], 'TypeError'],
  ['an object that turns into a number', [1, { valueOf: () => 2 }], 'TypeError'],
  ['a Float64Array', Float64Array.of(1, 2), 'TypeError'],
  ['a string', '12', 'TypeError'],
  ['an object', { 0: 1, 1: 2, length: 2 }, 'TypeError'],
  ['missing', undefined, 'TypeError'],
  ['null', null, 'TypeError'],
]

const BAD_IDS: [what: string, id: unknown, ending: string][] = [
  ['empty', '', 'ERR_ID_INVALID'],
  ['over-long', 'x'.repeat(LIMITS.idBytes + 1), 'ERR_ID_INVALID'],
  ['over-long in UTF-8 alone', 'ä'.repeat(LIMITS.idBytes / 2 + 1), 'ERR_ID_INVALID'],
  ['a lone high surrogate', 'a\ud83d', 'ERR_ID_INVALID'],
  ['a lone low surrogate', '\udc00', 'ERR_ID_INVALID'],
  ['a number', 1, 'TypeError'],
  ['null', null, 'TypeError'],
  ['missing', undefined, 'TypeError'],
  ['a boxed string', Object('a'), 'TypeError'],
]

const BAD_METADATA: [what: string, metadata: unknown][] = [
  ['null', null],
  ['a string', 'text'],
  ['an array', [1]],
  ['a function', () => {}],
  ['undefined inside', { a: undefined }],
  ['undefined in an array', { a: [undefined] }],
  // biome-ignore lint/suspicious/noSparseArray: the hole is what is tested
  ['a hole', { a: [1, , 2] }],
  ['a function inside', { a: () => {} }],
  ['a symbol inside', { a: Symbol('a') }],
  ['a bigint inside', { a: 1n }],
  ['NaN inside', { a: Number.NaN }],
  ['infinity inside', { a: [Number.NEGATIVE_INFINITY] }],
  ['a Date', new Date(0)],
  ['a Date inside', { a: new Date(0) }],
  ['a Map', new Map([['a', 1]])],
  ['a Map inside', { a: new Map() }],
  ['a Set inside', { a: new Set() }],
  ['bytes inside', { a: new Uint8Array(1) }],
  ['a class instance', new Person()],
  ['a class instance inside', { a: new Person() }],
  ['an object that inherits from another', Object.create({ a: 1 })],
  ['a boxed number inside', { a: Object(1) }],
  ['a symbol for a key', { [Symbol('a')]: 1 }],
  ['a symbol for a key inside', { a: { [Symbol.iterator]: 1 } }],
  ['__proto__ for a key', JSON.parse('{"__proto__": 1}')],
  ['__proto__ for a key inside', JSON.parse('{"a": [{"__proto__": {}}]}')],
  ['a long key that begins with a byte order mark', { [`\ufeff${'k'.repeat(70)}`]: 1 }],
  ['a lone surrogate', { a: '\ud800' }],
  ['a lone surrogate in a key', { '\udc00': 1 }],
  ['itself inside', cyclic],
  ['65 levels', JSON.parse(`${'{"a":'.repeat(65)}1${'}'.repeat(65)}`)],
  ['more than a mebibyte', { a: 'x'.repeat(LIMITS.metadataBytes) }],
  ['more than a mebibyte in UTF-8 alone', { a: 'ä'.repeat(LIMITS.metadataBytes / 2) }],
  ['more values than anyone can count', { a: bottomless }],
]

function detached(): Float32Array {
  const vector = Float32Array.of(1, 2)
  structuredClone(vector.buffer, { transfer: [vector.buffer] })
  return vector
}

/** Calls that must change nothing, made on a store that has one entry, under cosine. */
async function expectRefused(
  ending: string,
  ...calls: readonly ((vectors: Collection, store: VectorStore) => unknown)[]
): Promise<void> {
  const { fixture, store, vectors } = await StoreFixture.withCollection({ dimensions: 2 })
  await vectors.add([{ id: 'there', vector: [1, 2], metadata: { a: 1 } }])
  const before = await traceOf(store)
  const mutations = fixture.files.mutations.length
  for (const call of calls) expect(await endingOf(() => call(vectors, store))).toBe(ending)
  expect(await traceOf(store)).toEqual(before)
  expect(fixture.files.mutations.length).toBe(mutations)
  await store.close()
}

describe('a vector that is refused', () => {
  test.each(BAD_VECTORS)('%s', async (_, vector, ending) => {
    const entry = { id: 'a', vector } as { id: string; vector: number[] }
    await expectRefused(
      ending,
      (vectors) => vectors.add([entry]),
      (vectors) => vectors.add([{ id: 'there', vector: [3, 4] }, entry]),
      (vectors) => vectors.addAll([{ id: 'b', vector: [3, 4] }, entry]),
      (vectors) => vectors.search(vector as number[]),
    )
  })

  test('is named in the error, with the place of what is wrong', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    const error = await errorOf(vectors.add([{ id: 'bad', vector: [1, 1e39] }]))
    expect(error.message).toBe("the vector of 'bad' has 1e+39 at 1, which is not a finite float32")
    expect(error.details).toEqual({ id: 'bad', index: 1 })
    const mismatch = await errorOf(vectors.add([{ id: 'bad', vector: [1] }]))
    expect(mismatch.details).toEqual({ id: 'bad', dimensions: 1, expected: 2 })
    await store.close()
  })

  test.each(['euclidean', 'dot'] as const)('is not zero under %s', async (metric) => {
    const { store, vectors } = await StoreFixture.withCollection({ dimensions: 2, metric })
    expect(await vectors.add([{ id: 'zero', vector: [0, -0] }])).toMatchObject({ added: 1 })
    expect((await vectors.search([0, 0])).hits).toHaveLength(1)
    await store.close()
  })
})

describe('an id that is refused', () => {
  test.each(BAD_IDS)('%s', async (_, badId, ending) => {
    const id = badId as string
    await expectRefused(
      ending,
      (vectors) => vectors.add([{ id, vector: [1, 2] }]),
      (vectors) => vectors.addAll([{ id, vector: [1, 2] }]),
      (vectors) => vectors.update(id, { metadata: {} }),
      (vectors) => vectors.delete(['there', id]),
      (vectors) => vectors.get(id),
      (vectors) => vectors.getMany(['there', id]),
      (vectors) => vectors.has(id),
      (vectors) => vectors.search({ id }),
    )
  })

  test('is not the longest that fits', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    const id = 'ä'.repeat(LIMITS.idBytes / 2)
    await vectors.add([{ id, vector: [1, 2] }])
    expect(await vectors.has(id)).toBe(true)
    await store.close()
  })
})

describe('metadata that is refused', () => {
  test.each(BAD_METADATA)('%s', async (_, metadata) => {
    await expectRefused(
      'ERR_METADATA_INVALID',
      (vectors) => vectors.add([{ id: 'a', vector: [1, 2], metadata: metadata as object }]),
      (vectors) => vectors.update('there', { metadata: metadata as object }),
    )
  })

  test('is named by the path to it', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    const error = await errorOf(vectors.add([{ id: 'a', vector: [1, 2], metadata: { b: [0, { c: new Date(0) }] } }]))
    expect(error.message).toBe("entry 'a': metadata.b[1].c is a Date, which metadata cannot hold")
    expect(error.details).toEqual({ id: 'a', path: 'metadata.b[1].c' })
    await store.close()
  })

  test('is not one of 64 levels', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    const metadata = JSON.parse(`${'{"a":'.repeat(64)}1${'}'.repeat(64)}`)
    await vectors.add([{ id: 'a', vector: [1, 2], metadata }])
    expect((await vectors.get('a'))?.metadata).toEqual(metadata)
    await store.close()
  })
})

describe('a call that is refused', () => {
  test.each<[string, (vectors: Collection<never>, store: VectorStore) => unknown]>([
    ['add of no array', (vectors) => vectors.add(new Set() as never)],
    ['add of null', (vectors) => vectors.add([null] as never)],
    // biome-ignore lint/suspicious/noSparseArray: the hole is what is tested
    ['add of a hole', (vectors) => vectors.add([, { id: 'a', vector: [1, 2] }] as never)],
    ['add of an id alone', (vectors) => vectors.add(['a'] as never)],
    ['addAll of no iterable', (vectors) => vectors.addAll({} as never)],
    ['addAll of nothing', (vectors) => vectors.addAll(undefined as never)],
    ['addAll with an unknown option', (vectors) => vectors.addAll([], { batch: 5 } as never)],
    ['addAll with a batch size of text', (vectors) => vectors.addAll([], { batchSize: '5' } as never)],
    ['update without a change', (vectors) => vectors.update('there', undefined as never)],
    ['update with another change', (vectors) => vectors.update('there', { vector: [1, 2] } as never)],
    ['delete of a string', (vectors) => vectors.delete('there' as never)],
    ['getMany of a set', (vectors) => vectors.getMany(new Set(['there']) as never)],
    ['search with an unknown option', (vectors) => vectors.search([1, 2], { limit: 3 } as never)],
    ['search with k in text', (vectors) => vectors.search([1, 2], { k: '3' } as never)],
    ['search with options that are none', (vectors) => vectors.search([1, 2], null as never)],
    ['search with a distance that is none', (vectors) => vectors.search([1, 2], { maxDistance: Number.NaN })],
    ['search for nothing', (vectors) => vectors.search(undefined as never)],
    ['search for a text', (vectors) => vectors.search('there' as never)],
    ['collection of no name', (_, store) => store.collection(7 as never)],
    [
      'collection with an unknown setting',
      (_, store) => store.collection('b', { dimensions: 2, kind: 'int8' } as never),
    ],
    ['collection of an unknown type', (_, store) => store.collection('b', { dimensions: 2, type: 'int4' } as never)],
    [
      'collection of bits by cosine',
      (_, store) => store.collection('b', { dimensions: 8, type: 'binary', metric: 'cosine' }),
    ],
    ['collection of numbers by hamming', (_, store) => store.collection('b', { dimensions: 8, metric: 'hamming' })],
    ['collection with settings that are none', (_, store) => store.collection('b', null as never)],
    ['collection without dimensions', (_, store) => store.collection('b', {} as never)],
    ['collection of an unknown metric', (_, store) => store.collection('b', { dimensions: 2, metric: 'l2' } as never)],
    ['drop of no name', (_, store) => store.drop(undefined as never)],
    ['verify with an unknown option', (_, store) => store.verify({ deep: true } as never)],
  ])('%s is a TypeError', async (_, call) => {
    await expectRefused('TypeError', call as (vectors: Collection, store: VectorStore) => unknown)
  })

  test.each<[string, (vectors: Collection, store: VectorStore) => unknown]>([
    ['k of zero', (vectors) => vectors.search([1, 2], { k: 0 })],
    ['k of a half', (vectors) => vectors.search([1, 2], { k: 1.5 })],
    ['k beyond the limit', (vectors) => vectors.search([1, 2], { k: LIMITS.k + 1 })],
    ['a batch of none', (vectors) => vectors.addAll([], { batchSize: 0 })],
    ['a batch beyond the limit', (vectors) => vectors.addAll([], { batchSize: LIMITS.batchEntries + 1 })],
    ['dimensions of zero', (_, store) => store.collection('b', { dimensions: 0 })],
    ['dimensions beyond the limit', (_, store) => store.collection('b', { dimensions: LIMITS.dimensions + 1 })],
  ])('%s is a RangeError', async (_, call) => {
    await expectRefused('RangeError', call)
  })

  test.each(['', '\ud800', 'x'.repeat(257), 'ä'.repeat(129)])('the name %j is ERR_COLLECTION_NAME', async (name) => {
    await expectRefused(
      'ERR_COLLECTION_NAME',
      (_, store) => store.collection(name),
      (_, store) => store.collection(name, { dimensions: 2 }),
      (_, store) => store.drop(name),
    )
  })
})

describe('a batch that is too large', () => {
  const bytes = 64 * 1024 * 1024

  test('is refused by its vectors before they are looked at', async () => {
    const { store, vectors } = await StoreFixture.withCollection({ dimensions: LIMITS.dimensions })
    const before = await traceOf(store)
    const entries = new Array(bytes / (LIMITS.dimensions * 4) + 1).fill({ id: 'a', vector: [] })
    const error = await errorOf(vectors.add(entries))
    expect(error.code).toBe('ERR_BATCH_TOO_LARGE')
    expect(error.details).toEqual({ bytes: bytes + LIMITS.dimensions * 4, limit: bytes })
    expect(error.message).toMatch(/67141632 bytes .* at most 67108864; addAll takes any number/)
    expect(await traceOf(store)).toEqual(before)
    await store.close()
  })

  test('is refused by its metadata, which addAll splits', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    const before = await traceOf(store)
    const metadata = { text: 'x'.repeat(1_000_000) }
    const entries = Array.from({ length: 68 }, (_, index) => ({ id: `${index}`, vector: [1, 2], metadata }))
    expect((await errorOf(vectors.add(entries))).code).toBe('ERR_BATCH_TOO_LARGE')
    expect(await traceOf(store)).toEqual(before)
    expect(await vectors.addAll(entries)).toMatchObject({ added: 68 })
    expect(store.stats().lsn).toBeGreaterThan(before.lsn + 10)
    await store.close()
  })
})
