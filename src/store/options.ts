import type { StoreError } from '../base/errors.ts'
import { MAX_PAYLOAD_BYTES } from '../base/limits.ts'
import { MOST_WORKERS } from '../engine/workers/thread-numbers.ts'
import type { PointInTime } from '../replay/recovery.ts'
import type { Durability } from '../wal/log.ts'
import { defaultThreads } from './default-threads.ts'
import { type ResidencyOptions, resolveResidency } from './residency.ts'
import {
  type ResolvedSnapshotOptions,
  resolveAt,
  resolveSnapshotOptions,
  type SnapshotOptions,
} from './snapshot-options.ts'

/** Progress of a long call. `total` is missing where nobody knows it. */
export interface Progress {
  readonly phase: string
  readonly done: number
  readonly total?: number
  /** Bytes of log on disk; given by `addAll`. */
  readonly durableBytes?: number
}

/** How a store is opened. */
export interface OpenOptions extends SnapshotOptions, ResidencyOptions {
  /**
   * Open beside a writer, without the lock: sees the store as of now, up to what is known to be on disk, and never changes
   * anything. Default `false`.
   */
  readonly readOnly?: boolean
  /**
   * Open the store as it was: after the record of an LSN, or after the last record whose time is not later than a Date. Implies
   * `readOnly`. How far back it reaches is a matter of `history`.
   */
  readonly at?: number | Date
  /**
   * `'sync'` (default): a write resolves when it is on disk. `'async'`: when the operating system has it; it is on disk within
   * about a second, at `sync()` and at `close()`.
   */
  readonly durability?: Durability
  /** Size in bytes at which the log goes on in a new file. Default 64 MiB, at least 4 KiB. */
  readonly segmentSizeBytes?: number
  /** Most bytes of writes that may wait in memory; beyond it a write is refused with `ERR_QUEUE_FULL`. Default 256 MiB. */
  readonly maxQueueBytes?: number
  /**
   * Threads that build indexes and search for `searchMany`, from 0 to 7. Default one less than the processor has cores, from 1
   * to 4; with 0 the calling thread does it all, in slices, as it does where there are no worker threads.
   */
  readonly threads?: number
  /** Entries that are compared one by one before they are moved into the index together. Default 10,000. */
  readonly bufferEntries?: number
  /** Share of an index that may be deleted entries before they are taken out of it. Default 0.15; 1 is never. */
  readonly consolidateShare?: number
  /**
   * Share of an index that may have been taken out of it before it is built anew, which no cleaning makes up for. Default 0.4.
   * `Infinity` is never.
   */
  readonly rebuildShare?: number
  /** Entries that may wait for the index to be built; beyond it `add` waits, and what is written behind it. Default 1,000,000. */
  readonly maxUnindexedEntries?: number
  /**
   * Most bytes of memory that the store may take, as `memoryUsage()` tells them, with what building and rebuilding its indexes and
   * a snapshot will need. Where new entries do not fit, vectors go to disk first, and then `add` is refused with
   * `ERR_MEMORY_LIMIT`; a store that does not fit is not opened. All else is always allowed. Default: no limit.
   */
  readonly memoryLimitBytes?: number
  /** Called with bytes while a snapshot is read (`phase: 'snapshot'`), and the log behind it (`'replay'`). */
  readonly onProgress?: (progress: Progress) => void
  /** Called when something fails in the background that no call is waiting for. */
  readonly onProblem?: (problem: StoreError) => void
  /** Ends opening with `ERR_ABORTED`; of no use afterwards. */
  readonly signal?: AbortSignal
}

type SharedOptions = Omit<ResolvedOptions, 'readOnly' | 'at' | OptionalHooks>
type OptionalHooks = 'onProgress' | 'onProblem' | 'signal'
type Special = 'at' | keyof SnapshotOptions | OptionalHooks

export interface ResolvedOptions
  extends Required<Omit<OpenOptions, Special>>,
    ResolvedSnapshotOptions,
    Pick<OpenOptions, OptionalHooks> {
  readonly at?: PointInTime
}

const KNOWN = [
  'readOnly',
  'at',
  'durability',
  'segmentSizeBytes',
  'maxQueueBytes',
  'threads',
  'bufferEntries',
  'consolidateShare',
  'rebuildShare',
  'maxUnindexedEntries',
  'memoryLimitBytes',
  'snapshotBytes',
  'snapshotRecords',
  'history',
  'originals',
  'documents',
  'onProgress',
  'onProblem',
  'signal',
] as const
const SMALLEST_SEGMENT_BYTES = 4096

/**
 * Fills in the defaults.
 * @throws TypeError, RangeError for options that are not known or not of their kind: an option that changes nothing is a trap.
 */
export function resolveOptions(options: OpenOptions = {}): ResolvedOptions {
  refuseUnknownOptions(options, KNOWN, 'open')
  const { at, readOnly = at !== undefined, durability = 'sync', onProgress, onProblem, signal } = options
  const { segmentSizeBytes = MAX_PAYLOAD_BYTES, maxQueueBytes = 4 * MAX_PAYLOAD_BYTES } = options
  if (typeof readOnly !== 'boolean') throw new TypeError('readOnly must be a boolean')
  if (at !== undefined && !readOnly) throw new TypeError('with at a store is open for reading only')
  if (durability !== 'sync' && durability !== 'async') throw new TypeError("durability must be 'sync' or 'async'")
  requireInteger('segmentSizeBytes', segmentSizeBytes, SMALLEST_SEGMENT_BYTES, Number.MAX_SAFE_INTEGER)
  requireInteger('maxQueueBytes', maxQueueBytes, 1, Number.MAX_SAFE_INTEGER)
  const { memoryLimitBytes = Number.POSITIVE_INFINITY } = options
  if (memoryLimitBytes !== Number.POSITIVE_INFINITY)
    requireInteger('memoryLimitBytes', memoryLimitBytes, 1, Number.MAX_SAFE_INTEGER)
  const index = resolveIndexOptions(options)
  return {
    readOnly,
    durability,
    segmentSizeBytes,
    maxQueueBytes,
    memoryLimitBytes,
    ...index,
    ...resolveSnapshotOptions(options),
    ...resolveResidency(options),
    ...(at === undefined ? {} : { at: resolveAt(at) }),
    ...(onProgress === undefined ? {} : { onProgress }),
    ...(onProblem === undefined ? {} : { onProblem }),
    ...(signal === undefined ? {} : { signal }),
  }
}

function resolveIndexOptions(
  options: OpenOptions,
): Pick<SharedOptions, 'threads' | 'bufferEntries' | 'consolidateShare' | 'rebuildShare' | 'maxUnindexedEntries'> {
  const { threads = defaultThreads(), bufferEntries = 10_000, maxUnindexedEntries = 1_000_000 } = options
  const { consolidateShare = 0.15, rebuildShare = 0.4 } = options
  requireInteger('threads', threads, 0, MOST_WORKERS)
  requireInteger('bufferEntries', bufferEntries, 1, Number.MAX_SAFE_INTEGER)
  requireInteger('maxUnindexedEntries', maxUnindexedEntries, 1, Number.MAX_SAFE_INTEGER)
  requireShare('consolidateShare', consolidateShare)
  requireShare('rebuildShare', rebuildShare)
  return { threads, bufferEntries, consolidateShare, rebuildShare, maxUnindexedEntries }
}

/** What two opens of one directory must agree on to share it. */
export function sharedOptionsKey(options: SharedOptions): string {
  const { durability, segmentSizeBytes, maxQueueBytes, threads, bufferEntries, maxUnindexedEntries } = options
  return JSON.stringify({
    durability,
    segmentSizeBytes,
    maxQueueBytes,
    threads,
    bufferEntries,
    maxUnindexedEntries,
    // As text, because JSON has no Infinity.
    consolidateShare: String(options.consolidateShare),
    rebuildShare: String(options.rebuildShare),
    memoryLimitBytes: String(options.memoryLimitBytes),
    snapshotBytes: String(options.snapshotBytes),
    snapshotRecords: String(options.snapshotRecords),
    originals: options.originals,
    documents: options.documents,
    history: `${options.history.bytes} bytes, ${options.history.ms} ms`,
  })
}

function requireShare(name: string, value: unknown): void {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number`)
  if (!(value > 0)) throw new RangeError(`${name} must be above 0, not ${value}`)
}

/** @throws TypeError for a name that the call does not know, so that a misspelt option never passes in silence. */
export function refuseUnknownOptions(options: object, known: readonly string[], call: string): void {
  if (typeof options !== 'object' || options === null) throw new TypeError(`the options of ${call} must be an object`)
  const unknown = Object.keys(options).find((name) => !known.includes(name))
  if (unknown !== undefined) throw new TypeError(`${call} has no option '${unknown}'; it has ${known.join(', ')}`)
}

export function requireInteger(name: string, value: unknown, least: number, most: number): asserts value is number {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number`)
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`${name} must be an integer from ${least} to ${most}, not ${value}`)
  }
}
