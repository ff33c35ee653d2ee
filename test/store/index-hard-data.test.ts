import { describe, expect, test } from 'vitest'
import type { VectorSet } from '../engine/graph/graph-fixture.ts'
import { clusterSet, logNormalSet, normalSet, queriesNear, repeatedSet, scaledSet } from '../engine/graph/vector-sets.ts'
import { indexedCollection, recallOf } from './support/index-fixture.ts'

const QUERIES = 300
const LISTS = [20, 40, 80, 160, 320]
const CASES: Record<string, { set: VectorSet; noise: number }> = {
  '30 clusters': { set: clusterSet('cosine', 6000, 100, 30, 0.02), noise: 0.01 },
  '1,000 clusters': { set: clusterSet('euclidean', 10_000, 64, 1000, 0.02), noise: 0.01 },
  '30 clusters, one after the other': { set: clusterSet('cosine', 6000, 100, 30, 0.1, true), noise: 0.05 },
  '1,000 clusters, one after the other': { set: clusterSet('euclidean', 10_000, 64, 1000, 0.02, true), noise: 0.01 },
  '1 % identical': { set: repeatedSet(8500, 48, 0.01), noise: 0.3 },
  '50 % identical': { set: repeatedSet(8500, 48, 0.5), noise: 0.3 },
  '100 % identical': { set: repeatedSet(8500, 48, 1), noise: 0.3 },
  'mean 100, deviation 1': { set: scaledSet(normalSet('euclidean', 8500, 48), () => 1, 100), noise: 0.3 },
  'two dimensions 30 times the rest': { set: scaledSet(normalSet('euclidean', 8500, 48), (d) => (d < 2 ? 30 : 1)), noise: 0.3 },
  'dot log-normal 40': { set: logNormalSet(10_000, 40), noise: 1 },
  'dot log-normal 64': { set: logNormalSet(6500, 64), noise: 1 },
}

describe('recall', () => {
  test.each(Object.entries(CASES))('%s', async (name, { set, noise }) => {
    const queries = queriesNear(set, QUERIES, noise)
    const out: string[] = [name]
    for (const way of ['bulk', 'insert'] as const) {
      const t = performance.now()
      const { store, vectors } = await indexedCollection(set, { way })
      const t1 = performance.now()
      const { index } = vectors.stats()
      const r: number[] = []
      for (const listSize of LISTS) r.push(await recallOf(vectors, queries, { listSize }))
      const { exact, visited } = await vectors.search(queries[0]!)
      out.push(`${way} ${index.codes} ${index.nodes} unr ${index.unreachable} ${r.map((x) => x.toFixed(4)).join(' ')} exact ${exact} ${visited} build ${(t1 - t) | 0} all ${(performance.now() - t) | 0}`)
      await store.close()
    }
    console.log(out.join('\n   '))
    expect(1).toBe(1)
  })
})
