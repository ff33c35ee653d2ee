import { beforeAll, describe, expect, test } from 'vitest'
import type { VamanaGraph } from '../../../src/engine/graph/vamana-graph.ts'
import { readGloveFixture } from '../../fixtures/glove.ts'
import {
  allNodes,
  bitmapOf,
  builtGraph,
  graphOf,
  type Method,
  recallOf,
  rowsOf,
  scoreOf,
  type VectorSet,
} from './graph-fixture.ts'

const HELD_OUT = 250

describe('real word vectors', () => {
  let set: VectorSet
  let queries: Float32Array[]
  let inserted: VamanaGraph
  let built: VamanaGraph

  beforeAll(async () => {
    const { vectors, dimensions } = readGloveFixture()
    const rows = rowsOf({ metric: 'cosine', dimensions, vectors })
    const step = rows.length / HELD_OUT
    queries = rows.filter((_, row) => row % step === 20)
    const kept = rows.filter((_, row) => row % step !== 20)
    const packed = new Float32Array(kept.length * dimensions)
    kept.forEach((row, index) => {
      packed.set(row, index * dimensions)
    })
    set = { metric: 'cosine', dimensions, vectors: packed }
    inserted = await builtGraph(set, 'insert')
    built = await builtGraph(set, 'bulk')
  })

  test('all of them are reachable', () => {
    expect(inserted.checkInvariants()).toEqual([])
    expect(built.checkInvariants()).toEqual([])
  })

  test.each([
    [10, 0.78],
    [20, 0.93],
    [40, 0.97],
    [80, 0.99],
    [160, 0.995],
  ])('with a list of %i either way of building finds them, and on either codes', (listSize, least) => {
    for (const codes of ['narrow', 'wide'] as const) {
      inserted.walkCodes = codes
      built.walkCodes = codes
      const byInsertion = recallOf(inserted, set, queries, { listSize })
      expect(byInsertion).toBeGreaterThanOrEqual(least)
      expect(recallOf(built, set, queries, { listSize })).toBeGreaterThanOrEqual(byInsertion - 0.005)
    }
  })

  test('the second half inserted into a graph that was built of the first', async () => {
    const graph = await graphOf(set)
    const nodes = allNodes(graph)
    graph.run(graph.bulk(nodes.subarray(0, nodes.length / 2)))
    graph.run(graph.insert(nodes.subarray(nodes.length / 2)))
    expect(graph.checkInvariants()).toEqual([])
    expect(recallOf(graph, set, queries, { listSize: 80 })).toBeGreaterThanOrEqual(0.99)
  })

  test.each<[Method, number]>([
    ['insert', 40],
    ['bulk', 40],
    ['bulk', 160],
  ])('built by %s and then replaced altogether keep recall at list %i within a point', async (method, listSize) => {
    const graph = await builtGraph(set, method)
    const rows = rowsOf(set)
    const rowOf = [...allNodes(graph)]
    const before = recallOf(graph, set, queries, { listSize })
    for (let first = 0; first < rows.length; first += rows.length * 0.15) {
      // Nodes are freed in an order that has nothing to do with their vectors, and their vectors come back in another.
      const isDead = (node: number) => {
        const place = (node * 6007) % rows.length
        return place >= first && place < first + rows.length * 0.15
      }
      const gone = [...allNodes(graph)].filter(isDead)
      graph.run(graph.consolidate(bitmapOf(graph.nodeCount, isDead)))
      expect(graph.unreachable).toBe(0)
      const back = gone.map((node) => rowOf[node]!).reverse()
      const nodes = back.map((row) => graph.add(rows[row]!))
      nodes.forEach((node, index) => {
        rowOf[node] = back[index]!
      })
      graph.run(graph.insert(Uint32Array.from(nodes)))
      expect(graph.unreachable).toBe(0)
    }
    expect(graph.checkInvariants()).toEqual([])
    const moved = { ...set, vectors: Float32Array.from(rowOf.flatMap((row) => [...rows[row]!])) }
    expect(
      recallOf(
        graph,
        moved,
        queries.map((query) => query.slice()),
        { listSize },
      ),
    ).toBeGreaterThan(before - 0.01)
  })

  test('a few that are left out cost no recall', () => {
    for (const graph of [inserted, built]) {
      for (const share of [20, 7]) {
        const isAllowed = (node: number) => node % share !== 3
        expect(recallOf(graph, set, queries, { listSize: 40, isAllowed })).toBeGreaterThanOrEqual(0.97)
      }
    }
  })

  test('a filter of half and of a tenth', () => {
    for (const share of [2, 10]) {
      const isAllowed = (node: number) => node % share === 0
      expect(recallOf(inserted, set, queries, { listSize: 80, isAllowed })).toBeGreaterThanOrEqual(0.98)
    }
  })

  test('a filter of 0.1 % leads to allowed nodes only', () => {
    const isAllowed = (node: number) => node % 1000 === 0
    const allowed = bitmapOf(inserted.nodeCount, isAllowed)
    for (const query of queries) {
      const { nodes } = inserted.search(query, { listSize: 40, allowed, frontierSize: inserted.linkedCount })
      expect(nodes).toHaveLength(10)
      expect([...nodes].every(isAllowed)).toBe(true)
    }
  })

  test('a whole topic that is excluded is walked through', () => {
    for (const query of queries.slice(0, 10)) {
      const ranked = rowsOf(set)
        .map((_, row) => ({ row, score: scoreOf(set, query, row) }))
        .sort((a, b) => a.score - b.score)
      const topic = new Set(ranked.slice(0, 500).map(({ row }) => row))
      const isAllowed = (node: number) => !topic.has(node)
      expect(recallOf(inserted, set, [query], { listSize: 200, isAllowed })).toBeGreaterThanOrEqual(0.9)
    }
  })

  test('a whole topic that is deleted leaves no hole', async () => {
    const graph = await builtGraph(set, 'insert')
    const query = queries[7]!
    const ranked = rowsOf(set)
      .map((_, row) => ({ row, score: scoreOf(set, query, row) }))
      .sort((a, b) => a.score - b.score)
    const topic = new Set(ranked.slice(0, 1000).map(({ row }) => row))
    const dead = bitmapOf(graph.nodeCount, (node) => topic.has(node))
    graph.run(graph.consolidate(dead))
    expect(graph.checkInvariants()).toEqual([])
    const isAllowed = (node: number) => !topic.has(node)
    expect(recallOf(graph, set, [query, ...queries.slice(0, 20)], { listSize: 160, isAllowed })).toBeGreaterThan(0.97)
  })
})
