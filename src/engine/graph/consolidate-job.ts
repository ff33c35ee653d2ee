import { hasBit } from '../bitmap.ts'
import { FREE, LINKED } from '../kernel/assembly-graph/layout.ts'
import type { GraphCore } from './graph-core.ts'
import { recountIncoming } from './incoming-job.ts'
import { type Job, PAUSE, phase } from './job.ts'
import { withArea } from './job-memory.ts'
import { reconnect } from './reconnect-job.ts'

/** Nodes that are freed between two pauses, and spliced by one call: 1 ms. */
const NODES_A_SLICE = 4096

/** Takes the nodes whose bits are set out of the graph, frees them, and connects what is left. Bits beyond it are ignored. */
export function* consolidateJob(core: GraphCore, dead: Uint8Array): Job {
  const { nodeCount } = core
  const bytes = Math.ceil(nodeCount / 8)
  yield* withArea(core, bytes, function* (at) {
    core.bytes(at, bytes).set(dead.subarray(0, bytes))
    yield phase('spliceDead', nodeCount, NODES_A_SLICE, at)
    // Walks begin at living entries before any dead node loses its row.
    const living = core.entries.nodes.filter((node) => !hasBit(dead, node))
    core.entries.use(living.length > 0 ? living : firstLiving(core, dead))
    yield* freeDead(core, dead)
  })
  core.refreshStates()
  yield* recountIncoming(core)
  yield* core.entries.draw()
  yield* reconnect(core)
}

function* freeDead(core: GraphCore, dead: Uint8Array): Job {
  for (let node = 0; node < core.nodeCount; node++) {
    if (node % NODES_A_SLICE === 0) yield PAUSE
    if (!hasBit(dead, node) || core.state(node) === FREE) continue
    core.row(node)[0] = 0
    core.setState(node, FREE)
  }
}

function firstLiving(core: GraphCore, dead: Uint8Array): Uint32Array {
  for (let node = 0; node < core.nodeCount; node++) {
    if (core.state(node) === LINKED && !hasBit(dead, node)) return Uint32Array.of(node)
  }
  return new Uint32Array(0)
}
