import type { CollectionInfo } from './collection.ts'
import type { MemoryStats } from './memory-limit.ts'
import { bytesOfSnapshots, oldestReachable, type SnapshotInfo, snapshotInfoOf } from './snapshot-stats.ts'
import type { StoreCore } from './store-core.ts'

/** What opening found. */
export interface RecoveryInfo {
  /** LSN of the snapshot that was opened; missing where the log was replayed from its beginning. */
  readonly snapshotLsn?: number
  /** Records that were replayed: all, or those behind the snapshot. */
  readonly records: number
  readonly events: number
  /** Bytes of log that were read. */
  readonly bytes: number
  readonly durationMs: number
  /** What was not as it should be, in sentences. */
  readonly problems: readonly string[]
  /** File that the unfinished write at the end of the log was moved to. */
  readonly quarantined?: string
}

export interface StoreStats {
  /** LSN of the last record applied. */
  readonly lsn: number
  /** LSN up to which everything is known to be on disk. */
  readonly durableLsn: number
  readonly epoch: number
  /** 32 hexadecimal digits. */
  readonly storeId: string
  readonly readOnly: boolean
  readonly logBytes: number
  readonly segments: number
  /** Oldest LSN that `at` reaches; 0 while the log is whole. */
  readonly oldestLsn: number
  /** Snapshots on disk, newest first; in a store that is only read, those of its opening. */
  readonly snapshots: readonly SnapshotInfo[]
  /** Bytes of the files of all of them, each file once. */
  readonly snapshotBytes: number
  /** Why the last snapshot could not be taken, or what it made unneeded could not be removed. */
  readonly lastSnapshotProblem?: string
  /** Bytes of memory in use, and how they stand to `memoryLimitBytes`. */
  readonly memory: MemoryStats
  readonly collections: readonly CollectionInfo[]
  readonly recovery: RecoveryInfo
  /** Why no more writes are taken, after a write whose fate is unknown. */
  readonly poisoned?: string
}

export function statsOf(core: StoreCore, collections: readonly CollectionInfo[]): StoreStats {
  const { recovered, state, readOnly, durableLsn, past, snapshots } = core
  const { log, storeId } = recovered
  return {
    lsn: state.lsn,
    durableLsn,
    epoch: log?.position.epoch ?? recovered.position.epoch,
    storeId: Array.from(storeId, (byte) => byte.toString(16).padStart(2, '0')).join(''),
    readOnly,
    logBytes: log?.sizeBytes ?? recovered.sizeBytes,
    segments: log?.segmentCount ?? recovered.segmentCount,
    oldestLsn: oldestReachable(past),
    snapshots: past.snapshots.map(snapshotInfoOf),
    snapshotBytes: bytesOfSnapshots(past.snapshots),
    ...(snapshots.problem === undefined ? {} : { lastSnapshotProblem: snapshots.problem.message }),
    memory: core.limit.stats(),
    collections,
    recovery: recoveryInfoOf(core),
    ...(log?.poison === undefined ? {} : { poisoned: log.poison.message }),
  }
}

function recoveryInfoOf({ recovered, recoveryMs }: StoreCore): RecoveryInfo {
  const { snapshotLsn, records, events, bytes, problems, quarantined } = recovered.report
  return {
    ...(snapshotLsn === undefined ? {} : { snapshotLsn }),
    records,
    events,
    bytes,
    durationMs: recoveryMs,
    problems,
    ...(quarantined === undefined ? {} : { quarantined }),
  }
}
