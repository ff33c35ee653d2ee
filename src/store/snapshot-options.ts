import type { PointInTime } from '../replay/recovery.ts'

/** How much of a store's past `at` can still reach. */
export interface HistoryOptions {
  /** So many bytes of log, counted back from its end. `Infinity` keeps the log for good. */
  readonly bytes?: number
  /** So many milliseconds, counted back from when a snapshot is taken. `Infinity` keeps the log for good. */
  readonly ms?: number
}

/** When snapshots are taken, and what of the log they make go. */
export interface SnapshotOptions {
  /**
   * Bytes of log after which a snapshot is taken in the background, once they are also half as many as the last snapshot has,
   * so that the work stays in proportion. Default 64 MiB. `Infinity` is never by bytes.
   */
  readonly snapshotBytes?: number
  /** Records of log after which one is taken, whatever their size. Default 1,000,000. `Infinity` is never by records. */
  readonly snapshotRecords?: number
  /** The past that `at` has to reach. Log that neither it nor the last two snapshots need is removed. Default none. */
  readonly history?: HistoryOptions
}

export interface ResolvedSnapshotOptions {
  readonly snapshotBytes: number
  readonly snapshotRecords: number
  /** 0 where nothing is promised. */
  readonly history: Required<HistoryOptions>
}

const DEFAULT_SNAPSHOT_BYTES = 64 * 1024 * 1024
const DEFAULT_SNAPSHOT_RECORDS = 1_000_000
const KNOWN_HISTORY = ['bytes', 'ms']

/** @throws TypeError, RangeError. */
export function resolveSnapshotOptions(options: SnapshotOptions): ResolvedSnapshotOptions {
  const { snapshotBytes = DEFAULT_SNAPSHOT_BYTES, snapshotRecords = DEFAULT_SNAPSHOT_RECORDS, history = {} } = options
  requireAtLeast('snapshotBytes', snapshotBytes, 1)
  requireAtLeast('snapshotRecords', snapshotRecords, 1)
  if (typeof history !== 'object' || history === null) throw new TypeError('history must be an object')
  const unknown = Object.keys(history).find((name) => !KNOWN_HISTORY.includes(name))
  if (unknown !== undefined) throw new TypeError(`history has no '${unknown}'; it has ${KNOWN_HISTORY.join(', ')}`)
  const { bytes = 0, ms = 0 } = history
  requireAtLeast('history.bytes', bytes, 0)
  requireAtLeast('history.ms', ms, 0)
  return { snapshotBytes, snapshotRecords, history: { bytes, ms } }
}

/** @throws TypeError, RangeError. */
export function resolveAt(at: unknown): PointInTime {
  if (Object.prototype.toString.call(at) === '[object Date]') {
    const timeMs = (at as Date).getTime()
    if (Number.isNaN(timeMs)) throw new RangeError('at must be a valid Date')
    return { timeMs }
  }
  if (typeof at !== 'number') throw new TypeError('at must be an LSN or a Date')
  if (!Number.isSafeInteger(at) || at < 0) throw new RangeError(`at must be an LSN, an integer from 0, not ${at}`)
  return { lsn: at }
}

function requireAtLeast(name: string, value: unknown, least: number): void {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number`)
  if (!(value >= least)) throw new RangeError(`${name} must be at least ${least}, not ${value}`)
}
