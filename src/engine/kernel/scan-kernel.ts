import type { Metric } from '../metric.ts'

/**
 * The kernel port: exhaustive search over a run of vectors. It has two implementations, WebAssembly SIMD and plain
 * TypeScript, which give the same bits on every input.
 *
 * Arithmetic. Components are float32; every product and sum is float64, so no legal vector overflows or vanishes: the
 * product of two float32 is exact in float64. Component i is added to lane i mod 4, in order of i; the sum is
 * (lane0 + lane2) + (lane1 + lane3). Scores, smaller is nearer:
 *   - cosine: 1 - dot / (queryNorm * norm), held within [0, 2]; 2 where that is no number, by a norm of zero
 *   - euclidean: the sum of squared differences (the root is taken by `scores`' reader, once a hit)
 *   - dot: minus the dot product (never -0: 0 - dot)
 *
 * Order. Nearer first; equal scores by slot, lower first.
 *
 * Components and norms are finite. Where arguments do not fit together a kernel throws RangeError and changes nothing.
 */
export interface ScanKernel {
  /** Most rows of `dimensions` components that one call of {@link scan} takes, at least 1: it bounds a call's time. */
  rowsPerCall(dimensions: number): number
  /**
   * Offers rows, at most {@link rowsPerCall}, to `selection` and keeps its `k` nearest. Rows whose bit in `run.dead` is
   * set are passed over. A row is offered once to a selection: twice, it would be kept twice.
   */
  scan(query: ScanQuery, run: ScanRun, selection: Selection): void
  /** Bytes of memory the kernel holds. */
  memoryBytes(): number
}

export interface ScanQuery {
  readonly metric: Metric
  /** The query as given, never normalised. */
  readonly vector: Float32Array
  /** Euclidean length of `vector` in float64; used by cosine only. */
  readonly norm: number
}

/** A run of consecutive slots. Arrays are borrowed for the call. */
export interface ScanRun {
  /** `rows * dimensions` components, row by row. */
  readonly vectors: Float32Array
  /** `rows` euclidean lengths in float64; read by cosine only, may be empty otherwise. */
  readonly norms: Float64Array
  readonly rows: number
  /** Slot of row 0. Row r is slot `firstSlot + r`. */
  readonly firstSlot: number
  /** Bitmap, bit `slot & 7` of byte `slot >>> 3`: a set bit excludes the slot. Slots past its end are alive. */
  readonly dead: Uint8Array
}

/**
 * The k nearest so far: a max-heap on (score, slot), worst at index 0. It belongs to one search, so searches may take
 * turns at the kernel. `k` is from 1 to `MAX_K`; the arrays have `k` places, of which the first `count` are in use.
 */
export interface Selection {
  readonly k: number
  count: number
  readonly scores: Float64Array
  readonly slots: Uint32Array
}

/** An empty selection of the `k` nearest. */
export function createSelection(k: number): Selection {
  return { k, count: 0, scores: new Float64Array(k), slots: new Uint32Array(k) }
}
