import type { Files } from '../base/files.ts'
import type { SnapshotManifest } from '../snapshots/manifest.ts'
import { partPath } from '../snapshots/names.ts'
import type { PinnedParts } from '../snapshots/pinned-parts.ts'
import {
  listSnapshots,
  lsnsToKeep,
  planRetention,
  type RetentionPlan,
  removeFiles,
  type SnapshotListing,
} from '../snapshots/snapshot-set.ts'
import { type VerifyTools, verifyParts } from '../snapshots/verify-parts.ts'
import type { Log, LogSegment } from '../wal/log.ts'
import type { HistoryOptions } from './snapshot-options.ts'

/** Each can be opened if the other cannot. */
const NEWEST_KEPT = 2

export interface RetentionOptions extends VerifyTools {
  readonly log: Pick<Log<unknown>, 'segments' | 'dropBelow'>
  readonly history: Required<HistoryOptions>
  readonly nowMs: number
  /** Paths of parts that were read back just now. */
  readonly verified: ReadonlySet<string>
  /** LSNs of snapshots that stay whatever the rules say. */
  readonly held?: readonly number[]
  /** Files that stay though no snapshot names them. */
  readonly pinned?: PinnedParts
}

export interface Retained {
  /** Those that stay, newest first. */
  readonly kept: readonly SnapshotManifest[]
  readonly droppedLogBytes: number
  /** What was to be kept and does not hold, so that nothing was removed. */
  readonly damaged?: DamagedSnapshot
}

export interface DamagedSnapshot {
  readonly lsn: number
  readonly error: unknown
}

type SegmentBounds = Pick<LogSegment, 'firstLsn' | 'startTimeMs' | 'sizeBytes'>

/** Which snapshots stay, and below which LSN the log may go. */
export interface KeepPlan {
  readonly lsns: readonly number[]
  readonly logFromLsn: number
}

/**
 * Keeps the newest two; and for the history, the newest at or below its bound and the oldest above it, which takes that one's
 * place in time. Where none is below the bound, the log reaches back by itself, and must not be cut.
 */
export function planKept(listing: Pick<SnapshotListing, 'snapshots'>, boundLsn: number | undefined): KeepPlan {
  const lsns = lsnsToKeep(listing, { newest: NEWEST_KEPT, boundLsn })
  if (boundLsn === undefined) return { lsns, logFromLsn: Math.min(...lsns) + 1 }
  const above = listing.snapshots.filter(({ lsn, manifest }) => manifest !== undefined && lsn > boundLsn)
  const next = above.at(-1)
  const hasBase = lsns.some((lsn) => lsn <= boundLsn)
  return {
    lsns: next === undefined || lsns.includes(next.lsn) ? lsns : [...lsns, next.lsn],
    logFromLsn: hasBase ? Math.min(...lsns) + 1 : 0,
  }
}

/** An LSN such that everything that the history promises lies at or above it; `undefined` where nothing is promised. */
export function historyBound(
  segments: readonly SegmentBounds[],
  snapshots: readonly Pick<SnapshotManifest, 'position' | 'timeMs'>[],
  { bytes, ms }: Required<HistoryOptions>,
  nowMs: number,
): number | undefined {
  const bounds: number[] = []
  if (bytes > 0) bounds.push(boundByBytes(segments, bytes))
  if (ms > 0) bounds.push(boundByTime(segments, snapshots, nowMs - ms))
  return bounds.length === 0 ? undefined : Math.min(...bounds)
}

function boundByBytes(segments: readonly SegmentBounds[], bytes: number): number {
  let sum = 0
  for (const { firstLsn, sizeBytes } of segments.toReversed()) {
    sum += sizeBytes
    if (sum >= bytes) return firstLsn - 1
  }
  return 0
}

/** The state at a time is that of the last record before it, so anything at or before the time is a bound. */
function boundByTime(
  segments: readonly SegmentBounds[],
  snapshots: readonly Pick<SnapshotManifest, 'position' | 'timeMs'>[],
  timeMs: number,
): number {
  const begun = segments.filter(({ startTimeMs }) => startTimeMs <= timeMs).map(({ firstLsn }) => firstLsn - 1)
  const taken = snapshots.filter((manifest) => manifest.timeMs <= timeMs).map(({ position }) => position.lsn)
  return Math.max(0, ...begun, ...taken)
}

/**
 * Removes snapshots that are not kept, and the log that none of those that are needs. Before anything goes, every part of
 * those that stay is read again, but for what was read just now: a part that several name is lost to all of them at once.
 * @throws StoreError what removing says, `ERR_ABORTED`.
 */
export async function retain(files: Files, options: RetentionOptions): Promise<Retained> {
  const { checksum, log, history, nowMs } = options
  const listing = await listSnapshots(files, checksum)
  const manifests = listing.snapshots.flatMap(({ manifest }) => manifest ?? [])
  const [newest] = listing.snapshots
  // It may be readable another time, and what is in memory for searching only may rest on it.
  if (newest?.problem !== undefined)
    return { kept: manifests, droppedLogBytes: 0, damaged: { lsn: newest.lsn, error: newest.problem } }
  // One that cannot be read may still be of use to somebody while it has no two successors.
  if (manifests.length < NEWEST_KEPT) return { kept: manifests, droppedLogBytes: 0 }
  const planned = planKept(listing, historyBound(log.segments, manifests, history, nowMs))
  const { held = [] } = options
  const lsns = [...planned.lsns, ...held]
  const logFromLsn = Math.min(planned.logFromLsn, ...held.map((lsn) => lsn + 1))
  const plan = planRetention(listing, lsns, options.pinned)
  const hasLogToDrop = log.segments.slice(0, -1).some(({ lastLsn }) => lastLsn < logFromLsn)
  const kept = manifests.filter(({ position }) => lsns.includes(position.lsn))
  if (!hasLogToDrop && isEmpty(plan)) return { kept, droppedLogBytes: 0 }
  const damaged = await findDamage(files, kept, options)
  if (damaged !== undefined) return { kept: manifests, droppedLogBytes: 0, damaged }
  await removeFiles(files, plan)
  const droppedLogBytes = hasLogToDrop ? (await log.dropBelow(logFromLsn)).bytes : 0
  return { kept, droppedLogBytes }
}

/** The first that does not hold. */
async function findDamage(
  files: Files,
  kept: readonly SnapshotManifest[],
  options: RetentionOptions,
): Promise<DamagedSnapshot | undefined> {
  const verified = new Set(options.verified)
  for (const manifest of kept) {
    try {
      await verifyParts(files, manifest, options, (part) => !verified.has(partPath(part)))
    } catch (error) {
      if (options.signal?.aborted) throw error
      return { lsn: manifest.position.lsn, error }
    }
    for (const part of manifest.parts) verified.add(partPath(part))
  }
  return undefined
}

function isEmpty({ manifests, parts }: RetentionPlan): boolean {
  return manifests.length + parts.length === 0
}
