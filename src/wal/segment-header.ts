import type { Checksum } from '../base/checksum.ts'
import type { OpenFile } from '../base/files.ts'
import {
  EPOCH_OFFSET,
  FORMAT_VERSION,
  FRAME_LIMIT_BYTES,
  LENGTH_OFFSET,
  MAGIC_OFFSET,
  SEGMENT_CHECKSUM_OFFSET,
  SEGMENT_FIRST_LSN_OFFSET,
  SEGMENT_FLAG_REWRITTEN,
  SEGMENT_FLAGS_OFFSET,
  SEGMENT_HEADER_BYTES,
  SEGMENT_MAGIC,
  SEGMENT_PREVIOUS_CHAIN_OFFSET,
  SEGMENT_PREVIOUS_TIME_OFFSET,
  STORE_ID_BYTES,
  STORE_ID_OFFSET,
  VERSION_OFFSET,
  WAL_DIRECTORY,
} from './format.ts'
import { equalBytes, viewOf } from './position.ts'

export interface SegmentHeader {
  readonly storeId: Uint8Array
  readonly epoch: number
  readonly firstLsn: number
  /** Chain of record `firstLsn - 1`. */
  readonly previousChain: bigint
  /** Time of record `firstLsn - 1` in ms, 0 before the first: times never go back, whichever segments are read. */
  readonly previousTimeMs: number
  readonly rewritten: boolean
}

/** What the first bytes of a file turned out to be. */
export type SegmentHeaderResult =
  | { readonly kind: 'header'; readonly header: SegmentHeader }
  | { readonly kind: 'newer'; readonly version: number }
  | { readonly kind: 'damaged'; readonly reason: string }

export function encodeSegmentHeader(header: SegmentHeader, checksum: Checksum): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES)
  const view = viewOf(bytes)
  bytes.set(SEGMENT_MAGIC, MAGIC_OFFSET)
  view.setUint32(VERSION_OFFSET, FORMAT_VERSION, true)
  view.setUint32(LENGTH_OFFSET, SEGMENT_HEADER_BYTES, true)
  bytes.set(header.storeId, STORE_ID_OFFSET)
  view.setBigUint64(EPOCH_OFFSET, BigInt(header.epoch), true)
  view.setBigUint64(SEGMENT_FIRST_LSN_OFFSET, BigInt(header.firstLsn), true)
  view.setBigUint64(SEGMENT_PREVIOUS_CHAIN_OFFSET, header.previousChain, true)
  view.setBigUint64(SEGMENT_PREVIOUS_TIME_OFFSET, BigInt(header.previousTimeMs), true)
  view.setUint32(SEGMENT_FLAGS_OFFSET, header.rewritten ? SEGMENT_FLAG_REWRITTEN : 0, true)
  view.setBigUint64(SEGMENT_CHECKSUM_OFFSET, checksum.xxh64(bytes.subarray(0, SEGMENT_CHECKSUM_OFFSET), 0n), true)
  return bytes
}

/** Reads and decodes a segment's header, of whatever length a newer release may have given it. */
export async function readSegmentHeader(file: OpenFile, checksum: Checksum): Promise<SegmentHeaderResult> {
  const bytes = new Uint8Array(FRAME_LIMIT_BYTES)
  const read = await file.read(bytes, 0)
  return decodeSegmentHeader(bytes.subarray(0, read), checksum)
}

/** Decodes the first bytes of a segment: never throws, whatever they are. */
export function decodeSegmentHeader(bytes: Uint8Array, checksum: Checksum): SegmentHeaderResult {
  const framed = checkFrame(bytes, SEGMENT_MAGIC, SEGMENT_HEADER_BYTES, checksum)
  if (framed !== undefined) return framed
  const view = viewOf(bytes)
  const numbers = [EPOCH_OFFSET, SEGMENT_FIRST_LSN_OFFSET, SEGMENT_PREVIOUS_TIME_OFFSET].map((offset) =>
    Number(view.getBigUint64(offset, true)),
  )
  const flags = view.getUint32(SEGMENT_FLAGS_OFFSET, true)
  if (!numbers.every(Number.isSafeInteger) || numbers[1] === 0)
    return { kind: 'damaged', reason: 'a number is out of range' }
  if ((flags & ~SEGMENT_FLAG_REWRITTEN) !== 0) return { kind: 'newer', version: FORMAT_VERSION }
  const [epoch, firstLsn, previousTimeMs] = numbers as [number, number, number]
  const header: SegmentHeader = {
    storeId: bytes.slice(STORE_ID_OFFSET, STORE_ID_OFFSET + STORE_ID_BYTES),
    epoch,
    firstLsn,
    previousChain: view.getBigUint64(SEGMENT_PREVIOUS_CHAIN_OFFSET, true),
    previousTimeMs,
    rewritten: (flags & SEGMENT_FLAG_REWRITTEN) !== 0,
  }
  return { kind: 'header', header }
}

/**
 * Checks magic, version, length and checksum, which stand at the same places in every format version: only bytes whose
 * checksum holds are called newer, so a flipped bit in the version is damage and not a newer release.
 */
export function checkFrame(
  bytes: Uint8Array,
  magic: Uint8Array,
  frameBytes: number,
  checksum: Checksum,
): { kind: 'damaged'; reason: string } | { kind: 'newer'; version: number } | undefined {
  if (bytes.byteLength < LENGTH_OFFSET + 4) return { kind: 'damaged', reason: 'the file is shorter than its header' }
  if (!equalBytes(bytes.subarray(0, magic.byteLength), magic)) return { kind: 'damaged', reason: 'the magic is wrong' }
  const view = viewOf(bytes)
  const length = view.getUint32(LENGTH_OFFSET, true)
  if (length < STORE_ID_OFFSET + 8 || length > bytes.byteLength)
    return { kind: 'damaged', reason: 'the length is wrong' }
  const stored = view.getBigUint64(length - 8, true)
  if (checksum.xxh64(bytes.subarray(0, length - 8), 0n) !== stored)
    return { kind: 'damaged', reason: 'the checksum is wrong' }
  const version = view.getUint32(VERSION_OFFSET, true)
  if (version > FORMAT_VERSION) return { kind: 'newer', version }
  if (version !== FORMAT_VERSION || length !== frameBytes) return { kind: 'damaged', reason: 'the version is not one' }
  return undefined
}

const SEGMENT_NAME = /^(\d{16})\.wal$/

/** Path of the segment whose first record is `firstLsn`. */
export function segmentPath(firstLsn: number): string {
  return `${WAL_DIRECTORY}/${String(firstLsn).padStart(16, '0')}.wal`
}

/** The first LSN that a file name in the log's directory claims, or `undefined` for a name that is no segment's. */
export function segmentLsnOf(name: string): number | undefined {
  const match = SEGMENT_NAME.exec(name)
  const lsn = match === null ? 0 : Number(match[1])
  return lsn >= 1 && Number.isSafeInteger(lsn) ? lsn : undefined
}
