import { MAX_DIMENSIONS } from '../../base/limits.ts'
import { check, isIntegerWithin, LEAST_SCALE, MOST_SCALE } from '../graph/graph-parameters.ts'
import { CODE_FACTOR_BYTES, GROUP_DIMENSIONS } from '../kernel/assembly-graph/binary/layout.ts'
import { isMetric, type Metric } from '../metric.ts'

/** What fixes codes of one bit a dimension for good. */
export interface BinaryOptions {
  readonly dimensions: number
  readonly metric: Metric
  /** Chooses the rotation. */
  readonly seed?: number
  /**
   * The point that codes are relative to; zero where it is left out. The nearer to the vectors, the better. Under cosine it is
   * one among vectors of length 1.
   */
  readonly centre?: ArrayLike<number>
  /** A power of two that brings distances from the centre near 1. Cosine has none. */
  readonly scale?: number
}

export interface BinaryParameters {
  readonly dimensions: number
  readonly metric: Metric
  readonly seed: number
  readonly scale: number
  /** Of `padded` components, zero past the dimensions. */
  readonly centre: Float64Array
  /** Dimensions of a code: a multiple of 128. */
  readonly padded: number
  /** Bytes of a code, its factors included: a multiple of 16. */
  readonly codeBytes: number
}

/** Throws RangeError unless codes can be made so; fills in what was left out. */
export function binaryParameters(options: BinaryOptions): BinaryParameters {
  const { dimensions, metric, seed = 1, scale = 1 } = options
  check(isIntegerWithin(dimensions, 1, MAX_DIMENSIONS), `dimensions must be from 1 to ${MAX_DIMENSIONS}: ${dimensions}`)
  check(isMetric(metric), `unknown metric: ${metric}`)
  check(isIntegerWithin(seed, 0, 2 ** 32 - 1), `seed must be an unsigned integer of 32 bits: ${seed}`)
  check(scale >= LEAST_SCALE && scale <= MOST_SCALE, `scale must be from 2^-200 to 2^200: ${scale}`)
  check(scale === 1 || metric !== 'cosine', 'cosine has no scale')
  const padded = Math.ceil(dimensions / GROUP_DIMENSIONS) * GROUP_DIMENSIONS
  const centre = new Float64Array(padded)
  if (options.centre !== undefined) {
    check(options.centre.length === dimensions, `the centre must hold ${dimensions}: ${options.centre.length}`)
    centre.set(options.centre)
    check(centre.every(isFloat32), 'the centre must be within what float32 can hold')
  }
  return { dimensions, metric, seed, scale, centre, padded, codeBytes: padded / 8 + CODE_FACTOR_BYTES }
}

function isFloat32(value: number): boolean {
  return Number.isFinite(Math.fround(value))
}
