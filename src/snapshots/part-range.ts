import type { Checksum } from '../base/checksum.ts'
import type { OpenFile } from '../base/files.ts'
import { viewOf } from './bytes.ts'
import { CHECKSUM_BYTES, PART_HEADER_BYTES, pageBytesOf } from './format.ts'
import { partPath } from './names.ts'
import { encodePartHeader, PartChecksum, type PartEntry, partFileBytes } from './part.ts'
import { corrupt } from './snapshot-error.ts'

/** Reads places of a part that stays open, a vector or a document: only the pages that hold them, each verified. */
export class PartRange {
  readonly #file: OpenFile
  readonly #entry: PartEntry
  readonly #sums: PartChecksum

  constructor(file: OpenFile, storeId: Uint8Array, entry: PartEntry, checksum: Checksum) {
    this.#file = file
    this.#entry = entry
    this.#sums = new PartChecksum(checksum, encodePartHeader({ ...entry, storeId }))
  }

  /**
   * Fills `target` with the content from `position` on.
   * @throws StoreError `ERR_SNAPSHOT_CORRUPT` where a page does not hold; `RangeError` for a place beyond the content.
   */
  async read(target: Uint8Array, position: number): Promise<void> {
    const { kind, contentBytes } = this.#entry
    if (!(position >= 0 && position + target.byteLength <= contentBytes)) {
      throw new RangeError(`no ${target.byteLength} bytes at ${position} of ${contentBytes}`)
    }
    if (target.byteLength === 0) return
    const pageBytes = pageBytesOf(kind)
    const pageContent = pageBytes - CHECKSUM_BYTES
    const from = PART_HEADER_BYTES + position
    const firstPage = Math.floor(from / pageContent)
    const lastPage = Math.floor((from + target.byteLength - 1) / pageContent)
    const pages = await this.#readPages(firstPage, lastPage, pageBytes)
    for (let filled = 0, page = firstPage; page <= lastPage; page++) {
      const pageAt = (page - firstPage) * pageBytes
      const content = this.#verified(pages.subarray(pageAt, pageAt + pageBytes), page)
      const skipped = Math.max(0, from - page * pageContent)
      const wanted = content.subarray(skipped, skipped + target.byteLength - filled)
      target.set(wanted, filled)
      filled += wanted.byteLength
    }
  }

  async #readPages(firstPage: number, lastPage: number, pageBytes: number): Promise<Uint8Array> {
    const from = firstPage * pageBytes
    const pages = new Uint8Array(Math.min((lastPage + 1) * pageBytes, partFileBytes(this.#entry)) - from)
    const read = await this.#file.read(pages, from)
    if (read < pages.byteLength) throw corrupt(partPath(this.#entry), 'it is too short')
    return pages
  }

  #verified(page: Uint8Array, number: number): Uint8Array {
    const content = page.subarray(0, page.byteLength - CHECKSUM_BYTES)
    if (this.#sums.ofPage(content, number) !== viewOf(page).getBigUint64(content.byteLength, true)) {
      const details = { offset: number * pageBytesOf(this.#entry.kind) }
      throw corrupt(partPath(this.#entry), 'a checksum is wrong', { details })
    }
    return content
  }
}
