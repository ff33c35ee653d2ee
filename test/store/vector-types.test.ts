import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { CHUNK_SLOTS } from '../../src/base/limits.ts'
import { type Metric, toFloat16, VECTOR_TYPES, type VectorType } from '../../src/index.ts'
import type { Collection } from '../../src/store/collection.ts'
import { errorOf } from '../support/log-fixture.ts'
import { Random } from '../support/random.ts'
import { distanceOf } from '../support/store-model.ts'
import {
  bytesGiven,
  bytesOfComponents,
  FINITE_HALVES,
  handedIn,
  METRICS_OF,
  randomComponent,
} from '../support/typed-vectors.ts'
import { endingOf, StoreFixture } from './support/store-fixture.ts'

type Typed = Collection<object, VectorType>

async function typedCollection(type: VectorType, dimensions: number, metric?: Metric) {
  const fixture = await StoreFixture.open()
  const settings = { dimensions, type, ...(metric === undefined ? {} : { metric }) }
  const vectors: Typed = await fixture.store.collection<object, VectorType>('vectors', settings)
  return { fixture, store: fixture.store, vectors }
}

/** A Float16Array as runtimes have it that have one. */
function halfArray(numbers: readonly number[]): Float32Array {
  const source = `(numbers) => Object.defineProperty(Float32Array.from(numbers), Symbol.toStringTag, { value: 'Float16Array' })`
  return runInNewContext(source)(numbers)
}

describe('a collection of a type', () => {
  test.each(VECTOR_TYPES)('gives back what it was given, bit for bit, also from a reopened store: %s', async (type) => {
    const random = new Random(3)
    const { fixture, store, vectors } = await typedCollection(type, 16, METRICS_OF[type][1] ?? 'hamming')
    const rows = Array.from({ length: 200 }, () => Array.from({ length: 16 }, () => randomComponent(type, random)))
    await vectors.add(rows.map((row, i) => ({ id: `e${i}`, vector: handedIn(type, row, i % 2 === 0) })))
    const expectAll = async (collection: Typed) => {
      for (const [i, row] of rows.entries()) {
        const vector = (await collection.get(`e${i}`))!.vector
        expect(bytesGiven(type, vector)).toEqual(bytesOfComponents(type, row))
        expect(vector.constructor.name).toBe(
          {
            float32: 'Float32Array',
            float16: 'Float32Array',
            int8: 'Int8Array',
            uint8: 'Uint8Array',
            binary: 'Uint8Array',
          }[type],
        )
        vector.fill(1)
      }
      expect(bytesGiven(type, (await collection.get('e7'))!.vector)).toEqual(bytesOfComponents(type, rows[7]!))
    }
    await expectAll(vectors)
    expect([vectors.type, store.collections()[0]!.type, vectors.stats().type]).toEqual([type, type, type])
    const digest = await store.digest()
    await store.snapshot()
    const again = await fixture.reopen()
    await expectAll(await again.store.collection<object, VectorType>('vectors'))
    expect(await again.store.digest()).toEqual(digest)
    expect((await again.store.verify()).problems).toEqual([])
    await again.store.close()
  })

  test('keeps every half, and says so of each that is none', async () => {
    const { store, vectors } = await typedCollection('float16', FINITE_HALVES.length / 16, 'dot')
    const dimensions = vectors.dimensions
    const rows = Array.from({ length: 16 }, (_, row) => FINITE_HALVES.slice(row * dimensions, (row + 1) * dimensions))
    await vectors.add(
      rows.map((row, i) => ({
        id: `e${i}`,
        vector: [row, Float32Array.from(row), halfArray(row)][i % 3]! as Float32Array,
      })),
    )
    for (const [i, row] of rows.entries()) {
      const { vector } = (await vectors.get(`e${i}`))!
      expect(row.every((half, at) => Object.is(half, vector[at]))).toBe(true)
    }
    await store.close()
  })

  test.each([
    ['float32', 64 * 4],
    ['float16', 64 * 2],
    ['int8', 64],
    ['uint8', 64],
    ['binary', 8],
  ] as const)('has only the bytes of its type in memory: %s', async (type, rowBytes) => {
    const { store, vectors } = await typedCollection(type, 64)
    const vector = handedIn(type, Array(64).fill(1))
    await vectors.addAll(Array.from({ length: CHUNK_SLOTS }, (_, i) => ({ id: `e${i}`, vector })))
    await vectors.search(vector as Float32Array, { exact: true })
    expect(vectors.stats().memory.originals).toBe(CHUNK_SLOTS * rowBytes)
    await store.close()
  })

  test.each(VECTOR_TYPES)('finds by exact search and by its index what plain arithmetic finds: %s', async (type) => {
    const random = new Random(5)
    for (const metric of METRICS_OF[type]) {
      const { store, vectors } = await typedCollection(type, 40, metric)
      const next = () => Float32Array.from({ length: 40 }, () => randomComponent(type, random) || 1).with(0, 1)
      const rows = Array.from({ length: 1200 }, (_, i) => ({
        id: `e${i}`,
        vector: next().map((x, at) => (at % 3 === 0 && type !== 'float32' ? 0 : Math.abs(x) > 1e30 ? 1 : x)),
      }))
      await vectors.addAll(rows.map(({ id, vector }) => ({ id, vector: handedIn(type, [...vector]) })))
      await vectors.optimize()
      for (const row of [3, 500, 1100]) {
        // Of numbers any others may be asked for.
        const query = type === 'binary' ? rows[row]!.vector : rows[row]!.vector.map((x) => x + 0.25)
        const asked = type === 'binary' ? handedIn(type, [...query]) : query
        const ranking = rows
          .map(({ id, vector }) => ({ id, distance: distanceOf(metric, query, vector) }))
          .sort((a, b) => a.distance - b.distance)
        for (const exact of [true, false]) {
          const { hits } = await vectors.search(asked as Float32Array, exact ? { exact } : { listSize: 2000 })
          for (const [rank, { distance }] of hits.entries()) {
            const expected = ranking[rank]!.distance
            if (type === 'binary') expect(distance).toBe(expected)
            else expect(Math.abs(distance - expected)).toBeLessThanOrEqual(1e-9 * (1 + Math.abs(expected)))
          }
        }
      }
      await store.close()
    }
  })

  test('is measured by the bits that differ, which are whole numbers', async () => {
    const { store, vectors } = await typedCollection('binary', 24)
    expect([vectors.metric, store.collections()[0]!.metric]).toEqual(['hamming', 'hamming'])
    await vectors.add([
      { id: 'none', vector: Uint8Array.of(0, 0, 0) },
      { id: 'first', vector: Uint8Array.of(1, 0, 0) },
      { id: 'last', vector: Buffer.from([0, 0, 0b1000_0000]) },
      { id: 'all', vector: Uint8Array.of(255, 255, 255) },
    ])
    const { hits } = await vectors.search(Uint8Array.of(1, 0, 0), { includeVectors: true })
    expect(hits.map(({ id, distance }) => [id, distance])).toEqual([
      ['first', 0],
      ['none', 1],
      ['last', 2],
      ['all', 23],
    ])
    expect(hits[2]!.vector).toEqual(Uint8Array.of(0, 0, 0b1000_0000))
    expect((await vectors.search({ id: 'last' }, { maxDistance: 2 })).hits.map(({ id }) => id)).toEqual([
      'none',
      'first',
    ])
    const many = await vectors.searchMany([Uint8Array.of(255, 255, 254), { id: 'all' }], { k: 1 })
    expect(many.map((result) => result.hits.map(({ id, distance }) => [id, distance]))).toEqual([
      [['all', 1]],
      [['first', 23]],
    ])
    await store.close()
  })

  test('by another type or metric is another collection', async () => {
    const { store } = await typedCollection('int8', 8, 'dot')
    const error = await errorOf(store.collection('vectors', { dimensions: 8, metric: 'dot' }))
    expect([error.code, error.message]).toEqual([
      'ERR_COLLECTION_MISMATCH',
      "the collection 'vectors' has 8 dimensions, dot, int8; it cannot be opened with 8 dimensions, dot, float32",
    ])
    expect((await store.collection('vectors', { dimensions: 8, metric: 'dot', type: 'int8' })).type).toBe('int8')
    await store.close()
  })
})

const REFUSED: [type: VectorType, what: string, vector: unknown, ending: string][] = [
  ['float16', 'a number between two halves', [1, 0.1], 'ERR_VECTOR_VALUE'],
  ['float16', 'one in a Float32Array', Float32Array.of(1, 0.1), 'ERR_VECTOR_VALUE'],
  ['float16', 'one beyond the largest', [65_520, 1], 'ERR_VECTOR_VALUE'],
  ['float16', 'infinity', halfArray([1, Number.POSITIVE_INFINITY]), 'ERR_VECTOR_NOT_FINITE'],
  ['float16', 'NaN', [1, Number.NaN], 'ERR_VECTOR_NOT_FINITE'],
  ['float16', 'zeros', [0, -0], 'ERR_VECTOR_ZERO'],
  ['float16', 'bytes', Uint8Array.of(1, 2), 'TypeError'],
  ['float16', 'the bits of halves', Uint16Array.of(1, 2), 'TypeError'],
  ['int8', 'a fraction', [1, 0.5], 'ERR_VECTOR_VALUE'],
  ['int8', 'too much', [128, 1], 'ERR_VECTOR_VALUE'],
  ['int8', 'too little', [-129, 1], 'ERR_VECTOR_VALUE'],
  ['int8', 'NaN', [Number.NaN, 1], 'ERR_VECTOR_NOT_FINITE'],
  ['int8', 'zeros', Int8Array.of(0, 0), 'ERR_VECTOR_ZERO'],
  ['int8', 'floats', Float32Array.of(1, 2), 'TypeError'],
  ['int8', 'unsigned bytes', Uint8Array.of(1, 2), 'TypeError'],
  ['int8', 'text', [1, '2'], 'TypeError'],
  ['int8', 'one too many', Int8Array.of(1, 2, 3), 'ERR_DIMENSIONS'],
  ['uint8', 'too much', [256, 1], 'ERR_VECTOR_VALUE'],
  ['uint8', 'less than nothing', [-1, 1], 'ERR_VECTOR_VALUE'],
  ['uint8', 'zeros', [0, -0], 'ERR_VECTOR_ZERO'],
  ['uint8', 'signed bytes', Int8Array.of(1, 2), 'TypeError'],
  ['uint8', 'clamped bytes', Uint8ClampedArray.of(1, 2), 'TypeError'],
  ['binary', 'bits as numbers', [1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0], 'TypeError'],
  ['binary', 'a byte too many', Uint8Array.of(1, 2, 3), 'ERR_DIMENSIONS'],
  ['binary', 'floats', Float32Array.of(1, 2), 'TypeError'],
  ['float32', 'bytes', Int8Array.of(1, 2), 'TypeError'],
]

describe('what a type cannot keep is refused, and nothing is logged:', () => {
  test.each(REFUSED)('%s: %s', async (type, _, vector, ending) => {
    const { store, vectors } = await typedCollection(type, type === 'binary' ? 16 : 2)
    const { lsn } = store.stats()
    expect(await endingOf(() => vectors.add([{ id: 'a', vector: vector as Float32Array }]))).toBe(ending)
    const entries = [{ id: 'a', vector: vector as Float32Array }]
    expect(await endingOf(() => vectors.addAll(entries))).toBe(ending)
    expect([store.stats().lsn, vectors.count()]).toEqual([lsn, 0])
    await store.close()
  })

  test('the error names the first that does not fit', async () => {
    const { store, vectors } = await typedCollection('float16', 3)
    const error = await errorOf(vectors.add([{ id: 'a', vector: [1, 0.1, 0.2] }]))
    expect([error.message, error.details]).toEqual([
      "the vector of 'a' has 0.1 at 1, which is none of float16; toFloat16 rounds to those that are",
      { id: 'a', index: 1 },
    ])
    await vectors.add([{ id: 'a', vector: toFloat16([1, 0.1, 0.2]) }])
    expect((await vectors.get('a'))!.vector).toEqual(Float32Array.of(1, 0.0999755859375, 0.199951171875))
    await store.close()
  })

  test('binary takes whole bytes, a query of bits is packed, and others take any numbers', async () => {
    const { store, vectors: bits } = await typedCollection('binary', 16)
    expect(await endingOf(() => store.collection('odd', { dimensions: 12, type: 'binary' }))).toBe('RangeError')
    expect(await endingOf(() => bits.search([1, 2] as never))).toBe('TypeError')
    expect(await endingOf(() => bits.search(Uint8Array.of(1)))).toBe('ERR_DIMENSIONS')
    const bytes = await store.collection('bytes', { dimensions: 2, type: 'int8', metric: 'euclidean' })
    await bytes.add([{ id: 'a', vector: [3, 4] }])
    for (const query of [[0.5, 0.5], Float32Array.of(0.5, 0.5)]) {
      expect((await bytes.search(query)).hits).toEqual([{ id: 'a', distance: Math.hypot(2.5, 3.5) }])
    }
    expect((await bytes.search(Int8Array.of(0, 0))).hits[0]!.distance).toBe(5)
    expect(await endingOf(() => bytes.search(Uint8Array.of(0, 0) as never))).toBe('TypeError')
    expect(await endingOf(() => bytes.search([Number.NaN, 0]))).toBe('ERR_VECTOR_NOT_FINITE')
    await store.close()
  })
})

test('toFloat16 takes numbers only', () => {
  expect(toFloat16([1 / 3, 1e9, -0])).toEqual(Float32Array.of(0.333251953125, Number.POSITIVE_INFINITY, -0))
  expect(() => toFloat16(['1'] as never)).toThrow(TypeError)
  expect(() => toFloat16('1' as never)).toThrow(TypeError)
})
