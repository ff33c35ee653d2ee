import type { Checksum } from '../base/checksum.ts'
import { StoreError } from '../base/errors.ts'
import type { OpenFile } from '../base/files.ts'
import { viewOf } from './bytes.ts'
import { CHECKSUM_BYTES, PART_HEADER_BYTES, SMALL_PAGE_BYTES } from './format.ts'
import { partPath } from './names.ts'
import { encodePartHeader, PartChecksum, type PartEntry, partFileBytes } from './part.ts'
import { corrupt } from './snapshot-error.ts'

const PAGE_CONTENT_BYTES = SMALL_PAGE_BYTES - CHECKSUM_BYTES
/** Most pages that one call reads. More of them are no quicker: a read and its checksums take as long as they are many. */
const WINDOW_PAGES = 32

/**
 * The pages that were read last, verified, of whichever part: who goes through a part in order reads each page once. Many
 * parts share one, since nothing is awaited while it is used.
 */
export class PageWindow {
  readonly bytes: Uint8Array = new Uint8Array(WINDOW_PAGES * SMALL_PAGE_BYTES)
  readonly view: DataView = viewOf(this.bytes)
  holder: PartRange | undefined
  firstPage = 0
  endPage = 0
}

/**
 * Reads places of a part with small pages, which stays open: a vector, a document or a run of them. Only the pages that hold
 * them are read, each verified, on the calling thread.
 */
export class PartRange {
  readonly #file: OpenFile
  readonly #entry: PartEntry
  readonly #sums: PartChecksum
  readonly #window: PageWindow

  constructor(file: OpenFile, storeId: Uint8Array, entry: PartEntry, checksum: Checksum, window: PageWindow) {
    this.#file = file
    this.#entry = entry
    this.#sums = new PartChecksum(checksum, encodePartHeader({ ...entry, storeId }))
    this.#window = window
  }

  /**
   * Fills `target` with the content from `position` on.
   * @throws StoreError `ERR_SNAPSHOT_CORRUPT` where a page does not hold, or what the file says; `RangeError` for a place
   * beyond the content.
   */
  read(target: Uint8Array, position: number): void {
    const { contentBytes } = this.#entry
    if (!(position >= 0 && position + target.byteLength <= contentBytes)) {
      throw new RangeError(`no ${target.byteLength} bytes at ${position} of ${contentBytes}`)
    }
    let at = PART_HEADER_BYTES + position
    const endPage = Math.ceil((at + target.byteLength) / PAGE_CONTENT_BYTES)
    for (let filled = 0; filled < target.byteLength; ) {
      const page = Math.floor(at / PAGE_CONTENT_BYTES)
      const offset = at - page * PAGE_CONTENT_BYTES
      const bytes = Math.min(target.byteLength - filled, PAGE_CONTENT_BYTES - offset)
      const from = this.#placeOf(page, endPage) + offset
      target.set(this.#window.bytes.subarray(from, from + bytes), filled)
      filled += bytes
      at += bytes
    }
  }

  /** Where a page is in the window. If it is not, it is read with what fits of those up to `endPage`. */
  #placeOf(page: number, endPage: number): number {
    const window = this.#window
    const isThere = window.holder === this && page >= window.firstPage && page < window.endPage
    if (!isThere) this.#load(page, Math.min(endPage, page + WINDOW_PAGES))
    return (page - window.firstPage) * SMALL_PAGE_BYTES
  }

  #load(firstPage: number, endPage: number): void {
    const window = this.#window
    // Nothing in it counts before all of it was verified.
    window.holder = undefined
    const from = firstPage * SMALL_PAGE_BYTES
    const bytes = Math.min(endPage * SMALL_PAGE_BYTES, partFileBytes(this.#entry)) - from
    const target = window.bytes.subarray(0, bytes)
    if (this.#readFile(target, from) < bytes) throw this.#corrupt('it is too short', firstPage)
    for (let page = firstPage; page < endPage; page++) {
      const pageAt = (page - firstPage) * SMALL_PAGE_BYTES
      const contentEnd = Math.min(pageAt + SMALL_PAGE_BYTES, bytes) - CHECKSUM_BYTES
      const found = this.#sums.ofPage(window.bytes.subarray(pageAt, contentEnd), page)
      if (found !== window.view.getBigUint64(contentEnd, true)) throw this.#corrupt('a checksum is wrong', page)
    }
    window.holder = this
    window.firstPage = firstPage
    window.endPage = endPage
  }

  #readFile(target: Uint8Array, position: number): number {
    const read = this.#file.readNow?.(target, position)
    if (read === undefined) throw cannotReadNow()
    return read
  }

  #corrupt(reason: string, page: number): StoreError {
    return corrupt(partPath(this.#entry), reason, { details: { offset: page * SMALL_PAGE_BYTES } })
  }
}

/** What is refused where files cannot be read at once. */
export function cannotReadNow(): StoreError {
  const reason = "a database is read asynchronously, but what is on 'disk' is read in the middle of a search or a write"
  return new StoreError('ERR_STORE_OPTIONS', `originals and documents must be in 'memory' here: ${reason}`)
}
