import { StoreError } from '../base/errors.ts'
import { MAX_K } from '../base/limits.ts'
import type { CollectionView } from '../engine/collection-state.ts'
import { type IndexHits, type IndexQuery, searchIndex } from '../engine/index/index-search.ts'
import type { Walked } from '../engine/index/search-pass.ts'
import type { VectorType } from '../engine/vector-type.ts'
import { type AllowedSlots, allowedSlots, copyFilter, type SearchFilter } from './filter.ts'
import { checkId } from './inputs.ts'
import { decodeMetadata } from './metadata.ts'
import { refuseUnknownOptions, requireInteger } from './options.ts'
import type { StoreCore } from './store-core.ts'
import { copyQuery } from './vector-input.ts'
import type { QueryVector, VectorOf } from './vector-types.ts'

export interface SearchOptions<M = object> {
  /** How many hits; default 10, at most 65,536. There are fewer only where fewer entries may be hits. */
  readonly k?: number
  /**
   * How many candidates the walk through the index keeps, from 1 to 65,536: the more, the better and the slower. Twice `k`
   * at least are kept. Default 160: more than 95 of 100 true neighbours on word vectors.
   */
  readonly listSize?: number
  /** Compare with every entry instead of walking the index. Default `false`. */
  readonly exact?: boolean
  /**
   * Share of the `k` nearest that is to be found, from 0 to 1, instead of `listSize`: a walk with a short list shows how hard the
   * query is, and another follows where it takes a longer one. How long is measured on the collection's own vectors by the first
   * such search, and by the first after it has grown by half or has a new index. Filters are not measured. With 1, every entry is
   * compared.
   */
  readonly recall?: number
  /**
   * `false`: give what the index finds the distances of its codes, which are approximate, and read no vector for it. Some of
   * the nearest are missed for it. Default `true`.
   */
  readonly rescore?: boolean
  /** Only entries that pass may be hits: ids, or a function of metadata and id. */
  readonly filter?: SearchFilter<M>
  /** Leave out hits that are farther than this. */
  readonly maxDistance?: number
  /** Give each hit its metadata. Default `false`. */
  readonly includeMetadata?: boolean
  /** Give each hit its vector, as it was added. Default `false`. */
  readonly includeVectors?: boolean
  readonly signal?: AbortSignal
}

/** A query: a vector, or the id of an entry whose neighbours are wanted (it is not one of them). */
export type SearchQuery<T extends VectorType = 'float32'> = QueryVector<T> | { readonly id: string }

export interface Hit<M = object, T extends VectorType = 'float32'> {
  readonly id: string
  /**
   * Smaller is nearer: 1 - cos, true euclidean distance, minus the dot product, or how many bits differ, computed on the
   * originals, unless `rescore: false` was asked for.
   */
  readonly distance: number
  readonly metadata?: M
  readonly vector?: VectorOf<T>
}

export interface SearchResult<M = object, T extends VectorType = 'float32'> {
  /** Nearest first. */
  readonly hits: Hit<M, T>[]
  /** Whether these are certainly the nearest there are. */
  readonly exact: boolean
  /** Whether distances are certainly those of the vectors as they were added: `false` where `rescore: false` was asked for. */
  readonly rescored: boolean
  /** Vectors that were compared with the query. */
  readonly visited: number
  /** Every entry that was written at or before this LSN was in the index; later ones were compared one by one. */
  readonly indexedThroughLsn: number
}

const OPTIONS = [
  'k',
  'listSize',
  'exact',
  'recall',
  'rescore',
  'filter',
  'maxDistance',
  'includeMetadata',
  'includeVectors',
  'signal',
] as const
export const DEFAULT_LIST_SIZE = 160

/** Options whose defaults are filled in. */
export interface CheckedOptions<M> {
  readonly k: number
  readonly listSize: number
  readonly exact: boolean
  readonly recall: number | undefined
  readonly rescore: boolean
  readonly filter: SearchFilter<M> | undefined
  readonly maxDistance: number
  readonly includeMetadata: boolean
  readonly includeVectors: boolean
  readonly signal: AbortSignal | undefined
  /** Whether the entry whose neighbours are asked for leads no walk to them; for who measures. */
  readonly leaveOut?: boolean
}

/** A query that was copied. */
export interface ResolvedQuery {
  readonly vector: Float32Array
  /** The entry whose neighbours are asked for. */
  readonly excludedId?: string
}

/** @throws TypeError, RangeError. */
export function checkOptions<M>(options: SearchOptions<M>, call: string): CheckedOptions<M> {
  refuseUnknownOptions(options, OPTIONS, call)
  const { k = 10, listSize = DEFAULT_LIST_SIZE, exact = false, maxDistance = Number.POSITIVE_INFINITY } = options
  const { recall, rescore = true, includeMetadata = false, includeVectors = false, signal } = options
  if (typeof exact !== 'boolean') throw new TypeError('exact must be a boolean')
  const filter = options.filter === undefined ? undefined : copyFilter(options.filter)
  if (typeof maxDistance !== 'number' || Number.isNaN(maxDistance)) throw new TypeError('maxDistance must be a number')
  requireInteger('k', k, 1, MAX_K)
  requireInteger('listSize', listSize, 1, MAX_K)
  if (typeof rescore !== 'boolean') throw new TypeError('rescore must be a boolean')
  if (exact && !rescore) throw new TypeError('exact compares vectors, and rescore: false none: leave one of them out')
  if (recall !== undefined) requireRecall(options)
  return { k, listSize, exact, recall, rescore, filter, maxDistance, includeMetadata, includeVectors, signal }
}

/** @throws TypeError, RangeError. */
function requireRecall({ recall, listSize, exact, rescore }: SearchOptions<never>): void {
  if (typeof recall !== 'number') throw new TypeError('recall must be a number')
  if (!(recall > 0 && recall <= 1)) throw new RangeError(`recall must be above 0 and at most 1, not ${recall}`)
  if (listSize !== undefined || exact === true || rescore === false) {
    throw new TypeError('recall says how a search is made: leave out listSize, exact and rescore')
  }
}

/** Copies a query. @throws StoreError `ERR_ENTRY_NOT_FOUND`, or what is wrong with a vector. */
export function resolveQuery(view: CollectionView, query: SearchQuery<VectorType>): ResolvedQuery {
  if (!isIdQuery(query)) return { vector: copyQuery(query, view) }
  checkId(query.id)
  const slot = view.slotOf(query.id)
  if (slot === undefined) {
    const message = `there is no entry '${query.id}' in '${view.name}' to search the neighbours of`
    throw new StoreError('ERR_ENTRY_NOT_FOUND', message, { details: { id: query.id } })
  }
  return { vector: view.copyVector(slot), excludedId: query.id }
}

/** What is known of a query before it is searched for. */
export interface Prepared {
  readonly walked?: Walked | undefined
  readonly allowed?: AllowedSlots | undefined
}

/** How often a search is made again because hits died between its end and the turn of its caller. */
const MOST_REPEATS = 3

/** Finds the hits of a query. */
export async function find<M, T extends VectorType = 'float32'>(
  core: StoreCore,
  view: CollectionView,
  query: ResolvedQuery,
  options: CheckedOptions<M>,
  prepared: Prepared = {},
): Promise<SearchResult<M, T>> {
  const { k, listSize, exact, rescore, filter, signal, leaveOut = false } = options
  const { yieldToEventLoop } = core.surroundings
  const tools = { kernel: core.kernel, scorer: core.scorer, yieldToEventLoop, signal }
  const indexQuery: IndexQuery = {
    ...query,
    k,
    listSize,
    exact,
    rescore,
    leaveOut,
    ...(prepared.walked && { walked: prepared.walked }),
  }
  const indexedThroughLsn = view.index.indexedThroughLsn(core.state.lsn)
  let { allowed } = prepared
  for (let repeat = 0; ; repeat++) {
    // A filter names slots, and its entries may be in others by now.
    if (allowed?.freedCount !== view.freedCount) allowed = filter && (await allowedSlots(view, filter, tools))
    const found = await searchIndex(tools, view, allowed ? { ...indexQuery, allowed: allowed.slots } : indexQuery)
    if (view.dropped) throw droppedMeanwhile(view)
    if (allowed !== undefined && allowed.freedCount !== view.freedCount) continue
    if (repeat < MOST_REPEATS && hasDied(view, found)) continue
    const { exact: isExact, visited } = found
    return {
      hits: createHits<M, T>(view, found, options),
      exact: isExact,
      rescored: rescore,
      visited,
      indexedThroughLsn,
    }
  }
}

function droppedMeanwhile({ name }: CollectionView): StoreError {
  const message = `the collection '${name}' was dropped while it was searched`
  return new StoreError('ERR_COLLECTION_NOT_FOUND', message, { details: { collection: name } })
}

function isIdQuery(query: SearchQuery<VectorType>): query is { readonly id: string } {
  return (
    typeof query === 'object' && query !== null && !Array.isArray(query) && !ArrayBuffer.isView(query) && 'id' in query
  )
}

function hasDied(view: CollectionView, { slots }: IndexHits): boolean {
  for (let index = 0; index < slots.length; index++) if (view.isDead(slots[index]!)) return true
  return false
}

function createHits<M, T extends VectorType>(
  view: CollectionView,
  { slots, scores }: IndexHits,
  options: CheckedOptions<M>,
): Hit<M, T>[] {
  const hits: Hit<M, T>[] = []
  for (let index = 0; index < slots.length; index++) {
    const slot = slots[index]!
    const distance = scores[index]!
    if (distance > options.maxDistance) break
    if (!view.isDead(slot)) hits.push(createHit<M, T>(view, slot, distance, options))
  }
  return hits
}

function createHit<M, T extends VectorType>(
  view: CollectionView,
  slot: number,
  distance: number,
  options: CheckedOptions<M>,
): Hit<M, T> {
  const id = view.idAt(slot)
  const { includeMetadata, includeVectors } = options
  if (!includeMetadata && !includeVectors) return { id, distance }
  const document = includeMetadata ? view.documentAt(slot) : undefined
  return {
    id,
    distance,
    ...(document === undefined ? {} : { metadata: decodeMetadata<M>(document) }),
    ...(includeVectors ? { vector: view.copyOriginal(slot) as VectorOf<T> } : {}),
  }
}
