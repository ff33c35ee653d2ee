import type { Abortable } from '../base/abort.ts'
import type { Checksum } from '../base/checksum.ts'
import { isStoreError, StoreError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import { StoreState } from '../engine/store-state.ts'
import type { ColdChunks } from '../snapshots/cold-chunks.ts'
import type { SnapshotManifest } from '../snapshots/manifest.ts'
import { manifestPath } from '../snapshots/names.ts'
import { newestValidSnapshot, type OpenedSnapshot } from '../snapshots/reader.ts'
import { readMark } from '../wal/durable-mark.ts'
import { isContradiction, type StartingPoint } from '../wal/starting-point.ts'
import { Materializer } from './materializer.ts'

/** A state from which the log is replayed: that of a snapshot, or the empty one. */
export interface Beginning {
  readonly state: StoreState
  readonly materializer: Materializer
  readonly snapshot: SnapshotManifest | undefined
  /** Where the log goes on; `undefined` for its beginning. */
  readonly after: StartingPoint | undefined
  /** Newer snapshots that were passed over, newest first. */
  readonly passedOver: readonly PassedOver[]
}

/** A snapshot that could not be used, and why. */
export interface PassedOver {
  readonly lsn: number
  readonly error: unknown
}

export interface BeginningOptions {
  readonly checksum: Checksum
  readonly yieldToEventLoop: () => Promise<void>
  readonly signal?: Abortable | undefined
  readonly cold?: ColdChunks | undefined
  /** Use no snapshot above this LSN. */
  readonly throughLsn?: number | undefined
  /** Called with the bytes of the snapshot read so far and in all. */
  readonly onProgress: (doneBytes: number, totalBytes: number) => void
}

/**
 * Has `replay` read the log behind the newest snapshot that holds, or the whole log where none does. A snapshot that the log
 * contradicts is passed over like one that is damaged, and so is one of which the replay needs a chunk that was left on disk
 * and cannot be read there.
 * @throws what `replay` throws otherwise; damage of the log also says which snapshots were passed over.
 */
export async function beginWithNewest<Replayed>(
  files: Files,
  options: BeginningOptions,
  replay: (beginning: Beginning) => Promise<Replayed>,
): Promise<{ beginning: Beginning; replayed: Replayed }> {
  const { mark } = await readMark(files, options.checksum)
  const passedOver: PassedOver[] = []
  for (let throughLsn = options.throughLsn; ; ) {
    const newest = await newestValidSnapshot(files, { ...options, throughLsn, storeId: mark?.storeId })
    passedOver.push(...newest.problems)
    const beginning = beginningOf(newest.opened, [...passedOver])
    try {
      return { beginning, replayed: await replay(beginning) }
    } catch (error) {
      if (newest.opened === undefined || !isOfSnapshot(error)) throw explained(error, passedOver)
      const { lsn } = newest.opened.manifest.position
      passedOver.push({ lsn, error })
      throughLsn = lsn - 1
    }
  }
}

function isOfSnapshot(error: unknown): boolean {
  return isContradiction(error) || isStoreError(error, 'ERR_CHUNK_CORRUPT')
}

function beginningOf(opened: OpenedSnapshot | undefined, passedOver: readonly PassedOver[]): Beginning {
  if (opened === undefined) {
    const state = new StoreState()
    return { state, materializer: new Materializer(state), snapshot: undefined, after: undefined, passedOver }
  }
  const { state, manifest } = opened
  const after = { ...manifest.position, timeMs: manifest.timeMs, storeId: manifest.storeId }
  return { state, materializer: new Materializer(state, positionOf(manifest)), snapshot: manifest, after, passedOver }
}

function positionOf({ position, timeMs }: SnapshotManifest) {
  const { epoch, lsn, chain } = position
  return { epoch, lsn, chain, timeMs }
}

/** Damage of the log that a snapshot would have made up for says why it did not. */
function explained(error: unknown, passedOver: readonly PassedOver[]): unknown {
  if (passedOver.length === 0 || !isStoreError(error, 'ERR_LOG_CORRUPT')) return error
  const message = [error.message, ...passedOver.map(passedOverText)].join('. ')
  return new StoreError(error.code, message, { cause: error, details: error.details })
}

export function passedOverText({ lsn, error }: PassedOver): string {
  const reason = error instanceof Error ? error.message : String(error)
  return `the snapshot ${manifestPath(lsn)} was passed over: ${reason}`
}
