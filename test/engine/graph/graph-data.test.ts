import { describe, expect, test } from 'vitest'
import type { GraphOptions } from '../../../src/engine/graph/graph-parameters.ts'
import { builtGraph, type Method, recallOf, rowsOf, type VectorSet } from './graph-fixture.ts'
import { clusterSet, logNormalSet, normalSet, queriesNear, repeatedSet, scaledSet } from './vector-sets.ts'

const QUERIES = 40

interface Case {
  readonly set: VectorSet
  /** Size of the noise that makes a query of a row. */
  readonly noise: number
  readonly listSize: number
  readonly recall: number
  readonly options?: Partial<GraphOptions>
}

/** Codes of 8 bits where 4 bits cannot tell neighbours apart: choosing between them is the caller's. */
const wide = { walkCodes: 'wide' } as const

const CASES: Record<string, Case> = {
  '30 clusters': {
    set: clusterSet('cosine', 6000, 100, 30, 0.02),
    noise: 0.01,
    listSize: 100,
    recall: 0.99,
    options: wide,
  },
  '1,000 clusters': { set: clusterSet('euclidean', 10_000, 64, 1000, 0.02), noise: 0.01, listSize: 100, recall: 0.98 },
  '1,000 clusters, one after the other': {
    set: clusterSet('euclidean', 10_000, 64, 1000, 0.02, true),
    noise: 0.01,
    listSize: 200,
    recall: 0.97,
  },
  '30 clusters, one after the other': {
    set: clusterSet('cosine', 6000, 100, 30, 0.1, true),
    noise: 0.05,
    listSize: 100,
    recall: 0.98,
    options: wide,
  },
  '1 % identical': { set: repeatedSet(6000, 48, 0.01), noise: 0.3, listSize: 100, recall: 0.95 },
  '50 % identical': { set: repeatedSet(6000, 48, 0.5), noise: 0.3, listSize: 100, recall: 0.97 },
  'all identical': { set: repeatedSet(6000, 48, 1), noise: 0.3, listSize: 20, recall: 1 },
  'mean 100, deviation 1': {
    set: { ...scaledSet(normalSet('euclidean', 6000, 48), () => 1, 100), centre: new Float64Array(48).fill(100) },
    noise: 0.3,
    listSize: 100,
    recall: 0.97,
  },
  'two dimensions': { set: normalSet('euclidean', 10_000, 2), noise: 0.01, listSize: 20, recall: 0.99 },
  'one dimension': { set: normalSet('euclidean', 3000, 1), noise: 0.01, listSize: 20, recall: 0.99 },
  'one dimension, sorted': {
    set: { metric: 'euclidean', dimensions: 1, vectors: Float32Array.from({ length: 3000 }, (_, i) => i / 7) },
    noise: 0.3,
    listSize: 20,
    recall: 0.99,
  },
  'one dimension by cosine: two directions': {
    set: normalSet('cosine', 2000, 1),
    noise: 0.01,
    listSize: 20,
    recall: 1,
  },
  'two dimensions 30 times the rest': {
    set: scaledSet(normalSet('euclidean', 6000, 48), (dimension) => (dimension < 2 ? 30 : 1)),
    noise: 0.3,
    listSize: 50,
    recall: 0.98,
    options: wide,
  },
  'dot, log-normal lengths, 32 dimensions': { set: logNormalSet(10_000, 32), noise: 1, listSize: 100, recall: 0.98 },
  'dot, log-normal lengths, 48 dimensions': { set: logNormalSet(6000, 48), noise: 1, listSize: 100, recall: 0.97 },
  'huge by cosine': {
    set: scaledSet(normalSet('cosine', 2000, 40), () => 1e37),
    noise: 1e37,
    listSize: 60,
    recall: 0.95,
  },
  'subnormal by cosine': {
    set: scaledSet(normalSet('cosine', 2000, 40), () => 1e-42),
    noise: 1e-42,
    listSize: 100,
    recall: 0.9,
  },
  'tiny, with a scale': {
    set: scaledSet(normalSet('euclidean', 2000, 40), () => 2 ** -70),
    noise: 2 ** -72,
    listSize: 60,
    recall: 0.95,
    options: { scale: 2 ** 70 },
  },
}

describe.each<Method>(['insert', 'bulk'])('%s', (method) => {
  test.each(Object.entries(CASES))('%s', async (_, { set, noise, listSize, recall, options }) => {
    const graph = await builtGraph(set, method, options)
    expect(graph.checkInvariants()).toEqual([])
    expect(graph.linkedCount).toBe(rowsOf(set).length)
    const queries = queriesNear(set, QUERIES, noise)
    expect(recallOf(graph, set, queries, { listSize })).toBeGreaterThanOrEqual(recall)
  })

  test('8,192 dimensions', async () => {
    const set = normalSet('euclidean', 150, 8192)
    const graph = await builtGraph(set, method)
    expect(graph.checkInvariants()).toEqual([])
    expect(recallOf(graph, set, queriesNear(set, 5, 1), { listSize: 50 })).toBeGreaterThanOrEqual(0.95)
  })

  test.each(['euclidean', 'dot', 'cosine'] as const)('constant, subnormal and huge vectors by %s', async (metric) => {
    for (const dimensions of [3, 40]) {
      const set = normalSet(metric, 900, dimensions)
      const values = [1, 1e-45, 3.4e38, -3.4e38, metric === 'cosine' ? 2 : 0]
      for (let row = 0; row < 600; row++) {
        for (let i = 0; i < dimensions; i++) set.vectors[row * dimensions + i] = values[(row + (i % 2) * row) % 5]!
      }
      const graph = await builtGraph(set, method)
      expect(graph.checkInvariants()).toEqual([])
      for (const query of rowsOf(set).filter((_, row) => row % 50 === 0)) {
        const { nodes, distances } = graph.search(query, { listSize: 20 })
        expect(nodes).toHaveLength(20)
        expect(distances.every(Number.isFinite)).toBe(true)
      }
    }
  })

  test('nothing, one and two vectors', async () => {
    for (const rows of [0, 1, 2, 3]) {
      const set = normalSet('cosine', rows, 40)
      const graph = await builtGraph(set, method)
      expect(graph.checkInvariants()).toEqual([])
      expect(graph.search(new Float32Array(40).fill(1), { listSize: 10 }).nodes).toHaveLength(rows)
    }
  })
})
