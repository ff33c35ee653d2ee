import { expect, test } from 'vitest'
import { MAX_DIMENSIONS } from '../../../src/base/limits.ts'
import { createSelection } from '../../../src/engine/kernel/scan-kernel.ts'
import { METRICS } from '../../../src/engine/metric.ts'
import { type Current, hit, hitsIn, randomBytes, randomVectors, runOf } from './scan-inputs.ts'
import { expectNearest } from './scan-oracle.ts'

export function shapeTests(kernel: Current): void {
  test.each(METRICS)('%s: every number of dimensions from 1 to 130', (metric) => {
    for (let dimensions = 1; dimensions <= 130; dimensions++) {
      const query = randomVectors(1, dimensions, dimensions)[0]!
      const vectors = randomVectors(13, dimensions, 1000 + dimensions)
      expectNearest(kernel(), { metric, query, vectors, k: 13 })
    }
  })

  test.each([768, 1536, 8191, MAX_DIMENSIONS])('%d dimensions', (dimensions) => {
    const query = randomVectors(1, dimensions, 11)[0]!
    const vectors = randomVectors(19, dimensions, 12)
    for (const metric of METRICS) expectNearest(kernel(), { metric, query, vectors, k: 19, calls: [2, 17] })
  })

  test('no rows, one row, odd numbers of rows', () => {
    for (const metric of METRICS) {
      for (const rows of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 17, 63, 65, 127]) {
        const vectors = randomVectors(rows, 6, rows)
        expectNearest(kernel(), { metric, query: Float32Array.of(1, 2, 3, 4, 5, 6), vectors, k: 5 })
      }
    }
  })

  test.each([1, 100, MAX_DIMENSIONS])('as many rows as a call takes, at %d dimensions', (dimensions) => {
    const rows = kernel().rowsPerCall(dimensions)
    const distinct = randomVectors(97, dimensions, 13)
    const vectors = Array.from({ length: rows }, (_, row) => distinct[row % 97]!)
    const query = randomVectors(1, dimensions, 14)[0]!
    expectNearest(kernel(), { metric: 'cosine', query, vectors, k: 300, dead: randomBytes(rows / 8, 15) })
  })

  test('dead: none, all, random, one alone, at any first slot', () => {
    const query = Float32Array.of(0.1, 0.2, 0.3)
    const vectors = randomVectors(75, 3, 16)
    const bitmaps = [new Uint8Array(40), new Uint8Array(40).fill(255), randomBytes(40, 17), randomBytes(40, 18)]
    for (const dead of bitmaps) {
      for (let firstSlot = 0; firstSlot < 20; firstSlot++) {
        for (const metric of METRICS) expectNearest(kernel(), { metric, query, vectors, k: 75, firstSlot, dead })
      }
    }
    for (let slot = 0; slot < 75; slot++) {
      const dead = new Uint8Array(10)
      dead[slot >> 3] = 1 << (slot & 7)
      expectNearest(kernel(), { metric: 'dot', query, vectors, k: 75, dead })
    }
  })

  test('slots past the end of the bitmap are alive', () => {
    const vectors = randomVectors(40, 3, 19)
    for (const bytes of [0, 1, 2, 4, 5]) {
      const dead = new Uint8Array(bytes).fill(255)
      expectNearest(kernel(), { metric: 'dot', query: Float32Array.of(1, 2, 3), vectors, k: 40, dead, firstSlot: 5 })
    }
  })

  test('a bitmap of an earlier call leaves nothing behind', () => {
    const vectors = randomVectors(40, 3, 20)
    const query = Float32Array.of(1, 2, 3)
    expectNearest(kernel(), { metric: 'dot', query, vectors, k: 40, dead: new Uint8Array(5).fill(255) })
    expectNearest(kernel(), { metric: 'dot', query, vectors, k: 40 })
  })

  test('the highest slots', () => {
    const vectors = [...randomVectors(9, 2, 21), ...randomVectors(9, 2, 21)]
    for (const firstSlot of [2 ** 31 - 9, 2 ** 32 - 18]) {
      expectNearest(kernel(), { metric: 'euclidean', query: Float32Array.of(0, 1), vectors, k: 11, firstSlot })
    }
  })

  test('views that do not start at the front of their buffer', () => {
    const memory = Float32Array.from({ length: 33 }, (_, index) => index)
    const run = { ...runOf([], 0), vectors: memory.subarray(3, 33), rows: 10, norms: new Float64Array(0) }
    const selection = createSelection(2)
    kernel().scan({ metric: 'euclidean', vector: memory.subarray(6, 9), norm: 0 }, run, selection)
    expect(hitsIn(selection)).toEqual([hit(1, 0), hit(0, 27)])
  })
}
