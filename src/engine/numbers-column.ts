import { RowBlocks } from './row-blocks.ts'

/** One float64 a slot: the norms of a cosine collection. A slot is a row. */
export class NumbersColumn extends RowBlocks<Float64Array> {
  constructor() {
    super(1, Float64Array.BYTES_PER_ELEMENT, (elements) => new Float64Array(elements))
  }

  append(value: number): void {
    this.appendElement(value)
  }

  /** The number of a slot. Throws `RangeError` for a slot that is not there or was freed. */
  get(slot: number): number {
    return this.elementAt(slot)
  }
}
