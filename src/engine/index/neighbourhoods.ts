import type { SeededRandom } from '../graph/seeded-random.ts'
import { createSelection, type Selection } from '../kernel/scan-kernel.ts'
import { offer } from '../kernel/selection.ts'
import type { Metric } from '../metric.ts'
import { RunScratch } from '../run-scratch.ts'
import { scoreOf } from './exact-scores.ts'
import { Pace } from './pace.ts'
import type { SampledView, VectorSample } from './plan-sample.ts'

/** A vector of the collection as a query, and the others that are nearest to it. */
export interface Neighbourhood {
  readonly slot: number
  readonly vector: Float32Array
  readonly nearest: Selection
}

const FEWEST_QUERIES = 20
const MOST_QUERIES = 50
/** Of each query: fewer than one call of the graph's kernel compares, and so few components that it takes 0.3 ms at most. */
const MOST_NEAREST = 400
const MOST_COMPONENTS = 2 ** 21
/** With more products there are fewer queries (0.3 s); with still more, not all vectors are compared (1 s). */
const PRODUCTS_WANTED = 500_000_000
const MOST_PRODUCTS = 1_000_000_000
/** Encoding a vector takes as long as comparing it with so many. */
const ENCODING_PRODUCTS = 20
const STEPS_A_SLOT = 30
/** To fetch a row, and to offer it to the neighbourhoods. */
const STEPS_A_ROW = 500

/**
 * Compares some vectors of the sample with all live ones below `throughSlot`: in a sample, however large, tight clusters are
 * thinner than they are, and codes tell their members apart more easily.
 */
export function* findNeighbourhoods(
  view: SampledView,
  throughSlot: number,
  sample: VectorSample,
  random: SeededRandom,
): Generator<void, Neighbourhood[], void> {
  const { dimensions, metric } = view
  const found = drawQueries(sample, random)
  const products = found.length * dimensions
  const mostRows = Math.floor(MOST_PRODUCTS / products)
  const pace = new Pace()
  const scratch = new RunScratch()
  for (let slot = 0; slot < throughSlot && found.length > 0; slot++) {
    if (pace.isSliceFull(STEPS_A_SLOT)) yield
    if (view.isDead(slot) || (sample.liveCount > mostRows && random.below(sample.liveCount) >= mostRows)) continue
    const { vectors, norms } = view.borrowRun(slot, 1, scratch)
    offerTo(found, metric, { slot, vector: vectors, norm: norms[0] ?? 1 })
    if (pace.isSliceFull(products + STEPS_A_ROW)) yield
  }
  return found
}

function drawQueries(sample: VectorSample, random: SeededRandom): Neighbourhood[] {
  const { rows, dimensions, liveCount, slots, vectors } = sample
  const most = Math.min(MOST_NEAREST, Math.floor(MOST_COMPONENTS / dimensions))
  const affordable = Math.floor(PRODUCTS_WANTED / ((liveCount + most * ENCODING_PRODUCTS) * dimensions))
  const wanted = Math.min(rows, Math.max(FEWEST_QUERIES, Math.min(MOST_QUERIES, affordable)))
  const drawn = new Set<number>()
  while (drawn.size < wanted) drawn.add(random.below(rows))
  return Array.from(drawn, (row) => ({
    slot: slots[row]!,
    vector: vectors.subarray(row * dimensions, (row + 1) * dimensions),
    nearest: createSelection(most),
  }))
}

function offerTo(
  found: readonly Neighbourhood[],
  metric: Metric,
  { slot, vector, norm }: { slot: number; vector: Float32Array; norm: number },
): void {
  for (const query of found) {
    if (query.slot !== slot) offer(query.nearest, scoreOf(metric, query.vector, vector, norm), slot)
  }
}
