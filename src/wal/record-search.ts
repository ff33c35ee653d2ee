import type { Checksum } from '../base/checksum.ts'
import type { OpenFile } from '../base/files.ts'
import { RECORD_ALIGNMENT, RECORD_HEADER_BYTES, RECORD_LSN_OFFSET, recordBytes } from './format.ts'
import { type TimedPosition, viewOf } from './position.ts'
import { ReadWindow } from './read-window.ts'
import { computeChain, decodeRecordHeader, storedChain } from './record.ts'
import type { Boundary } from './segment-scan.ts'

const PIECE_BYTES = 1024 * 1024

export interface RecordSearch {
  /** The record before the one that is looked for. */
  readonly after: TimedPosition
  /** Look from here on. */
  readonly fromOffset: number
  readonly seed: bigint
  readonly checksum: Checksum
}

/**
 * Finds the record behind a known one in a segment that cannot be walked up to it, because something before it is damaged.
 * A header whose checksum holds could be part of a payload; the chain, which follows from every record before, could not.
 * @returns the place before the record, or `undefined` where it is not there.
 */
export async function findRecordBehind(file: OpenFile, search: RecordSearch): Promise<Boundary | undefined> {
  const window = new ReadWindow(file, await file.size())
  const { epoch, lsn, chain, timeMs } = search.after
  let start = Math.ceil(search.fromOffset / RECORD_ALIGNMENT) * RECORD_ALIGNMENT
  while (start + RECORD_HEADER_BYTES <= window.sizeBytes) {
    const length = Math.min(PIECE_BYTES, window.sizeBytes - start)
    await window.load(start, length)
    const offsets = offsetsOfLsn(window.borrow(start, length), lsn + 1)
    for (const offset of offsets) {
      if (await follows(window, start + offset, search)) return { epoch, lsn, chain, timeMs, offset: start + offset }
    }
    start += (Math.floor((length - RECORD_HEADER_BYTES) / RECORD_ALIGNMENT) + 1) * RECORD_ALIGNMENT
  }
  return undefined
}

/** Where a record's header could be that has this LSN: two numbers are looked at before anything is hashed. */
function offsetsOfLsn(bytes: Uint8Array, lsn: number): number[] {
  const view = viewOf(bytes)
  const [low, high] = [lsn % 2 ** 32, Math.floor(lsn / 2 ** 32)]
  const found: number[] = []
  for (let offset = 0; offset + RECORD_HEADER_BYTES <= bytes.byteLength; offset += RECORD_ALIGNMENT) {
    const at = offset + RECORD_LSN_OFFSET
    if (view.getUint32(at, true) === low && view.getUint32(at + 4, true) === high) found.push(offset)
  }
  return found
}

async function follows(window: ReadWindow, offset: number, search: RecordSearch): Promise<boolean> {
  if (!window.holds(offset, RECORD_HEADER_BYTES)) await window.load(offset, RECORD_HEADER_BYTES)
  const header = decodeRecordHeader(window.borrow(offset, RECORD_HEADER_BYTES), search.seed, search.checksum)
  if (typeof header === 'string') return false
  const totalBytes = recordBytes(header.payloadBytes)
  if (offset + totalBytes > window.sizeBytes) return false
  if (!window.holds(offset, totalBytes)) await window.load(offset, totalBytes)
  const record = window.borrow(offset, totalBytes)
  return computeChain(record, search.after.chain, search.checksum) === storedChain(record)
}
