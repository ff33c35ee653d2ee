import type { Checksum } from '../base/checksum.ts'
import type { Files } from '../base/files.ts'
import type { LogSegment } from './finished-segments.ts'
import type { LogScan } from './log-scan.ts'
import { readSegmentHeader } from './segment-header.ts'
import type { SkippedSegment } from './segment-list.ts'

/**
 * Sizes and times of segments that opening did not need, from their headers alone. None of them has to hold or even to be
 * there: a time that cannot be read is taken from the segment behind, which is no earlier.
 */
export async function measureSkipped(files: Files, scan: LogScan, checksum: Checksum): Promise<LogSegment[]> {
  const measured: LogSegment[] = []
  let startTimeMs = scan.segments[0]?.header.previousTimeMs ?? scan.timeMs
  for (const segment of scan.skipped.toReversed()) {
    const found = await measure(files, segment, checksum)
    startTimeMs = Math.min(found.startTimeMs ?? startTimeMs, startTimeMs)
    measured.push({ ...segment, sizeBytes: found.sizeBytes, startTimeMs })
  }
  return measured.reverse()
}

async function measure(
  files: Files,
  { path, firstLsn }: SkippedSegment,
  checksum: Checksum,
): Promise<{ sizeBytes: number; startTimeMs?: number }> {
  let sizeBytes = 0
  try {
    const file = await files.open(path, 'read')
    try {
      sizeBytes = await file.size()
      const result = await readSegmentHeader(file, checksum)
      const isSound = result.kind === 'header' && result.header.firstLsn === firstLsn
      return isSound ? { sizeBytes, startTimeMs: result.header.previousTimeMs } : { sizeBytes }
    } finally {
      await file.close()
    }
  } catch {
    // Nothing of the state depends on it.
    return { sizeBytes }
  }
}
