import { RowBlocks, type RowRun, type RowsCapture } from './row-blocks.ts'

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

  /** The number of a slot. Throws `RangeError` for a slot that is not there or was freed. */
  get(slot: number): number {
    return this.#rows.elementAt(slot)
  }

  /** Up to `maxRows` numbers from `firstSlot` on, fewer where a block or the column ends. */
  borrowRun(firstSlot: number, maxRows: number): RowRun<Float64Array> {
    return this.#rows.borrowRun(firstSlot, maxRows)
  }

  /** Frees the slots from `from` up to `end`, which are whole chunks. Captures and borrowed runs keep theirs. */
  free(from: number, end: number): void {
    this.#rows.free(from, end)
  }

  /** As {@link RowBlocks.extend}. */
  extend(maxRows: number): Uint8Array {
    return this.#rows.extend(maxRows)
  }

  /** As {@link RowBlocks.extendFreed}. */
  extendFreed(rows: number): void {
    this.#rows.extendFreed(rows)
  }

  capture(): RowsCapture<Float64Array> {
    return this.#rows.capture()
  }

  memoryBytes(): number {
    return this.#rows.memoryBytes()
  }
}
