import type { Checksum } from '../base/checksum.ts'

/** The hash never sees a longer input: its memory grows with the longest and stays. */
const PIECE_BYTES = 1024 * 1024
const WORD = 2 ** 32

/**
 * xxh64 over a stream of bytes in pieces of exactly 1 MiB, the last one shorter, each seeded with the hash of the one
 * before. The result depends on the bytes alone, not on how they were handed in.
 */
export class ChainedHash {
  readonly #checksum: Checksum
  readonly #piece = new Uint8Array(PIECE_BYTES)
  readonly #view = new DataView(this.#piece.buffer)
  #filledBytes = 0
  #hash = 0n
  #hashedPieces = 0

  constructor(checksum: Checksum) {
    this.#checksum = checksum
  }

  /** Pieces hashed so far: who writes a lot may pause whenever it has risen. */
  get hashedPieces(): number {
    return this.#hashedPieces
  }

  writeBytes(bytes: Uint8Array): void {
    let offset = 0
    while (offset < bytes.byteLength) {
      const sizeBytes = Math.min(bytes.byteLength - offset, PIECE_BYTES - this.#filledBytes)
      this.#piece.set(bytes.subarray(offset, offset + sizeBytes), this.#filledBytes)
      this.#filledBytes += sizeBytes
      offset += sizeBytes
      if (this.#filledBytes === PIECE_BYTES) this.#hashPiece()
    }
  }

  /** A length below 2^32, then the bytes. */
  writeSized(bytes: Uint8Array): void {
    this.writeU32(bytes.byteLength)
    this.writeBytes(bytes)
  }

  writeU32(value: number): void {
    if (this.#filledBytes + 4 <= PIECE_BYTES) {
      this.#view.setUint32(this.#filledBytes, value, true)
      this.#filledBytes += 4
      if (this.#filledBytes === PIECE_BYTES) this.#hashPiece()
      return
    }
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setUint32(0, value, true)
    this.writeBytes(bytes)
  }

  /** A safe integer as a 64-bit number. */
  writeU64(value: number): void {
    this.writeU32(value % WORD)
    this.writeU32(Math.floor(value / WORD))
  }

  /** The hash of all that was written. Nothing may be written afterwards. */
  finish(): bigint {
    this.#hashPiece()
    return this.#hash
  }

  #hashPiece(): void {
    this.#hash = this.#checksum.xxh64(this.#piece.subarray(0, this.#filledBytes), this.#hash)
    this.#filledBytes = 0
    this.#hashedPieces += 1
  }
}
