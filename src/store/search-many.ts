import type { CollectionView } from '../engine/collection-state.ts'
import { throwIfAborted } from '../base/abort.ts'
import { walkMany } from '../engine/index/batch-walk.ts'
import type { Walked } from '../engine/index/search-pass.ts'
import { allowedSlots } from './filter.ts'
import {
  type CheckedOptions,
  checkOptions,
  find,
  type ResolvedQuery,
  resolveQuery,
  type SearchOptions,
  type SearchQuery,
  type SearchResult,
} from './search.ts'
import type { StoreCore } from './store-core.ts'

/** Queries that go to the workers together. */
const BLOCK_QUERIES = 256
/** Queries that are finished on this thread between two turns of the event loop: about a millisecond. */
const SLICE_QUERIES = 32

/**
 * Searches for many queries: workers walk the index for a block of them while the hits of the block before are compared on
 * their originals here.
 */
export async function searchMany<M>(
  core: StoreCore,
  view: CollectionView,
  queries: readonly SearchQuery[],
  options: SearchOptions<M>,
): Promise<SearchResult<M>[]> {
  const checked = checkOptions(options, 'searchMany')
  if (!Array.isArray(queries)) throw new TypeError('searchMany takes an array of queries')
  const resolved = queries.map((query) => resolveQuery(view, query))
  throwIfAborted(checked.signal, 'searchMany')
  const blocks = blocksOf(resolved)
  const results: SearchResult<M>[] = []
  let walking = walkBlock(core, view, blocks[0], checked)
  for (const [index, block] of blocks.entries()) {
    const walked = await walking
    walking = walkBlock(core, view, blocks[index + 1], checked)
    // Whoever gives up in between is not told of the next block.
    walking.catch(() => {})
    for (const [place, query] of block.entries()) {
      if (place % SLICE_QUERIES === SLICE_QUERIES - 1) await core.surroundings.yieldToEventLoop()
      results.push(await find(core, view, query, checked, walked?.[place]))
    }
  }
  return results
}

function blocksOf(queries: readonly ResolvedQuery[]): ResolvedQuery[][] {
  const blocks: ResolvedQuery[][] = []
  for (let first = 0; first < queries.length; first += BLOCK_QUERIES) {
    blocks.push(queries.slice(first, first + BLOCK_QUERIES))
  }
  return blocks
}

async function walkBlock<M>(
  core: StoreCore,
  view: CollectionView,
  block: readonly ResolvedQuery[] | undefined,
  { k, listSize, exact, filter, signal }: CheckedOptions<M>,
): Promise<Walked[] | undefined> {
  if (block === undefined || core.options.threads === 0) return undefined
  const { yieldToEventLoop } = core.surroundings
  const allowed = filter && (await allowedSlots(view, filter, { yieldToEventLoop, signal }))
  const vectors = new Float32Array(block.length * view.dimensions)
  for (const [place, { vector }] of block.entries()) vectors.set(vector, place * view.dimensions)
  const batch = { k, listSize, exact, signal, ...(allowed && { allowed }) }
  const walked = await walkMany(core.threads.searches, view, vectors, batch)
  core.threads.noteEnd()
  return walked
}
