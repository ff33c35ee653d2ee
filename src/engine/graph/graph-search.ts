import {
  MAIN_SEARCH_THREAD,
  THREAD_EPOCH,
  THREAD_FRONTIER_AT,
  THREAD_FRONTIER_COUNT,
  THREAD_RESULTS_AT,
  THREAD_RESULTS_COUNT,
  THREAD_VISITED,
} from '../kernel/assembly-graph/layout.ts'
import { check } from './graph-parameters.ts'
import type { WalkCore } from './walk-core.ts'

export interface SearchOptions {
  /** How many nodes the walk keeps: the longer, the better and the slower. */
  readonly listSize: number
  /** Bitmap over nodes: only those whose bit is set may be results. The others still lead the walk. */
  readonly allowed?: Uint8Array
  /** With `allowed`: how many nodes may wait to be expanded. Eight lists, unless it is given. */
  readonly frontierSize?: number
  /** A node that the walk passes over as if it were not there, unless it begins with it. */
  readonly passedOver?: number | undefined
  /** Whose scratch is used: 1 unless it is given. Jobs on the main thread use 0, so that a search may come between slices. */
  readonly thread?: number
}

/** Nearest first, equal distances by node. Distances are those of codes. */
export interface GraphHits {
  readonly nodes: Uint32Array
  readonly distances: Float32Array
  /** Distances that were computed. */
  readonly visited: number
}

/** About 4 ms. */
const STEPS_PER_CALL = 800
const FRONTIER_LISTS = 8

/** Walks in kernel calls of bounded time; it is at its end when the generator is. */
export function* beginSearch(core: WalkCore, query: Float32Array, options: SearchOptions): Generator<void, void, void> {
  const { listSize, allowed, passedOver, thread = MAIN_SEARCH_THREAD } = options
  const frontierSize = frontierSizeOf(options)
  const scratch = core.scratch(thread)
  const most = Math.max(1, core.linkedCount)
  scratch.useLists(Math.min(frontierSize, most), Math.min(listSize, most))
  scratch.useAllowed(allowed)
  core.writeVector(thread, query)
  let isOpen = core.kernel.search(thread, passedOver === undefined ? STEPS_PER_CALL : 0)
  if (passedOver !== undefined) {
    // Marked as seen, it is never gathered. The marks were forgotten when the walk began.
    new Uint8Array(core.memory.buffer, core.markOf(thread, passedOver), 1)[0] = scratch.get(THREAD_EPOCH)
    isOpen = core.kernel.continueSearch(thread, STEPS_PER_CALL)
  }
  while (isOpen === 1) {
    yield
    isOpen = core.kernel.continueSearch(thread, STEPS_PER_CALL)
  }
}

/** How many nodes may wait to be expanded. @throws RangeError for sizes that no walk can have. */
export function frontierSizeOf({ listSize, allowed, frontierSize }: SearchOptions): number {
  check(Number.isInteger(listSize) && listSize >= 1, `listSize must be at least 1: ${listSize}`)
  const size = frontierSize ?? (allowed === undefined ? listSize : listSize * FRONTIER_LISTS)
  check(Number.isInteger(size) && size >= listSize, `frontierSize must be at least ${listSize}`)
  return size
}

export function readResults(
  core: WalkCore,
  { allowed, listSize, thread = MAIN_SEARCH_THREAD }: SearchOptions,
): GraphHits {
  const scratch = core.scratch(thread)
  const isFiltered = allowed !== undefined
  const filled = scratch.get(isFiltered ? THREAD_RESULTS_COUNT : THREAD_FRONTIER_COUNT)
  const count = Math.min(filled, listSize)
  const at = isFiltered ? THREAD_RESULTS_AT : THREAD_FRONTIER_AT
  const keys = scratch.words(at, count * 2)
  const nodes = new Uint32Array(count)
  const bits = new Int32Array(count)
  for (let i = 0; i < count; i++) {
    nodes[i] = keys[i * 2]! >>> 1
    const ordered = keys[i * 2 + 1]! | 0
    bits[i] = ordered ^ ((ordered >> 31) & 0x7fffffff)
  }
  return { nodes, distances: new Float32Array(bits.buffer), visited: scratch.get(THREAD_VISITED) }
}
