import { CODED, LINKED } from '../kernel/assembly-graph/layout.ts'
import type { GraphCore } from './graph-core.ts'
import { check } from './graph-parameters.ts'
import { type Job, PAUSE } from './job.ts'

/** Nodes that one slice goes through: some 2 ms. */
export const NODES_A_SLICE = 16_384

/** Throws RangeError unless each node has codes, is not linked, and comes once. */
export function* checkLinkable(core: GraphCore, nodes: Uint32Array): Job {
  const seen = new Uint8Array(core.nodeCount)
  for (const [index, node] of nodes.entries()) {
    if (index % NODES_A_SLICE === NODES_A_SLICE - 1) yield PAUSE
    check(node < core.nodeCount && core.state(node) === CODED, `node ${node} cannot be linked`)
    check(seen[node] === 0, 'a node can be linked once')
    seen[node] = 1
  }
}

/** Says of nodes that they are linked. */
export function* markLinked(core: GraphCore, nodes: Uint32Array): Job {
  for (const [index, node] of nodes.entries()) {
    if (index % NODES_A_SLICE === NODES_A_SLICE - 1) yield PAUSE
    core.setState(node, LINKED)
  }
  core.noteLinked(nodes.length)
}
