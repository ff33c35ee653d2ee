import { throwIfAborted } from '../base/abort.ts'
import type { CollectionView } from '../engine/collection-state.ts'
import type { VectorType } from '../engine/vector-type.ts'
import { findByRecall } from './recall-search.ts'
import { checkOptions, find, resolveQuery, type SearchOptions, type SearchQuery, type SearchResult } from './search.ts'
import type { StoreCore } from './store-core.ts'

/** Searches a collection, from what the caller handed in to hits that nobody shares. */
export async function searchCollection<M, T extends VectorType>(
  core: StoreCore,
  view: CollectionView,
  query: SearchQuery<T>,
  options: SearchOptions<M>,
): Promise<SearchResult<M, T>> {
  const checked = checkOptions(options, 'search')
  const resolved = resolveQuery(view, query)
  throwIfAborted(checked.signal, 'search')
  const turn = core.searchTurns.begin()
  if (turn !== undefined) await turn
  if (checked.recall === undefined) return await find(core, view, resolved, checked)
  return await findByRecall(core, view, resolved, await core.recall.plan(view, checked))
}
