import type { Checksum } from '../base/checksum.ts'
import { isStoreError } from '../base/errors.ts'
import type { Files, OpenFile } from '../base/files.ts'
import { viewOf } from '../snapshots/bytes.ts'
import { CHECKSUM_BYTES, LARGE_PAGE_BYTES, PART_HEADER_BYTES, pageBytesOf } from '../snapshots/format.ts'
import { partPath } from '../snapshots/names.ts'
import { encodePartHeader, PartChecksum, type PartEntry, partFileBytes } from '../snapshots/part.ts'

/** Places of a content, from `from` up to, not including, `to`. */
export interface ByteRange {
  readonly from: number
  readonly to: number
}

/** What of a part can be read. */
export interface ReadablePart {
  /** Zero where it is damaged. */
  readonly content: Uint8Array
  /** Rising, without overlaps. */
  readonly damaged: readonly ByteRange[]
  /** Offset in the file of the first page that does not hold. */
  readonly firstOffset: number | undefined
}

/**
 * Reads a part page by page: each carries a checksum that depends on its place and on the header that the part must have, so
 * each is believed or not by itself.
 */
export async function readReadable(
  files: Files,
  storeId: Uint8Array,
  part: PartEntry,
  checksum: Checksum,
): Promise<ReadablePart> {
  const sums = new PartChecksum(checksum, encodePartHeader({ ...part, storeId }))
  const content = new Uint8Array(part.contentBytes)
  const damaged: ByteRange[] = []
  let firstOffset: number | undefined
  const file = await openIfReadable(files, partPath(part))
  try {
    for await (const { page, bytes, from, to } of pagesOf(file, part)) {
      const end = to - from
      if (bytes !== undefined && sums.ofPage(bytes.subarray(0, end), page) === viewOf(bytes).getBigUint64(end, true)) {
        const skipped = Math.max(0, PART_HEADER_BYTES - from)
        content.set(bytes.subarray(skipped, end), from + skipped - PART_HEADER_BYTES)
        continue
      }
      firstOffset ??= page * pageBytesOf(part.kind)
      addRange(damaged, Math.max(0, from - PART_HEADER_BYTES), Math.max(0, to - PART_HEADER_BYTES))
    }
  } finally {
    await file?.close()
  }
  return { content, damaged, firstOffset }
}

/** A file that is missing, or that the disk cannot read, has no page that holds. */
async function openIfReadable(files: Files, path: string): Promise<OpenFile | undefined> {
  try {
    return await files.open(path, 'read')
  } catch (error) {
    if (isStoreError(error, 'ERR_FILE_NOT_FOUND') || isStoreError(error, 'ERR_IO')) return undefined
    throw error
  }
}

interface Page {
  readonly page: number
  /** With its checksum; `undefined` where it cannot be read. */
  readonly bytes: Uint8Array | undefined
  /** Its place in the stream of header and content. */
  readonly from: number
  readonly to: number
}

async function* pagesOf(file: OpenFile | undefined, part: PartEntry): AsyncGenerator<Page> {
  const pageBytes = pageBytesOf(part.kind)
  const contentBytes = pageBytes - CHECKSUM_BYTES
  const sizeBytes = partFileBytes(part)
  const batch = new Uint8Array(Math.min(LARGE_PAGE_BYTES, sizeBytes))
  for (let start = 0; start < sizeBytes; start += batch.byteLength) {
    const wanted = batch.subarray(0, Math.min(batch.byteLength, sizeBytes - start))
    const isRead = await isReadAt(file, wanted, start)
    for (let at = 0; at < wanted.byteLength; at += pageBytes) {
      const bytes = wanted.subarray(at, at + pageBytes)
      const page = (start + at) / pageBytes
      const from = page * contentBytes
      // A disk that cannot read all of it may still read most.
      const isThere = isRead || (await isReadAt(file, bytes, start + at))
      yield { page, bytes: isThere ? bytes : undefined, from, to: from + bytes.byteLength - CHECKSUM_BYTES }
    }
  }
}

async function isReadAt(file: OpenFile | undefined, target: Uint8Array, position: number): Promise<boolean> {
  try {
    return (await file?.read(target, position)) === target.byteLength
  } catch (error) {
    if (isStoreError(error, 'ERR_IO')) return false
    throw error
  }
}

function addRange(ranges: ByteRange[], from: number, to: number): void {
  const last = ranges.at(-1)
  if (last?.to === from) ranges[ranges.length - 1] = { from: last.from, to }
  else ranges.push({ from, to })
}

/** Whether any of `bytes` at `position` is damaged. Nothing is where there are none. */
export function isHit(ranges: readonly ByteRange[], position: number, bytes: number): boolean {
  return ranges.some(({ from, to }) => from < position + bytes && position < to)
}
