import { CHUNK_SLOTS } from '../base/limits.ts'
import { BytesChunk, type BytesChunkCapture, type BytesHash } from './bytes-chunk.ts'
import { ColdBytes } from './cold-bytes.ts'
import type { ColdValues } from './cold-sources.ts'

/** The values of a column as they were at one moment, whatever is appended, replaced or freed later. */
export interface BytesCapture {
  readonly count: number
  /** A view of a slot's bytes, or `undefined` where it has none. Throws `RangeError` for a slot that had been freed. */
  borrow(slot: number): Uint8Array | undefined
  /** How many bytes `borrow` gives. Reads nothing of a cold chunk. */
  lengthOf(slot: number): number | undefined
  /** The chunk as it was, if it was not freed. */
  chunk(chunk: number): BytesChunkCapture | undefined
}

/**
 * Bytes of any length, or none, by slot: ids and documents. Bytes handed out stay as they are even after they are replaced,
 * because nothing is written twice; only who must not keep a whole page alive has to copy. A value that is absent is not
 * one that is empty. Calls that take a slot throw `RangeError` for one that is not there, or not any more.
 *
 * A full chunk may be cold: out of memory, its values read from a source whenever they are asked for. Then calls that give
 * values throw what the source throws.
 */
export class BytesColumn {
  /** `undefined` where a chunk was freed or is cold. */
  readonly #chunks: (BytesChunk | undefined)[] = []
  /** The chunks that are cold. Apart, because calls on objects of one kind only are quicker. */
  readonly #cold: (ColdBytes | undefined)[] = []
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
    if (rows === 0) return
    const chunk = new BytesChunk()
    chunk.appendAbsent(rows)
    this.#chunks.push(chunk)
    this.#count += rows
  }

  /** Appends a chunk that was freed, behind full ones. */
  appendFreedChunk(): void {
    this.#checkFull()
    this.#chunks.push(undefined)
    this.#count += CHUNK_SLOTS
  }

  /** Appends a cold chunk, behind full ones. */
  appendCold(source: ColdValues): void {
    this.appendFreedChunk()
    const chunk = this.#chunks.length - 1
    this.#cold[chunk] = new ColdBytes(source, CHUNK_SLOTS)
  }

  /**
   * Lets go of the values of a full chunk, which are read from `source` from now on, if they are still as `capture` has them.
   * Says whether they were. Captures and borrowed bytes keep theirs.
   */
  makeCold(chunk: number, source: ColdValues, capture: BytesCapture): boolean {
    this.#checkFullChunk(chunk)
    if (!this.isAsIn(chunk, capture)) return false
    this.#chunks[chunk] = undefined
    this.#cold[chunk] = new ColdBytes(source, CHUNK_SLOTS)
    return true
  }

  /** Whether a chunk was full when `capture` was made, and no value of it was replaced since. */
  isAsIn(chunk: number, capture: BytesCapture): boolean {
    const captured = capture.chunk(chunk)
    const held = this.#chunks[chunk] ?? this.#cold[chunk]
    return captured?.rows === CHUNK_SLOTS && held?.isAsIn(captured) === true
  }

  /** Where the values of a chunk are read from, but those that were replaced since, if it is cold. */
  coldChunk(chunk: number): ColdValues | undefined {
    return this.#cold[chunk]?.source
  }

  /** Gives a slot another value, copied. */
  replace(slot: number, value: Uint8Array | undefined): void {
    this.#chunkOf(slot).replace(slot % CHUNK_SLOTS, value)
  }

  /** A view of a slot's bytes, or `undefined` where it has none. */
  borrow(slot: number): Uint8Array | undefined {
    return this.#chunkOf(slot).borrow(slot % CHUNK_SLOTS)
  }

  /** Whether a slot has exactly these bytes. Not for cold chunks: ids are always in memory. */
  equals(slot: number, bytes: Uint8Array): boolean {
    return this.#warmChunkOf(slot).equals(slot % CHUNK_SLOTS, bytes)
  }

  /** What `hash` makes of the bytes of a slot that has some. Not for cold chunks. */
  hashWith(hash: BytesHash, slot: number): number {
    return this.#warmChunkOf(slot).hashWith(hash, slot % CHUNK_SLOTS)
  }

  /** The column as it is now, at the cost of a few references a chunk. */
  capture(): BytesCapture {
    return captureOf(
      this.#chunks.map((chunk, index) => (chunk ?? this.#cold[index])?.capture()),
      this.#count,
    )
  }

  /** Frees the values of a chunk of which every slot is filled. Captures and borrowed bytes keep theirs. */
  freeChunk(chunk: number): void {
    this.#checkFullChunk(chunk)
    this.#chunks[chunk] = undefined
    this.#cold[chunk] = undefined
  }

  /** Bytes of what is in memory. The chunk objects (about 300 bytes for 16,384 slots) are left out. */
  memoryBytes(): number {
    const bytesOf = (sum: number, chunk: BytesChunk | ColdBytes | undefined) => sum + (chunk?.memoryBytes() ?? 0)
    return this.#cold.reduce(bytesOf, this.#chunks.reduce(bytesOf, 0))
  }

  #checkFull(): void {
    if (this.#count % CHUNK_SLOTS !== 0) throw new RangeError(`the last chunk of ${this.#count} slots is not full`)
  }

  #checkFullChunk(chunk: number): void {
    if (!(Number.isInteger(chunk) && chunk >= 0 && (chunk + 1) * CHUNK_SLOTS <= this.#count)) {
      throw new RangeError(`chunk ${chunk} of ${this.#count} slots is not full`)
    }
  }

  #chunkOf(slot: number): BytesChunk | ColdBytes {
    this.#checkSlot(slot)
    const index = Math.floor(slot / CHUNK_SLOTS)
    const chunk = this.#chunks[index] ?? this.#cold[index]
    if (chunk === undefined) throw slotFreed(slot)
    return chunk
  }

  #warmChunkOf(slot: number): BytesChunk {
    this.#checkSlot(slot)
    const chunk = this.#chunks[Math.floor(slot / CHUNK_SLOTS)]
    if (chunk === undefined) throw slotFreed(slot)
    return chunk
  }

  #checkSlot(slot: number): void {
    if (!(Number.isInteger(slot) && slot >= 0 && slot < this.#count)) {
      throw new RangeError(`no slot ${slot} of ${this.#count}`)
    }
  }
}

/** A function of its own, so that the capture does not keep the column alive. */
function captureOf(chunks: readonly (BytesChunkCapture | undefined)[], count: number): BytesCapture {
  const chunkOf = (slot: number) => {
    const chunk = chunks[Math.floor(slot / CHUNK_SLOTS)]
    if (chunk === undefined && slot < count) throw slotFreed(slot)
    return chunk
  }
  return {
    count,
    borrow: (slot) => chunkOf(slot)?.borrow(slot % CHUNK_SLOTS),
    lengthOf: (slot) => chunkOf(slot)?.lengthOf(slot % CHUNK_SLOTS),
    chunk: (chunk) => chunks[chunk],
  }
}

function slotFreed(slot: number): RangeError {
  return new RangeError(`slot ${slot} was freed by a compaction`)
}
