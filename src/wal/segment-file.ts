import type { Checksum } from '../base/checksum.ts'
import { type Files, type OpenFile, writeFully } from '../base/files.ts'
import { removeIfPresent } from './durable-mark.ts'
import { RECORD_SEAL, SEAL_BYTES, WAL_DIRECTORY } from './format.ts'
import { encodeRecord, encodeSealPayload, headerSeed } from './record.ts'
import { encodeSegmentHeader, type SegmentHeader, segmentPath } from './segment-header.ts'
import type { Boundary } from './segment-scan.ts'
import { syncOnce } from './sync-failure.ts'

/** A segment under its temporary name, and the file open on it. */
export interface UnpublishedSegment {
  readonly temporaryPath: string
  readonly path: string
  readonly file: OpenFile
}

/** Makes a segment under a temporary name, with its header written but not synced. */
export async function createSegment(
  files: Files,
  header: SegmentHeader,
  checksum: Checksum,
): Promise<UnpublishedSegment> {
  const path = segmentPath(header.firstLsn)
  const temporaryPath = `${path}.tmp`
  await removeIfPresent(files, temporaryPath)
  const file = await files.open(temporaryPath, 'create')
  try {
    await writeFully(file, encodeSegmentHeader(header, checksum), 0)
  } catch (error) {
    await file.close()
    throw error
  }
  return { temporaryPath, path, file }
}

/**
 * Gives a synced segment its name: after this it is part of the log, also after a power cut.
 * @throws SyncFailure when it has the name now and nobody knows whether it keeps it.
 */
export async function publishSegment(files: Files, segment: UnpublishedSegment): Promise<void> {
  await files.rename(segment.temporaryPath, segment.path)
  await syncOnce(() => files.syncDirectory(WAL_DIRECTORY))
}

/**
 * The bytes of the seal behind `end`. A seal consumes no LSN and its chain is nobody's predecessor.
 */
export function encodeSeal(header: SegmentHeader, end: Boundary, checksum: Checksum): Uint8Array {
  const payload = encodeSealPayload({
    records: end.lsn - header.firstLsn + 1,
    sealedBytes: end.offset,
    chain: end.chain,
  })
  const bytes = new Uint8Array(SEAL_BYTES)
  const fields = { type: RECORD_SEAL, lsn: end.lsn, epoch: end.epoch, timeMs: end.timeMs }
  encodeRecord(bytes, 0, fields, payload, end.chain, headerSeed(checksum, header.storeId), checksum)
  return bytes
}
