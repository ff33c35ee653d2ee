import { CHUNK_SLOTS } from '../base/limits.ts'
import { BytesChunk, type BytesChunkCapture, type BytesHash } from './bytes-chunk.ts'

/** The values of a column as they were at one moment, whatever is appended, replaced or freed later. */
export interface BytesCapture {
  readonly count: number
  /** A view of a slot's bytes, or `undefined` where it has none. Throws `RangeError` for a slot that had been freed. */
  borrow(slot: number): Uint8Array | undefined
}

/**
 * Bytes of any length, or none, by slot: ids and documents. Bytes handed out stay as they are even after they are replaced,
 * because nothing is written twice; only who must not keep a whole page alive has to copy. A value that is absent is not
 * one that is empty. Calls that take a slot throw `RangeError` for one that is not there, or not any more.
 */
export class BytesColumn {
  /** `undefined` where a chunk was freed. */
  readonly #chunks: (BytesChunk | undefined)[] = []
  #count = 0

  /** Slots filled. */
  get count(): number {
    return this.#count
  }

  /** Appends the value of the next slot, copied. */
  append(value: Uint8Array | undefined): void {
    const chunkIndex = Math.floor(this.#count / CHUNK_SLOTS)
    if (chunkIndex === this.#chunks.length) this.#chunks.push(new BytesChunk())
    this.#chunks[chunkIndex]!.append(value)
    this.#count += 1
  }

  /** Appends a chunk, behind full ones, as {@link BytesChunk.restore} takes it. */
  appendChunk(lengths: Uint32Array, bytes: Uint8Array): void {
    this.#checkFull()
    const chunk = new BytesChunk()
    chunk.restore(lengths, bytes)
    this.#chunks.push(chunk)
    this.#count += lengths.length
  }

  /** Appends rows without values, at most a chunk, behind full chunks. */
  appendAbsent(rows: number): void {
    this.#checkFull()
    for (let row = 0; row < rows; row++) this.append(undefined)
  }

  /** Appends a chunk that was freed, behind full ones. */
  appendFreedChunk(): void {
    this.#checkFull()
    this.#chunks.push(undefined)
    this.#count += CHUNK_SLOTS
  }

  /** Gives a slot another value, copied. */
  replace(slot: number, value: Uint8Array | undefined): void {
    this.#chunkOf(slot).replace(slot % CHUNK_SLOTS, value)
  }

  /** A view of a slot's bytes, or `undefined` where it has none. */
  borrow(slot: number): Uint8Array | undefined {
    return this.#chunkOf(slot).borrow(slot % CHUNK_SLOTS)
  }

  /** Whether a slot has exactly these bytes. */
  equals(slot: number, bytes: Uint8Array): boolean {
    return this.#chunkOf(slot).equals(slot % CHUNK_SLOTS, bytes)
  }

  /** What `hash` makes of the bytes of a slot that has some. */
  hashWith(hash: BytesHash, slot: number): number {
    return this.#chunkOf(slot).hashWith(hash, slot % CHUNK_SLOTS)
  }

  /** The column as it is now, at the cost of a few references a chunk. */
  capture(): BytesCapture {
    return captureOf(
      this.#chunks.map((chunk) => chunk?.capture()),
      this.#count,
    )
  }

  /** Frees the values of a chunk of which every slot is filled. Captures and borrowed bytes keep theirs. */
  freeChunk(chunk: number): void {
    if (!(Number.isInteger(chunk) && chunk >= 0 && (chunk + 1) * CHUNK_SLOTS <= this.#count)) {
      throw new RangeError(`chunk ${chunk} of ${this.#count} slots is not full`)
    }
    this.#chunks[chunk] = undefined
  }

  /** Bytes of pages and index arrays of chunks that were not freed. The chunk objects (about 300 bytes for 16,384 slots) are left out. */
  memoryBytes(): number {
    return this.#chunks.reduce((sum, chunk) => sum + (chunk?.memoryBytes() ?? 0), 0)
  }

  #checkFull(): void {
    if (this.#count % CHUNK_SLOTS !== 0) throw new RangeError(`the last chunk of ${this.#count} slots is not full`)
  }

  #chunkOf(slot: number): BytesChunk {
    if (!(Number.isInteger(slot) && slot >= 0 && slot < this.#count)) {
      throw new RangeError(`no slot ${slot} of ${this.#count}`)
    }
    const chunk = this.#chunks[Math.floor(slot / CHUNK_SLOTS)]
    if (chunk === undefined) throw slotFreed(slot)
    return chunk
  }
}

/** A function of its own, so that the capture does not keep the column alive. */
function captureOf(chunks: readonly (BytesChunkCapture | undefined)[], count: number): BytesCapture {
  return {
    count,
    borrow: (slot) => {
      const chunk = chunks[Math.floor(slot / CHUNK_SLOTS)]
      if (chunk === undefined && slot < count) throw slotFreed(slot)
      return chunk?.borrow(slot % CHUNK_SLOTS)
    },
  }
}

function slotFreed(slot: number): RangeError {
  return new RangeError(`slot ${slot} was freed by a compaction`)
}
