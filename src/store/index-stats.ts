import type { CollectionView } from '../engine/collection-state.ts'
import type { GraphFormStats } from './graph-keeper.ts'

/** How far the index of a collection is. */
export interface IndexStats extends GraphFormStats {
  /** Live entries that are in it. */
  readonly indexed: number
  /** Live entries that are not, which every search compares one by one. */
  readonly waiting: number
  /** `indexed` of all live entries, from 0 to 1; 1 of none. */
  readonly share: number
  /** Pieces of work that are ordered and not done. */
  readonly backlog: number
  /** How much of the one under way is done: an estimate from 0 to 1, missing where there is none. */
  readonly building?: number
  /** Every entry written at or before this LSN is in it. */
  readonly indexedThroughLsn: number
  /** Vectors that it holds, those of deleted entries included; entries with equal vectors share one. */
  readonly nodes: number
  /** Those that stand for deleted entries only. */
  readonly deadNodes: number
  /** Nodes that no walk reaches, counted after the last change: 0, or something is wrong. */
  readonly unreachable: number
  /** Most nodes that fit into the memory of an index; 0 while there is none. */
  readonly capacity: number
  /** Codes that a walk reads, where there is an index. */
  readonly codes?: '1-bit' | '4-bit' | '8-bit' | 'float32'
  /** Why nothing is built any more. Searches are right all the same, and slower. */
  readonly problem?: string
}

export function indexStatsOf(view: CollectionView, lsn: number, form: GraphFormStats): IndexStats {
  const { served, backlog, progress, failure } = view.index
  const graph = served.built?.graph
  const waiting = countWaiting(view)
  const indexed = view.liveCount - waiting
  return {
    indexed,
    waiting,
    share: view.liveCount === 0 ? 1 : indexed / view.liveCount,
    backlog,
    ...(progress === undefined ? {} : { building: progress }),
    indexedThroughLsn: view.index.indexedThroughLsn(lsn),
    nodes: graph?.linkedCount ?? 0,
    deadNodes: served.built?.live.deadCount ?? 0,
    unreachable: graph?.unreachable ?? 0,
    capacity: graph?.capacity ?? 0,
    ...(graph === undefined ? {} : { codes: graph.codes }),
    ...form,
    ...(failure === undefined ? {} : { problem: (failure as Error).message }),
  }
}

/** Live slots that are in no graph. */
function countWaiting(view: CollectionView): number {
  const { builtThrough, placed } = view.index.served
  let count = 0
  for (let slot = builtThrough; slot < view.slotCount; slot++) {
    if (!view.isDead(slot) && !placed.has(slot)) count += 1
  }
  return count
}
