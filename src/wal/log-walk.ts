import type { Checksum } from '../base/checksum.ts'
import { StoreError } from '../base/errors.ts'
import type { Mark } from './durable-mark.ts'
import { MARK_PATH } from './format.ts'
import { scanJoint } from './joint-segment.ts'
import type { LogScan, LogScanOptions, ScannedSegment } from './log-scan.ts'
import { equalBytes, genesisChain, type Position } from './position.ts'
import { headerSeed, type LogRecord } from './record.ts'
import type { SegmentHeader } from './segment-header.ts'
import type { OpenedSegment } from './segment-list.ts'
import {
  type Boundary,
  corruption,
  type Defect,
  endsWithSeal,
  type SegmentScan,
  type SegmentScanOptions,
  scanSegment,
} from './segment-scan.ts'
import { contradiction, missingText, type StartingPoint } from './starting-point.ts'
import { decide, type Finding, type Place } from './tail-decision.ts'

/** What the walk itself finds out. */
type Walked = Pick<LogScan, 'storeId' | 'position' | 'timeMs' | 'segments' | 'torn' | 'boundary' | 'damageBelow'>

/** One walk over opened segments, from the beginning of the log or from a starting point. */
export class LogWalk {
  readonly #mark: Mark | undefined
  readonly #options: LogScanOptions
  readonly #checksum: Checksum
  /** Everything up to here is known to have been on disk; `undefined` where nothing is known. */
  readonly #knownLsn: number | undefined
  readonly #limitLsn: number
  #storeId: Uint8Array | undefined
  #position: Position
  #timeMs: number
  #boundary: Boundary | undefined
  #torn: Defect | undefined
  #damageBelow: string | undefined
  #isTimeReached = false

  /** @throws StoreError where the mark and the starting point are not of one history. */
  constructor(mark: Mark | undefined, options: LogScanOptions) {
    const { checksum, after, durableOnly } = options
    this.#mark = mark
    this.#options = options
    this.#checksum = checksum
    if (after !== undefined && mark !== undefined) requireOneHistory(after, mark)
    const markLsn = mark?.position.lsn
    this.#knownLsn = after === undefined ? markLsn : Math.max(after.lsn, markLsn ?? 0)
    const durableLsn = durableOnly && mark !== undefined ? this.#knownLsn : undefined
    this.#limitLsn = Math.min(options.limitLsn ?? Number.MAX_SAFE_INTEGER, durableLsn ?? Number.MAX_SAFE_INTEGER)
    this.#storeId = after?.storeId ?? mark?.storeId
    const chain = this.#storeId === undefined ? 0n : genesisChain(checksum, this.#storeId)
    const { epoch, lsn } = after ?? { epoch: 0, lsn: 0 }
    this.#position = { epoch, lsn, chain: after?.chain ?? chain }
    this.#timeMs = after?.timeMs ?? 0
  }

  async run(opened: readonly OpenedSegment[]): Promise<Walked> {
    const segments: ScannedSegment[] = []
    const totalBytes = opened.reduce((sum, segment) => sum + segment.sizeBytes, 0)
    let doneBytes = 0
    for (const [index, segment] of opened.entries()) {
      this.#options.onProgress?.(doneBytes, totalBytes)
      segments.push(await this.#walk(segment, opened[index + 1], index === 0))
      doneBytes += segment.sizeBytes
      if (this.#isLimitReached()) break
    }
    this.#options.onProgress?.(totalBytes, totalBytes)
    if (segments.length === 0) this.#judgeEmpty()
    return {
      storeId: this.#storeId,
      position: this.#position,
      timeMs: this.#timeMs,
      segments,
      torn: this.#torn,
      boundary: this.#boundary,
      damageBelow: this.#damageBelow,
    }
  }

  async #walk(segment: OpenedSegment, next: OpenedSegment | undefined, isFirst: boolean): Promise<ScannedSegment> {
    const { after } = this.#options
    if (isFirst && after !== undefined && segment.firstLsn <= after.lsn) return this.#walkJoint(segment, next, after)
    const header = this.#checkHeader(segment, isFirst)
    const seed = headerSeed(this.#checksum, header.storeId)
    const scan = await scanSegment(segment.file, { ...this.#scanOptions(segment, next), header, seed })
    return this.#take(segment, next, header, scan)
  }

  /** The segment that holds the starting point's record: what is damaged up to there is told, not judged. */
  async #walkJoint(
    segment: OpenedSegment,
    next: OpenedSegment | undefined,
    start: StartingPoint,
  ): Promise<ScannedSegment> {
    const { path, firstLsn } = segment
    const joint = await scanJoint(segment.file, this.#jointHeader(segment, start), {
      ...this.#scanOptions(segment, next),
      start,
      path,
      firstLsn,
    })
    const { damage, header, scan, isLeftAlone } = joint
    if (damage !== undefined) {
      this.#damageBelow = `${path} is damaged at or below LSN ${start.lsn}, which the log is not needed for: ${damage}`
    }
    if (!isLeftAlone) return this.#take(segment, next, header, scan)
    this.#judgeLeftAlone(segment, next, joint.sealedThroughLsn)
    this.#advance(scan)
    return { path, header, sizeBytes: segment.sizeBytes, end: scan.end, sealed: scan.sealed, isLeftAlone }
  }

  async #take(
    segment: OpenedSegment,
    next: OpenedSegment | undefined,
    header: SegmentHeader,
    scan: SegmentScan,
  ): Promise<ScannedSegment> {
    this.#advance(scan)
    if (!this.#isLimitReached()) await this.#judge(segment, scan, next, headerSeed(this.#checksum, header.storeId))
    const { sizeBytes, end, sealed } = scan
    return { path: segment.path, header, sizeBytes, end, sealed, isLeftAlone: false }
  }

  #advance({ end, boundary, isTimeReached }: SegmentScan): void {
    this.#position = { epoch: end.epoch, lsn: end.lsn, chain: end.chain }
    this.#timeMs = end.timeMs
    this.#boundary = boundary
    this.#isTimeReached = isTimeReached
  }

  #scanOptions(
    segment: OpenedSegment,
    next: OpenedSegment | undefined,
  ): Omit<SegmentScanOptions, 'header' | 'seed'> & { limitLsn: number } {
    return {
      checksum: this.#checksum,
      untilLsn: next === undefined ? undefined : next.firstLsn - 1,
      limitLsn: this.#limitLsn,
      limitTimeMs: this.#options.limitTimeMs,
      boundaryLsn: this.#knownLsn,
      onRecord: (record, offset) => this.#deliver(record, segment.path, offset),
    }
  }

  /** Checks the header against its name, the store and the history so far. */
  #checkHeader(segment: OpenedSegment, isFirst: boolean): SegmentHeader {
    const { header, path } = segment
    if ('finding' in header)
      return this.#refuse(segment, header.finding, { reason: header.reason, offset: 0, lsn: segment.firstLsn })
    const { after, fromOldest } = this.#options
    this.#storeId ??= this.#adoptIdentity(header)
    if (isFirst && fromOldest === true && after === undefined) this.#beginWith(header)
    const { lsn } = this.#position
    const reason = this.#headerDefect(segment, header)
    if (reason === undefined) return header
    // A store or a history that differs where reading begins may be the starting point's fault as well as the log's.
    const isForeign = !equalBytes(header.storeId, this.#storeId) || header.firstLsn === lsn + 1
    if (isFirst && after !== undefined && isForeign) throw contradiction(path, lsn, reason)
    return this.#refuse(segment, 'header', { reason, offset: 0, lsn: Math.min(lsn + 1, header.firstLsn) })
  }

  #headerDefect(segment: OpenedSegment, header: SegmentHeader): string | undefined {
    const { lsn, chain, epoch } = this.#position
    if (!equalBytes(header.storeId, this.#storeId!)) return 'the segment belongs to another store'
    if (header.firstLsn !== segment.firstLsn) return `its header says that it starts at LSN ${header.firstLsn}`
    if (header.firstLsn !== lsn + 1) {
      return `${missingText(lsn + 1, header.firstLsn - 1)}: the next segment starts at LSN ${header.firstLsn}`
    }
    if (header.previousChain !== chain) return 'it does not continue the history before it'
    if (header.epoch < epoch) return `epoch ${header.epoch} follows epoch ${epoch}`
    return undefined
  }

  /** The header of the segment that holds the starting point, or why nothing in it is believed. */
  #jointHeader(segment: OpenedSegment, start: StartingPoint): SegmentHeader | { reason: string } {
    const { header, path, firstLsn } = segment
    if ('finding' in header) {
      if (header.finding === 'newer')
        this.#refuse(segment, 'newer', { reason: header.reason, offset: 0, lsn: firstLsn })
      return header
    }
    if (!equalBytes(header.storeId, start.storeId)) {
      const reason = 'the segment belongs to another store'
      if (this.#mark === undefined) throw contradiction(path, start.lsn, reason)
      return { reason }
    }
    if (header.firstLsn !== firstLsn) return { reason: `its header says that it starts at LSN ${header.firstLsn}` }
    return header
  }

  #adoptIdentity(header: SegmentHeader): Uint8Array {
    this.#position = { ...this.#position, chain: genesisChain(this.#checksum, header.storeId) }
    return header.storeId
  }

  #beginWith({ epoch, firstLsn, previousChain, previousTimeMs }: SegmentHeader): void {
    if (firstLsn === 1) return
    this.#position = { epoch, lsn: firstLsn - 1, chain: previousChain }
    this.#timeMs = previousTimeMs
  }

  #deliver(record: LogRecord, segment: string, offset: number): undefined | Promise<void> {
    const { after } = this.#options
    const mark = this.#mark?.position
    if (record.lsn === mark?.lsn && record.chain !== mark.chain) {
      const reason = 'the log is not the one that the durable mark was written for'
      throw corruption(segment, { reason, offset, lsn: record.lsn }, mark.lsn)
    }
    if (after === undefined || record.lsn > after.lsn) return this.#options.onRecord?.(record, { segment, offset })
    if (record.lsn === after.lsn && record.chain !== after.chain) {
      throw contradiction(segment, after.lsn, 'the record there is another one')
    }
    return undefined
  }

  async #judge(
    segment: OpenedSegment,
    scan: SegmentScan,
    next: OpenedSegment | undefined,
    seed: bigint,
  ): Promise<void> {
    const { end } = scan
    const endsEarly: Defect | undefined =
      next !== undefined && end.lsn < next.firstLsn - 1
        ? { finding: 'record', reason: EARLY_END, offset: end.offset, lsn: end.lsn + 1 }
        : undefined
    const defect = scan.defect ?? endsEarly
    const place = placeOf(next)
    const sealed = scan.sealed || (defect !== undefined && (await endsWithSeal(segment.file, seed, this.#checksum)))
    const reach = end.lsn < (this.#knownLsn ?? 0) ? 'covered' : 'beyond'
    const decision = decide(defect?.finding ?? 'clean', place, sealed ? 'sealed' : 'open', reach)
    if (decision === 'cut') this.#torn = defect
    if (decision !== 'corrupt' && decision !== 'refuse-newer') return
    const reason = place === 'last' ? 'the log ends below the durable mark' : 'the seal of the segment is missing'
    this.#refuse(segment, defect?.finding ?? 'record', defect ?? { reason, offset: end.offset, lsn: end.lsn + 1 })
  }

  /** Nothing behind the starting point was found: that is well only where nothing needs to have been there. */
  #judgeLeftAlone(segment: OpenedSegment, next: OpenedSegment | undefined, sealedThroughLsn: number | undefined): void {
    const { lsn } = this.#position
    const needed = Math.max(
      this.#mark?.position.lsn ?? 0,
      sealedThroughLsn ?? 0,
      next === undefined ? 0 : next.firstLsn - 1,
    )
    const lastLsn = Math.min(needed, this.#limitLsn)
    if (lastLsn <= lsn) return
    this.#refuse(segment, 'record', { reason: missingText(lsn + 1, lastLsn), offset: segment.sizeBytes, lsn: lsn + 1 })
  }

  #refuse(segment: OpenedSegment, finding: Finding, defect: Omit<Defect, 'finding'>): never {
    if (finding !== 'newer') throw corruption(segment.path, defect, this.#mark?.position.lsn)
    const message = `${segment.path} was written by a newer release: ${defect.reason}`
    throw new StoreError('ERR_FORMAT_VERSION', message, { details: { segment: segment.path, ...defect } })
  }

  #judgeEmpty(): void {
    const { lsn } = this.#position
    const mark = this.#mark?.position
    if (mark === undefined && this.#options.after !== undefined) {
      const reason = 'the log has no segment, and there is no durable mark that can be read'
      throw corruption(MARK_PATH, { reason, offset: 0, lsn: lsn + 1 }, undefined)
    }
    if (mark === undefined || mark.lsn <= lsn || this.#limitLsn <= lsn) return
    const missing = missingText(lsn + 1, Math.min(mark.lsn, this.#limitLsn))
    const reason = lsn === 0 ? 'the log has no segment' : `the log has no segment: ${missing}`
    throw corruption(MARK_PATH, { reason, offset: 0, lsn: lsn + 1 }, mark.lsn)
  }

  #isLimitReached(): boolean {
    return this.#isTimeReached || this.#position.lsn >= this.#limitLsn
  }
}

const EARLY_END = 'the segment ends before the next begins'

function requireOneHistory(after: StartingPoint, { storeId, position }: Mark): void {
  if (!equalBytes(after.storeId, storeId)) throw contradiction(MARK_PATH, after.lsn, 'it belongs to another store')
  if (position.lsn === after.lsn && position.chain !== after.chain) {
    throw contradiction(MARK_PATH, after.lsn, 'it was written for another record')
  }
}

function placeOf(next: OpenedSegment | undefined): Place {
  if (next === undefined) return 'last'
  return 'rewritten' in next.header && next.header.rewritten ? 'before-rewritten' : 'older'
}
