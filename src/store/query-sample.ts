import { type Abortable, throwIfAborted } from '../base/abort.ts'
import type { CollectionCapture } from '../engine/collection-capture.ts'
import type { CollectionView } from '../engine/collection-state.ts'
import { passFreed } from '../engine/freed-chunks.ts'
import { SeededRandom } from '../engine/graph/seeded-random.ts'
import { idOfBytes } from '../engine/id-text.ts'
import { Pace } from '../engine/index/pace.ts'
import { createSelection, type ScanKernel, type ScanQuery, type Selection } from '../engine/kernel/scan-kernel.ts'
import { sortedSelection } from '../engine/kernel/selection.ts'
import { distanceOfScore } from '../engine/metric.ts'
import { RunScratch } from '../engine/run-scratch.ts'
import { checkQuery } from '../engine/vector-buffer.ts'
import type { CheckedOptions, Hit, ResolvedQuery } from './search.ts'

/** Components that all queries together are compared with: some two seconds. */
const COMPARED_COMPONENTS = 4e9
const FEWEST_QUERIES = 50
const TRIES_A_QUERY = 50
/** Nanoseconds that comparing a component takes, and a call. */
const STEPS_A_COMPONENT = 0.6
const STEPS_A_CALL = 3000

/** An entry of a collection as a query, and how far the farthest of its `k` nearest others is. */
export interface SampledQuery {
  readonly query: ResolvedQuery
  /** How many of `k` there are. */
  readonly wanted: number
  /** A hit that is no farther is one of the nearest: equal distances stand for each other. */
  readonly farthest: number
}

export interface SampleTools {
  readonly kernel: ScanKernel
  readonly yieldToEventLoop: () => Promise<void>
  readonly signal?: Abortable | undefined
}

/**
 * Draws entries of a collection as queries, the same ones from equal content, and finds the true nearest of each, itself left
 * out, by comparing it with all others as of the call. There are fewer queries where that would take long.
 * @throws StoreError `ERR_ABORTED`, or what reading vectors says.
 */
export async function sampleQueries(
  view: CollectionView,
  { k, most }: { readonly k: number; readonly most: number },
  tools: SampleTools,
): Promise<SampledQuery[]> {
  const capture = view.capture()
  const components = Math.max(1, view.liveCount * view.dimensions)
  const count = Math.min(most, Math.max(FEWEST_QUERIES, Math.floor(COMPARED_COMPONENTS / components)))
  const slots = drawSlots(capture, view.liveCount, count)
  const queries = slots.map((slot) => {
    const vector = capture.borrowRun(slot, 1).vectors.slice()
    // One more than is wanted, because each finds itself.
    return { slot, scan: checkQuery(view, { vector, k }), vector, nearest: createSelection(k + 1) }
  })
  await compareAll(capture, queries, tools)
  return queries.flatMap(({ slot, vector, nearest }) => {
    const sorted = sortedSelection(nearest)
    const others = [...sorted.scores].filter((_, place) => sorted.slots[place] !== slot).slice(0, k)
    const score = others.at(-1)
    if (score === undefined) return []
    const farthest = distanceOfScore(view.distanceMetric, score)
    return { query: { vector, excludedId: idOfBytes(capture.borrowId(slot)) }, wanted: others.length, farthest }
  })
}

/** Live slots; all of them where they are few. */
function drawSlots(capture: CollectionCapture, liveCount: number, count: number): number[] {
  const { slotCount, creationLsn } = capture
  if (liveCount <= count * 2) {
    const all = Array.from({ length: slotCount }, (_, slot) => slot)
    return all.filter((slot) => !capture.isDead(slot)).slice(0, count)
  }
  const random = new SeededRandom((creationLsn + slotCount) % 2 ** 32)
  const drawn = new Set<number>()
  for (let tries = count * TRIES_A_QUERY; tries > 0 && drawn.size < count; tries--) {
    const slot = random.below(slotCount)
    if (!capture.isDead(slot)) drawn.add(slot)
  }
  return [...drawn]
}

/** One pass over all vectors, because they may be on disk. */
async function compareAll(
  capture: CollectionCapture,
  queries: readonly { readonly scan: ScanQuery; readonly nearest: Selection }[],
  { kernel, yieldToEventLoop, signal }: SampleTools,
): Promise<void> {
  const { slotCount, dimensions, tombstones } = capture
  const pace = new Pace()
  const scratch = new RunScratch()
  for (let slot = passFreed(capture, 0); slot < slotCount && queries.length > 0; ) {
    const run = capture.borrowRun(slot, Math.min(kernel.rowsPerCall(dimensions), slotCount - slot), scratch)
    for (const { scan, nearest } of queries) {
      kernel.scan(scan, { ...run, firstSlot: slot, dead: tombstones }, nearest)
      if (!pace.isSliceFull(STEPS_A_CALL + run.rows * dimensions * STEPS_A_COMPONENT)) continue
      await yieldToEventLoop()
      throwIfAborted(signal, 'measuring')
    }
    slot = passFreed(capture, slot + run.rows)
  }
}

/** Share of what was wanted of a query that is among some hits. */
export function shareFound({ wanted, farthest }: SampledQuery, hits: readonly Hit[]): number {
  const right = hits.filter(({ distance }) => distance <= farthest).length
  return Math.min(right, wanted) / wanted
}

/**
 * A search as one for a vector that is not in the collection: an entry's own edges lead straight to its neighbours, so its
 * walk passes it over.
 */
export function plainOptions({
  k,
  listSize,
}: {
  readonly k: number
  readonly listSize: number
}): CheckedOptions<object> {
  return {
    k,
    listSize,
    exact: false,
    recall: undefined,
    rescore: true,
    filter: undefined,
    maxDistance: Number.POSITIVE_INFINITY,
    includeMetadata: false,
    includeVectors: false,
    signal: undefined,
    leaveOut: true,
  }
}
