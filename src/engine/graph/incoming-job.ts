import { BLOCK_POSITIONS } from '../kernel/assembly-graph/layout.ts'
import type { GraphCore } from './graph-core.ts'
import { type Job, PAUSE } from './job.ts'

const NODES_A_SLICE = 8192

/** Counts every node's incoming edges anew. */
export function* recountIncoming(core: GraphCore): Job {
  for (let node = 0; node < core.nodeCount; node += BLOCK_POSITIONS) {
    core.bytes(core.addressOf(node, core.shape.inDegreeOffset, 1), BLOCK_POSITIONS).fill(0)
  }
  for (let from = 0; from < core.nodeCount; from += NODES_A_SLICE) {
    core.kernel.countIncoming(from, Math.min(core.nodeCount, from + NODES_A_SLICE))
    yield PAUSE
  }
}
