import { StoreError } from '../base/errors.ts'
import type { StoreState } from '../engine/store-state.ts'
import { captureStore, type StoreCapture } from '../snapshots/capture.ts'
import type { SnapshotManifest } from '../snapshots/manifest.ts'
import { indexError } from './index-error.ts'

/** A store at one LSN, and where in its history that is. */
export interface PositionedCapture<Position> {
  readonly capture: StoreCapture
  readonly applied: Position
}

export interface CaptureTools {
  readonly yieldToEventLoop: () => Promise<void>
  readonly signal: AbortSignal
  /** The snapshot whose parts are shared: graphs that it holds are not copied. */
  readonly previous?: SnapshotManifest | undefined
}

/**
 * Fixes the content of a store and its position in one turn of the event loop, and waits for the graphs that were ordered by
 * then. Where a collection is dropped meanwhile it begins again, with the store as it is without it.
 * @throws StoreError `ERR_ABORTED`, or what building an index failed with.
 */
export async function capturePositioned<Position>(
  state: StoreState,
  positionOf: () => Position,
  { yieldToEventLoop, signal, previous }: CaptureTools,
): Promise<PositionedCapture<Position>> {
  for (;;) {
    const collections = state.collections()
    const capturing = captureStore(state, yieldToEventLoop, previous)
    const applied = positionOf()
    try {
      return { capture: await unlessAborted(capturing, signal), applied }
    } catch (error) {
      if (signal.aborted || !collections.some(({ dropped }) => dropped)) throw indexError(error)
    }
  }
}

/**
 * Waits for work until a signal is aborted. The work itself goes on, and whether it fails then is nobody's business.
 * @throws StoreError `ERR_ABORTED`.
 */
export function unlessAborted<Result>(
  work: Promise<Result>,
  signal: AbortSignal | undefined,
  what = 'the snapshot',
): Promise<Result> {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const abort = () => reject(new StoreError('ERR_ABORTED', `${what} was aborted`, { cause: signal.reason }))
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
