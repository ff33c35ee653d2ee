import { expect, test } from 'vitest'
import { distanceBetween } from '../../src/cli/vector-distance.ts'
import { type Metric, VectorStore } from '../../src/store/public.ts'
import { someVectors } from './support/vector-bytes.ts'

const cases: [metric: Metric, expected: number][] = [
  ['euclidean', Math.sqrt(5)],
  ['dot', -14],
  ['cosine', 1 - 14 / (5 * Math.sqrt(8))],
]
test.each(cases)('the %s distance', (metric, expected) => {
  expect(distanceBetween(metric, Float32Array.of(3, 4), Float32Array.of(2, 2))).toBeCloseTo(expected, 14)
})

test('is the one that the store gives', async () => {
  const vectors = someVectors(40, 19).map((vector) => Float32Array.from(vector))
  const store = await VectorStore.ephemeral()
  for (const [metric] of cases) {
    const collection = await store.collection(metric, { dimensions: 19, metric })
    await collection.add(vectors.map((vector, row) => ({ id: String(row), vector })))
    const query = vectors[3]!
    const { hits } = await collection.search(query, { k: 40 })
    expect(hits).toHaveLength(40)
    for (const { id, distance } of hits) {
      expect(distanceBetween(metric, query, vectors[Number(id)]!)).toBeCloseTo(distance, 10)
    }
  }
  await store.close()
})
