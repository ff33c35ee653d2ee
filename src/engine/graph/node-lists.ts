import { CODED, LINKED } from '../kernel/assembly-graph/layout.ts'
import type { GraphCore } from './graph-core.ts'
import { type Job, PAUSE } from './job.ts'

/** Nodes that one slice goes through: some 2 ms. */
const NODES_A_SLICE = 16_384

/** Throws RangeError unless each node has codes, is not linked, and comes once. */
export function* checkLinkable(core: GraphCore, nodes: Uint32Array): Job {
  const states = core.states()
  const seen = new Uint8Array(core.nodeCount)
  for (let index = 0; index < nodes.length; index++) {
    if (index % NODES_A_SLICE === NODES_A_SLICE - 1) yield PAUSE
    const node = nodes[index]!
    // Messages are made only where they are needed: there are many nodes.
    if (states[node] !== CODED) throw new RangeError(`node ${node} cannot be linked`)
    if (seen[node] === 1) throw new RangeError('a node can be linked once')
    seen[node] = 1
  }
}

/** Says of nodes that they are linked. */
export function* markLinked(core: GraphCore, nodes: Uint32Array): Job {
  for (let index = 0; index < nodes.length; index++) {
    if (index % NODES_A_SLICE === NODES_A_SLICE - 1) yield PAUSE
    core.setState(nodes[index]!, LINKED)
  }
  core.noteLinked(nodes.length)
}
