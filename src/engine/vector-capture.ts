import type { RowRun, RowsCapture } from './row-blocks.ts'

const NO_NORMS = new Float64Array(0)

/** Consecutive rows of a collection, borrowed. */
export interface VectorRun {
  /** `rows * dimensions` components, row by row. */
  readonly vectors: Float32Array
  /** `rows` euclidean lengths under cosine, empty otherwise. */
  readonly norms: Float64Array
  readonly rows: number
}

interface Runs<Elements> {
  borrowRun(firstSlot: number, maxRows: number): RowRun<Elements>
}

/** A run of vectors and, where the collection has them, the norms beside it. */
export function runOfVectors(
  originals: Runs<Float32Array>,
  norms: Runs<Float64Array> | undefined,
  firstSlot: number,
  maxRows: number,
): VectorRun {
  const { elements, rows } = originals.borrowRun(firstSlot, maxRows)
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
  readonly #originals: RowsCapture<Float32Array>
  readonly #norms: RowsCapture<Float64Array> | undefined
  readonly #isFreed: (slot: number) => boolean

  constructor(
    dimensions: number,
    columns: {
      originals: RowsCapture<Float32Array>
      /** Under cosine only. */
      norms: RowsCapture<Float64Array> | undefined
      isFreed: (slot: number) => boolean
    },
  ) {
    this.dimensions = dimensions
    this.slotCount = columns.originals.rows
    this.#originals = columns.originals
    this.#norms = columns.norms
    this.#isFreed = columns.isFreed
  }

  /** Whether a slot's chunk had been freed at that moment: its vector is not here. */
  isFreed(slot: number): boolean {
    return this.#isFreed(slot)
  }

  /**
   * At most `maxRows` rows from `firstSlot` on, fewer where a block or the capture ends. Throws `RangeError` for a first slot
   * that had not been filled or had been freed.
   */
  borrowRun(firstSlot: number, maxRows: number): VectorRun {
    return runOfVectors(this.#originals, this.#norms, firstSlot, maxRows)
  }

  /** Copies the vector of a slot into `target`, which has its length. Throws `RangeError` as {@link borrowRun} does. */
  copyInto(slot: number, target: Float32Array): void {
    if (target.length !== this.dimensions) {
      throw new RangeError(`target must hold ${this.dimensions} components, not ${target.length}`)
    }
    target.set(this.#originals.borrowRun(slot, 1).elements)
  }
}
