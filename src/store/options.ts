import type { StoreError } from '../base/errors.ts'
import { MAX_PAYLOAD_BYTES } from '../base/limits.ts'
import type { Durability } from '../wal/log.ts'

/** Progress of a long call. `total` is missing where nobody knows it. */
export interface Progress {
  readonly phase: string
  readonly done: number
  readonly total?: number
  /** Bytes of log on disk; given by `addAll`. */
  readonly durableBytes?: number
}

/** How a store is opened. */
export interface OpenOptions {
  /**
   * Open beside a writer, without the lock: sees the store as of now, up to what is known to be on disk, and never changes
   * anything. Default `false`.
   */
  readonly readOnly?: boolean
  /**
   * `'sync'` (default): a write resolves when it is on disk. `'async'`: when the operating system has it; it is on disk within
   * about a second, at `sync()` and at `close()`.
   */
  readonly durability?: Durability
  /** Size in bytes at which the log goes on in a new file. Default 64 MiB, at least 4 KiB. */
  readonly segmentSizeBytes?: number
  /** Most bytes of writes that may wait in memory; beyond it a write is refused with `ERR_QUEUE_FULL`. Default 256 MiB. */
  readonly maxQueueBytes?: number
  /** Called while the log is read, with `phase: 'replay'` and bytes. */
  readonly onProgress?: (progress: Progress) => void
  /** Called when something fails in the background that no call is waiting for. */
  readonly onProblem?: (problem: StoreError) => void
  /** Ends opening with `ERR_ABORTED`; of no use afterwards. */
  readonly signal?: AbortSignal
}

type OptionalHooks = 'onProgress' | 'onProblem' | 'signal'

export type ResolvedOptions = Required<Omit<OpenOptions, OptionalHooks>> & Pick<OpenOptions, OptionalHooks>

const KNOWN = [
  'readOnly',
  'durability',
  'segmentSizeBytes',
  'maxQueueBytes',
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
  const { readOnly = false, durability = 'sync', onProgress, onProblem, signal } = options
  const { segmentSizeBytes = MAX_PAYLOAD_BYTES, maxQueueBytes = 4 * MAX_PAYLOAD_BYTES } = options
  if (typeof readOnly !== 'boolean') throw new TypeError('readOnly must be a boolean')
  if (durability !== 'sync' && durability !== 'async') throw new TypeError("durability must be 'sync' or 'async'")
  requireInteger('segmentSizeBytes', segmentSizeBytes, SMALLEST_SEGMENT_BYTES, Number.MAX_SAFE_INTEGER)
  requireInteger('maxQueueBytes', maxQueueBytes, 1, Number.MAX_SAFE_INTEGER)
  return {
    readOnly,
    durability,
    segmentSizeBytes,
    maxQueueBytes,
    ...(onProgress === undefined ? {} : { onProgress }),
    ...(onProblem === undefined ? {} : { onProblem }),
    ...(signal === undefined ? {} : { signal }),
  }
}

/** What two opens of one directory must agree on to share it. */
export function sharedOptionsKey({ durability, segmentSizeBytes, maxQueueBytes }: ResolvedOptions): string {
  return JSON.stringify({ durability, segmentSizeBytes, maxQueueBytes })
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
