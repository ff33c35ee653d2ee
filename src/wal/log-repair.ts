import type { Checksum } from '../base/checksum.ts'
import { isStoreError, StoreError } from '../base/errors.ts'
import { type Files, type OpenFile, writeFully } from '../base/files.ts'
import { removeIfPresent } from './durable-mark.ts'
import { SEAL_BYTES, SEGMENT_HEADER_BYTES, WAL_DIRECTORY } from './format.ts'
import type { LogScan, ScannedSegment } from './log-scan.ts'
import { copyBytes, quarantineTail } from './quarantine.ts'
import { headerSeed } from './record.ts'
import { createSegment, encodeSeal, publishSegment, type UnpublishedSegment } from './segment-file.ts'
import type { SegmentHeader } from './segment-header.ts'
import { type Boundary, scanSegment, segmentStart } from './segment-scan.ts'
import { SyncFailure } from './sync-failure.ts'

/** What opening had to mend, for the report. */
export interface Repair {
  /** The segments as they are now. */
  readonly segments: readonly ScannedSegment[]
  readonly tornBytes: number
  readonly tornReason: string | undefined
  readonly quarantined: string | undefined
  /** Records that were written again because nothing proves that they had reached the disk. */
  readonly rewrittenRecords: number
}

/**
 * Makes a scanned log fit to be written to: finishes a rewrite that a crash interrupted, copies a torn tail away and cuts it,
 * and writes the records above the durable mark again, into a new segment. They are never merely synced again: after a failed
 * fsync the page cache may show bytes that the disk never got (Rebello et al., "Can Applications Recover from fsync
 * Failures?", USENIX ATC 2020).
 * @throws StoreError of the files. A crash or an error at any point leaves a log that this function mends to the same records.
 */
export async function repairLog(files: Files, scan: LogScan, checksum: Checksum): Promise<Repair> {
  const last = scan.segments.at(-1)
  if (last?.isLeftAlone) {
    await removeLeftovers(files)
    const { segments } = scan
    return { segments, tornBytes: 0, tornReason: undefined, quarantined: undefined, rewrittenRecords: 0 }
  }
  const tornBytes = last === undefined || last.sealed ? 0 : last.sizeBytes - last.end.offset
  const quarantined =
    last === undefined || tornBytes === 0 ? undefined : await quarantineTail(files, last.path, last.end.offset)
  await removeLeftovers(files)
  if (last === undefined) {
    return { segments: [], tornBytes, tornReason: undefined, quarantined, rewrittenRecords: 0 }
  }
  const from = scan.boundary ?? segmentStart(last.header)
  const rewrittenRecords = last.sealed ? 0 : last.end.lsn - from.lsn
  const ending = rewrittenRecords > 0 ? await rewriteAbove(files, last, from, checksum) : [last]
  if (rewrittenRecords === 0 && tornBytes > 0) ending[0] = await cutSegment(files, last)
  const segments = [...scan.segments.slice(0, -1), ...ending]
  // Only now: what is cut off an older segment lives in the next one, whose name may not have been durable until it was rewritten.
  for (const [index, segment] of segments.entries()) {
    if (index < segments.length - 1 && !segment.sealed) segments[index] = await sealOlder(files, segment, checksum)
  }
  return { segments, tornBytes, tornReason: scan.torn?.reason, quarantined, rewrittenRecords }
}

/** Temporary files are unpublished by definition; none of them ever blocks an open. */
async function removeLeftovers(files: Files): Promise<void> {
  const names = await files.list(WAL_DIRECTORY)
  for (const name of names) {
    if (name.endsWith('.tmp')) await removeIfPresent(files, `${WAL_DIRECTORY}/${name}`)
  }
}

/** The last step of a rewrite: the records that live in the next segment leave this one, and it is sealed. */
async function sealOlder(files: Files, segment: ScannedSegment, checksum: Checksum): Promise<ScannedSegment> {
  const file = await files.open(segment.path, 'update')
  try {
    await file.truncate(segment.end.offset)
    await writeFully(file, encodeSeal(segment.header, segment.end, checksum), segment.end.offset)
    await file.sync()
  } finally {
    await file.close()
  }
  return { ...segment, sealed: true, sizeBytes: segment.end.offset + SEAL_BYTES }
}

async function cutSegment(files: Files, segment: ScannedSegment): Promise<ScannedSegment> {
  const file = await files.open(segment.path, 'update')
  try {
    await file.truncate(segment.end.offset)
    await file.sync()
  } finally {
    await file.close()
  }
  return { ...segment, sizeBytes: segment.end.offset }
}

/**
 * Writes the records behind `from` into a segment of their own, checks it and publishes it.
 * @returns the old segment, now to be ended at `from`, unless the new one took its name, and the new one.
 */
async function rewriteAbove(
  files: Files,
  last: ScannedSegment,
  from: Boundary,
  checksum: Checksum,
): Promise<ScannedSegment[]> {
  const header: SegmentHeader = {
    storeId: last.header.storeId,
    epoch: from.epoch,
    firstLsn: from.lsn + 1,
    previousChain: from.chain,
    previousTimeMs: from.timeMs,
    rewritten: true,
  }
  const segment = await createSegment(files, header, checksum)
  let rewritten: ScannedSegment
  try {
    const source = await files.open(last.path, 'read')
    try {
      await copyBytes(source, from.offset, segment.file, SEGMENT_HEADER_BYTES, last.end.offset - from.offset)
    } finally {
      await source.close()
    }
    await segment.file.sync()
    rewritten = await checkCopy(segment.file, segment.path, header, last.end, checksum)
  } finally {
    await segment.file.close()
  }
  await publish(files, segment)
  return segment.path === last.path ? [rewritten] : [{ ...last, end: from }, rewritten]
}

async function publish(files: Files, segment: UnpublishedSegment): Promise<void> {
  try {
    await publishSegment(files, segment)
  } catch (error) {
    // While nothing is being served a failed sync is an ordinary error: opening again rewrites the segment again.
    throw error instanceof SyncFailure ? error.cause : error
  }
}

/** The old segment was read twice; only a copy that verifies to the same chain may take its place. */
async function checkCopy(
  file: OpenFile,
  path: string,
  header: SegmentHeader,
  expected: Boundary,
  checksum: Checksum,
): Promise<ScannedSegment> {
  const scan = await scanSegment(file, { header, seed: headerSeed(checksum, header.storeId), checksum })
  if (scan.end.lsn !== expected.lsn || scan.end.chain !== expected.chain || scan.defect !== undefined) {
    throw new StoreError('ERR_IO', `${path} could not be rewritten: what was read twice was not the same`, {
      details: { path },
    })
  }
  return { path, header, sizeBytes: scan.sizeBytes, end: scan.end, sealed: false, isLeftAlone: false }
}

/** Whether an error of {@link repairLog} leaves a store that can still be read: nothing is broken, only not writable. */
export function blocksWritingOnly(error: unknown): error is StoreError {
  return isStoreError(error, 'ERR_DISK_FULL') || isStoreError(error, 'ERR_PERMISSION')
}
