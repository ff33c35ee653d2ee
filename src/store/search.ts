import { throwIfAborted } from '../base/abort.ts'
import { StoreError } from '../base/errors.ts'
import { MAX_K } from '../base/limits.ts'
import type { CollectionView } from '../engine/collection-state.ts'
import { scanBuffer } from '../engine/vector-buffer.ts'
import { checkId, copyQuery, type VectorInput } from './inputs.ts'
import { decodeMetadata } from './metadata.ts'
import { refuseUnknownOptions, requireInteger } from './options.ts'
import type { StoreCore } from './store-core.ts'

export interface SearchOptions {
  /** How many hits; default 10, at most 65,536. There are fewer only where the collection has fewer. */
  readonly k?: number
  /** Leave out hits that are farther than this. */
  readonly maxDistance?: number
  /** Give each hit its metadata. Default `false`. */
  readonly includeMetadata?: boolean
  /** Give each hit its vector, as it was added. Default `false`. */
  readonly includeVectors?: boolean
  readonly signal?: AbortSignal
}

/** A query: a vector, or the id of an entry whose neighbours are wanted (it is not one of them). */
export type SearchQuery = VectorInput | { readonly id: string }

export interface Hit<M = object> {
  readonly id: string
  /** Smaller is nearer: 1 - cos, true euclidean distance, or minus the dot product, computed on the originals. */
  readonly distance: number
  readonly metadata?: M
  readonly vector?: Float32Array
}

export interface SearchResult<M = object> {
  /** Nearest first. */
  readonly hits: Hit<M>[]
  /** Whether these are certainly the nearest there are. */
  readonly exact: boolean
  /** Vectors that were compared with the query. */
  readonly visited: number
}

const OPTIONS = ['k', 'maxDistance', 'includeMetadata', 'includeVectors', 'signal'] as const

/** Searches a collection, from what the caller handed in to hits that nobody shares. */
export async function searchCollection<M>(
  core: StoreCore,
  view: CollectionView,
  query: SearchQuery,
  options: SearchOptions,
): Promise<SearchResult<M>> {
  const { k, maxDistance, signal } = checkOptions(options)
  const { vector, excludeSlot, excludeId } = resolveQuery(view, query)
  throwIfAborted(signal, 'search')
  const { yieldToEventLoop } = core.surroundings
  const found = await scanBuffer(
    core.kernel,
    view,
    { vector, k, ...(excludeSlot === undefined ? {} : { excludeSlot }) },
    { yieldToEventLoop, signal },
  )
  if (view.dropped) {
    const message = `the collection '${view.name}' was dropped while it was searched`
    throw new StoreError('ERR_COLLECTION_NOT_FOUND', message, { details: { collection: view.name } })
  }
  const hits: Hit<M>[] = []
  for (const [index, slot] of found.slots.entries()) {
    const distance = found.scores[index] as number
    if (distance > maxDistance) break
    const hit = createHit<M>(view, slot, distance, options)
    // Its own entry lives in another slot by now where it was replaced while the scan ran.
    if (hit.id !== excludeId) hits.push(hit)
  }
  return { hits, exact: true, visited: found.visited }
}

function checkOptions(options: SearchOptions): { k: number; maxDistance: number; signal: AbortSignal | undefined } {
  refuseUnknownOptions(options, OPTIONS, 'search')
  const { k = 10, maxDistance = Number.POSITIVE_INFINITY, signal } = options
  requireInteger('k', k, 1, MAX_K)
  if (typeof maxDistance !== 'number' || Number.isNaN(maxDistance)) throw new TypeError('maxDistance must be a number')
  return { k, maxDistance, signal }
}

function resolveQuery(
  view: CollectionView,
  query: SearchQuery,
): { vector: Float32Array; excludeSlot?: number; excludeId?: string } {
  if (!isIdQuery(query)) return { vector: copyQuery(query, view) }
  checkId(query.id)
  const slot = view.slotOf(query.id)
  if (slot === undefined) {
    const message = `there is no entry '${query.id}' in '${view.name}' to search the neighbours of`
    throw new StoreError('ERR_ENTRY_NOT_FOUND', message, { details: { id: query.id } })
  }
  return { vector: view.copyVector(slot), excludeSlot: slot, excludeId: query.id }
}

function isIdQuery(query: SearchQuery): query is { readonly id: string } {
  return (
    typeof query === 'object' && query !== null && !Array.isArray(query) && !ArrayBuffer.isView(query) && 'id' in query
  )
}

function createHit<M>(view: CollectionView, slot: number, distance: number, options: SearchOptions): Hit<M> {
  const document = options.includeMetadata ? view.documentAt(slot) : undefined
  return {
    id: view.idAt(slot),
    distance,
    ...(document === undefined ? {} : { metadata: decodeMetadata<M>(document) }),
    ...(options.includeVectors ? { vector: view.copyVector(slot) } : {}),
  }
}
