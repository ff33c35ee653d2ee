import type { Checksum } from '../base/checksum.ts'
import type { OpenFile } from '../base/files.ts'
import { SEGMENT_HEADER_BYTES } from './format.ts'
import { headerSeed } from './record.ts'
import { findRecordBehind } from './record-search.ts'
import type { SegmentHeader } from './segment-header.ts'
import { type Boundary, readSealAtEnd, type SegmentScan, type SegmentScanOptions, scanSegment } from './segment-scan.ts'
import { contradiction, type StartingPoint } from './starting-point.ts'

/** The segment that holds the record of the starting point, and whatever of it can be used. */
export interface JointScan {
  readonly header: SegmentHeader
  /** It ends at the starting point at least. */
  readonly scan: SegmentScan
  /** What does not hold at or below the starting point. */
  readonly damage: string | undefined
  /** Nothing behind the starting point was found, so nobody knows where the next record would stand. */
  readonly isLeftAlone: boolean
  /** Where it is left alone but ends with a seal: the last LSN that the segment had. */
  readonly sealedThroughLsn: number | undefined
}

export interface JointOptions extends Omit<SegmentScanOptions, 'header' | 'seed' | 'from'> {
  readonly checksum: Checksum
  readonly start: StartingPoint
  /** Path and first LSN by the segment's name. */
  readonly path: string
  readonly firstLsn: number
  readonly limitLsn: number
}

/**
 * Scans that segment: from its beginning where it holds up to the starting point, else from the record behind the starting
 * point, which is searched for.
 * @throws StoreError as {@link contradiction}, and what `onRecord` and the files throw.
 */
export async function scanJoint(
  file: OpenFile,
  found: SegmentHeader | { readonly reason: string },
  options: JointOptions,
): Promise<JointScan> {
  const { start, checksum, firstLsn } = options
  const seed = headerSeed(checksum, start.storeId)
  if ('reason' in found)
    return resume(file, headerInPlaceOf(start, firstLsn), found.reason, SEGMENT_HEADER_BYTES, options)
  const scan = await scanSegment(file, { ...options, header: found, seed })
  const { end, defect } = scan
  if (end.lsn >= start.lsn || defect?.finding === 'newer') {
    return { header: found, scan, damage: undefined, isLeftAlone: false, sealedThroughLsn: undefined }
  }
  const damage = defect
    ? `at offset ${defect.offset}, LSN ${defect.lsn}, ${defect.reason}`
    : `it ends at LSN ${end.lsn}`
  return resume(file, found, damage, end.offset, options)
}

async function resume(
  file: OpenFile,
  header: SegmentHeader,
  damage: string,
  fromOffset: number,
  options: JointOptions,
): Promise<JointScan> {
  const { start, checksum, limitLsn } = options
  const seed = headerSeed(checksum, start.storeId)
  const isWanted = limitLsn > start.lsn
  const from = isWanted ? await findRecordBehind(file, { after: start, fromOffset, seed, checksum }) : undefined
  if (from !== undefined) {
    const scan = await scanSegment(file, { ...options, header, seed, from })
    return { header, scan, damage, isLeftAlone: false, sealedThroughLsn: undefined }
  }
  const seal = await readSealAtEnd(file, seed, checksum)
  if (seal?.lsn === start.lsn && seal.chain !== start.chain) {
    throw contradiction(options.path, start.lsn, 'the segment was sealed with another chain')
  }
  const end = await endUnread(file, start)
  const scan = {
    end,
    boundary: options.boundaryLsn === start.lsn ? end : undefined,
    sealed: seal !== undefined,
    defect: undefined,
    sizeBytes: end.offset,
    isTimeReached: false,
  }
  return { header, scan, damage, isLeftAlone: true, sealedThroughLsn: seal?.lsn }
}

async function endUnread(file: OpenFile, { epoch, lsn, chain, timeMs }: StartingPoint): Promise<Boundary> {
  return { epoch, lsn, chain, timeMs, offset: await file.size() }
}

/** Of a header that does not hold, nothing is needed but the first LSN, which the name has too. */
function headerInPlaceOf({ storeId, epoch, timeMs }: StartingPoint, firstLsn: number): SegmentHeader {
  return { storeId, epoch, firstLsn, previousChain: 0n, previousTimeMs: timeMs, rewritten: false }
}
