import type { Abortable } from '../../base/abort.ts'
import type { GraphHits, SearchOptions } from '../graph/graph-search.ts'
import type { WalkCore } from '../graph/walk-core.ts'

/** `allowed` is read until the search has ended, and must not change meanwhile. */
export interface BatchSearchOptions extends Omit<SearchOptions, 'thread'> {
  readonly signal?: Abortable | undefined
}

/** Searches for many queries at a time. */
export interface SearchHost {
  /**
   * The hits of each query, in order, as a search for it alone finds them. `queries` holds one vector after another, and is
   * read until the search has ended. Jobs may run on the graph meanwhile.
   *
   * @throws StoreError `ERR_ABORTED` between queries; RangeError.
   */
  search(core: WalkCore, queries: Float32Array, options: BatchSearchOptions): Promise<GraphHits[]>
}
