import type { NodeBlock } from '../graph/node-blocks.ts'

/** Puts together what the digest of some nodes takes; the bytes are right until the next call. */
export class DigestPieces {
  #words = new Uint32Array(0)

  /** Of each node how many it has, then which. */
  ofRows(offsets: Uint32Array, numbers: Uint32Array, from: number, to: number): Uint8Array {
    const words = this.#take(to - from + offsets[to]! - offsets[from]!)
    let place = 0
    let index = offsets[from]!
    for (let node = from; node < to; node++) {
      const end = offsets[node + 1]!
      words[place++] = end - index
      while (index < end) words[place++] = numbers[index++]!
    }
    return bytesOf(words)
  }

  /** Of each node its wide code, then its narrow one. Both are whole words. */
  ofCodes({ nodes, wideCodes, narrowCodes }: NodeBlock, from: number, to: number): Uint8Array {
    const [wide, narrow] = [wordsOf(wideCodes), wordsOf(narrowCodes)]
    const [wideWords, narrowWords] = [wide.length / nodes, narrow.length / nodes]
    const words = this.#take((to - from) * (wideWords + narrowWords))
    let place = 0
    for (let node = from; node < to; node++) {
      for (let i = node * wideWords, end = i + wideWords; i < end; i++) words[place++] = wide[i]!
      for (let i = node * narrowWords, end = i + narrowWords; i < end; i++) words[place++] = narrow[i]!
    }
    return bytesOf(words)
  }

  #take(count: number): Uint32Array {
    if (this.#words.length < count) this.#words = new Uint32Array(Math.ceil(count * 1.25))
    return this.#words.subarray(0, count)
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

function wordsOf({ buffer, byteOffset, byteLength }: Uint8Array): Uint32Array {
  return new Uint32Array(buffer, byteOffset, byteLength / Uint32Array.BYTES_PER_ELEMENT)
}
