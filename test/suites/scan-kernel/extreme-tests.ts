import { expect, test } from 'vitest'
import { MAX_DIMENSIONS } from '../../../src/base/limits.ts'
import { METRICS } from '../../../src/engine/metric.ts'
import { type Current, hit, randomIntegers } from './scan-inputs.ts'
import { expectNearest, hitsOf } from './scan-oracle.ts'

export function extremeTests(kernel: Current): void {
  const values = [0, -0, 1e-45, -1e-45, 1.1754943e-38, 1e-40, 3.4e38, -3.4e38, 3.4028234e38, 1, -1, 1e20, 1e-20]

  test('subnormals, -0 and the largest numbers, mixed', () => {
    const next = randomIntegers(22)
    const draw = (dimensions: number) =>
      Float32Array.from({ length: dimensions }, () => values[next() % values.length]!)
    for (let dimensions = 1; dimensions <= 67; dimensions++) {
      const vectors = Array.from({ length: 61 }, () => draw(dimensions))
      for (const metric of METRICS) {
        for (const k of [1, 3, 21]) expectNearest(kernel(), { metric, query: draw(dimensions), vectors, k })
      }
    }
  })

  test('constants, each against each', () => {
    for (const dimensions of [1, 3, 5, 100, MAX_DIMENSIONS]) {
      const vectors = values.map((value) => new Float32Array(dimensions).fill(value))
      for (const query of vectors) {
        for (const metric of METRICS) expectNearest(kernel(), { metric, query, vectors, k: values.length })
      }
    }
  })

  test('nothing overflows and nothing vanishes', () => {
    const largest = new Float32Array(MAX_DIMENSIONS).fill(-(2 ** 127))
    const smallest = Float32Array.of(1e-45)
    const far = hitsOf(kernel(), { metric: 'euclidean', query: largest.map((x) => -x), vectors: [largest], k: 1 })
    expect(far).toEqual([hit(0, MAX_DIMENSIONS * 2 ** 256)])
    const near = hitsOf(kernel(), { metric: 'dot', query: smallest, vectors: [smallest], k: 1 })
    expect(near).toEqual([hit(0, -(2 ** -298))])
    // The length of 4,096 equal components is 64 times one of them, without rounding.
    const square = largest.subarray(0, 4096)
    expect(hitsOf(kernel(), { metric: 'cosine', query: square, vectors: [square], k: 1 })).toEqual([hit(0, 0)])
    expect(hitsOf(kernel(), { metric: 'cosine', query: smallest, vectors: [smallest], k: 1 })).toEqual([hit(0, 0)])
  })
}
