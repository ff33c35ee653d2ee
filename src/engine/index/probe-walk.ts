import type { CollectionView } from '../collection-state.ts'
import { checkQuery } from '../vector-buffer.ts'
import { walkGraph } from './graph-walk.ts'
import type { IndexQuery } from './index-search.ts'
import type { ServedGraph } from './index-task-runner.ts'
import { listSizeOf } from './list-sizes.ts'
import { allowedNodes, type SearchTools, type Walked } from './search-pass.ts'

/** What a walk has found before anything was compared on originals. */
export interface Probe {
  /** For a search with the same list to go on from. */
  readonly walked: Walked
  /** Distances of what was found but for the entry whose neighbours are asked for, by codes, nearest first. */
  readonly distances: Float32Array
}

/** Walks for a query without a filter as a search would; `undefined` where there is no graph. */
export async function probeWalk(
  tools: Pick<SearchTools, 'yieldToEventLoop' | 'signal'>,
  view: CollectionView,
  query: Omit<IndexQuery, 'allowed' | 'walked'>,
): Promise<Probe | undefined> {
  const { vector } = checkQuery(view, query)
  const { served } = view.index
  const { built } = served
  if (built === undefined) return undefined
  const allowed = allowedNodes(built, undefined)
  const passedOver = query.leaveOut === true ? ownNode(view, served, query.excludedId) : undefined
  const options = {
    listSize: listSizeOf(query, built),
    ...(allowed && { allowed }),
    ...(passedOver !== undefined && { passedOver }),
  }
  const walk = walkGraph(built, vector, options, tools)
  for (let step = walk.next(); ; step = walk.next()) {
    if (step.done) return probeOf(view, { served, hits: step.value }, query.excludedId)
    await step.value
  }
}

/** A walk that was made elsewhere as a probe. */
export function probeOf(view: CollectionView, walked: Walked, excludedId: string | undefined): Probe {
  const { nodes, distances } = walked.hits
  const own = ownNode(view, walked.served, excludedId)
  return { walked, distances: own === undefined ? distances : distances.filter((_, place) => nodes[place] !== own) }
}

/** The node that stands for an entry and no other. */
function ownNode(view: CollectionView, { built }: ServedGraph, id: string | undefined): number | undefined {
  const slot = id === undefined ? undefined : view.slotOf(id)
  const node = slot === undefined ? undefined : built?.slots.nodeOf(slot)
  return node === undefined || built?.slots.borrowChain(node) !== undefined ? undefined : node
}
