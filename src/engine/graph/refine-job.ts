import { ROW_BYTES } from '../kernel/assembly-graph/layout.ts'
import { linkBackward, sliced } from './backward-job.ts'
import type { GraphCore } from './graph-core.ts'
import { itemsOf } from './insert-job.ts'
import { type Job, phase } from './job.ts'
import { withArea } from './job-memory.ts'

/**
 * Nodes whose rows are put in place together. Those of later batches walk over them already, which is the better graph by
 * 2-3 % of the distances; the smaller a batch, the more often threads wait for each other.
 */
const BATCH_NODES = 8192
const ROWS_A_SLICE = 4096

/**
 * Lets every node of a graph without entries look round once more, and adds the edges back. `count` nodes at `nodes`: near
 * ones one after the other, so that what the walks read is still in the cache.
 */
export function* refine(core: GraphCore, nodes: number, count: number, listSize: number): Job {
  core.makeRoomForLists(listSize)
  yield* withArea(core, Math.min(BATCH_NODES, count) * ROW_BYTES, function* (staged) {
    for (let first = 0; first < count; first += BATCH_NODES) {
      const items = Math.min(BATCH_NODES, count - first)
      const batch = nodes + first * 4
      yield phase('refineNodes', items, itemsOf(core, listSize * 40), batch, staged, listSize)
      yield* sliced(items, ROWS_A_SLICE, (from, to) => core.kernel.placeRows(from, to, batch, staged))
    }
  })
  yield* linkBackward(core, nodes, count)
}
