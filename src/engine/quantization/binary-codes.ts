import type { BinaryParameters } from './binary-parameters.ts'

/**
 * The port of codes of one bit a dimension (RaBitQ: Gao and Long, SIGMOD 2024), by position. It has two implementations,
 * WebAssembly SIMD and plain TypeScript, which write the same bytes and give the same bits on every input, on any processor.
 * What a code consists of is written in `kernel/assembly-graph/binary/layout.ts`.
 *
 * Components are finite. Where arguments do not fit a RangeError is thrown and nothing changes.
 */
export interface BinaryCodes {
  readonly parameters: BinaryParameters
  /** Positions below it have codes. */
  readonly count: number
  /**
   * Encodes rows of `dimensions` components, one behind the other, as the codes of positions from `position` on, which is at
   * most {@link count}. The code of a row is a function of the row and the parameters alone.
   */
  encode(position: number, rows: Float32Array): void
  /** A copy of the bytes of a code. */
  code(position: number): Uint8Array
  /** Makes a vector the query of the estimates that follow. */
  prepareQuery(vector: Float32Array): void
  /** Writes an estimate for each of the positions, in their order. */
  estimate(positions: Uint32Array, estimates: Estimates): void
  /** Writes an estimate for each position from `from` up to, but not including, `to`. */
  estimateRange(from: number, to: number, estimates: Estimates): void
  /** The rotated vector, of `padded` components, as float32: nothing is taken from it, and its length stays. */
  rotate(vector: Float32Array): Float32Array
  memoryBytes(): number
}

/**
 * Smaller is nearer:
 *   - cosine: 1 - cosine
 *   - euclidean: the squared distance, times the square of the scale
 *   - dot: minus the dot product with the direction of the query, times the scale
 *
 * An estimate is unbiased over random rotations, and off by more than three deviations in fewer than one case in a hundred. It
 * is not held within what the metric allows: a squared distance may be estimated below zero. Lengths above 2^56 count as 2^56.
 */
export interface Estimates {
  readonly scores: Float32Array
  /** The standard deviation of each, an upper bound in that it adds up those of the code and of the query's levels. */
  readonly deviations: Float32Array
}

/** Room for `count` estimates. */
export function createEstimates(count: number): Estimates {
  return { scores: new Float32Array(count), deviations: new Float32Array(count) }
}
