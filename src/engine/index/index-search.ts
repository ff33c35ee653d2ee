import { throwIfAborted } from '../../base/abort.ts'
import type { CollectionView } from '../collection-state.ts'
import { sortedSelection } from '../kernel/selection.ts'
import { distanceOfScore } from '../metric.ts'
import { checkQuery } from '../vector-buffer.ts'
import { SearchPass, type SearchTools, type Walked } from './search-pass.ts'

export interface IndexQuery {
  /** `dimensions` components, copied at the call. */
  readonly vector: Float32Array
  /** From 1 to `MAX_K`. */
  readonly k: number
  /** Nodes that the walk keeps; twice `k` at least are kept. */
  readonly listSize: number
  /**
   * Whether what a walk finds is compared on originals, which is so unless this says `false`: then it is scored by its codes, and
   * no original of it is read.
   */
  readonly rescore?: boolean
  /** Compare with every entry. */
  readonly exact?: boolean
  /** Bit `slot & 7` of byte `slot >> 3`: only these slots may be hits. Slots beyond its end may not. */
  readonly allowed?: Uint8Array
  /** The entry whose neighbours are asked for: no hit, wherever a compaction moves it. */
  readonly excludedId?: string
  /** Walk as if the excluded entry were not in the graph, which else leads to its neighbours: for who measures. */
  readonly leaveOut?: boolean
  /** What a walk has found already. */
  readonly walked?: Walked
}

export interface IndexHits {
  /** Nearest first; equal distances by slot, lower first. They are alive when the promise resolves. */
  readonly slots: Uint32Array
  /** Distances, on the originals unless they are not wanted: 1 - cos, true euclidean distance, minus the dot product, or bits that differ. */
  readonly scores: Float64Array
  /** Whether every entry that may be a hit was compared. */
  readonly exact: boolean
  /** Distances that were computed, on codes or on originals, over all passes. */
  readonly visited: number
}

/** How often a search starts over because entries died under it. */
const MOST_REPEATS = 3

/**
 * The nearest `k` entries of a collection: those that a walk through the graph finds among what is in it, and all of the
 * buffer. It sees the entries as they are when it starts; those that die while it runs are dropped, and if fewer than
 * min(k, entries that may be hits) are left because of that, it starts over, at most 3 times, keeping spare hits for as
 * many deaths as it has met twice over; only a store that goes on deleting the nearest faster than that gets fewer. A
 * compaction loses nothing: starting over because entries moved is not counted.
 *
 * Rejects with `ERR_ABORTED`, `ERR_VECTOR_NOT_FINITE`, `ERR_VECTOR_ZERO` (cosine), and `RangeError` for a `k` or a vector of
 * the wrong size. A collection that is dropped meanwhile has no hits.
 */
export async function searchIndex(tools: SearchTools, view: CollectionView, query: IndexQuery): Promise<IndexHits> {
  const scanQuery = checkQuery(view, query)
  throwIfAborted(tools.signal, 'search')
  const { listSize, exact = false, rescore = true, leaveOut = false, allowed, excludedId } = query
  let visited = 0
  let spare = 0
  let walked = query.walked
  for (let repeat = 0; ; ) {
    const { freedCount } = view
    const excludedSlot = excludedId === undefined ? undefined : view.slotOf(excludedId)
    const k = query.k + spare
    const passQuery = { ...scanQuery, k, listSize, exact, rescore, leaveOut, allowed, excludedSlot, walked }
    const pass = new SearchPass(tools, view, passQuery)
    for (const awaited of pass.run()) await awaited
    visited += pass.visited
    const hits = sortedSelection(pass.selection)
    const alive = aliveOf(view, hits)
    const died = hits.slots.length - alive.slots.length
    const isEnough = died === 0 || alive.slots.length >= Math.min(query.k, pass.countCandidates())
    if (view.dropped) return { ...alive, visited, exact: pass.isExact }
    // What moved was not looked at where it is now. A filter names slots, so its caller makes it again.
    const hasMoved = view.freedCount !== freedCount && allowed === undefined
    if (!hasMoved && (isEnough || repeat === MOST_REPEATS)) {
      return { ...nearest(view, alive, query.k), visited, exact: pass.isExact }
    }
    spare += died * 2
    walked = undefined
    if (!hasMoved) repeat += 1
  }
}

interface SortedHits {
  readonly slots: Uint32Array
  readonly scores: Float64Array
}

function aliveOf(view: CollectionView, { slots, scores }: SortedHits): SortedHits {
  let dead = 0
  for (let index = 0; index < slots.length; index++) if (view.isDead(slots[index]!)) dead += 1
  if (dead === 0) return { slots, scores }
  const isAlive = (_: number, index: number) => !view.isDead(slots[index]!)
  return { slots: slots.filter(isAlive), scores: scores.filter(isAlive) }
}

/** The first `k`, their scores made distances. */
function nearest(view: CollectionView, { slots, scores }: SortedHits, k: number): SortedHits {
  const isAll = slots.length <= k
  const first = isAll ? scores : scores.slice(0, k)
  for (let index = 0; index < first.length; index++) {
    first[index] = distanceOfScore(view.distanceMetric, first[index]!)
  }
  return { slots: isAll ? slots : slots.slice(0, k), scores: first }
}
