import { describe, expect, test } from 'vitest'
import type { GraphOptions } from '../../src/engine/graph/graph-parameters.ts'
import { phase, runToEnd } from '../../src/engine/graph/job.ts'
import type { VamanaGraph } from '../../src/engine/graph/vamana-graph.ts'
import {
  FORM_BIAS,
  FORM_DIRECTION,
  FORM_DOT,
  ROW_BYTES,
  THREAD_GATHERED_AT,
  THREAD_KEPT_AT,
} from '../../src/engine/kernel/assembly-graph/layout.ts'
import { bitmapOf, graphOf, rowsOf, type VectorSet } from '../engine/graph/graph-fixture.ts'
import { encodeReference } from './graph-kernel/reference-codes.ts'
import { type Form, narrowDistance, walkForm, wideDistance } from './graph-kernel/reference-distances.ts'
import { byDistance, type Candidate, ReferenceGraph } from './graph-kernel/reference-graph.ts'

/** Forms that a metric's factors are made for. */
function formsOf({ metric }: VectorSet): [Form, number][] {
  if (metric !== 'dot') return [['bias', FORM_BIAS]]
  return [
    ['dot', FORM_DOT],
    ['direction', FORM_DIRECTION],
  ]
}

/** Every function of the graph kernel against plain TypeScript, bit for bit, on one set of vectors. */
export function graphKernelSuite(name: string, set: VectorSet, options: Partial<GraphOptions> = {}): void {
  describe(name, () => {
    test('codes', async () => {
      const graph = await graphOf(set, options)
      const reference = new ReferenceGraph(graph)
      rowsOf(set).forEach((vector, node) => {
        const { wide, narrow } = encodeReference(graph.parameters, vector)
        expect(reference.wide(node)).toEqual(wide)
        expect(reference.narrow(node)).toEqual(narrow)
      })
    })

    test('distances of queries', async () => {
      const graph = await graphOf(set, options)
      const reference = new ReferenceGraph(graph)
      for (const codes of ['narrow', 'wide'] as const) {
        graph.walkCodes = codes
        const isNarrow = graph.walkCodes === 'narrow'
        for (const query of queriesOf(set)) {
          const code = reference.queryCode(query)
          const distance = isNarrow ? narrowDistance : wideDistance
          const node = (index: number) => (isNarrow ? reference.narrow(index) : reference.wide(index))
          const form = walkForm(graph.parameters)
          const expected = Array.from({ length: graph.nodeCount }, (_, index) =>
            distance(graph.parameters, code, node(index), form),
          )
          expectSameBits(queryDistances(graph, query), expected)
        }
      }
    })

    test('distances between nodes', async () => {
      const graph = await graphOf(set, options)
      const reference = new ReferenceGraph(graph)
      for (const [form, number] of formsOf(set)) {
        const nodes = Array.from({ length: graph.nodeCount }, (_, node) => node)
        graph.core.kernel.takeWideNode(0, 1, number)
        gather(graph, nodes)
        graph.core.kernel.wideDistancesOfGathered(0, nodes.length)
        const expected = nodes.map((node) => reference.between(1, node, form))
        expectSameBits(distances(graph, nodes.length), expected)
      }
    })

    test('prune', async () => {
      const graph = await graphOf(set, { ...options, degree: 12 })
      const reference = new ReferenceGraph(graph)
      for (const node of [0, 7, graph.nodeCount - 1]) {
        const candidates = Array.from({ length: graph.nodeCount }, (_, other) => other).filter(
          (other) => other !== node,
        )
        gather(graph, candidates)
        const kept = graph.core.kernel.choose(0, node, candidates.length)
        expect([...graph.core.scratch(0).words(THREAD_KEPT_AT, kept)]).toEqual(reference.choose(node, candidates))
      }
    })

    test('nearest in leaves', async () => {
      const graph = await graphOf(set, options)
      const reference = new ReferenceGraph(graph)
      const members = Array.from({ length: graph.nodeCount }, (_, node) => (node * 7) % graph.nodeCount)
      for (const [form, number] of formsOf(set)) {
        for (const count of [1, 2, 9, members.length]) {
          const expected = reference.nearestInLeaf(members.slice(0, count), 5, form)
          expect(nearestInLeaf(graph, members.slice(0, count), 5, number)).toEqual(expected)
        }
      }
    })

    test('walks, with and without a filter', async () => {
      const graph = await graphOf(set, options)
      graph.run(graph.insert(Uint32Array.from({ length: graph.nodeCount }, (_, node) => node)))
      for (const codes of ['narrow', 'wide'] as const) {
        graph.walkCodes = codes
        const reference = new ReferenceGraph(graph)
        for (const query of queriesOf(set)) {
          const code = reference.queryCode(query)
          for (const listSize of [1, 2, 15]) {
            expectHits(graph.search(query, { listSize }), reference.walk(code, { listSize }))
            // Results are kept apart where few nodes are allowed, and within the frontier where most are.
            for (const isAllowed of FILTERS) {
              const allowed = bitmapOf(graph.nodeCount, isAllowed)
              const found = graph.search(query, { listSize, allowed, frontierSize: 60 })
              expectHits(found, reference.walk(code, { listSize, frontierSize: 60, isAllowed }))
            }
          }
        }
      }
    })

    test('looking round once more', async () => {
      const graph = await graphOf(set, { ...options, degree: 8 })
      graph.run(graph.insert(Uint32Array.from({ length: graph.nodeCount }, (_, node) => node)))
      for (const codes of ['narrow', 'wide'] as const) {
        graph.walkCodes = codes
        const reference = new ReferenceGraph(graph)
        const nodes = [0, 5, graph.nodeCount - 1]
        const expected = nodes.map((node) => reference.refined(node, 9))
        expect(refinedRows(graph, nodes, 9)).toEqual(expected)
      }
    })
  })
}

const FILTERS: readonly ((node: number) => boolean)[] = [
  (node) => node % 3 === 0,
  (node) => node % 3 !== 0,
  (node) => node % 16 !== 5,
  () => true,
]

function refinedRows(graph: VamanaGraph, nodes: readonly number[], listSize: number): number[][] {
  const { core } = graph
  const at = core.memory.allocate(nodes.length * 4)
  const staged = core.memory.allocate(nodes.length * ROW_BYTES)
  core.words(at, nodes.length).set(nodes)
  core.makeRoomForLists(listSize)
  runToEnd(core, one(phase('refineNodes', nodes.length, 1, at, staged, listSize)))
  return nodes.map((_, index) => {
    const row = core.words(staged + index * ROW_BYTES, ROW_BYTES / 4)
    return [...row.subarray(1, row[0]! + 1)]
  })
}

function queriesOf(set: VectorSet): Float32Array[] {
  const rows = rowsOf(set)
  const mixed = rows[3]!.map((component, i) => component * 0.75 + rows[5]![i]! * 0.25)
  return [rows[0]!, rows[rows.length - 1]!, mixed]
}

function gather(graph: VamanaGraph, nodes: readonly number[]): void {
  graph.core.scratch(0).words(THREAD_GATHERED_AT, nodes.length).set(nodes)
}

function distances(graph: VamanaGraph, count: number): Float32Array {
  return graph.core.scratch(0).distances(count).slice()
}

function queryDistances(graph: VamanaGraph, query: Float32Array): Float32Array {
  graph.core.writeVector(0, query)
  graph.core.kernel.prepareQuery(0)
  gather(
    graph,
    Array.from({ length: graph.nodeCount }, (_, node) => node),
  )
  graph.core.kernel.distancesOfGathered(0, graph.nodeCount)
  return distances(graph, graph.nodeCount)
}

function nearestInLeaf(graph: VamanaGraph, members: readonly number[], most: number, form: number): number[][] {
  const { core } = graph
  const starts = core.memory.allocate(8)
  const at = core.memory.allocate(members.length * 4)
  const out = core.memory.allocate(members.length * most * 4)
  core.words(starts, 2).set([0, members.length])
  core.words(at, members.length).set(members)
  runToEnd(core, one(phase('nearestInLeaves', 1, 1, starts, at, out, most, form)))
  const found = [...core.words(out, members.length * most)]
  return members.map((_, i) => found.slice(i * most, (i + 1) * most).filter((node) => node !== 0xffffffff))
}

function* one<Item>(item: Item): Generator<Item, void, void> {
  yield item
}

function expectHits(
  { nodes, distances: found, visited }: ReturnType<VamanaGraph['search']>,
  expected: { results: readonly Candidate[]; visited: number },
): void {
  expect([...nodes]).toEqual(expected.results.map(({ node }) => node))
  expectSameBits(
    found,
    expected.results.map(({ distance }) => distance),
  )
  expect(visited).toBe(expected.visited)
  expect([...expected.results]).toEqual([...expected.results].sort(byDistance))
}

/** Bits, because toEqual on numbers would take 0 for -0. */
function expectSameBits(actual: Float32Array, expected: readonly number[]): void {
  expect(new Uint32Array(actual.slice().buffer)).toEqual(new Uint32Array(Float32Array.from(expected).buffer))
}
