import type { Checksum } from '../base/checksum.ts'
import { isStoreError } from '../base/errors.ts'
import type { Files, OpenFile } from '../base/files.ts'
import { FORMAT_VERSION, WAL_DIRECTORY } from './format.ts'
import { readSegmentHeader, type SegmentHeader, segmentLsnOf, segmentPath } from './segment-header.ts'
import type { Finding } from './tail-decision.ts'

/** A segment that is going to be read. */
export interface OpenedSegment {
  readonly path: string
  /** The one that its name claims. */
  readonly firstLsn: number
  readonly file: OpenFile
  readonly sizeBytes: number
  readonly header: SegmentHeader | { finding: Finding; reason: string }
}

/** A segment of which nothing is read, by its name and the next one's. */
export interface SkippedSegment {
  readonly path: string
  readonly firstLsn: number
  readonly lastLsn: number
}

export interface SegmentList {
  readonly opened: readonly OpenedSegment[]
  /** Those before {@link opened}. */
  readonly skipped: readonly SkippedSegment[]
}

/** How often the directory is read while a writer removes what was about to be opened. */
const MOST_LISTINGS = 5

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

/**
 * Opens every segment that may hold records above `afterLsn`, so that a reader beside a writer holds all it is going to read.
 * @throws what the files say; then nothing is left open.
 */
export async function openSegments(files: Files, afterLsn: number, checksum: Checksum): Promise<SegmentList> {
  for (let listing = 1; ; listing += 1) {
    const firstLsns = await listSegments(files)
    const from = firstUnproven(firstLsns, afterLsn)
    const skipped = firstLsns
      .slice(0, from)
      .map((firstLsn, index) => ({ path: segmentPath(firstLsn), firstLsn, lastLsn: firstLsns[index + 1]! - 1 }))
    try {
      return { opened: await openAll(files, firstLsns.slice(from), checksum), skipped }
    } catch (error) {
      if (!isStoreError(error, 'ERR_FILE_NOT_FOUND') || listing === MOST_LISTINGS) throw error
      const now = await listSegments(files)
      if (firstLsns.every((firstLsn) => now.includes(firstLsn))) throw error
    }
  }
}

/** Index of the last segment that begins no later than behind `afterLsn`: those before it end at or below it. */
function firstUnproven(firstLsns: readonly number[], afterLsn: number): number {
  return Math.max(
    0,
    firstLsns.findLastIndex((firstLsn) => firstLsn <= afterLsn + 1),
  )
}

async function openAll(files: Files, firstLsns: readonly number[], checksum: Checksum): Promise<OpenedSegment[]> {
  const opened: OpenedSegment[] = []
  try {
    for (const firstLsn of firstLsns) opened.push(await open(files, firstLsn, checksum))
  } catch (error) {
    for (const segment of opened) await segment.file.close()
    throw error
  }
  return opened
}

async function open(files: Files, firstLsn: number, checksum: Checksum): Promise<OpenedSegment> {
  const path = segmentPath(firstLsn)
  const file = await files.open(path, 'read')
  try {
    return { path, firstLsn, file, sizeBytes: await file.size(), header: await readHeader(file, checksum) }
  } catch (error) {
    await file.close()
    throw error
  }
}

async function readHeader(file: OpenFile, checksum: Checksum): Promise<OpenedSegment['header']> {
  const result = await readSegmentHeader(file, checksum)
  if (result.kind === 'header') return result.header
  if (result.kind === 'damaged') return { finding: 'header', reason: `in its header, ${result.reason}` }
  return { finding: 'newer', reason: `format version ${result.version}; this release reads up to ${FORMAT_VERSION}` }
}
