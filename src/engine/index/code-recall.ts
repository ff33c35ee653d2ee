import type { GraphCore } from '../graph/graph-core.ts'
import type { WalkCodes } from '../graph/graph-parameters.ts'
import { THREAD_GATHERED_AT } from '../kernel/assembly-graph/layout.ts'
import { createSelection, type Selection } from '../kernel/scan-kernel.ts'
import { offer } from '../kernel/selection.ts'
import { RunScratch } from '../run-scratch.ts'
import type { Neighbourhood } from './neighbourhoods.ts'
import { Pace } from './pace.ts'
import type { SampledView } from './plan-sample.ts'

/** Share of the nearest that codes lead to. */
export type CodeRecall = Readonly<Record<WalkCodes, number>>

const NEAREST = 10
/** How many of the nearest by code a search with default options compares exactly. */
const RESCORED = 40
/** To encode a component once wide and once narrow; to compare it by code. */
const ENCODING_STEPS = 20
const CODE_STEPS = 0.1
/** Multiples of one vector are equally near by cosine, though rounding tells them apart. */
const TIE_SLACK = 1e-12

/**
 * Which of the nearest are also near by code, for both kinds of codes. These are made in `core`, which must be empty and is
 * of no use afterwards: one neighbourhood takes the nodes of the one before.
 */
export function* measureCodes(
  core: GraphCore,
  view: SampledView,
  neighbourhoods: readonly Neighbourhood[],
): Generator<void, CodeRecall, void> {
  const found = { narrow: 0, wide: 0 }
  let wanted = 0
  const encoding = new Pace()
  const comparing = new Pace()
  for (const { vector, nearest } of neighbourhoods) {
    const scores = yield* encodeRows(core, view, nearest, encoding)
    const most = farthestOf(scores)
    const count = Math.min(NEAREST, scores.length)
    wanted += count
    for (const codes of ['narrow', 'wide'] as const) {
      const right = nearestByCode(core, vector, codes, scores.length).filter((node) => scores[node]! <= most)
      found[codes] += Math.min(right.length, count)
      if (comparing.isSliceFull(scores.length * view.dimensions * CODE_STEPS)) yield
    }
  }
  return wanted === 0 ? { narrow: 1, wide: 1 } : { narrow: found.narrow / wanted, wide: found.wide / wanted }
}

/** Makes rows the nodes from 0 on, and returns the exact score of each. */
function* encodeRows(
  core: GraphCore,
  view: SampledView,
  { count, slots, scores }: Selection,
  pace: Pace,
): Generator<void, Float64Array, void> {
  const encoded: number[] = []
  const scratch = new RunScratch()
  // As in a graph, where equal distances are ordered by nodes, these must not be numbered by the exact distance.
  const order = Array.from({ length: count }, (_, place) => place).sort((a, b) => slots[a]! - slots[b]!)
  for (const place of order) {
    const slot = slots[place]!
    // It was alive when it was compared, and others had their turn since.
    if (view.isDead(slot)) continue
    const node = encoded.push(scores[place]!) - 1
    if (node === core.nodeCount) core.newNode()
    core.writeVector(0, view.borrowRun(slot, 1, scratch).vectors)
    core.kernel.encodeNode(0, node)
    if (pace.isSliceFull(view.dimensions * ENCODING_STEPS)) yield
  }
  return Float64Array.from(encoded)
}

/** The score up to which a row counts as one of the nearest. */
function farthestOf(scores: Float64Array): number {
  const farthest = scores.slice().sort()[Math.min(NEAREST, scores.length) - 1] ?? 0
  return farthest + Math.abs(farthest) * TIE_SLACK
}

/** As a walk compares: the query is encoded for the codes that it reads. */
function nearestByCode(core: GraphCore, query: Float32Array, codes: WalkCodes, nodeCount: number): Uint32Array {
  core.walkCodes = codes
  core.writeVector(0, query)
  core.kernel.prepareQuery(0)
  const scratch = core.scratch(0)
  const gathered = scratch.words(THREAD_GATHERED_AT, nodeCount)
  for (let node = 0; node < nodeCount; node++) gathered[node] = node
  core.kernel.distancesOfGathered(0, nodeCount)
  const distances = scratch.distances(nodeCount)
  const nearest = createSelection(RESCORED)
  for (let node = 0; node < nodeCount; node++) offer(nearest, distances[node]!, node)
  return nearest.slots.subarray(0, nearest.count)
}
