import type { GraphOptions } from '../../../src/engine/graph/graph-parameters.ts'
import { VamanaGraph } from '../../../src/engine/graph/vamana-graph.ts'
import type { Metric } from '../../../src/engine/metric.ts'

/** Vectors row by row, and how they are compared. */
export interface VectorSet {
  readonly metric: Metric
  readonly dimensions: number
  readonly vectors: Float32Array
  readonly centre?: Float64Array
}

export type Method = 'insert' | 'bulk'

export function rowsOf({ vectors, dimensions }: VectorSet): Float32Array[] {
  return Array.from({ length: vectors.length / dimensions }, (_, row) =>
    vectors.subarray(row * dimensions, (row + 1) * dimensions),
  )
}

/** A graph whose nodes are the rows, coded but not linked. */
export async function graphOf(set: VectorSet, options: Partial<GraphOptions> = {}): Promise<VamanaGraph> {
  const { metric, dimensions, centre } = set
  const graph = await VamanaGraph.create({ metric, dimensions, ...(centre && { centre }), ...options })
  for (const row of rowsOf(set)) graph.add(row)
  return graph
}

export function allNodes(graph: VamanaGraph): Uint32Array {
  return Uint32Array.from({ length: graph.nodeCount }, (_, node) => node)
}

export async function builtGraph(
  set: VectorSet,
  method: Method,
  options: Partial<GraphOptions> = {},
): Promise<VamanaGraph> {
  const graph = await graphOf(set, options)
  graph.run(method === 'insert' ? graph.insert(allNodes(graph)) : graph.bulk(allNodes(graph)))
  return graph
}

export function bitmapOf(count: number, has: (node: number) => boolean): Uint8Array {
  const bitmap = new Uint8Array(Math.ceil(count / 8))
  for (let node = 0; node < count; node++) if (has(node)) bitmap[node >> 3]! |= 1 << (node & 7)
  return bitmap
}

/** Exact score of a row, smaller is nearer. */
export function scoreOf({ metric, dimensions, vectors }: VectorSet, query: Float32Array, row: number): number {
  let sum = 0
  let square = 0
  for (let i = 0, at = row * dimensions; i < dimensions; i++, at++) {
    const component = vectors[at]!
    square += component * component
    sum += metric === 'euclidean' ? (query[i]! - component) ** 2 : -query[i]! * component
  }
  return metric === 'cosine' ? sum / Math.sqrt(square) : sum
}

export interface RecallOptions {
  readonly listSize: number
  readonly k?: number
  readonly isAllowed?: (node: number) => boolean
}

/**
 * Share of the k nearest that a walk finds, once its candidates are scored exactly. One that is as near as the k-th counts,
 * so that equal vectors stand for each other.
 */
export function recallOf(graph: VamanaGraph, set: VectorSet, queries: Float32Array[], options: RecallOptions): number {
  const { listSize, k = 10, isAllowed } = options
  const rows = set.vectors.length / set.dimensions
  const exact = exactScores(set, queries)
  const allowed = isAllowed && { allowed: bitmapOf(rows, isAllowed) }
  let found = 0
  let wanted = 0
  for (const [index, query] of queries.entries()) {
    const scores = exact[index]!
    const sorted = scores.filter((_, row) => isAllowed?.(row) ?? true).sort()
    const worst = sorted[Math.min(k, sorted.length) - 1]
    if (worst === undefined) continue
    wanted += Math.min(k, sorted.length)
    const { nodes } = graph.search(query, { listSize, ...allowed })
    const slack = Math.abs(worst) * 1e-9
    found += Math.min(k, nodes.filter((node) => scores[node]! <= worst + slack).length)
  }
  return found / wanted
}

/** Scores of all rows by query: a test that asks at many list sizes computes them once. */
const scoresOfQueries = new WeakMap<Float32Array, Float64Array>()

function exactScores(set: VectorSet, queries: readonly Float32Array[]): Float64Array[] {
  const rows = set.vectors.length / set.dimensions
  return queries.map((query) => {
    const scores =
      scoresOfQueries.get(query) ?? Float64Array.from({ length: rows }, (_, row) => scoreOf(set, query, row))
    scoresOfQueries.set(query, scores)
    return scores
  })
}
