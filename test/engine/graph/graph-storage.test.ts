import { describe, expect, test } from 'vitest'
import { transposed } from '../../../src/engine/graph/csr.ts'
import type { VamanaGraph } from '../../../src/engine/graph/vamana-graph.ts'
import { CODED, LINKED } from '../../../src/engine/kernel/assembly-graph/layout.ts'
import { allNodes, bitmapOf, builtGraph, graphOf, recallOf, rowsOf } from './graph-fixture.ts'
import { normalSet, queriesNear } from './vector-sets.ts'

const set = normalSet('cosine', 2000, 40)

describe('export and import', () => {
  test('give the same graph, which goes on in the same way', async () => {
    const graph = await builtGraph(set, 'bulk')
    graph.run(graph.consolidate(bitmapOf(2000, (node) => node % 7 === 0)))
    const copy = await graphOf({ ...set, vectors: new Float32Array(0) })
    copy.importCodes(graph.exportCodes(0, 500))
    copy.importCodes(graph.exportCodes(500, graph.nodeCount - 500))
    copy.importEdges(graph.exportEdges())
    expect(copy.checkInvariants()).toEqual([])
    const queries = queriesNear(set, 10, 0.3)
    for (const query of queries) {
      expect(copy.search(query, { listSize: 30 })).toEqual(graph.search(query, { listSize: 30 }))
    }
    for (const each of [graph, copy]) {
      const nodes = rowsOf(set)
        .slice(0, 100)
        .map((row) => each.add(row))
      expect(nodes[0]).toBe(0)
      expect(nodes[1]).toBe(7)
      each.run(each.insert(Uint32Array.from(nodes)))
    }
    expect(copy.exportEdges()).toEqual(graph.exportEdges())
  })

  test('incoming edges are the outgoing ones, turned round', async () => {
    const graph = await builtGraph(set, 'insert')
    const edges = graph.exportEdges()
    const incoming = transposed(edges)
    expect(
      pairsOf(incoming)
        .map(([to, from]) => `${from} ${to}`)
        .sort(),
    ).toEqual(
      pairsOf(edges)
        .map(([from, to]) => `${from} ${to}`)
        .sort(),
    )
    expect(transposed(transposed(edges)).offsets).toEqual(edges.offsets)
  })

  test.each<[string, (graph: VamanaGraph) => void]>([
    ['a neighbour that does not exist', (graph) => importChanged(graph, (nodes) => nodes.fill(9999, 0, 1))],
    ['a neighbour that is the node itself', (graph) => importChanged(graph, (nodes) => nodes.fill(0, 0, 1))],
    ['offsets that fall', (graph) => importChanged(graph, (_, offsets) => offsets.fill(9, 4, 5).fill(3, 5, 6))],
    ['offsets that do not reach the end', (graph) => importChanged(graph, (_, offsets) => offsets.fill(0))],
    ['a state that does not exist', (graph) => importChanged(graph, (_, __, states) => states.fill(7, 3, 4))],
    [
      'a row of a node that is not linked',
      (graph) => importChanged(graph, (_, __, states) => states.fill(CODED, 3, 4)),
    ],
  ])('%s is refused', async (_, importWrong) => {
    const graph = await graphOf({ ...set, vectors: set.vectors.subarray(0, 4000) })
    expect(() => importWrong(graph)).toThrow(RangeError)
    expect(graph.linkedCount).toBe(0)
  })
})

function pairsOf({ offsets, nodes }: { offsets: Uint32Array; nodes: Uint32Array }): [number, number][] {
  return Array.from({ length: offsets.length - 1 }, (_, node) =>
    Array.from(nodes.subarray(offsets[node], offsets[node + 1]), (to): [number, number] => [node, to]),
  ).flat()
}

/** A ring of 100 nodes, with something wrong. */
function importChanged(
  graph: VamanaGraph,
  change: (nodes: Uint32Array, offsets: Uint32Array, states: Uint8Array) => void,
): void {
  const nodes = Uint32Array.from({ length: 100 }, (_, node) => (node + 1) % 100)
  const offsets = Uint32Array.from({ length: 101 }, (_, node) => node)
  const states = new Uint8Array(100).fill(LINKED)
  change(nodes, offsets, states)
  graph.importEdges({ nodes, offsets, states })
}

describe('consolidation', () => {
  test('frees nodes, and the lowest is given out first', async () => {
    const graph = await builtGraph(set, 'insert')
    const isDead = (node: number) => node % 3 === 1
    graph.run(graph.consolidate(bitmapOf(2000, isDead)))
    expect(graph.checkInvariants()).toEqual([])
    expect(graph.linkedCount).toBe(1333)
    const queries = queriesNear(set, 30, 0.3)
    const recall = recallOf(graph, set, queries, { listSize: 60, isAllowed: (node) => !isDead(node) })
    expect(recall).toBeGreaterThan(0.97)
    expect([1, 2, 3].map((row) => graph.add(rowsOf(set)[row]!))).toEqual([1, 4, 7])
  })

  test('of everything leaves an empty graph that can be filled again', async () => {
    const graph = await builtGraph(set, 'insert')
    graph.run(graph.consolidate(bitmapOf(2000, () => true)))
    expect(graph.linkedCount).toBe(0)
    expect(graph.unreachable).toBe(0)
    expect(graph.checkInvariants()).toEqual([])
    expect(graph.search(set.vectors.subarray(0, 40), { listSize: 5 }).nodes).toHaveLength(0)
    graph.run(graph.consolidate(bitmapOf(2000, () => true)))
    const nodes = rowsOf(set).map((row) => graph.add(row))
    graph.run(graph.bulk(Uint32Array.from(nodes)))
    expect(graph.checkInvariants()).toEqual([])
    expect(graph.nodeCount).toBe(2000)
  })

  test('of an empty graph does nothing', async () => {
    const graph = await graphOf({ ...set, vectors: new Float32Array(0) })
    graph.run(graph.consolidate(new Uint8Array(0)))
    graph.run(graph.consolidate(bitmapOf(100, () => true)))
    expect(graph.checkInvariants()).toEqual([])
    expect([graph.nodeCount, graph.linkedCount, graph.unreachable]).toEqual([0, 0, 0])
  })

  test('of all but one', async () => {
    const graph = await builtGraph(set, 'bulk')
    graph.run(graph.consolidate(bitmapOf(2000, (node) => node !== 1234)))
    expect(graph.checkInvariants()).toEqual([])
    expect([...graph.search(set.vectors.subarray(0, 40), { listSize: 5 }).nodes]).toEqual([1234])
  })

  test('of coded nodes that were never linked frees them too', async () => {
    const graph = await graphOf(set)
    graph.run(graph.insert(allNodes(graph).subarray(0, 1000)))
    graph.run(graph.consolidate(bitmapOf(2000, (node) => node >= 1500)))
    expect(graph.checkInvariants()).toEqual([])
    expect(graph.add(rowsOf(set)[0]!)).toBe(1500)
  })

  test('six rounds of replacing a sixth keep recall and reach', async () => {
    const graph = await builtGraph(set, 'insert')
    const queries = queriesNear(set, 30, 0.3)
    const before = recallOf(graph, set, queries, { listSize: 40 })
    for (let round = 0; round < 6; round++) {
      const replaced = [...allNodes(graph)].filter((node) => node % 6 === round)
      graph.run(graph.consolidate(bitmapOf(2000, (node) => node % 6 === round)))
      const nodes = replaced.map((node) => graph.add(rowsOf(set)[node]!))
      expect(nodes).toEqual(replaced)
      graph.run(graph.insert(Uint32Array.from(nodes)))
      expect(graph.checkInvariants()).toEqual([])
    }
    expect(recallOf(graph, set, queries, { listSize: 40 })).toBeGreaterThan(before - 0.02)
  })
})

describe('memory', () => {
  test('is told by part', async () => {
    const graph = await graphOf(set)
    const memory = graph.memory()
    const { nodeCount } = graph
    expect(memory.rows).toBe(nodeCount * 256)
    expect(memory.factors).toBe(nodeCount * 16)
    expect(memory.codes).toBe(nodeCount * (40 + 24))
    expect(memory.spare).toBe(0)
    expect(memory.total).toBeGreaterThan(memory.rows + memory.codes + memory.factors + memory.scratch - 1024)
  })

  test('of 100 dimensions is one line for each narrow code, and 436 bytes a vector', async () => {
    const graph = await graphOf(normalSet('cosine', 1, 100))
    const { codes, factors, rows } = graph.memory()
    expect(graph.core.shape.narrowStride).toBe(64)
    expect((codes + factors + rows) / graph.nodeCount).toBe(64 + 112 + 256)
  })

  test('of a job is used again by the next one', async () => {
    const graph = await builtGraph(set, 'insert')
    const { total } = graph.memory()
    graph.run(graph.consolidate(bitmapOf(2000, (node) => node < 1000)))
    const nodes = rowsOf(set)
      .slice(0, 1000)
      .map((row) => graph.add(row))
    graph.run(graph.insert(Uint32Array.from(nodes)))
    expect(graph.memory().total).toBeLessThanOrEqual(total + 65_536)
  })

  test('grows by blocks under a graph in use', async () => {
    const graph = await builtGraph(normalSet('euclidean', 16_000, 4), 'bulk')
    const more = rowsOf(normalSet('euclidean', 1000, 4, 9)).map((row) => graph.add(row))
    graph.run(graph.insert(Uint32Array.from(more)))
    expect(graph.checkInvariants()).toEqual([])
    expect(graph.core.blockCount).toBe(2)
    expect(graph.capacity).toBeGreaterThan(10_000_000)
  })
})

describe('arguments', () => {
  test('that do not fit are refused', async () => {
    const graph = await builtGraph(normalSet('cosine', 10, 40), 'insert')
    expect(() => graph.add(new Float32Array(39))).toThrow(RangeError)
    expect(() => graph.search(new Float32Array(41), { listSize: 10 })).toThrow(RangeError)
    expect(() => graph.search(new Float32Array(40), { listSize: 0 })).toThrow(RangeError)
    expect(() => graph.run(graph.insert(Uint32Array.of(3)))).toThrow('cannot be linked')
    expect(() => graph.run(graph.insert(Uint32Array.of(11)))).toThrow('cannot be linked')
    const node = graph.add(new Float32Array(40).fill(1))
    expect(() => graph.run(graph.insert(Uint32Array.of(node, node)))).toThrow('once')
    expect(() => graph.run(graph.bulk(Uint32Array.of(node)))).toThrow('empty graph')
    expect(graph.checkInvariants()).toEqual([])
  })

  test('that do not fit a bulk build are refused before anything is done', async () => {
    const graph = await graphOf(normalSet('cosine', 10, 40))
    const nodes = allNodes(graph)
    for (const options of [
      { nearest: 0 },
      { nearest: 17 },
      { refineList: -1 },
      { refineList: 385 },
      { refineList: 1.5 },
    ]) {
      expect(() => graph.run(graph.bulk(nodes, options))).toThrow(RangeError)
    }
    graph.run(graph.bulk(nodes, { nearest: 16, refineList: 384 }))
    expect(graph.checkInvariants()).toEqual([])
  })

  test('a list longer than the graph gives all of it', async () => {
    const graph = await builtGraph(set, 'insert')
    const { nodes, distances } = graph.search(set.vectors.subarray(0, 40), { listSize: 5000 })
    expect(nodes).toHaveLength(2000)
    expect([...distances].every((distance, i) => i === 0 || distance >= distances[i - 1]!)).toBe(true)
  })
})
