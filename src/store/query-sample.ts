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

/** A query, mostly an entry of a collection, and how far the farthest of its `k` nearest others is. */
export interface SampledQuery {
  readonly query: ResolvedQuery
  /** Whether it is none of the entries: every other component is one's, the rest another's. */
  readonly isMixed: boolean
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

export interface SampleSize {
  readonly k: number
  /** Entries at most. */
  readonly most: number
  /** Mixtures of two, as a share of the entries: they are farther from all others than these. */
  readonly mixedShare?: number
}

/**
 * Draws entries of a collection as queries, the same ones from equal content, and finds the true nearest of each, itself left
 * out, by comparing it with all others as of the call. There are fewer queries where that would take long.
 * @throws StoreError `ERR_ABORTED`, or what reading vectors says.
 */
export async function sampleQueries(
  view: CollectionView,
  { k, most, mixedShare = 0 }: SampleSize,
  tools: SampleTools,
): Promise<SampledQuery[]> {
  const capture = view.capture()
  const components = Math.max(1, view.liveCount * view.dimensions)
  const count = Math.min(most, Math.max(FEWEST_QUERIES, Math.floor(COMPARED_COMPONENTS / components)))
  const slots = drawSlots(capture, view.liveCount, count)
  const entries = slots.map((slot) => ({ slot, vector: capture.borrowRun(slot, 1).vectors.slice() }))
  const mixtures = mixturesOf(entries, Math.floor(entries.length * mixedShare))
  const queries = [...entries, ...mixtures.map((vector) => ({ slot: undefined, vector }))].map(({ slot, vector }) => {
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
    const query = slot === undefined ? { vector } : { vector, excludedId: idOfBytes(capture.borrowId(slot)) }
    return { query, isMixed: slot === undefined, wanted: others.length, farthest }
  })
}

/** Every other component of one entry, and the rest of another; none where that is nothing but zeros. */
function mixturesOf(entries: readonly { readonly vector: Float32Array }[], most: number): Float32Array[] {
  const half = entries.length >> 1
  const mixtures: Float32Array[] = []
  for (let place = 0; place < Math.min(most, half); place++) {
    const { vector: other } = entries[place + half]!
    const mixture = entries[place]!.vector.map((component, at) => (at % 2 === 0 ? component : other[at]!))
    if (mixture.some((component) => component !== 0)) mixtures.push(mixture)
  }
  return mixtures
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
