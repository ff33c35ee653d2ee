import { expect, test } from 'vitest'
import type { Metric } from '../../../src/engine/metric.ts'
import { type Current, hit, randomVectors } from './scan-inputs.ts'
import { expectHits, hitsOf } from './scan-oracle.ts'

export function distanceTests(kernel: Current): void {
  const scores = (metric: Metric, query: number[], ...vectors: number[][]) => {
    const rows = vectors.map((vector) => Float32Array.from(vector))
    return hitsOf(kernel(), { metric, query: Float32Array.from(query), vectors: rows, k: 10 })
  }

  test('euclidean is the sum of squared differences', () => {
    expect(scores('euclidean', [1, 2, 3], [4, 6, 3], [1, 2, 3])).toEqual([hit(1, 0), hit(0, 25)])
    expect(scores('euclidean', [0, 0, 0, 0, 0], [1, 2, 3, 4, 5])).toEqual([hit(0, 55)])
  })

  test('dot is minus the product', () => {
    expect(scores('dot', [1, 2, 3], [4, 5, 6], [-4, -5, -6])).toEqual([hit(0, -32), hit(1, 32)])
  })

  test('dot gives 0 and never -0', () => {
    expectHits(scores('dot', [1, 0], [0, 1], [-0, 1]), [hit(0, 0), hit(1, 0)], 'orthogonal')
  })

  test('cosine is 1 minus the cosine, whatever the lengths', () => {
    expect(scores('cosine', [3, 4], [6, 8], [-4, 3], [-3, -4])).toEqual([hit(0, 0), hit(1, 1), hit(2, 2)])
    expect(scores('cosine', [1, 0, 0, 0, 0], [3, 0, 0, 0, 4])).toEqual([hit(0, 1 - 3 / 5)])
  })

  test('cosine stays within 0 and 2 where rounding would leave it', () => {
    for (const scale of [1, -1]) {
      const vectors = randomVectors(500, 7, 1)
      for (const vector of vectors) {
        const [only] = scores('cosine', [...vector], [...vector.map((component) => component * scale)])
        expect(only!.score).toBeGreaterThanOrEqual(0)
        expect(only!.score).toBeLessThanOrEqual(2)
        expect(Math.abs(only!.score - (1 - scale))).toBeLessThan(1e-14)
      }
    }
  })

  test('a norm of zero puts a row last instead of making it no number', () => {
    expect(scores('cosine', [1, 1], [0, 0], [-1, -1.5], [1, 2])).toMatchObject([{ slot: 2 }, { slot: 1 }, hit(0, 2)])
  })

  test('lanes are added in the order the contract says', () => {
    // 2^60 swallows a 1, so each way of adding these eight components gives another sum.
    const big = 2 ** 60
    expect(scores('dot', [1, 1, 1, 1, 1, 1, 1, 1], [big, 1, 1, big, -big, 1, 1, -big])).toEqual([hit(0, -4)])
    expect(scores('dot', [1, 1, 1, 1], [big, 1, -big, 1])).toEqual([hit(0, -2)])
    expect(scores('dot', [1, 1, 1, 1], [big, -big, 1, 1])).toEqual([hit(0, 0)])
  })
}
