import { describe, expect, test } from 'vitest'
import type { GraphOptions } from '../../src/engine/graph/graph-parameters.ts'
import type { GraphHits, SearchOptions } from '../../src/engine/graph/graph-search.ts'
import { loadLeanModule } from '../../src/engine/graph/lean-kernel.ts'
import type { LeanCodes } from '../../src/engine/graph/lean-steps.ts'
import type { VamanaGraph } from '../../src/engine/graph/vamana-graph.ts'
import { LONG_CODE_BYTES } from '../../src/engine/kernel/assembly-graph/layout.ts'
import { createEstimates } from '../../src/engine/quantization/binary-codes.ts'
import { ReferenceBinaryCodes } from '../../src/engine/quantization/reference-binary-codes.ts'
import { bitmapOf, builtGraph, rowsOf, type VectorSet } from '../engine/graph/graph-fixture.ts'
import { ReferenceGraph } from './graph-kernel/reference-graph.ts'

const module = await loadLeanModule()
const MEAN_NODES = 1024
const MEAN_COMPONENTS = 2 ** 18
const MOST_FLOAT = 3.4028234663852886e38

const FILTERS: readonly ((node: number) => boolean)[] = [
  (node) => node % 3 === 0,
  (node) => node % 16 !== 5,
  () => true,
  () => false,
]

export function leanOf(graph: VamanaGraph, codes: LeanCodes): VamanaGraph {
  const steps = graph.lean(codes, module)
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

/** Walks on lean graphs: against those on the whole graph, and on codes of one bit against plain TypeScript, bit for bit. */
export function leanKernelSuite(name: string, set: VectorSet, options: Partial<GraphOptions> = {}): void {
  describe(name, () => {
    test('on the codes of walks, finds what a whole graph finds', async () => {
      const graph = await builtGraph(set, 'insert', options)
      for (const codes of ['narrow', 'wide'] as const) {
        graph.walkCodes = codes
        const lean = leanOf(graph, 'walk')
        expect([lean.codes, lean.walkCodes, lean.linkedCount]).toEqual([
          graph.codes,
          graph.walkCodes,
          graph.linkedCount,
        ])
        for (const query of queriesOf(set))
          for (const how of searches(graph)) expectSame(lean.search(query, how), graph.search(query, how))
      }
    })

    test('on codes of one bit, finds what plain TypeScript finds', async () => {
      const graph = await builtGraph(set, 'insert', options)
      const lean = leanOf(graph, 'binary')
      expect(lean.codes).toBe('1-bit')
      const codes = binaryCodesOf(graph)
      const reference = new ReferenceGraph(graph)
      const nodesAStep = codes.parameters.padded / 8 < LONG_CODE_BYTES ? 2 : 1
      const all = Uint32Array.from({ length: graph.nodeCount }, (_, node) => node)
      for (const query of queriesOf(set)) {
        codes.prepareQuery(query)
        const estimates = createEstimates(graph.nodeCount)
        codes.estimate(all, estimates)
        const distanceOf = (node: number) => estimates.scores[node]!
        for (const listSize of [1, 2, 15]) {
          const { results, visited } = reference.walkBy(distanceOf, nodesAStep, { listSize })
          expectSame(lean.search(query, { listSize }), hitsOf(results, visited))
          for (const isAllowed of FILTERS) {
            const how = { listSize, frontierSize: 60 }
            const expected = reference.walkBy(distanceOf, nodesAStep, { ...how, isAllowed })
            const found = lean.search(query, { ...how, allowed: bitmapOf(graph.nodeCount, isAllowed) })
            expectSame(found, hitsOf(expected.results, expected.visited))
          }
        }
      }
    })
  })
}

/** Codes of what the wide codes of a graph stand for, around the mean of a sample of them. */
function binaryCodesOf(graph: VamanaGraph): ReferenceBinaryCodes {
  const { dimensions, metric, seed, scale } = graph.parameters
  const reference = new ReferenceGraph(graph)
  const vectors = Array.from({ length: graph.nodeCount }, (_, node) => decoded(graph, reference.wide(node)))
  const sampled = Math.min(MEAN_NODES, Math.ceil(MEAN_COMPONENTS / dimensions), vectors.length)
  const centre = new Float64Array(dimensions)
  for (let place = 0; place < sampled; place++) {
    const vector = vectors[Math.floor((place * vectors.length) / sampled)]!
    for (let i = 0; i < dimensions; i++) centre[i]! += (vector[i]! - centre[i]!) / (place + 1)
  }
  const codes = new ReferenceBinaryCodes({
    dimensions,
    metric,
    seed,
    centre,
    ...(metric !== 'cosine' && { scale }),
  })
  for (const [node, vector] of vectors.entries()) codes.encode(node, vector)
  return codes
}

/** What a wide code stands for, where its vector was. */
function decoded({ parameters }: VamanaGraph, code: Uint8Array): Float32Array {
  const { dimensions, metric, scale, centre } = parameters
  const bytes = code.slice()
  const isFloat = dimensions <= 32
  const levels = isFloat ? new Float32Array(bytes.buffer) : new Int8Array(bytes.buffer)
  const factor = isFloat ? 1 : new Float32Array(bytes.buffer, bytes.length - 8, 1)[0]!
  const step = metric === 'euclidean' && !isFloat ? factor / Math.SQRT2 : factor
  const worth = metric === 'cosine' ? step : step / scale
  return Float32Array.from({ length: dimensions }, (_, i) =>
    Math.max(-MOST_FLOAT, Math.min(MOST_FLOAT, levels[i]! * worth + centre[i]!)),
  )
}

function queriesOf(set: VectorSet): Float32Array[] {
  const rows = rowsOf(set)
  const mixed = rows[3]!.map((component, i) => component * 0.75 + rows[5]![i]! * 0.25)
  return [rows[0]!, rows[rows.length - 1]!, mixed]
}

function searches({ nodeCount }: VamanaGraph): SearchOptions[] {
  return [1, 2, 15].flatMap((listSize) => [
    { listSize },
    { listSize, passedOver: nodeCount >> 1 },
    ...FILTERS.map((isAllowed) => ({ listSize, frontierSize: 60, allowed: bitmapOf(nodeCount, isAllowed) })),
  ])
}

function hitsOf(results: readonly { node: number; distance: number }[], visited: number): GraphHits {
  return {
    nodes: Uint32Array.from(results, ({ node }) => node),
    distances: Float32Array.from(results, ({ distance }) => distance),
    visited,
  }
}

/** Bits, because toEqual on numbers would take 0 for -0. */
function expectSame(found: GraphHits, expected: GraphHits): void {
  expect([...found.nodes]).toEqual([...expected.nodes])
  expect(new Uint32Array(found.distances.slice().buffer)).toEqual(new Uint32Array(expected.distances.slice().buffer))
  expect(found.visited).toBe(expected.visited)
}
