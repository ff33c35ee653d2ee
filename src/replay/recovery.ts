import { type Abortable, throwIfAborted } from '../base/abort.ts'
import type { Checksum } from '../base/checksum.ts'
import type { StoreError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import { StoreState } from '../engine/store-state.ts'
import { MARK_PATH } from '../wal/format.ts'
import type { Log } from '../wal/log.ts'
import { blocksWritingOnly, type Repair } from '../wal/log-repair.ts'
import { type LogScan, scanLog } from '../wal/log-scan.ts'
import { openLog } from '../wal/open-log.ts'
import type { Position } from '../wal/position.ts'
import { Materializer, type RecordOutcome } from './materializer.ts'

export interface RecoveryOptions {
  readonly checksum: Checksum
  /** 16 random bytes, for a directory that holds no store yet. */
  readonly newStoreId: Uint8Array
  readonly segmentSizeBytes: number
  /** Called with the bytes of log read so far and in all. */
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined
  readonly signal?: Abortable | undefined
}

/** What opening found and did, in numbers and in sentences. */
export interface RecoveryReport {
  readonly records: number
  readonly events: number
  /** Logged events that did not fit the state; each is a defined no-op. */
  readonly misfits: number
  readonly bytes: number
  /** Bytes of an unfinished write that were cut from the end of the log. */
  readonly tornBytes: number
  /** Where those bytes were copied to. */
  readonly quarantined: string | undefined
  /** Records that were written again because nothing proved that they had reached the disk. */
  readonly rewrittenRecords: number
  readonly problems: readonly string[]
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
  readonly report: RecoveryReport
}

/**
 * Opens a store for writing: replays its log into a state, mends the log's tail, and goes on at its end. Where the tail
 * cannot be mended because nothing can be written here, the store is served read-only up to the durable mark.
 * @throws StoreError `ERR_LOG_CORRUPT`, `ERR_FORMAT_VERSION`, or what the files say.
 */
export async function recoverForWriting(files: Files, options: RecoveryOptions): Promise<Recovered> {
  const state = new StoreState()
  const materializer = new Materializer(state)
  const apply = materializer.apply.bind(materializer)
  try {
    const opened = await openLog(files, {
      ...options,
      deliver: apply,
      onRecord: (record) => {
        throwIfAborted(options.signal, 'opening')
        apply(record)
        return undefined
      },
    })
    const { log, storeId, scan, repair } = opened
    return {
      state,
      storeId,
      position: log.position,
      log,
      sizeBytes: log.sizeBytes,
      segmentCount: log.segmentCount,
      readOnlyBecause: undefined,
      report: createReport(materializer, scan, repair),
    }
  } catch (error) {
    if (!blocksWritingOnly(error)) throw error
    const readable = await recoverForReading(files, options)
    if (readable === undefined) throw error
    return { ...readable, readOnlyBecause: error }
  }
}

/**
 * Replays a log without changing anything, up to its durable mark: what lies above it may still vanish, and may be growing
 * beside this reader. Without a readable mark the whole log counts.
 * @returns `undefined` where there is no store.
 * @throws StoreError as {@link recoverForWriting} does.
 */
export async function recoverForReading(
  files: Files,
  options: Pick<RecoveryOptions, 'checksum' | 'onProgress' | 'signal'>,
): Promise<Recovered | undefined> {
  const state = new StoreState()
  const materializer = new Materializer(state)
  const scan = await scanLog(files, {
    ...options,
    durableOnly: true,
    onRecord: (record) => {
      throwIfAborted(options.signal, 'opening')
      materializer.apply(record)
      return undefined
    },
  })
  if (scan.storeId === undefined) return undefined
  return {
    state,
    storeId: scan.storeId,
    position: scan.position,
    log: undefined,
    sizeBytes: scan.segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    segmentCount: scan.segments.length,
    readOnlyBecause: undefined,
    report: createReport(materializer, scan, undefined),
  }
}

function createReport(materializer: Materializer, scan: LogScan, repair: Repair | undefined): RecoveryReport {
  return {
    ...materializer.counts,
    bytes: scan.segments.reduce((sum, { end }) => sum + end.offset, 0),
    tornBytes: repair?.tornBytes ?? 0,
    quarantined: repair?.quarantined,
    rewrittenRecords: repair?.rewrittenRecords ?? 0,
    problems: [...markProblems(scan), ...tailProblems(repair)],
  }
}

function markProblems(scan: LogScan): string[] {
  if (scan.segments.length === 0) return []
  if (!scan.markExists)
    return [`${MARK_PATH} was missing, so a damaged end of the log could not be told from an unfinished write`]
  if (scan.damagedMarkSlots === 2)
    return [`${MARK_PATH} could not be read, so a damaged end of the log could not be told from an unfinished write`]
  if (scan.damagedMarkSlots === 1)
    return [`one of the two slots of ${MARK_PATH} could not be read, as after a power cut`]
  return []
}

function tailProblems(repair: Repair | undefined): string[] {
  if (repair?.quarantined === undefined) return []
  const { tornBytes, tornReason, quarantined } = repair
  return [
    `${tornBytes} bytes of an unfinished write were cut from the end of the log (${tornReason}) and kept in ${quarantined}`,
  ]
}
