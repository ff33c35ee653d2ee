import { FORM_BIAS, FORM_DIRECTION, ROW_BYTES, ROW_SLOTS } from '../kernel/assembly-graph/layout.ts'
import type { GraphCore } from './graph-core.ts'
import { check } from './graph-parameters.ts'
import { type Job, PAUSE, phase } from './job.ts'
import { withArea } from './job-memory.ts'
import { checkLinkable } from './node-lists.ts'
import { reconnect } from './reconnect-job.ts'

export interface InsertOptions {
  /** Length of the list that finds a new node's neighbours. */
  readonly listSize?: number
}

const LIST_SIZE = 64
export const MOST_BUILD_LIST = 384
const MOST_BATCH = 2000
/** While a graph is smaller, a batch may be as large as the graph is. */
const FIRST_BATCHES = 256
/** Nearest of a node within its own batch that become candidates. */
const NEAR_IN_BATCH = 8
/** Neighbours whose rows are staged before they are put in place. */
const STAGED_ROWS = 8192

/** Links nodes that have codes into the graph, and connects it. */
export function* insertJob(core: GraphCore, nodes: Uint32Array, options: InsertOptions = {}): Job {
  const { listSize = LIST_SIZE } = options
  check(
    Number.isInteger(listSize) && listSize >= 1 && listSize <= MOST_BUILD_LIST,
    `listSize out of range: ${listSize}`,
  )
  yield* checkLinkable(core, nodes)
  core.makeRoomForLists(listSize)
  for (let done = 0; done < nodes.length; ) {
    const batch = nodes.subarray(done, done + batchSize(core.linkedCount))
    yield* insertBatch(core, batch, listSize)
    done += batch.length
  }
  yield* core.entries.draw()
  yield* reconnect(core)
}

/** As large as the graph at first, then at most a fiftieth of it: a frozen graph must not be much too small. */
function batchSize(linked: number): number {
  const small = Math.max(1, Math.min(linked, FIRST_BATCHES))
  return Math.min(MOST_BATCH, Math.max(small, Math.floor(linked / 50)))
}

function* insertBatch(core: GraphCore, batch: Uint32Array, listSize: number): Job {
  yield* core.entries.keepUp()
  const count = batch.length
  const mostPairs = count * (ROW_SLOTS + 1)
  yield* withArea(core, count * 4, function* (nodes) {
    core.words(nodes, count).set(batch)
    yield* withArea(core, count * NEAR_IN_BATCH * 4, function* (near) {
      yield* nearInBatch(core, nodes, count, near)
      yield phase('linkNodes', count, itemsOf(core, listSize * 30), nodes, near, NEAR_IN_BATCH, listSize)
    })
    yield* withArea(core, mostPairs * 16 + (mostPairs + 256) * 4, function* (pairs) {
      yield* linkBack(core, nodes, count, pairs, pairs + mostPairs * 8, pairs + mostPairs * 16)
    })
  })
  core.noteLinked(count)
}

/** The batch is cut into leaves, in its order: all pairs of 2,000 nodes of 768 dimensions would take too long at once. */
function* nearInBatch(core: GraphCore, nodes: number, count: number, near: number): Job {
  const leaves = Math.ceil(count / core.leafNodes)
  const form = core.parameters.metric === 'dot' ? FORM_DIRECTION : FORM_BIAS
  yield* withArea(core, (leaves + 1) * 4, function* (starts) {
    const bounds = Uint32Array.from({ length: leaves + 1 }, (_, leaf) => Math.floor((leaf * count) / leaves))
    core.words(starts, leaves + 1).set(bounds)
    yield phase('nearestInLeaves', leaves, 1, starts, nodes, near, NEAR_IN_BATCH, form)
  })
}

function* linkBack(core: GraphCore, nodes: number, count: number, pairs: number, spare: number, groups: number): Job {
  const groupCount = core.kernel.collectPairs(nodes, count, pairs, spare, groups)
  yield PAUSE
  yield* withArea(core, Math.min(STAGED_ROWS, groupCount) * ROW_BYTES, function* (staged) {
    for (let first = 0; first < groupCount; first += STAGED_ROWS) {
      const items = Math.min(STAGED_ROWS, groupCount - first)
      yield phase('reverseEdges', items, itemsOf(core, 1000), pairs, groups, staged, first)
      core.kernel.applyReverse(0, items, pairs, groups, staged, first)
      yield PAUSE
    }
  })
}

/** Items of so many distances each that take about 5 ms together. */
export function itemsOf(core: GraphCore, distances: number): number {
  return Math.max(1, Math.floor(5e6 / (distances * (30 + core.parameters.dimensions / 8))))
}
