import type { RowRun, RowsCapture } from './row-blocks.ts'
import type { RunScratch } from './run-scratch.ts'
import type { VectorRows } from './vector-rows.ts'

const NO_NORMS = new Float64Array(0)

/** Consecutive rows of a collection, borrowed, to be computed with. */
export interface VectorRun {
  /** `rows * dimensions` components, row by row. */
  readonly vectors: Float32Array
  /** `rows` euclidean lengths under cosine, empty otherwise. */
  readonly norms: Float64Array
  readonly rows: number
}

/**
 * A run of vectors and, where the collection has them, the norms beside it. What is not in memory as float32 is put into `scratch`,
 * and without one into memory of its own.
 */
export function runOfVectors(
  originals: VectorRows,
  norms: { borrowRun(firstSlot: number, maxRows: number): RowRun<Float64Array> } | undefined,
  firstSlot: number,
  maxRows: number,
  scratch?: RunScratch,
): VectorRun {
  const { elements, rows } = originals.borrowRun(firstSlot, maxRows, scratch)
  if (norms === undefined) return { vectors: elements, norms: NO_NORMS, rows }
  // Blocks of norms are whole multiples of blocks of vectors, so a run of one is within a run of the other.
  return { vectors: elements, norms: norms.borrowRun(firstSlot, rows).elements, rows }
}

/**
 * The vectors of one collection at one moment, dead ones included, for work that was ordered then and is done later. Making
 * one costs a reference a block of at most 1 MiB. It keeps those blocks alive, also when they are freed or the collection is
 * dropped.
 */
export class VectorCapture {
  readonly dimensions: number
  readonly slotCount: number
  readonly #originals: VectorRows
  readonly #norms: RowsCapture<Float64Array> | undefined
  readonly #isFreed: (slot: number) => boolean

  constructor(
    dimensions: number,
    columns: {
      originals: { readonly rows: number; readonly vectors: VectorRows }
      /** Under cosine only. */
      norms: RowsCapture<Float64Array> | undefined
      isFreed: (slot: number) => boolean
    },
  ) {
    this.dimensions = dimensions
    this.slotCount = columns.originals.rows
    this.#originals = columns.originals.vectors
    this.#norms = columns.norms
    this.#isFreed = columns.isFreed
  }

  /** Whether a slot's chunk had been freed at that moment: its vector is not here. */
  isFreed(slot: number): boolean {
    return this.#isFreed(slot)
  }

  /**
   * At most `maxRows` rows from `firstSlot` on, fewer where a block or the capture ends, or so many are widened. Throws
   * `RangeError` for a first slot that had not been filled or had been freed.
   */
  borrowRun(firstSlot: number, maxRows: number, scratch?: RunScratch): VectorRun {
    return runOfVectors(this.#originals, this.#norms, firstSlot, maxRows, scratch)
  }

  /** The rows as the bytes they are, at most `maxRows`, fewer where a block or the capture ends. Throws as {@link borrowRun} does. */
  borrowBytes(firstSlot: number, maxRows: number, scratch?: RunScratch): { bytes: Uint8Array; rows: number } {
    return this.#originals.borrowBytes(firstSlot, maxRows, scratch)
  }

  /** Norms of rows, under cosine, at most `maxRows`. Throws as {@link borrowRun} does. */
  borrowNorms(firstSlot: number, maxRows: number): Float64Array {
    return this.#norms!.borrowRun(firstSlot, maxRows).elements
  }

  /** Copies the vector of a slot into `target`, which has its length. Throws `RangeError` as {@link borrowRun} does. */
  copyInto(slot: number, target: Float32Array): void {
    if (target.length !== this.dimensions) {
      throw new RangeError(`target must hold ${this.dimensions} components, not ${target.length}`)
    }
    this.#originals.copyInto(slot, target, 0)
  }
}
