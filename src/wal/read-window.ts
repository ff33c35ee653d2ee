import { StoreError } from '../base/errors.ts'
import type { OpenFile } from '../base/files.ts'

/** Reads from the disk come in pieces of this size: fewer calls, and bounded memory. */
const WINDOW_BYTES = 1024 * 1024

/** A moving window over a file that is read from front to back. */
export class ReadWindow {
  readonly sizeBytes: number
  readonly #file: OpenFile
  #buffer = new Uint8Array(0)
  #start = 0
  #length = 0

  /** `sizeBytes` is the file's size as of now; what is appended later is not seen. */
  constructor(file: OpenFile, sizeBytes: number) {
    this.#file = file
    this.sizeBytes = sizeBytes
  }

  holds(offset: number, length: number): boolean {
    return offset >= this.#start && offset + length <= this.#start + this.#length
  }

  /** Moves the window so that it holds `length` bytes from `offset`, which must lie within the file. */
  async load(offset: number, length: number): Promise<void> {
    const wanted = Math.min(Math.max(length, WINDOW_BYTES), this.sizeBytes - offset)
    if (this.#buffer.byteLength < wanted) this.#buffer = new Uint8Array(wanted)
    this.#start = offset
    this.#length = 0
    this.#length = await this.#file.read(this.#buffer.subarray(0, wanted), offset)
    if (this.#length < length)
      throw new StoreError('ERR_IO', `a file became shorter while it was read, at offset ${offset}`)
  }

  /** Borrowed: valid until the next `load`. */
  borrow(offset: number, length: number): Uint8Array {
    const start = offset - this.#start
    return this.#buffer.subarray(start, start + length)
  }
}
