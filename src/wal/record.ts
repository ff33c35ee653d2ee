import type { Checksum } from '../base/checksum.ts'
import { MAX_PAYLOAD_BYTES } from '../base/limits.ts'
import {
  RECORD_CHAIN_BYTES,
  RECORD_CHECKSUM_OFFSET,
  RECORD_EPOCH_OFFSET,
  RECORD_EVENTS,
  RECORD_FLAGS_OFFSET,
  RECORD_HEADER_BYTES,
  RECORD_LENGTH_OFFSET,
  RECORD_LSN_OFFSET,
  RECORD_RESERVED_OFFSET,
  RECORD_SEAL,
  RECORD_TIME_OFFSET,
  RECORD_TYPE_OFFSET,
  recordBytes,
  SEAL_PAYLOAD_BYTES,
} from './format.ts'
import { viewOf } from './position.ts'

/** The fields of a record's header. */
export interface RecordHeader {
  readonly payloadBytes: number
  readonly type: number
  readonly flags: number
  readonly lsn: number
  readonly epoch: number
  /** Milliseconds since 1970, never below the previous record's. */
  readonly timeMs: number
}

/** A record as the log delivers it. */
export interface LogRecord {
  readonly lsn: number
  readonly epoch: number
  readonly timeMs: number
  readonly chain: bigint
  /** Borrowed: valid until the callback that received it returns. */
  readonly payload: Uint8Array
}

export type RecordHeaderResult = RecordHeader | 'checksum' | 'fields'

/** The seed of record header checksums: a record copied from another store does not pass. */
export function headerSeed(checksum: Checksum, storeId: Uint8Array): bigint {
  return checksum.xxh64(storeId, 1n)
}

/**
 * Writes a record at `offset` of `target` and returns its chain. `target` must have {@link recordBytes} bytes there, all
 * zero where the padding will be.
 */
export function encodeRecord(
  target: Uint8Array,
  offset: number,
  header: Omit<RecordHeader, 'payloadBytes' | 'flags'>,
  payload: Uint8Array,
  previousChain: bigint,
  seed: bigint,
  checksum: Checksum,
): bigint {
  const totalBytes = recordBytes(payload.byteLength)
  const record = target.subarray(offset, offset + totalBytes)
  const view = viewOf(record)
  view.setUint32(RECORD_LENGTH_OFFSET, payload.byteLength, true)
  view.setUint8(RECORD_TYPE_OFFSET, header.type)
  view.setUint8(RECORD_FLAGS_OFFSET, 0)
  view.setUint16(RECORD_RESERVED_OFFSET, 0, true)
  view.setBigUint64(RECORD_LSN_OFFSET, BigInt(header.lsn), true)
  view.setBigUint64(RECORD_EPOCH_OFFSET, BigInt(header.epoch), true)
  view.setBigUint64(RECORD_TIME_OFFSET, BigInt(header.timeMs), true)
  view.setUint32(RECORD_CHECKSUM_OFFSET, headerChecksum(record, seed, checksum), true)
  record.set(payload, RECORD_HEADER_BYTES)
  const chainOffset = totalBytes - RECORD_CHAIN_BYTES
  const chain = checksum.xxh64(record.subarray(0, chainOffset), previousChain)
  view.setBigUint64(chainOffset, chain, true)
  return chain
}

/**
 * Decodes a record's header from its {@link RECORD_HEADER_BYTES} bytes. The checksum comes first: a length is believed only
 * after it.
 */
export function decodeRecordHeader(bytes: Uint8Array, seed: bigint, checksum: Checksum): RecordHeaderResult {
  const view = viewOf(bytes)
  if (view.getUint32(RECORD_CHECKSUM_OFFSET, true) !== headerChecksum(bytes, seed, checksum)) return 'checksum'
  const header: RecordHeader = {
    payloadBytes: view.getUint32(RECORD_LENGTH_OFFSET, true),
    type: view.getUint8(RECORD_TYPE_OFFSET),
    flags: view.getUint8(RECORD_FLAGS_OFFSET),
    lsn: Number(view.getBigUint64(RECORD_LSN_OFFSET, true)),
    epoch: Number(view.getBigUint64(RECORD_EPOCH_OFFSET, true)),
    timeMs: Number(view.getBigUint64(RECORD_TIME_OFFSET, true)),
  }
  const numbersFit = [header.lsn, header.epoch, header.timeMs].every(Number.isSafeInteger)
  const lengthFits = header.payloadBytes > 0 && header.payloadBytes <= MAX_PAYLOAD_BYTES
  return numbersFit && lengthFits && header.type !== 0 ? header : 'fields'
}

/** The chain that a whole record carries. */
export function storedChain(record: Uint8Array): bigint {
  return viewOf(record).getBigUint64(record.byteLength - RECORD_CHAIN_BYTES, true)
}

/** The chain that a whole record ought to have after `previousChain`. */
export function computeChain(record: Uint8Array, previousChain: bigint, checksum: Checksum): bigint {
  return checksum.xxh64(record.subarray(0, record.byteLength - RECORD_CHAIN_BYTES), previousChain)
}

/** A record type or flag that this release does not know: only a newer one can have written it. */
export function isKnownRecord(header: RecordHeader): boolean {
  return (header.type === RECORD_EVENTS || header.type === RECORD_SEAL) && header.flags === 0
}

/** What a seal vouches for. It repeats the last chain, so that it can be checked where the records before it are damaged. */
export interface Seal {
  readonly records: number
  /** Bytes of the segment before the seal. */
  readonly sealedBytes: number
  readonly chain: bigint
}

export function encodeSealPayload(seal: Seal): Uint8Array {
  const payload = new Uint8Array(SEAL_PAYLOAD_BYTES)
  const view = viewOf(payload)
  view.setBigUint64(0, BigInt(seal.records), true)
  view.setBigUint64(8, BigInt(seal.sealedBytes), true)
  view.setBigUint64(16, seal.chain, true)
  return payload
}

/** Decodes a seal from a whole record of type seal, or `undefined` where it does not hold. */
export function decodeSeal(record: Uint8Array, checksum: Checksum): Seal | undefined {
  if (record.byteLength !== recordBytes(SEAL_PAYLOAD_BYTES)) return undefined
  const view = viewOf(record)
  const chain = view.getBigUint64(RECORD_HEADER_BYTES + 16, true)
  if (computeChain(record, chain, checksum) !== storedChain(record)) return undefined
  const records = Number(view.getBigUint64(RECORD_HEADER_BYTES, true))
  const sealedBytes = Number(view.getBigUint64(RECORD_HEADER_BYTES + 8, true))
  return { records, sealedBytes, chain }
}

function headerChecksum(record: Uint8Array, seed: bigint, checksum: Checksum): number {
  return Number(checksum.xxh64(record.subarray(0, RECORD_CHECKSUM_OFFSET), seed) & 0xffff_ffffn)
}
