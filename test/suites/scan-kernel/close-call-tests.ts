import { test } from 'vitest'
import { MAX_DIMENSIONS } from '../../../src/base/limits.ts'
import { METRICS } from '../../../src/engine/metric.ts'
import { type Current, randomIntegers, randomVectors } from './scan-inputs.ts'
import { expectNearest } from './scan-oracle.ts'

export function closeCallTests(kernel: Current): void {
  const lengths = [1, 2, 3, 5, 31, 100, 101, 768]

  const expectAll = (query: Float32Array, vectors: readonly Float32Array[]) => {
    for (const metric of METRICS) {
      for (const k of [1, 2, 7]) expectNearest(kernel(), { metric, query, vectors, k, calls: [100, 201, 300] })
    }
  }

  test.each([1, 1e-18, 1e-22, 1e-30, 1e-38, 1e17, 1e30])('rows a few units apart, of size %d', (size) => {
    for (const dimensions of lengths) {
      const base = randomVectors(1, dimensions, 41)[0]!.map((component) => component * size)
      const jitter = randomIntegers(dimensions)
      const vectors = Array.from({ length: 601 }, () => base.map((x) => x * (1 + ((jitter() >>> 20) % 5) * 2 ** -23)))
      expectAll(base, vectors)
      expectAll(randomVectors(1, dimensions, 42)[0]!, vectors)
    }
  })

  test('products at the edge of underflow', () => {
    for (const dimensions of lengths) {
      const next = randomIntegers(dimensions + 7)
      const draw = () => Float32Array.from({ length: dimensions }, () => (1 + next() / 2 ** 32) * 2 ** -75)
      expectAll(draw(), Array.from({ length: 601 }, draw))
      expectAll(new Float32Array(dimensions).fill(1e-45), Array.from({ length: 601 }, draw))
    }
  })

  test('sums at the edge of overflow', () => {
    for (const dimensions of lengths) {
      const next = randomIntegers(dimensions + 8)
      const draw = () => Float32Array.from({ length: dimensions }, () => (next() / 2 ** 31 - 1) * 2 ** 64)
      expectAll(draw(), Array.from({ length: 601 }, draw))
    }
  })

  test('dot products that cancel', () => {
    for (const dimensions of [2, 6, 100, 768]) {
      const next = randomIntegers(dimensions + 9)
      const query = new Float32Array(dimensions).fill(1)
      const vectors = Array.from({ length: 601 }, () => {
        const half = Float32Array.from({ length: dimensions / 2 }, () => next() / 2 ** 20)
        const other = half.map((component) => -component * (1 + ((next() >>> 20) % 3) * 2 ** -23))
        return Float32Array.from([...half, ...other])
      })
      expectAll(query, vectors)
    }
  })

  test('the largest dimension', () => {
    const base = randomVectors(1, MAX_DIMENSIONS, 43)[0]!
    const jitter = randomIntegers(44)
    const vectors = Array.from({ length: 91 }, () => base.map((x) => x * (1 + ((jitter() >>> 20) % 3) * 2 ** -23)))
    for (const query of [base, randomVectors(1, MAX_DIMENSIONS, 45)[0]!]) {
      for (const metric of METRICS) expectNearest(kernel(), { metric, query, vectors, k: 3, calls: [45, 46] })
    }
  })
}
