import { type Abortable, throwIfAborted } from '../base/abort.ts'
import type { Checksum } from '../base/checksum.ts'
import type { StoreError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import type { StoreState } from '../engine/store-state.ts'
import type { ColdChunks } from '../snapshots/cold-chunks.ts'
import type { SnapshotManifest } from '../snapshots/manifest.ts'
import type { Log } from '../wal/log.ts'
import { blocksWritingOnly } from '../wal/log-repair.ts'
import { type LogScan, scanLog } from '../wal/log-scan.ts'
import { openLog } from '../wal/open-log.ts'
import type { Position } from '../wal/position.ts'
import type { LogRecord } from '../wal/record.ts'
import { measureSkipped } from '../wal/skipped-segments.ts'
import { type Beginning, beginWithNewest } from './beginning.ts'
import { readBesideWriter } from './beside-writer.ts'
import type { AppliedPosition, RecordOutcome } from './materializer.ts'
import { limitsOf, type PointInTime, requireHistory, requireReached } from './point-in-time.ts'
import { createReport, type RecoveryReport } from './recovery-report.ts'

export type { PointInTime } from './point-in-time.ts'
export type { RecoveryReport } from './recovery-report.ts'

export type RecoveryPhase = 'snapshot' | 'replay'

export interface RecoveryOptions {
  readonly checksum: Checksum
  /** 16 random bytes, for a directory that holds no store yet. */
  readonly newStoreId: Uint8Array
  readonly segmentSizeBytes: number
  readonly yieldToEventLoop: () => Promise<void>
  /** Where full chunks of a snapshot stay, if not all is to be in memory. */
  readonly cold?: ColdChunks | undefined
  /** Called with the bytes read so far and in all: of the snapshot, then of the log behind it. */
  readonly onProgress?: ((phase: RecoveryPhase, doneBytes: number, totalBytes: number) => void) | undefined
  readonly signal?: Abortable | undefined
}

export interface ReadingOptions
  extends Pick<RecoveryOptions, 'checksum' | 'yieldToEventLoop' | 'cold' | 'onProgress' | 'signal'> {
  /** The store as it was then; as it is where this is left out. */
  readonly at?: PointInTime | undefined
}

export interface Recovered {
  readonly state: StoreState
  readonly storeId: Uint8Array
  /** The end of the log that is served. */
  readonly position: Position
  /** `undefined` where the store is served read-only. */
  readonly log: Log<RecordOutcome> | undefined
  readonly sizeBytes: number
  readonly segmentCount: number
  /** Why a store that was opened for writing cannot be written. */
  readonly readOnlyBecause: StoreError | undefined
  /** What the state was opened from, besides the log. */
  readonly snapshot: SnapshotManifest | undefined
  readonly report: RecoveryReport
  /** The last record that is in the state, as of the call. */
  applied(): AppliedPosition
}

/**
 * Opens a store for writing: replays what follows the newest snapshot that holds, or its whole log, into a state, mends the
 * log's tail, and goes on at its end. Where the tail cannot be mended because nothing can be written here, the store is served
 * read-only up to the durable mark.
 * @throws StoreError `ERR_LOG_CORRUPT`, `ERR_FORMAT_VERSION`, or what the files say.
 */
export async function recoverForWriting(files: Files, options: RecoveryOptions): Promise<Recovered> {
  const { checksum, newStoreId, segmentSizeBytes } = options
  try {
    const { beginning, replayed } = await beginWithNewest(files, snapshotOptions(options), (from) =>
      openLog(files, {
        checksum,
        newStoreId,
        segmentSizeBytes,
        after: from.after,
        deliver: (record) => from.materializer.apply(record),
        ...replayOptions(from, options),
      }),
    )
    const { log, storeId, scan, repair } = replayed
    return {
      ...commonOf(beginning, scan),
      storeId,
      position: log.position,
      log,
      sizeBytes: log.sizeBytes,
      segmentCount: log.segmentCount,
      report: createReport(beginning, scan, repair),
      applied: () => beginning.materializer.applied ?? { ...log.position, timeMs: 0 },
    }
  } catch (error) {
    if (!blocksWritingOnly(error)) throw error
    const { yieldToEventLoop, cold, onProgress, signal } = options
    const readable = await recoverForReading(files, { checksum, yieldToEventLoop, cold, onProgress, signal })
    if (readable === undefined) throw error
    return { ...readable, readOnlyBecause: error }
  }
}

/**
 * Opens a store without changing anything, up to its durable mark: what lies above it may still vanish, and may be growing
 * beside this reader. Without a readable mark the whole log counts. With `options.at`, no further than that.
 * @returns `undefined` where there is no store.
 * @throws StoreError as {@link recoverForWriting} does; `ERR_HISTORY_TRUNCATED` with `details.oldestLsn` where the point in time
 * lies before what is kept, `ERR_LSN_AHEAD` with `details.durableLsn` where it lies behind the end.
 */
export async function recoverForReading(files: Files, options: ReadingOptions): Promise<Recovered | undefined> {
  const isDoubtful = (recovered: Recovered | undefined) => (recovered?.report.problems.length ?? 0) > 0
  return readBesideWriter(files, () => readOnce(files, options), isDoubtful)
}

async function readOnce(files: Files, options: ReadingOptions): Promise<Recovered | undefined> {
  const { checksum, at } = options
  const { throughLsn, ...limits } = await limitsOf(files, at, checksum)
  const { beginning, replayed: scan } = await beginWithNewest(
    files,
    { ...snapshotOptions(options), throughLsn },
    async (from) => {
      const isBeginning = from.snapshot === undefined && from.passedOver.length === 0
      if (at !== undefined && isBeginning) await requireHistory(files, at, checksum)
      const replay = replayOptions(from, options)
      return scanLog(files, { checksum, after: from.after, durableOnly: true, ...limits, ...replay })
    },
  )
  if (scan.storeId === undefined) return undefined
  requireReached(at, scan)
  const sizes = [...scan.segments, ...(await measureSkipped(files, scan, checksum))]
  return {
    ...commonOf(beginning, scan),
    storeId: scan.storeId,
    position: scan.position,
    log: undefined,
    sizeBytes: sizes.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    segmentCount: sizes.length,
    report: createReport(beginning, scan, undefined),
  }
}

function commonOf({ state, snapshot, materializer }: Beginning, { position, timeMs }: LogScan) {
  return { state, snapshot, readOnlyBecause: undefined, applied: () => materializer.applied ?? { ...position, timeMs } }
}

function snapshotOptions({ checksum, yieldToEventLoop, cold, signal, onProgress }: ReadingOptions) {
  const onBytes = (done: number, total: number) => onProgress?.('snapshot', done, total)
  return { checksum, yieldToEventLoop, cold, signal, onProgress: onBytes }
}

function replayOptions({ materializer }: Beginning, { signal, onProgress }: ReadingOptions) {
  return {
    onProgress: (done: number, total: number) => onProgress?.('replay', done, total),
    onRecord: (record: LogRecord): undefined => {
      throwIfAborted(signal, 'opening')
      materializer.apply(record)
    },
  }
}
