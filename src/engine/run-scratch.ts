/**
 * Memory for rows that are not in memory as they are asked for. It has an owner, who is done with one run before it asks for
 * the next, and awaits nothing in between.
 */
export class RunScratch {
  #floats = new Float32Array(0)
  #bytes = new Uint8Array(0)

  /** So many floats, which the next call takes back. */
  floats(length: number): Float32Array {
    if (this.#floats.length < length) this.#floats = new Float32Array(length)
    return this.#floats.subarray(0, length)
  }

  /** So many bytes, which the next call takes back. */
  bytes(length: number): Uint8Array {
    if (this.#bytes.length < length) this.#bytes = new Uint8Array(length)
    return this.#bytes.subarray(0, length)
  }

  memoryBytes(): number {
    return this.#floats.byteLength + this.#bytes.byteLength
  }
}
