import type { Metric } from '../metric.ts'
import type { ScanKernel, ScanQuery, Selection } from './scan-kernel.ts'

/** Consecutive slots whose bit in `dead` is not set: bit `slot & 7` of byte `slot >>> 3`. */
export interface CodedRange {
  readonly fromSlot: number
  readonly throughSlot: number
  readonly dead: Uint8Array
}

/** Rows as {@link RowCodes.append} takes them, borrowed. */
export interface CodedRun {
  /** `rows * dimensions` components, row by row. */
  readonly vectors: Float32Array
  /** `rows` euclidean lengths in float64; read by cosine only, may be empty otherwise. */
  readonly norms: Float64Array
  readonly rows: number
}

/**
 * Codes of 8 bits a component for consecutive slots, with which most rows are passed over without a look at their vectors.
 * They say nothing of what is near: only, and with certainty, which rows cannot be among the nearest.
 */
export interface RowCodes {
  readonly firstSlot: number
  /** Slots from `firstSlot` up to it have a place. */
  readonly throughSlot: number
  /** Encodes the rows of the next slots. Says whether there was memory for them. */
  append(run: CodedRun): boolean
  /** Leaves the next slots out, which must be excluded wherever it is looked. Says whether there was memory. */
  skip(slots: number): boolean
  /**
   * The slots of a range, all of which have places, that may be among the `k` nearest of it and the selection together,
   * rising; every other one is farther than `k` of them. `undefined` where they are more than `most`, or a call does not take
   * so large a range or `k`. Borrowed: not to be kept across another call.
   */
  findNear(query: ScanQuery, range: CodedRange, selection: Selection, most: number): Uint32Array | undefined
  memoryBytes(): number
}

/** What codes are made for. */
export interface CodeShape {
  readonly dimensions: number
  /** A multiple of 8. */
  readonly firstSlot: number
  /** Codes are those of the difference from it: the nearer it is to the vectors, the better. It must be finite. */
  readonly centre: Float32Array
}

/** A kernel that has codes. One that has none compares everything. */
export interface CodingKernel extends ScanKernel {
  /** Codes in memory of their own, of no slots to begin with. */
  createCodes(metric: Metric, shape: CodeShape): RowCodes
}

export function hasCodes(kernel: ScanKernel): kernel is CodingKernel {
  return 'createCodes' in kernel
}
