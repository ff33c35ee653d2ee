import { isStoreError, StoreError } from '../base/errors.ts'
import type { SnapshotManifest } from '../snapshots/manifest.ts'
import type { WrittenSnapshot } from '../snapshots/writer.ts'
import type { Progress } from './options.ts'
import type { DamagedSnapshot } from './retention.ts'
import { bytesOfSnapshot } from './snapshot-stats.ts'

/** How a snapshot is asked for. */
export interface SnapshotCallOptions {
  /** Gives up, and leaves the store as it is. */
  readonly signal?: AbortSignal
  /** Called with `phase: 'snapshot'` and bytes written or read back. */
  readonly onProgress?: (progress: Progress) => void
}

/** What a snapshot is of, and what it took. */
export interface SnapshotResult {
  /** LSN of the state that it holds. */
  readonly lsn: number
  /** Bytes of files that were written for it; 0 where nothing had changed since the last one. */
  readonly writtenBytes: number
  /** Bytes of files that it shares with earlier ones. */
  readonly sharedBytes: number
  readonly durationMs: number
  /** Bytes of log that nothing needs any more, and that are gone. */
  readonly droppedLogBytes: number
}

/** A snapshot that was written, or that is there. */
export function resultOf(
  newest: SnapshotManifest | undefined,
  written?: WrittenSnapshot,
): Pick<SnapshotResult, 'lsn' | 'writtenBytes' | 'sharedBytes'> {
  const lsn = newest?.position.lsn ?? 0
  if (written !== undefined) return { lsn, writtenBytes: written.writtenBytes, sharedBytes: written.sharedBytes }
  return { lsn, writtenBytes: 0, sharedBytes: newest === undefined ? 0 : bytesOfSnapshot(newest) }
}

export function closedError(): StoreError {
  return new StoreError('ERR_STORE_CLOSED', 'the store was closed before the snapshot was taken')
}

/** What nobody waits for failed with, in a sentence. */
export function problemOf(cause: unknown, what = 'a snapshot could not be taken'): StoreError {
  const code = isStoreError(cause) ? cause.code : 'ERR_IO'
  return new StoreError(code, `${what}: ${(cause as Error).message}`, { cause })
}

export function damageProblem({ lsn, error }: DamagedSnapshot): StoreError {
  return problemOf(error, `the snapshot at LSN ${lsn} does not hold, so nothing of the log was removed`)
}
