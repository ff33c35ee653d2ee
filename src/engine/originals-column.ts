import { CHUNK_SLOTS } from '../base/limits.ts'
import { PageMemory } from './page-memory.ts'
import { RowBlocks, type RowsCapture } from './row-blocks.ts'
import { type OriginalsBlock, VectorRows } from './vector-rows.ts'
import { rowBytesOf, type VectorType } from './vector-type.ts'

/** A vector as its owner gave it and gets it back: `float16` as float32 of the same value, `binary` as packed bits. */
export type OriginalVector = Float32Array | Int8Array | Uint8Array

/**
 * The vectors exactly as they were given, one row a slot in their own type. Rows travel as bytes from end to end and are never
 * read as numbers on the way, so every bit comes back. Rows are little-endian, as is every machine that annals runs on
 * (WebAssembly memory always is).
 */
export class OriginalsColumn extends RowBlocks<OriginalsBlock> {
  readonly type: VectorType
  readonly dimensions: number
  /** The rows to be computed with. */
  readonly vectors: VectorRows
  readonly #pages: PageMemory

  constructor(
    dimensions: number,
    type: VectorType = 'float32',
    pages = new PageMemory(rowBytesOf(type, dimensions) * CHUNK_SLOTS),
  ) {
    const bytesOf = (chunk: number, bytes: number) => {
      const { buffer, byteOffset } = pages.allocate(chunk, bytes)
      return new Uint8Array(buffer, byteOffset, bytes)
    }
    const floatsOf = (chunk: number, elements: number) => {
      const { buffer, byteOffset } = pages.allocate(chunk, elements * 4)
      return new Float32Array(buffer, byteOffset, elements)
    }
    if (type === 'float32') super(dimensions, 4, (elements) => new Float32Array(elements), floatsOf)
    else super(rowBytesOf(type, dimensions), 1, (elements) => new Uint8Array(elements), bytesOf)
    this.#pages = pages
    this.type = type
    this.dimensions = dimensions
    this.vectors = new VectorRows(type, dimensions, this)
  }

  /** Appends whole rows at any alignment, copied. Throws `RangeError` unless they are whole. */
  append(bytes: Uint8Array): void {
    this.appendBytes(bytes)
  }

  /**
   * The components of a slot, `dimensions` of them, in memory of their own. Throws `RangeError` for a slot that is not there or
   * was freed.
   */
  copyVector(slot: number): Float32Array {
    if (this.type === 'float32') return this.vectors.borrowRun(slot, 1).elements.slice()
    return this.vectors.borrowRun(slot, 1).elements
  }

  /** Writes the components of a slot from `at` on. Throws as {@link copyVector} does. */
  copyComponents(slot: number, target: Float32Array, at: number): void {
    if (this.type === 'float32') this.copyRow(slot, target, at)
    else this.vectors.copyInto(slot, target, at)
  }

  /** The vector of a slot in its own type, in memory of its own. Throws as {@link copyVector} does. */
  copyOriginal(slot: number): OriginalVector {
    if (this.type === 'float32' || this.type === 'float16') return this.copyVector(slot)
    const bytes = this.vectors.borrowBytes(slot, 1).bytes.slice()
    return this.type === 'int8' ? new Int8Array(bytes.buffer) : bytes
  }

  /** A column without rows, which still tells what is not free yet of this one's. */
  emptied(): OriginalsColumn {
    return new OriginalsColumn(this.dimensions, this.type, this.#pages)
  }

  /** Bytes of blocks that are none of its own any more, and that the collector has not found yet, or captures hold. */
  releasedBytes(): number {
    return Math.max(0, this.#pages.aliveBytes() - this.memoryBytes())
  }

  /** The rows as they are now, to be computed with, at the cost of a reference a block. */
  captureVectors(): { readonly rows: number; readonly vectors: VectorRows } {
    const capture: RowsCapture<OriginalsBlock> = this.capture()
    return { rows: capture.rows, vectors: new VectorRows(this.type, this.dimensions, capture) }
  }
}
