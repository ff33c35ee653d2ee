import { CHUNK_SLOTS } from '../base/limits.ts'
import { Bitmap, hasBit } from './bitmap.ts'

/** Something of which whole chunks may have been freed. */
interface Chunked {
  isFreed(slot: number): boolean
}

/** The chunks of a collection whose memory was freed, one bit each. */
export class FreedChunks {
  readonly #chunks = new Bitmap()

  get count(): number {
    return this.#chunks.countSet
  }

  add(chunk: number): void {
    this.#chunks.set(chunk)
  }

  /** Whether a slot is in one of them. */
  hasSlot(slot: number): boolean {
    return this.count > 0 && this.#chunks.has(Math.floor(slot / CHUNK_SLOTS))
  }

  /** Those of the first `chunkCount` chunks, ascending. */
  list(chunkCount: number): number[] {
    const chunks: number[] = []
    for (let chunk = 0; chunk < chunkCount; chunk++) {
      if (this.#chunks.has(chunk)) chunks.push(chunk)
    }
    return chunks
  }

  /** {@link hasSlot} as of now, for the first `chunkCount` chunks. */
  capture(chunkCount: number): (slot: number) => boolean {
    if (this.count === 0) return () => false
    const bits = this.#chunks.copy(chunkCount)
    return (slot) => hasBit(bits, Math.floor(slot / CHUNK_SLOTS))
  }
}

/** The first slot from `slot` on that is in no freed chunk; it may be beyond the last. */
export function passFreed(chunked: Chunked, slot: number): number {
  let next = slot
  while (chunked.isFreed(next)) next += CHUNK_SLOTS - (next % CHUNK_SLOTS)
  return next
}
