import { throwIfAborted } from '../base/abort.ts'
import type { CollectionView } from '../engine/collection-state.ts'
import { walkMany } from '../engine/index/batch-walk.ts'
import type { Walked } from '../engine/index/search-pass.ts'
import type { VectorType } from '../engine/vector-type.ts'
import { allowedSlots } from './filter.ts'
import { findByRecall, optionsAfterWalk, withProbe } from './recall-search.ts'
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
export async function searchMany<M, T extends VectorType>(
  core: StoreCore,
  view: CollectionView,
  queries: readonly SearchQuery<T>[],
  options: SearchOptions<M>,
): Promise<SearchResult<M, T>[]> {
  const given = checkOptions(options, 'searchMany')
  if (!Array.isArray(queries)) throw new TypeError('searchMany takes an array of queries')
  const resolved = queries.map((query) => resolveQuery(view, query))
  throwIfAborted(given.signal, 'searchMany')
  const plan = given.recall === undefined ? { options: given } : await core.recall.plan(view, given)
  const results = new Array<SearchResult<M, T>>(resolved.length)
  /** Those whose walk asks for a longer list, and what it has found. */
  const later = new Map<number, Map<number, Walked>>()
  await eachPrepared(core, view, [...resolved.entries()], plan.options, async (place, query, prepared) => {
    const { walked } = prepared
    if (walked === undefined) {
      results[place] = plan.lists
        ? await findByRecall(core, view, query, plan)
        : await find(core, view, query, plan.options, prepared)
      return
    }
    const options = optionsAfterWalk(view, plan, walked, query)
    if (options === plan.options) results[place] = await find(core, view, query, options, prepared)
    else if (options.exact) results[place] = withProbe(await find(core, view, query, options), walked)
    else later.set(options.listSize, (later.get(options.listSize) ?? new Map<number, Walked>()).set(place, walked))
  })
  for (const [listSize, places] of later) {
    const queried = [...places.keys()].map((place) => [place, resolved[place]!] as const)
    const options = { ...plan.options, listSize }
    await eachPrepared(core, view, queried, options, async (place, query, prepared) => {
      results[place] = withProbe(await find(core, view, query, options, prepared), places.get(place)!)
    })
  }
  return results
}

/** Goes through queries, each with its place, while what comes next is walked for. */
async function eachPrepared<M>(
  core: StoreCore,
  view: CollectionView,
  queries: readonly (readonly [place: number, query: ResolvedQuery])[],
  options: CheckedOptions<M>,
  take: (place: number, query: ResolvedQuery, prepared: Prepared) => Promise<void>,
): Promise<void> {
  const blocks = blocksOf(queries)
  const vectorsOf = (index: number) => blocks[index]?.map(([, query]) => query)
  let preparing = prepareBlock(core, view, vectorsOf(0), options)
  for (const [index, block] of blocks.entries()) {
    const prepared = await preparing
    preparing = prepareBlock(core, view, vectorsOf(index + 1), options)
    // Whoever gives up in between is not told of the next block.
    preparing.catch(() => {})
    for (const [offset, [place, query]] of block.entries()) {
      await core.searchTurns.begin()
      await take(place, query, prepared[offset]!)
    }
  }
}

function blocksOf<Q>(queries: readonly Q[]): Q[][] {
  const blocks: Q[][] = []
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
