import type { Checksum } from '../base/checksum.ts'
import { viewOf } from './bytes.ts'
import { CHECKSUM_BYTES, LARGE_PAGE_BYTES, pageBytesOf } from './format.ts'
import { encodePartHeader, PartChecksum, type PartEntry, type PartIdentity, partFileBytes } from './part.ts'

/** A write takes so much: one large page, or 256 small ones. */
export const BATCH_BYTES = LARGE_PAGE_BYTES

/**
 * Cuts a part into pages. Yields batches of whole pages, in one of two buffers by turns, of {@link batchBytesOf} each: a batch
 * stays as it is until the one after the next is asked for. Between them, `undefined` is a chance to pause.
 */
export function* pagesOf(
  checksum: Checksum,
  part: PartIdentity & Pick<PartEntry, 'contentBytes'>,
  content: Iterable<Uint8Array>,
  buffers: BufferPair,
): Generator<Uint8Array | undefined, PartEntry, void> {
  const header = encodePartHeader(part)
  const sums = new PartChecksum(checksum, header)
  const pager = new Pager(pageBytesOf(part.kind), batchBytesOf(part), buffers, sums)
  yield* pager.push(header)
  let contentBytes = 0
  for (const piece of content) {
    contentBytes += piece.byteLength
    if (piece.byteLength === 0) yield undefined
    else yield* pager.push(piece)
  }
  yield* pager.finish()
  if (contentBytes !== part.contentBytes) throw new RangeError(`the content has ${contentBytes} bytes instead`)
  const { creationLsn, kind, chunk, lsn, number } = part
  return { creationLsn, kind, chunk, lsn, number, contentBytes, checksum: sums.whole }
}

export type BufferPair = readonly [Uint8Array, Uint8Array]

/** Bytes of a batch of a part. */
export function batchBytesOf(part: Pick<PartEntry, 'kind' | 'contentBytes'>): number {
  return Math.min(BATCH_BYTES, partFileBytes(part))
}

class Pager {
  readonly #pageBytes: number
  readonly #pageContent: number
  readonly #sums: PartChecksum
  #batch: Uint8Array
  #view: DataView
  #other: Uint8Array
  /** Where the open page begins in the batch, and how much of it is filled. */
  #pageAt = 0
  #filled = 0
  #pages = 0

  constructor(pageBytes: number, batchBytes: number, [buffer, other]: BufferPair, sums: PartChecksum) {
    this.#pageBytes = pageBytes
    this.#pageContent = pageBytes - CHECKSUM_BYTES
    this.#sums = sums
    this.#batch = buffer.subarray(0, batchBytes)
    this.#view = viewOf(this.#batch)
    this.#other = other.subarray(0, batchBytes)
  }

  *push(piece: Uint8Array): Generator<Uint8Array, void, void> {
    let offset = 0
    while (offset < piece.byteLength) {
      const bytes = Math.min(piece.byteLength - offset, this.#pageContent - this.#filled)
      this.#batch.set(piece.subarray(offset, offset + bytes), this.#pageAt + this.#filled)
      this.#filled += bytes
      offset += bytes
      if (this.#filled < this.#pageContent) continue
      this.#closePage()
      if (this.#pageAt + this.#pageBytes > this.#batch.byteLength) yield this.#takeBatch()
    }
  }

  *finish(): Generator<Uint8Array, void, void> {
    if (this.#filled > 0) this.#closePage()
    if (this.#pageAt > 0) yield this.#takeBatch()
  }

  #closePage(): void {
    const content = this.#batch.subarray(this.#pageAt, this.#pageAt + this.#filled)
    const pageChecksum = this.#sums.ofPage(content, this.#pages)
    this.#sums.append(pageChecksum)
    this.#view.setBigUint64(this.#pageAt + this.#filled, pageChecksum, true)
    this.#pageAt += this.#filled + CHECKSUM_BYTES
    this.#filled = 0
    this.#pages += 1
  }

  #takeBatch(): Uint8Array {
    const full = this.#batch
    const filled = full.subarray(0, this.#pageAt)
    this.#batch = this.#other
    this.#view = viewOf(this.#batch)
    this.#other = full
    this.#pageAt = 0
    return filled
  }
}
