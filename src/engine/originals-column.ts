import type { ColdRows } from './cold-sources.ts'
import { RowBlocks, type RowRun, type RowsCapture } from './row-blocks.ts'

/**
 * The vectors exactly as they were given, one row of `dimensions` float32 a slot. Rows travel as bytes from end to end and
 * are never read as numbers on the way, so every bit comes back. Rows are little-endian, as is every machine that annals
 * runs on (WebAssembly memory always is).
 */
export class OriginalsColumn {
  readonly dimensions: number
  readonly #rows: RowBlocks<Float32Array>

  constructor(dimensions: number) {
    this.dimensions = dimensions
    this.#rows = new RowBlocks(dimensions, Float32Array.BYTES_PER_ELEMENT, (elements) => new Float32Array(elements))
  }

  /** Slots filled. */
  get count(): number {
    return this.#rows.rows
  }

  get rowsPerBlock(): number {
    return this.#rows.rowsPerBlock
  }

  /** Appends rows of `dimensions * 4` bytes at any alignment, copied. Throws `RangeError` unless they are whole rows. */
  append(bytes: Uint8Array): void {
    this.#rows.appendBytes(bytes)
  }

  /** The vector of a slot, `dimensions` long, in memory of its own. Throws `RangeError` for a slot that is not there or was freed. */
  copyVector(slot: number): Float32Array {
    return this.#rows.borrowRun(slot, 1).elements.slice()
  }

  /** Writes the vector of a slot from `at` on. Throws `RangeError` for a slot that is not there or was freed. */
  copyRow(slot: number, target: Float32Array, at: number): void {
    this.#rows.copyRow(slot, target, at)
  }

  /**
   * The rows from `firstSlot` on: `rows * dimensions` components, at most `maxRows` rows, fewer where a block or the column
   * ends. Throws `RangeError` for a first slot that is not there or was freed.
   */
  borrowRun(firstSlot: number, maxRows: number): RowRun<Float32Array> {
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

  /** As {@link RowBlocks.extendCold}. */
  extendCold(source: ColdRows): void {
    this.#rows.extendCold(source)
  }

  /** As {@link RowBlocks.makeCold}. */
  makeCold(chunk: number, source: ColdRows): void {
    this.#rows.makeCold(chunk, source)
  }

  /** As {@link RowBlocks.coldChunk}. */
  coldChunk(chunk: number): ColdRows | undefined {
    return this.#rows.coldChunk(chunk)
  }

  capture(): RowsCapture<Float32Array> {
    return this.#rows.capture()
  }

  memoryBytes(): number {
    return this.#rows.memoryBytes()
  }
}
