import type { Checksum } from '../base/checksum.ts'
import { StoreError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import { listSnapshots, type SnapshotListing } from '../snapshots/snapshot-set.ts'
import type { LogScan } from '../wal/log-scan.ts'
import { listSegments } from '../wal/segment-list.ts'

/** A point in time: a record, or the last one that is no later than a time. */
export type PointInTime = { readonly lsn: number } | { readonly timeMs: number }

/** How far to read for a point in time. */
export interface ReadingLimits {
  /** No snapshot above this LSN is of use. */
  readonly throughLsn: number | undefined
  readonly limitLsn: number | undefined
  readonly limitTimeMs: number | undefined
}

/** @throws what listing the snapshots throws. */
export async function limitsOf(files: Files, at: PointInTime | undefined, checksum: Checksum): Promise<ReadingLimits> {
  if (at === undefined) return { throughLsn: undefined, limitLsn: undefined, limitTimeMs: undefined }
  if ('lsn' in at) return { throughLsn: at.lsn, limitLsn: at.lsn, limitTimeMs: undefined }
  const { snapshots } = await listSnapshots(files, checksum)
  const later = snapshots.filter(({ manifest }) => manifest !== undefined && manifest.timeMs > at.timeMs)
  // Times never go back. One that cannot be read may be of any time, and is passed over aloud.
  const throughLsn = later.length === 0 ? undefined : Math.min(...later.map(({ lsn }) => lsn)) - 1
  return { throughLsn, limitLsn: undefined, limitTimeMs: at.timeMs }
}

/**
 * Called where no snapshot is old enough: the log must reach back to its first record.
 * @throws StoreError `ERR_HISTORY_TRUNCATED` where its beginning was dropped because newer snapshots hold it.
 */
export async function requireHistory(files: Files, at: PointInTime, checksum: Checksum): Promise<void> {
  const [firstLsn] = await listSegments(files)
  if (firstLsn === 1) return
  const oldestLsn = oldestReachable(await listSnapshots(files, checksum), firstLsn)
  if (oldestLsn === undefined) return
  const wanted = 'lsn' in at ? `LSN ${at.lsn}` : new Date(at.timeMs).toISOString()
  const message = `the history that is kept does not reach back to ${wanted}: it begins at LSN ${oldestLsn}`
  throw new StoreError('ERR_HISTORY_TRUNCATED', message, { details: { ...at, oldestLsn } })
}

/** The oldest snapshot from which the log goes on, or where there is none, the newest one. */
function oldestReachable({ snapshots }: SnapshotListing, firstLsn: number | undefined): number | undefined {
  const lsns = snapshots.filter(({ manifest }) => manifest !== undefined).map(({ lsn }) => lsn)
  const joined = lsns.filter((lsn) => firstLsn !== undefined && lsn + 1 >= firstLsn)
  return joined.at(-1) ?? lsns[0]
}

/** @throws StoreError `ERR_LSN_AHEAD` where the log ends before the record that is wanted. */
export function requireReached(at: PointInTime | undefined, { position }: LogScan): void {
  if (at === undefined || !('lsn' in at) || position.lsn >= at.lsn) return
  const message = `LSN ${at.lsn} lies ahead: the store is known to be on disk up to LSN ${position.lsn}`
  throw new StoreError('ERR_LSN_AHEAD', message, { details: { lsn: at.lsn, durableLsn: position.lsn } })
}
