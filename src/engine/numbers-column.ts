import { RowBlocks } from './row-blocks.ts'

/** One float64 a slot: the norms of a cosine collection. */
export class NumbersColumn {
  readonly #rows = new RowBlocks(1, Float64Array.BYTES_PER_ELEMENT, (elements) => new Float64Array(elements))

  /** Slots filled. */
  get count(): number {
    return this.#rows.rows
  }

  append(value: number): void {
    this.#rows.appendElement(value)
  }

  /** The number of a slot. Throws `RangeError` for a slot that is not there. */
  get(slot: number): number {
    return this.#rows.elementAt(slot)
  }

  /** Up to `maxRows` numbers from `firstSlot` on, fewer where a block or the column ends. */
  borrowRun(firstSlot: number, maxRows: number): { numbers: Float64Array; rows: number } {
    const { elements, rows } = this.#rows.borrowRun(firstSlot, maxRows)
    return { numbers: elements, rows }
  }

  memoryBytes(): number {
    return this.#rows.memoryBytes()
  }
}
