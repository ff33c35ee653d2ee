import type { Checksum } from '../base/checksum.ts'
import type { Files } from '../base/files.ts'
import { headerSeed } from './record.ts'
import { readSegmentHeader, segmentPath } from './segment-header.ts'
import { listSegments } from './segment-list.ts'
import { endsWithSeal, scanSegment } from './segment-scan.ts'

/** One segment checked by itself, whatever is wrong with the ones before it. */
export interface SurveyedSegment {
  readonly path: string
  readonly firstLsn: number
  readonly lastLsn: number
  readonly sizeBytes: number
  readonly sealed: boolean
  readonly problem: { code: string; message: string; offset: number; lsn: number } | undefined
}

/** Checks each segment by its own header, so that damage in one does not hide the state of the others. */
export async function surveySegments(files: Files, checksum: Checksum): Promise<SurveyedSegment[]> {
  const surveyed: SurveyedSegment[] = []
  const firstLsns = await listSegments(files)
  for (const [index, firstLsn] of firstLsns.entries()) {
    // What lies behind the beginning of the next segment is no part of the log: an interrupted rewrite may have left it.
    const nextLsn = firstLsns[index + 1]
    surveyed.push(await surveySegment(files, firstLsn, nextLsn === undefined ? undefined : nextLsn - 1, checksum))
  }
  return surveyed
}

async function surveySegment(
  files: Files,
  firstLsn: number,
  untilLsn: number | undefined,
  checksum: Checksum,
): Promise<SurveyedSegment> {
  const path = segmentPath(firstLsn)
  const file = await files.open(path, 'read')
  try {
    const sizeBytes = await file.size()
    const result = await readSegmentHeader(file, checksum)
    if (result.kind !== 'header') {
      const newer = result.kind === 'newer'
      const message = newer
        ? `${path} has format version ${result.version}`
        : `${path} is damaged in its header: ${result.reason}`
      const problem = { code: newer ? 'ERR_FORMAT_VERSION' : 'ERR_LOG_CORRUPT', message, offset: 0, lsn: firstLsn }
      return { path, firstLsn, lastLsn: firstLsn - 1, sizeBytes, sealed: false, problem }
    }
    const seed = headerSeed(checksum, result.header.storeId)
    const { end, sealed, defect } = await scanSegment(file, { header: result.header, seed, checksum, untilLsn })
    const isSealed = sealed || (defect !== undefined && (await endsWithSeal(file, seed, checksum)))
    const problem = defect && {
      code: defect.finding === 'newer' ? 'ERR_FORMAT_VERSION' : 'ERR_LOG_CORRUPT',
      message: `${path} is damaged at offset ${defect.offset}, LSN ${defect.lsn}: ${defect.reason}`,
      offset: defect.offset,
      lsn: defect.lsn,
    }
    return { path, firstLsn: result.header.firstLsn, lastLsn: end.lsn, sizeBytes, sealed: isSealed, problem }
  } finally {
    await file.close()
  }
}
