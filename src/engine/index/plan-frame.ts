import { LEAST_SCALE, MOST_SCALE } from '../graph/graph-parameters.ts'
import type { Metric } from '../metric.ts'
import { squaredDistance } from './exact-scores.ts'
import type { GraphPlan } from './graph-plan.ts'
import { Pace } from './pace.ts'
import type { VectorSample } from './plan-sample.ts'

export type PlanFrame = Pick<GraphPlan, 'centre' | 'scale'>

/** A row so many times farther out than the middle one is a stray. */
const STRAY_FACTOR = 16
/** Strays may hide behind greater ones, but not for ever. */
const MOST_ROUNDS = 8

/**
 * The mean of the vectors (euclidean), and the power of two that brings their mean distance from it, or from zero (dot),
 * near 1. Strays do not count: beside a single component of 1e38 no float32 could tell vectors of ordinary size apart.
 */
export function* frameOf(sample: VectorSample, metric: Metric): Generator<void, PlanFrame, void> {
  if (metric === 'cosine' || sample.rows === 0) return { centre: undefined, scale: 1 }
  const [adding, measuring] = [new Pace(), new Pace()]
  let rows = Uint32Array.from({ length: sample.rows }, (_, row) => row)
  for (let round = 1; ; round++) {
    const centre = metric === 'euclidean' ? yield* meanOf(sample, rows, adding) : undefined
    const lengths = yield* lengthsOf(sample, rows, centre, measuring)
    const most = greatestLength(lengths)
    const counted = lengths.filter((length) => length <= most)
    if (counted.length === rows.length || round === MOST_ROUNDS) return { centre, scale: scaleFor(meanNumber(counted)) }
    rows = rows.filter((_, index) => lengths[index]! <= most)
  }
}

function* meanOf(sample: VectorSample, rows: Uint32Array, pace: Pace): Generator<void, Float32Array, void> {
  const { dimensions, vectors } = sample
  const sums = new Float64Array(dimensions)
  for (const row of rows) {
    addTo(sums, vectors, row * dimensions)
    if (pace.isSliceFull(dimensions)) yield
  }
  return Float32Array.from(sums, (sum) => sum / rows.length)
}

/** Distances from the centre, or from zero. */
function* lengthsOf(
  { dimensions, vectors }: VectorSample,
  rows: Uint32Array,
  centre: Float32Array = new Float32Array(dimensions),
  pace: Pace,
): Generator<void, Float64Array, void> {
  const lengths = new Float64Array(rows.length)
  for (let index = 0; index < rows.length; index++) {
    lengths[index] = Math.sqrt(squaredDistance(centre, vectors, rows[index]! * dimensions))
    if (pace.isSliceFull(dimensions)) yield
  }
  return lengths
}

/** A function of its own, because one is compiled sooner than a generator. */
function addTo(sums: Float64Array, vectors: Float32Array, at: number): void {
  for (let i = 0; i < sums.length; i++) sums[i]! += vectors[at + i]!
}

function greatestLength(lengths: Float64Array): number {
  const middle = lengths.slice().sort()[lengths.length >> 1]!
  // Where most rows are one and the same, the others are no strays.
  return middle === 0 ? Number.POSITIVE_INFINITY : middle * STRAY_FACTOR
}

function meanNumber(numbers: Float64Array): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length
}

/** By steps, because logarithms differ between machines. */
function scaleFor(length: number): number {
  let scale = 1
  if (length === 0) return scale
  while (length * scale >= 1.5 && scale > LEAST_SCALE) scale /= 2
  while (length * scale < 0.75 && scale < MOST_SCALE) scale *= 2
  return scale
}
