// The yardstick of the durable benchmarks: the same bytes, appended to a file and synced, and nothing else.
import { open, rm } from 'node:fs/promises'

export class RawLog {
  #handle
  #path
  #position = 0

  static async create(path) {
    const log = new RawLog()
    await rm(path, { force: true })
    log.#path = path
    log.#handle = await open(path, 'wx')
    return log
  }

  /** Appends bytes and syncs, as a program does that waits for each of its writes. */
  async append(bytes) {
    for (let written = 0; written < bytes.byteLength; ) {
      const result = await this.#handle.write(bytes, written, bytes.byteLength - written, this.#position + written)
      written += result.bytesWritten
    }
    this.#position += bytes.byteLength
    await this.#handle.datasync()
  }

  async remove() {
    await this.#handle.close()
    await rm(this.#path, { force: true })
  }
}
