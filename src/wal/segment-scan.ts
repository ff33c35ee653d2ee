import type { Checksum } from '../base/checksum.ts'
import { StoreError } from '../base/errors.ts'
import type { OpenFile } from '../base/files.ts'
import { RECORD_HEADER_BYTES, RECORD_SEAL, recordBytes, SEAL_BYTES, SEGMENT_HEADER_BYTES } from './format.ts'
import { ReadWindow } from './read-window.ts'
import {
  computeChain,
  decodeRecordHeader,
  decodeSeal,
  isKnownRecord,
  type LogRecord,
  type RecordHeader,
  storedChain,
} from './record.ts'
import type { SegmentHeader } from './segment-header.ts'

/** Where the walk over a segment stood still, and why. */
export interface Defect {
  /** `newer`: whole and verified, but of a kind this release does not know. `record`: anything else. */
  readonly finding: 'record' | 'newer'
  readonly reason: string
  readonly offset: number
  /** The LSN that should have followed. */
  readonly lsn: number
}

/** A place between two records. */
export interface Boundary {
  /** LSN of the record before, and its chain and time. */
  readonly lsn: number
  readonly chain: bigint
  readonly timeMs: number
  readonly epoch: number
  /** Offset in the segment at which the next record starts. */
  readonly offset: number
}

/** The place before the first record of a segment. */
export function segmentStart(header: SegmentHeader): Boundary {
  return {
    lsn: header.firstLsn - 1,
    chain: header.previousChain,
    timeMs: header.previousTimeMs,
    epoch: header.epoch,
    offset: SEGMENT_HEADER_BYTES,
  }
}

export interface SegmentScan {
  /** After the last record that holds. */
  readonly end: Boundary
  /** After record `options.boundaryLsn`, where it lies in this segment. */
  readonly boundary: Boundary | undefined
  readonly sealed: boolean
  readonly defect: Defect | undefined
  readonly sizeBytes: number
  /** A record later than `options.limitTimeMs` stands behind `end`. */
  readonly isTimeReached: boolean
}

export interface SegmentScanOptions {
  readonly header: SegmentHeader
  readonly seed: bigint
  readonly checksum: Checksum
  /** The next segment begins behind this LSN: of what follows it here only a seal or a newer format counts. */
  readonly untilLsn?: number | undefined
  /** Stop after this LSN. What lies behind it is not looked at: a writer may be changing it. */
  readonly limitLsn?: number | undefined
  /** Stop before the first record that is later. */
  readonly limitTimeMs?: number | undefined
  /** Begin here instead of at the first record. */
  readonly from?: Boundary | undefined
  /** Report the boundary after this LSN. */
  readonly boundaryLsn?: number | undefined
  /** Called for each record in order; a promise it returns is waited for. What it throws ends the scan. */
  readonly onRecord?: ((record: LogRecord, offset: number) => undefined | Promise<void>) | undefined
}

/**
 * Walks a segment from its first record to its end, its seal or its first defect, holding at most one record and one read
 * window in memory. It judges nothing: what a defect means is decided by `tail-decision.ts`.
 */
export async function scanSegment(file: OpenFile, options: SegmentScanOptions): Promise<SegmentScan> {
  const { header, boundaryLsn } = options
  const window = new ReadWindow(file, await file.size())
  let end = options.from ?? segmentStart(header)
  let boundary = end.lsn === boundaryLsn ? end : undefined
  const untilLsn = options.untilLsn ?? Number.MAX_SAFE_INTEGER
  const limitLsn = options.limitLsn ?? Number.MAX_SAFE_INTEGER
  while (end.lsn < untilLsn && end.lsn < limitLsn) {
    const step = await readStep(window, end, options)
    const isDefect = typeof step === 'object' && 'reason' in step
    if (typeof step === 'string' || isDefect) {
      const { sizeBytes } = window
      const defect = isDefect ? step : undefined
      return { end, boundary, sealed: step === 'sealed', defect, sizeBytes, isTimeReached: step === 'later' }
    }
    end = step
    if (end.lsn === boundaryLsn) boundary = end
  }
  const behind = end.lsn < limitLsn ? await readStep(window, end, { ...options, onRecord: undefined }) : 'end'
  const newer = typeof behind === 'object' && 'finding' in behind && behind.finding === 'newer' ? behind : undefined
  const { sizeBytes } = window
  return { end, boundary, sealed: behind === 'sealed', defect: newer, sizeBytes, isTimeReached: false }
}

/** Reads what stands at `end`: the next record, one that is too late, the seal, the end of the file, or a defect. */
async function readStep(
  window: ReadWindow,
  end: Boundary,
  options: SegmentScanOptions,
): Promise<Boundary | Defect | 'end' | 'sealed' | 'later'> {
  const { offset } = end
  const defect = (reason: string, finding: Defect['finding'] = 'record'): Defect => {
    return { finding, reason, offset, lsn: end.lsn + 1 }
  }
  if (offset === window.sizeBytes) return 'end'
  if (offset + RECORD_HEADER_BYTES > window.sizeBytes) return defect('the file ends inside a record header')
  if (!window.holds(offset, RECORD_HEADER_BYTES)) await window.load(offset, RECORD_HEADER_BYTES)
  const header = decodeRecordHeader(window.borrow(offset, RECORD_HEADER_BYTES), options.seed, options.checksum)
  if (header === 'checksum') return defect('the checksum of a record header is wrong')
  if (header === 'fields') return defect('a record header has impossible numbers')
  const totalBytes = recordBytes(header.payloadBytes)
  if (offset + totalBytes > window.sizeBytes) return defect('the file ends inside a record')
  if (!window.holds(offset, totalBytes)) await window.load(offset, totalBytes)
  const bytes = window.borrow(offset, totalBytes)
  const chain = computeChain(bytes, end.chain, options.checksum)
  if (chain !== storedChain(bytes)) return defect('the chain of a record is wrong')
  if (!isKnownRecord(header)) return defect(`record type ${header.type} or its flags are of a newer format`, 'newer')
  if (header.type === RECORD_SEAL) {
    const reason = sealDefect(bytes, header, end, window.sizeBytes, options)
    return reason === undefined ? 'sealed' : defect(reason)
  }
  const reason = sequenceDefect(header, end)
  if (reason !== undefined) return defect(reason)
  const { lsn, epoch, timeMs } = header
  if (timeMs > (options.limitTimeMs ?? Number.POSITIVE_INFINITY)) return 'later'
  const payload = bytes.subarray(RECORD_HEADER_BYTES, RECORD_HEADER_BYTES + header.payloadBytes)
  const busy = options.onRecord?.({ lsn, epoch, timeMs, chain, payload }, offset)
  if (busy !== undefined) await busy
  return { lsn, chain, timeMs, epoch, offset: offset + totalBytes }
}

function sequenceDefect(header: RecordHeader, end: Boundary): string | undefined {
  if (header.lsn !== end.lsn + 1) return `record ${header.lsn} stands where ${end.lsn + 1} should`
  if (header.epoch < end.epoch) return `epoch ${header.epoch} follows epoch ${end.epoch}`
  if (header.timeMs < end.timeMs) return 'the time goes back'
  return undefined
}

function sealDefect(
  bytes: Uint8Array,
  header: RecordHeader,
  end: Boundary,
  sizeBytes: number,
  options: SegmentScanOptions,
): string | undefined {
  const seal = decodeSeal(bytes, options.checksum)
  const records = end.lsn - options.header.firstLsn + 1
  const fits = seal?.chain === end.chain && seal.sealedBytes === end.offset && seal.records === records
  if (!fits || header.lsn !== end.lsn) return 'the seal does not fit the segment'
  if (end.offset + bytes.byteLength !== sizeBytes) return 'bytes follow the seal'
  return undefined
}

/**
 * Whether a segment ends with a seal that holds, whatever happened to the records before it: it tells damage in a finished
 * segment from a tail that a crash cut short.
 */
export async function endsWithSeal(file: OpenFile, seed: bigint, checksum: Checksum): Promise<boolean> {
  return (await readSealAtEnd(file, seed, checksum)) !== undefined
}

/** The seal that a segment ends with, if one is there and holds: LSN and chain of the segment's last record. */
export async function readSealAtEnd(
  file: OpenFile,
  seed: bigint,
  checksum: Checksum,
): Promise<{ lsn: number; chain: bigint } | undefined> {
  const sizeBytes = await file.size()
  if (sizeBytes < SEGMENT_HEADER_BYTES + SEAL_BYTES) return undefined
  const bytes = new Uint8Array(SEAL_BYTES)
  const start = sizeBytes - SEAL_BYTES
  if ((await file.read(bytes, start)) !== SEAL_BYTES) return undefined
  const header = decodeRecordHeader(bytes.subarray(0, RECORD_HEADER_BYTES), seed, checksum)
  if (typeof header === 'string' || header.type !== RECORD_SEAL || !isKnownRecord(header)) return undefined
  const seal = decodeSeal(bytes, checksum)
  return seal?.sealedBytes === start ? { lsn: header.lsn, chain: seal.chain } : undefined
}

/** The error for a defect that cannot be a torn tail. */
export function corruption(segment: string, defect: Omit<Defect, 'finding'>, markLsn: number | undefined): StoreError {
  const { reason, offset, lsn } = defect
  const known = markLsn === undefined ? 'there is no durable mark' : `the durable mark is at LSN ${markLsn}`
  const message = `the log is damaged in ${segment} at offset ${offset}, LSN ${lsn}: ${reason} (${known}). Nothing was changed.`
  return new StoreError('ERR_LOG_CORRUPT', message, { details: { segment, offset, lsn, reason, markLsn } })
}
