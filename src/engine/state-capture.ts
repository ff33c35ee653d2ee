import type { CollectionCapture } from './collection-capture.ts'
import type { StoreView } from './store-state.ts'

/** A store's content at one LSN, fixed by {@link captureState} whatever is applied later. */
export interface StateCapture {
  readonly lsn: number
  /** In order of creation. */
  readonly collections: readonly CollectionCapture[]
}

/**
 * Fixes the content at the call, synchronously: a bit a slot is copied, everything else is shared with the columns, which
 * only append. The first replacement of a document in a chunk afterwards copies that chunk's index, once.
 */
export function captureState(state: StoreView): StateCapture {
  return { lsn: state.lsn, collections: state.collections().map((collection) => collection.capture()) }
}
