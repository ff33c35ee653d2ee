import { RowBlocks } from './row-blocks.ts'

/**
 * The vectors exactly as they were given, one row of `dimensions` float32 a slot. Rows travel as bytes from end to end and
 * are never read as numbers on the way, so every bit comes back. Rows are little-endian, as is every machine that annals
 * runs on (WebAssembly memory always is).
 */
export class OriginalsColumn extends RowBlocks<Float32Array> {
  readonly dimensions: number

  constructor(dimensions: number) {
    super(dimensions, Float32Array.BYTES_PER_ELEMENT, (elements) => new Float32Array(elements))
    this.dimensions = dimensions
  }

  /** Appends rows of `dimensions * 4` bytes at any alignment, copied. Throws `RangeError` unless they are whole rows. */
  append(bytes: Uint8Array): void {
    this.appendBytes(bytes)
  }

  /** The vector of a slot, `dimensions` long, in memory of its own. Throws `RangeError` for a slot that is not there or was freed. */
  copyVector(slot: number): Float32Array {
    return this.borrowRun(slot, 1).elements.slice()
  }
}
