import type { Checksum } from '../base/checksum.ts'
import { isStoreError, StoreError } from '../base/errors.ts'
import type { Files, OpenFile } from '../base/files.ts'
import { type Mark, readMark } from './durable-mark.ts'
import { FORMAT_VERSION, MARK_PATH, WAL_DIRECTORY } from './format.ts'
import { equalBytes, genesisChain, type Position } from './position.ts'
import { headerSeed, type LogRecord } from './record.ts'
import { readSegmentHeader, type SegmentHeader, segmentLsnOf, segmentPath } from './segment-header.ts'
import { type Boundary, corruption, type Defect, endsWithSeal, type SegmentScan, scanSegment } from './segment-scan.ts'
import { decide, type Finding, type Place } from './tail-decision.ts'

export interface LogScanOptions {
  readonly checksum: Checksum
  /** Deliver nothing above this LSN, and look at nothing behind it. */
  readonly limitLsn?: number | undefined
  /** The same for what the durable mark does not cover, where it can be read: for readers, beside a writer or not. */
  readonly durableOnly?: boolean
  /** Called for every record in order, with the segment it lies in; a promise it returns is waited for. */
  readonly onRecord?: RecordReceiver | undefined
  /** Called before each segment with the bytes read so far and in all. */
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined
}

/** Takes a record; its payload is borrowed until this returns or the promise settles. */
export type RecordReceiver = (record: LogRecord, at: { segment: string; offset: number }) => undefined | Promise<void>

/** One segment as the scan found it. */
export interface ScannedSegment {
  readonly path: string
  readonly header: SegmentHeader
  readonly sizeBytes: number
  readonly end: Boundary
  readonly sealed: boolean
}

export interface LogScan {
  /** `undefined` where there is no store yet. */
  readonly storeId: Uint8Array | undefined
  readonly mark: Mark | undefined
  readonly markExists: boolean
  readonly damagedMarkSlots: number
  /** After the last record that holds. */
  readonly position: Position
  readonly timeMs: number
  readonly segments: readonly ScannedSegment[]
  /** The torn tail of the last segment, to be copied away and cut. */
  readonly torn: Defect | undefined
  /** In the last segment, the place after the last record that the durable mark covers. */
  readonly boundary: Boundary | undefined
}

/**
 * Walks the whole log and judges it by the decision table. It changes nothing.
 * @throws StoreError `ERR_LOG_CORRUPT`, `ERR_FORMAT_VERSION`, or what the files say.
 */
export async function scanLog(files: Files, options: LogScanOptions): Promise<LogScan> {
  // The mark is read before the segments are listed: beside a writer, all that it covers is then in the list.
  const reading = await readMark(files, options.checksum)
  const firstLsns = await listSegments(files)
  return new LogWalk(files, reading.mark, options).run(firstLsns, reading.exists, reading.damagedSlots)
}

/** First LSNs of the segments, ascending. */
export async function listSegments(files: Files): Promise<number[]> {
  try {
    const names = await files.list(WAL_DIRECTORY)
    return names
      .map(segmentLsnOf)
      .filter((lsn) => lsn !== undefined)
      .sort((left, right) => left - right)
  } catch (error) {
    if (isStoreError(error, 'ERR_FILE_NOT_FOUND')) return []
    throw error
  }
}

class LogWalk {
  readonly #files: Files
  readonly #mark: Mark | undefined
  readonly #options: LogScanOptions
  readonly #checksum: Checksum
  #storeId: Uint8Array | undefined
  #position: Position
  #timeMs = 0
  #boundary: Boundary | undefined
  #torn: Defect | undefined

  constructor(files: Files, mark: Mark | undefined, options: LogScanOptions) {
    this.#files = files
    this.#mark = mark
    this.#options = options
    this.#checksum = options.checksum
    this.#storeId = mark?.storeId
    const chain = mark === undefined ? 0n : genesisChain(options.checksum, mark.storeId)
    this.#position = { epoch: 0, lsn: 0, chain }
  }

  async run(firstLsns: readonly number[], markExists: boolean, damagedMarkSlots: number): Promise<LogScan> {
    const opened = await this.#openAll(firstLsns)
    const segments: ScannedSegment[] = []
    try {
      const totalBytes = opened.reduce((sum, segment) => sum + segment.sizeBytes, 0)
      let doneBytes = 0
      for (const [index, segment] of opened.entries()) {
        this.#options.onProgress?.(doneBytes, totalBytes)
        segments.push(await this.#walk(segment, opened[index + 1]))
        doneBytes += segment.sizeBytes
        if (this.#limitReached()) break
      }
      this.#options.onProgress?.(totalBytes, totalBytes)
    } finally {
      for (const segment of opened) await segment.file.close()
    }
    if (segments.length === 0) this.#judgeEmpty()
    return {
      storeId: this.#storeId,
      mark: this.#mark,
      markExists,
      damagedMarkSlots,
      position: this.#position,
      timeMs: this.#timeMs,
      segments,
      torn: this.#torn,
      boundary: this.#boundary,
    }
  }

  /** Opens every segment first, so that a reader beside a writer holds all it is going to read. */
  async #openAll(firstLsns: readonly number[]): Promise<OpenedSegment[]> {
    const opened: OpenedSegment[] = []
    try {
      for (const firstLsn of firstLsns) {
        opened.push(await this.#open(firstLsn))
      }
    } catch (error) {
      for (const segment of opened) await segment.file.close()
      throw error
    }
    return opened
  }

  async #open(firstLsn: number): Promise<OpenedSegment> {
    const path = segmentPath(firstLsn)
    const file = await this.#files.open(path, 'read')
    try {
      return { path, firstLsn, file, sizeBytes: await file.size(), header: await this.#readHeader(file) }
    } catch (error) {
      await file.close()
      throw error
    }
  }

  async #readHeader(file: OpenFile): Promise<SegmentHeader | { finding: Finding; reason: string }> {
    const result = await readSegmentHeader(file, this.#checksum)
    if (result.kind === 'header') return result.header
    if (result.kind === 'damaged') return { finding: 'header', reason: `in its header, ${result.reason}` }
    return { finding: 'newer', reason: `format version ${result.version}; this release reads up to ${FORMAT_VERSION}` }
  }

  async #walk(segment: OpenedSegment, next: OpenedSegment | undefined): Promise<ScannedSegment> {
    const header = this.#checkHeader(segment)
    const seed = headerSeed(this.#checksum, header.storeId)
    const place = placeOf(next)
    const scan = await scanSegment(segment.file, {
      header,
      seed,
      checksum: this.#checksum,
      untilLsn: next === undefined ? undefined : next.firstLsn - 1,
      limitLsn: this.#limitLsn,
      boundaryLsn: this.#mark?.position.lsn,
      onRecord: (record, offset) => this.#deliver(record, segment.path, offset),
    })
    this.#position = { epoch: scan.end.epoch, lsn: scan.end.lsn, chain: scan.end.chain }
    this.#timeMs = scan.end.timeMs
    this.#boundary = scan.boundary
    if (!this.#limitReached()) await this.#judge(segment, scan, place, next, seed)
    return { path: segment.path, header, sizeBytes: scan.sizeBytes, end: scan.end, sealed: scan.sealed }
  }

  /** Checks the header against its name, the store and the history so far. */
  #checkHeader(segment: OpenedSegment): SegmentHeader {
    const { header } = segment
    if ('finding' in header)
      return this.#refuse(segment, header.finding, { reason: header.reason, offset: 0, lsn: segment.firstLsn })
    this.#storeId ??= this.#adoptIdentity(header)
    const { lsn, chain, epoch } = this.#position
    const reason = !equalBytes(header.storeId, this.#storeId)
      ? 'the segment belongs to another store'
      : header.firstLsn !== segment.firstLsn
        ? `its header says that it starts at LSN ${header.firstLsn}`
        : header.firstLsn !== lsn + 1
          ? `LSN ${lsn + 1} is missing: the next segment starts at LSN ${header.firstLsn}`
          : header.previousChain !== chain
            ? 'it does not continue the history before it'
            : header.epoch < epoch
              ? `epoch ${header.epoch} follows epoch ${epoch}`
              : undefined
    if (reason !== undefined)
      this.#refuse(segment, 'header', { reason, offset: 0, lsn: Math.min(lsn + 1, header.firstLsn) })
    return header
  }

  #adoptIdentity(header: SegmentHeader): Uint8Array {
    this.#position = { ...this.#position, chain: genesisChain(this.#checksum, header.storeId) }
    return header.storeId
  }

  #deliver(record: LogRecord, segment: string, offset: number): undefined | Promise<void> {
    const mark = this.#mark?.position
    if (record.lsn === mark?.lsn && record.chain !== mark.chain) {
      throw corruption(
        segment,
        { reason: 'the log is not the one that the durable mark was written for', offset, lsn: record.lsn },
        mark.lsn,
      )
    }
    return this.#options.onRecord?.(record, { segment, offset })
  }

  async #judge(
    segment: OpenedSegment,
    scan: SegmentScan,
    place: Place,
    next: OpenedSegment | undefined,
    seed: bigint,
  ): Promise<void> {
    const endsEarly = next !== undefined && scan.end.lsn < next.firstLsn - 1
    const defect: Defect | undefined =
      scan.defect ??
      (endsEarly
        ? {
            finding: 'record',
            reason: 'the segment ends before the next begins',
            offset: scan.end.offset,
            lsn: scan.end.lsn + 1,
          }
        : undefined)
    const sealed = scan.sealed || (defect !== undefined && (await endsWithSeal(segment.file, seed, this.#checksum)))
    const reach = scan.end.lsn < (this.#mark?.position.lsn ?? 0) ? 'covered' : 'beyond'
    const decision = decide(defect?.finding ?? 'clean', place, sealed ? 'sealed' : 'open', reach)
    if (decision === 'cut') this.#torn = defect
    if (decision !== 'corrupt' && decision !== 'refuse-newer') return
    const reason = place === 'last' ? 'the log ends below the durable mark' : 'the seal of the segment is missing'
    this.#refuse(
      segment,
      defect?.finding ?? 'record',
      defect ?? { reason, offset: scan.end.offset, lsn: scan.end.lsn + 1 },
    )
  }

  #refuse(segment: OpenedSegment, finding: Finding, defect: Omit<Defect, 'finding'>): never {
    if (finding !== 'newer') throw corruption(segment.path, defect, this.#mark?.position.lsn)
    const message = `${segment.path} was written by a newer release: ${defect.reason}`
    throw new StoreError('ERR_FORMAT_VERSION', message, { details: { segment: segment.path, ...defect } })
  }

  #judgeEmpty(): void {
    if (this.#mark === undefined || this.#mark.position.lsn === 0 || this.#limitLsn === 0) return
    const lsn = this.#mark.position.lsn
    throw corruption(MARK_PATH, { reason: 'the log has no segment', offset: 0, lsn: 1 }, lsn)
  }

  get #limitLsn(): number {
    const durableLsn = this.#options.durableOnly ? this.#mark?.position.lsn : undefined
    return Math.min(this.#options.limitLsn ?? Number.MAX_SAFE_INTEGER, durableLsn ?? Number.MAX_SAFE_INTEGER)
  }

  #limitReached(): boolean {
    return this.#position.lsn >= this.#limitLsn
  }
}

interface OpenedSegment {
  readonly path: string
  readonly firstLsn: number
  readonly file: OpenFile
  readonly sizeBytes: number
  readonly header: SegmentHeader | { finding: Finding; reason: string }
}

function placeOf(next: OpenedSegment | undefined): Place {
  if (next === undefined) return 'last'
  return 'rewritten' in next.header && next.header.rewritten ? 'before-rewritten' : 'older'
}
