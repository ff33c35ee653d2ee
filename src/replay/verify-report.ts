import { isStoreError } from '../base/errors.ts'
import { manifestPath } from '../snapshots/names.ts'

/**
 * What damage comes to. `'loss'`: what was written cannot be opened up to its end. `'reserve'`: it can, but something is gone
 * that would make up for further damage, or an older state. `'none'`: nothing needs what is damaged.
 */
export type DamageEffect = 'loss' | 'reserve' | 'none'

/** Something that is not as it should be. */
export interface VerifyProblem {
  readonly code: string
  readonly message: string
  readonly effect: DamageEffect
  /** The file, where it is one file's. */
  readonly path?: string
  /** The same of a file of the log. */
  readonly segment?: string
  readonly offset?: number
  readonly lsn?: number
  /** Snapshots that the file is part of, newest first. */
  readonly snapshots?: readonly number[]
}

/** A problem before it is known what it comes to. */
export type FoundProblem = Omit<VerifyProblem, 'effect'>

/** One file of the log, checked by itself. */
export interface VerifiedSegment {
  readonly path: string
  readonly firstLsn: number
  /** The last record that holds. */
  readonly lastLsn: number
  readonly sizeBytes: number
  readonly sealed: boolean
}

/** One snapshot, read whole. */
export interface VerifiedSnapshot {
  readonly lsn: number
  /** When the record at that LSN was written; missing where the manifest cannot be read. */
  readonly time?: Date
  /** Everything in it holds, it has the digests that it says it has, and the log does not contradict it. */
  readonly ok: boolean
  /** Bytes and number of its files, those that it shares with others included, the manifest left out. */
  readonly bytes: number
  readonly parts: number
}

/** LSNs from `from` to `to`, both included. */
export interface LsnRange {
  readonly from: number
  readonly to: number
}

export interface VerifyReport {
  readonly ok: boolean
  /** The last LSN whose state can be proven: everything up to it is in a snapshot that holds, or in whole records. */
  readonly lsn: number
  readonly durableLsn: number | undefined
  /** Records that were replayed. */
  readonly records: number
  /** Bytes of log. */
  readonly bytes: number
  readonly segments: readonly VerifiedSegment[]
  /** Newest first. */
  readonly snapshots: readonly VerifiedSnapshot[]
  /** `oldestLsn`: the first record that is still there; `undefined` where there is none. `lsn`: the last one that holds. */
  readonly log: {
    readonly oldestLsn: number | undefined
    readonly lsn: number
    readonly durableLsn: number | undefined
  }
  /** LSNs as of which the store can be opened, ascending. */
  readonly reachable: readonly LsnRange[]
  readonly problems: readonly VerifyProblem[]
  /** Digest of the state at `lsn`. */
  readonly digest: string
}

/** @throws what is no error of the store, and what ends verifying: `ERR_ABORTED`. */
export function problemOf(error: unknown, place: Pick<FoundProblem, 'path' | 'snapshots'> = {}): FoundProblem {
  if (!isStoreError(error) || error.code === 'ERR_ABORTED') throw error
  const { segment, path = segment, offset, lsn } = error.details
  return {
    code: error.code,
    message: error.message,
    ...(typeof path === 'string' ? { path } : {}),
    ...(typeof segment === 'string' ? { segment } : {}),
    ...(typeof offset === 'number' ? { offset } : {}),
    ...(typeof lsn === 'number' ? { lsn } : {}),
    ...place,
  }
}

/** Something that is wrong with a snapshot, but with no file of it in particular. */
export function snapshotProblem(lsn: number, reason: string): FoundProblem {
  const path = manifestPath(lsn)
  return { code: 'ERR_SNAPSHOT_CORRUPT', message: `${path} is damaged: ${reason}`, path, snapshots: [lsn] }
}

/** Ranges in order without overlaps. */
export function joinRanges(ranges: readonly LsnRange[]): LsnRange[] {
  const joined: LsnRange[] = []
  for (const { from, to } of [...ranges].sort((left, right) => left.from - right.from)) {
    const last = joined.at(-1)
    if (last === undefined || from > last.to + 1) joined.push({ from, to })
    else joined[joined.length - 1] = { from: last.from, to: Math.max(last.to, to) }
  }
  return joined
}
