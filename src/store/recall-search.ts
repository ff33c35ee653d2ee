import type { CollectionView } from '../engine/collection-state.ts'
import { type Probe, probeOf, probeWalk } from '../engine/index/probe-walk.ts'
import type { Walked } from '../engine/index/search-pass.ts'
import type { VectorType } from '../engine/vector-type.ts'
import { contrastOf, listSizeFor, type RecallLists } from './recall-lists.ts'
import { type CheckedOptions, find, type ResolvedQuery, type SearchResult } from './search.ts'
import type { StoreCore } from './store-core.ts'

/** How a wanted recall is searched for. */
export interface RecallPlan<M> {
  /** Options of the first walk, or of the only one. */
  readonly options: CheckedOptions<M>
  /** What the first walk decides. */
  readonly lists?: RecallLists
}

/** Walks with a short list, and again with a longer one where what that found asks for it. */
export async function findByRecall<M, T extends VectorType>(
  core: StoreCore,
  view: CollectionView,
  query: ResolvedQuery,
  { options, lists }: RecallPlan<M>,
): Promise<SearchResult<M, T>> {
  const { yieldToEventLoop } = core.surroundings
  const { signal } = options
  const probe = lists && (await probeWalk({ yieldToEventLoop, signal }, view, { ...query, ...options }))
  if (probe === undefined || lists === undefined) return await find(core, view, query, options)
  const chosen = optionsAfter(options, lists, probe)
  if (chosen === options) return await find(core, view, query, options, { walked: probe.walked })
  return withProbe(await find(core, view, query, chosen), probe.walked)
}

/** The same options where the walk was long enough. */
export function optionsAfter<M>(options: CheckedOptions<M>, lists: RecallLists, probe: Probe): CheckedOptions<M> {
  const listSize = listSizeFor(lists, contrastOf(probe.distances, options.k))
  if (listSize === undefined) return { ...options, exact: true }
  return listSize === lists.probe ? options : { ...options, listSize }
}

/** The options for a query that workers have walked for already. */
export function optionsAfterWalk<M>(
  view: CollectionView,
  { options, lists }: RecallPlan<M>,
  walked: Walked,
  { excludedId }: ResolvedQuery,
): CheckedOptions<M> {
  return lists === undefined ? options : optionsAfter(options, lists, probeOf(view, walked, excludedId))
}

/** What was found, and compared, the walk before included. */
export function withProbe<M, T extends VectorType>(result: SearchResult<M, T>, { hits }: Walked): SearchResult<M, T> {
  return { ...result, visited: result.visited + hits.visited }
}
