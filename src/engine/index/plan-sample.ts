import type { CollectionView } from '../collection-state.ts'
import type { SeededRandom } from '../graph/seeded-random.ts'
import { allocatePages } from '../page-memory.ts'
import { RunScratch } from '../run-scratch.ts'
import { Pace } from './pace.ts'

export type SampledView = Pick<CollectionView, 'dimensions' | 'metric' | 'isDead' | 'borrowRun'>

/** Vectors row by row, copied: entries may die and the collection may be dropped while they are looked at. */
export interface VectorSample {
  readonly dimensions: number
  readonly rows: number
  /** Rising: where each row is from. */
  readonly slots: Uint32Array
  readonly vectors: Float32Array
  /** Slots that the rows were drawn from. */
  readonly liveCount: number
}

const MOST_ROWS = 10_000
const MOST_BYTES = 32 * 1024 * 1024
/** To judge a slot and draw a number for it. */
const STEPS_A_SLOT = 30
/** A vector is fetched from somewhere in memory where nothing was read lately. */
const STEPS_A_ROW = 1000

/** Copies live vectors below `throughSlot`, each as likely as any other; all of them, unless they are too many. */
export function* drawSample(
  view: SampledView,
  throughSlot: number,
  random: SeededRandom,
): Generator<void, VectorSample, void> {
  const pace = new Pace()
  const { dimensions } = view
  const mostRows = Math.min(MOST_ROWS, Math.floor(MOST_BYTES / (dimensions * 4)))
  const { slots, liveCount } = yield* drawSlots(view, throughSlot, mostRows, random)
  const vectors = new Float32Array(allocatePages(slots.length * dimensions * 4), 0, slots.length * dimensions)
  const scratch = new RunScratch()
  let rows = 0
  for (const slot of slots) {
    // It was alive when it was drawn, and others had their turn since.
    if (view.isDead(slot)) continue
    slots[rows] = slot
    vectors.set(view.borrowRun(slot, 1, scratch).vectors, rows * dimensions)
    rows += 1
    if (pace.isSliceFull(STEPS_A_ROW + 2 * dimensions)) yield
  }
  const filled = vectors.subarray(0, rows * dimensions)
  return { dimensions, rows, slots: slots.subarray(0, rows), vectors: filled, liveCount }
}

/** Draws live slots in one pass, without counting them first; rising, so that vectors are read from front to back. */
function* drawSlots(
  view: SampledView,
  throughSlot: number,
  most: number,
  random: SeededRandom,
): Generator<void, { slots: Uint32Array; liveCount: number }, void> {
  const pace = new Pace()
  const drawn: number[] = []
  let liveCount = 0
  for (let slot = 0; slot < throughSlot; slot++) {
    if (pace.isSliceFull(STEPS_A_SLOT)) yield
    if (view.isDead(slot)) continue
    liveCount += 1
    if (drawn.length < most) {
      drawn.push(slot)
      continue
    }
    const place = random.below(liveCount)
    if (place < most) drawn[place] = slot
  }
  return { slots: Uint32Array.from(drawn).sort(), liveCount }
}
