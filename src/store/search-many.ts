import { throwIfAborted } from '../base/abort.ts'
import type { CollectionView } from '../engine/collection-state.ts'
import { walkMany } from '../engine/index/batch-walk.ts'
import { allowedSlots } from './filter.ts'
import {
  type CheckedOptions,
  checkOptions,
  find,
  type Prepared,
  type ResolvedQuery,
  resolveQuery,
  type SearchOptions,
  type SearchQuery,
  type SearchResult,
} from './search.ts'
import type { StoreCore } from './store-core.ts'

/** Queries that go to the workers together. */
const BLOCK_QUERIES = 256

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
  const given = checkOptions(options, 'searchMany')
  if (!Array.isArray(queries)) throw new TypeError('searchMany takes an array of queries')
  const resolved = queries.map((query) => resolveQuery(view, query))
  throwIfAborted(given.signal, 'searchMany')
  const checked = given.recall === undefined ? given : await core.recall.tune(view, given)
  const blocks = blocksOf(resolved)
  const results: SearchResult<M>[] = []
  let preparing = prepareBlock(core, view, blocks[0], checked)
  for (const [index, block] of blocks.entries()) {
    const prepared = await preparing
    preparing = prepareBlock(core, view, blocks[index + 1], checked)
    // Whoever gives up in between is not told of the next block.
    preparing.catch(() => {})
    for (const [place, query] of block.entries()) {
      await core.searchTurns.begin()
      results.push(await find(core, view, query, checked, prepared[place]))
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

/** Asks the filter once for all queries of the block, and walks for them where there are workers. */
async function prepareBlock<M>(
  core: StoreCore,
  view: CollectionView,
  block: readonly ResolvedQuery[] | undefined,
  { k, listSize, exact, filter, signal }: CheckedOptions<M>,
): Promise<Prepared[]> {
  if (block === undefined) return []
  const { yieldToEventLoop } = core.surroundings
  const allowed = filter && (await allowedSlots(view, filter, { yieldToEventLoop, signal }))
  if (core.options.threads === 0) return block.map(() => ({ allowed }))
  const vectors = new Float32Array(block.length * view.dimensions)
  for (const [place, { vector }] of block.entries()) vectors.set(vector, place * view.dimensions)
  const batch = { k, listSize, exact, signal, ...(allowed && { allowed: allowed.slots }) }
  const walked = await walkMany(core.threads.searches, view, vectors, batch)
  core.threads.noteEnd()
  return block.map((_, place) => ({ allowed, walked: walked?.[place] }))
}
