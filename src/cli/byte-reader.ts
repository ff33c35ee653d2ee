import { type FileHandle, open } from 'node:fs/promises'

const BLOCK_BYTES = 256 * 1024

/** Reads a file forward in blocks, so that its size never matters. */
export class ByteReader {
  readonly #handle: FileHandle
  /** Size of a regular file, `undefined` for a pipe. */
  readonly sizeBytes: number | undefined
  #block: Buffer = Buffer.alloc(0)
  #position = 0
  #consumedBytes = 0

  private constructor(handle: FileHandle, sizeBytes: number | undefined) {
    this.#handle = handle
    this.sizeBytes = sizeBytes
  }

  static async open(path: string): Promise<ByteReader> {
    const handle = await open(path, 'r')
    try {
      const status = await handle.stat()
      if (status.isDirectory()) throw Object.assign(new Error(`${path} is a directory`), { code: 'EISDIR', path })
      return new ByteReader(handle, status.isFile() ? status.size : undefined)
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  get consumedBytes(): number {
    return this.#consumedBytes
  }

  /** The next `length` bytes; fewer, down to none, only where the file ends. The caller must not keep them. */
  async take(length: number): Promise<Buffer> {
    if (this.#block.length - this.#position < length) await this.#fill(length)
    const taken = this.#block.subarray(this.#position, this.#position + length)
    this.#advance(taken.length)
    return taken
  }

  /** The bytes before the next `delimiter`, which is skipped; `undefined` at the end. Stops with more than `limit` bytes. */
  async takeUntil(delimiter: number, limit: number): Promise<Buffer | undefined> {
    let searchedBytes = 0
    while (true) {
      const end = this.#block.indexOf(delimiter, this.#position + searchedBytes)
      const availableBytes = this.#block.length - this.#position
      const foundBytes = end === -1 ? availableBytes : end - this.#position
      if (end !== -1 || foundBytes > limit) return this.#cut(foundBytes, end === -1 ? 0 : 1)
      searchedBytes = availableBytes
      if (!(await this.#fill(Math.max(availableBytes * 2, 1)))) {
        return availableBytes === 0 ? undefined : this.#cut(this.#block.length - this.#position, 0)
      }
    }
  }

  close(): Promise<void> {
    return this.#handle.close()
  }

  #cut(length: number, delimiterBytes: number): Buffer {
    const bytes = this.#block.subarray(this.#position, this.#position + length)
    this.#advance(length + delimiterBytes)
    return bytes
  }

  #advance(bytes: number): void {
    this.#position += bytes
    this.#consumedBytes += bytes
  }

  /** Makes `length` bytes available if the file has them; false where it has nothing more. */
  async #fill(length: number): Promise<boolean> {
    const rest = this.#block.subarray(this.#position)
    const block = Buffer.allocUnsafe(Math.max(length, rest.length + BLOCK_BYTES))
    rest.copy(block)
    let filledBytes = rest.length
    do {
      const { bytesRead } = await this.#handle.read(block, filledBytes, block.length - filledBytes, null)
      if (bytesRead === 0) break
      filledBytes += bytesRead
    } while (filledBytes < length)
    this.#block = block.subarray(0, filledBytes)
    this.#position = 0
    return filledBytes > rest.length
  }
}
