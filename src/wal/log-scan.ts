import type { Checksum } from '../base/checksum.ts'
import type { Files } from '../base/files.ts'
import { type Mark, readMark } from './durable-mark.ts'
import { LogWalk } from './log-walk.ts'
import type { Position } from './position.ts'
import type { LogRecord } from './record.ts'
import type { SegmentHeader } from './segment-header.ts'
import { openSegments, type SkippedSegment } from './segment-list.ts'
import type { Boundary, Defect } from './segment-scan.ts'
import type { StartingPoint } from './starting-point.ts'

export interface LogScanOptions {
  readonly checksum: Checksum
  /**
   * Deliver only what follows this record. Segments that end at or below it are not read; damage at or below it in the one that
   * is read is told by {@link LogScan.damageBelow}.
   */
  readonly after?: StartingPoint | undefined
  /** Without {@link after}: begin with the oldest segment there is, instead of refusing a log that begins above LSN 1. */
  readonly fromOldest?: boolean
  /** Deliver nothing above this LSN, and look at nothing behind it. */
  readonly limitLsn?: number | undefined
  /** Deliver nothing later than this. */
  readonly limitTimeMs?: number | undefined
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
  /**
   * It is damaged, and holds nothing that the starting point does not make up for. Where its records end is not known, so it is
   * not to be changed.
   */
  readonly isLeftAlone: boolean
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
  /** Segments before those, of which nothing was read. */
  readonly skipped: readonly SkippedSegment[]
  /** The torn tail of the last segment, to be copied away and cut. */
  readonly torn: Defect | undefined
  /** In the last segment, the place after the last record that is known to have been on disk. */
  readonly boundary: Boundary | undefined
  /** What is damaged at or below `options.after`, in a sentence. */
  readonly damageBelow: string | undefined
}

/**
 * Walks the log and judges it by the decision table. It changes nothing.
 * @throws StoreError `ERR_LOG_CORRUPT`, `ERR_FORMAT_VERSION`, or what the files say.
 */
export async function scanLog(files: Files, options: LogScanOptions): Promise<LogScan> {
  // The mark is read before the segments are listed: beside a writer, all that it covers is then in the list.
  const { mark, exists, damagedSlots } = await readMark(files, options.checksum)
  const walk = new LogWalk(mark, options)
  const { opened, skipped } = await openSegments(files, options.after?.lsn ?? 0, options.checksum)
  try {
    return { ...(await walk.run(opened)), mark, markExists: exists, damagedMarkSlots: damagedSlots, skipped }
  } finally {
    for (const segment of opened) await segment.file.close()
  }
}
