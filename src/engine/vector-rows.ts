import type { RowRun } from './row-blocks.ts'
import type { RunScratch } from './run-scratch.ts'
import { rowBytesOf, type VectorType } from './vector-type.ts'
import { widenRows } from './widen-rows.ts'

/** Blocks of originals: float32 as they are, all other types as bytes. */
export type OriginalsBlock = Float32Array | Uint8Array

/** Rows of originals as they are kept: those of a column, or of a capture of one. */
export interface OriginalsRows {
  borrowRun(row: number, maxRows: number, allocate?: (elements: number) => OriginalsBlock): RowRun<OriginalsBlock>
}

/** Components of a run that is widened, at most, unless one row has more: some 256 KiB, which stay in cache. */
const WIDENED_COMPONENTS = 65_536

/** Rows of originals to be computed with, as float32 whatever their type is, and as the bytes they are. */
export class VectorRows {
  readonly #type: VectorType
  readonly #dimensions: number
  readonly #rows: OriginalsRows
  readonly #mostWidened: number

  constructor(type: VectorType, dimensions: number, rows: OriginalsRows) {
    this.#type = type
    this.#dimensions = dimensions
    this.#rows = rows
    this.#mostWidened = Math.max(1, Math.floor(WIDENED_COMPONENTS / dimensions))
  }

  /**
   * At most `maxRows` rows from `firstRow` on. What is not in memory as float32, because it is cold or of another type, is put into
   * `scratch`; without one, into memory of its own.
   */
  borrowRun(firstRow: number, maxRows: number, scratch?: RunScratch): RowRun<Float32Array> {
    if (this.#type === 'float32') {
      const allocate = scratch && ((elements: number) => scratch.floats(elements))
      return this.#rows.borrowRun(firstRow, maxRows, allocate) as RowRun<Float32Array>
    }
    const { elements, rows } = this.#bytesRun(firstRow, Math.min(maxRows, this.#mostWidened), scratch)
    const components = rows * this.#dimensions
    const widened = scratch?.floats(components) ?? new Float32Array(components)
    widenRows(this.#type, elements, widened, 0)
    return { elements: widened, rows }
  }

  /** The same rows as bytes. */
  borrowBytes(firstRow: number, maxRows: number, scratch?: RunScratch): { bytes: Uint8Array; rows: number } {
    const { elements, rows } = this.#bytesRun(firstRow, maxRows, scratch)
    return { bytes: elements, rows }
  }

  /** Writes the components of a row from `at` on. */
  copyInto(row: number, target: Float32Array, at: number): void {
    const { elements } = this.#rows.borrowRun(row, 1)
    if (elements instanceof Float32Array) target.set(elements, at)
    else widenRows(this.#type, elements, target, at)
  }

  #bytesRun(firstRow: number, maxRows: number, scratch: RunScratch | undefined): RowRun<Uint8Array> {
    const allocate = scratch && ((elements: number) => this.#allocateIn(scratch, elements))
    const { elements, rows } = this.#rows.borrowRun(firstRow, maxRows, allocate)
    const { buffer, byteOffset } = elements
    return { elements: new Uint8Array(buffer, byteOffset, rows * rowBytesOf(this.#type, this.#dimensions)), rows }
  }

  #allocateIn(scratch: RunScratch, elements: number): OriginalsBlock {
    return this.#type === 'float32' ? scratch.floats(elements) : scratch.bytes(elements)
  }
}
