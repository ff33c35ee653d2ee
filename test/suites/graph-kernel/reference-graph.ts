import type { GraphParameters } from '../../../src/engine/graph/graph-parameters.ts'
import type { VamanaGraph } from '../../../src/engine/graph/vamana-graph.ts'
import { LONG_CODE_BYTES } from '../../../src/engine/kernel/assembly-graph/layout.ts'
import { encodeReference } from './reference-codes.ts'
import { type Form, narrowDistance, walkForm, wideDistance } from './reference-distances.ts'

export interface Candidate {
  readonly node: number
  readonly distance: number
}

/** Nearer first, equal distances by node: the one order of nodes. */
export function byDistance(a: Candidate, b: Candidate): number {
  return a.distance - b.distance || a.node - b.node
}

/** A copy of a graph's codes and rows, worked on in plain TypeScript. */
export class ReferenceGraph {
  readonly parameters: GraphParameters
  readonly rows: number[][]
  readonly entries: number[]
  readonly #wide: Uint8Array[]
  readonly #narrow: Uint8Array[]
  readonly #isNarrow: boolean

  constructor(graph: VamanaGraph) {
    const { core, parameters } = graph
    const { wideStride, narrowStride } = core.shape
    const codes = graph.exportCodes(0, graph.nodeCount)
    const stride = wideStride + narrowStride
    const starts = Array.from({ length: graph.nodeCount }, (_, node) => node * stride)
    this.parameters = parameters
    this.#wide = starts.map((at) => codes.subarray(at, at + wideStride))
    this.#narrow = starts.map((at) => codes.subarray(at + wideStride, at + stride))
    this.#isNarrow = graph.walkCodes === 'narrow'
    const { offsets, nodes } = graph.exportEdges()
    this.rows = starts.map((_, node) => [...nodes.subarray(offsets[node], offsets[node + 1])])
    this.entries = [...core.entries.nodes]
  }

  wide(node: number): Uint8Array {
    return this.#wide[node]!
  }

  narrow(node: number): Uint8Array {
    return this.#narrow[node]!
  }

  between(a: number, b: number, form: Form): number {
    return wideDistance(this.parameters, this.wide(a), this.wide(b), form)
  }

  /** The wide code of a query. */
  queryCode(query: Float32Array): Uint8Array {
    return encodeReference(this.parameters, query, true).wide
  }

  #walkDistance(query: Uint8Array, node: number): number {
    const form = walkForm(this.parameters)
    return this.#isNarrow
      ? narrowDistance(this.parameters, query, this.narrow(node), form)
      : wideDistance(this.parameters, query, this.wide(node), form)
  }

  /** The beam search: the same steps as the kernel's, in the plainest form. */
  walk(query: Uint8Array, options: WalkOptions): Walk {
    return this.walkBy((node) => this.#walkDistance(query, node), this.#nodesAStep(), options)
  }

  /** The same on whatever distances. */
  walkBy(
    distanceOf: (node: number) => number,
    nodesAStep: number,
    { listSize, frontierSize = listSize, isAllowed, from }: WalkOptions,
  ): Walk {
    const measured = (node: number): Candidate => ({ node, distance: distanceOf(node) })
    const start = from === undefined ? this.entries.map(measured).sort(byDistance)[0] : { node: from, distance: 0 }
    if (start === undefined) return { results: [], visited: 0, expanded: [] }
    const seen = new Set([start.node])
    const expanded = new Set<number>()
    let visited = from === undefined ? this.entries.length : 0
    let frontier = [start]
    let results = isAllowed?.(start.node) ? [start] : []
    for (;;) {
      const open = frontier.filter(({ node }) => !expanded.has(node)).slice(0, nodesAStep)
      if (open.length === 0) break
      for (const { node } of open) expanded.add(node)
      const fresh = new Set(open.flatMap(({ node }) => this.rows[node]!).filter((node) => !seen.has(node)))
      for (const node of fresh) seen.add(node)
      visited += fresh.size
      const found = [...fresh].map(measured)
      frontier = [...frontier, ...found].sort(byDistance).slice(0, frontierSize)
      if (isAllowed === undefined) continue
      results = [...results, ...found.filter(({ node }) => isAllowed(node))].sort(byDistance).slice(0, listSize)
      const worst = results[listSize - 1]
      // What lies beyond full results would never be expanded.
      if (worst !== undefined) frontier = frontier.filter((candidate) => byDistance(candidate, worst) <= 0)
    }
    return { results: isAllowed === undefined ? frontier : results, visited, expanded: [...expanded] }
  }

  /** Two nodes are expanded at once unless their codes are long. */
  #nodesAStep(): number {
    const code = this.#isNarrow ? this.narrow(0) : this.wide(0)
    return code.length - 8 < LONG_CODE_BYTES ? 2 : 1
  }

  /** What a node chooses when it looks round once more. */
  refined(node: number, listSize: number): number[] {
    const { expanded } = this.walk(this.wide(node), { listSize, from: node })
    const candidates = new Set([...expanded, ...this.rows[node]!])
    candidates.delete(node)
    return this.choose(node, [...candidates])
  }

  /** Robust prune; by dot product half by direction, half the greatest products. */
  choose(node: number, candidates: readonly number[]): number[] {
    const { degree, metric } = this.parameters
    if (metric !== 'dot') return this.#prune(node, candidates, degree, 'bias')
    const kept = this.#prune(node, candidates, degree >> 1, 'direction')
    const rest = this.#ranked(node, candidates, 'dot').filter((candidate) => !kept.includes(candidate.node))
    return [...kept, ...rest.map((candidate) => candidate.node)].slice(0, degree)
  }

  #ranked(node: number, candidates: readonly number[], form: Form): Candidate[] {
    return candidates.map((other) => ({ node: other, distance: this.between(node, other, form) })).sort(byDistance)
  }

  #prune(node: number, candidates: readonly number[], most: number, form: Form): number[] {
    const alpha = Math.fround(this.parameters.alpha)
    const kept: number[] = []
    for (const { node: other, distance } of this.#ranked(node, candidates, form)) {
      if (kept.length === most) break
      const isCovered = kept.some((taken) => Math.fround(alpha * this.between(taken, other, form)) <= distance)
      if (!isCovered) kept.push(other)
    }
    return kept
  }

  /** The `most` nearest of each member within a leaf. */
  nearestInLeaf(members: readonly number[], most: number, form: Form): number[][] {
    return members.map((member) =>
      this.#ranked(
        member,
        members.filter((other) => other !== member),
        form,
      )
        .slice(0, most)
        .map(({ node }) => node),
    )
  }
}

export interface WalkOptions {
  readonly listSize: number
  readonly frontierSize?: number
  readonly isAllowed?: (node: number) => boolean
  /** Where it begins; the best of the entries unless it is given. */
  readonly from?: number
}

export interface Walk {
  readonly results: Candidate[]
  readonly visited: number
  readonly expanded: number[]
}
