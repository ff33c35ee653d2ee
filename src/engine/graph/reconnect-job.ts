import { LINKED, ROW_SLOTS, THREAD_FRONTIER_AT, THREAD_FRONTIER_COUNT } from '../kernel/assembly-graph/layout.ts'
import type { GraphCore } from './graph-core.ts'
import { type Job, PAUSE } from './job.ts'
import { countReached, NODES_A_SLICE, type Reach, withReach } from './reach.ts'

/** Unreachable nodes that one slice attaches. */
const ATTACHED_A_SLICE = 32
const LIST_SIZE = 64
const NO_LIMIT = 0xffffffff
/** A round can cut a node off only by taking the place of another edge, which is rare: two rounds are the usual number. */
const MOST_ROUNDS = 64

/**
 * Makes every linked node reachable from the first entry: a breadth-first walk finds what is not, and each such node is
 * given an edge from a near node that is. Returns how many were attached.
 */
export function* reconnect(core: GraphCore): Job<number> {
  let attached = 0
  for (let round = 0; round < MOST_ROUNDS && core.linkedCount > 0; round++) {
    const inRound = yield* withReach(core, (reach) => reconnectOnce(core, reach))
    attached += inRound
    if (inRound === 0) break
  }
  core.unreachable = core.linkedCount === 0 ? 0 : core.linkedCount - (yield* countReached(core, core.entries.nodes[0]!))
  core.entries.use(core.entries.nodes)
  return attached
}

function* reconnectOnce(core: GraphCore, reach: Reach): Job<number> {
  reach.add(core.entries.nodes[0]!)
  while (reach.advance(NODES_A_SLICE)) yield PAUSE
  let attached = 0
  for (let node = 0; node < core.nodeCount && reach.count < core.linkedCount; node++) {
    if (node % NODES_A_SLICE === NODES_A_SLICE - 1) yield PAUSE
    if (reach.has(node) || core.state(node) !== LINKED) continue
    // Walks stay within what is reached when they start within it.
    core.entries.use(core.entries.nodes.filter((entry) => reach.has(entry)))
    attach(core, reach, node, attached)
    attached++
    reach.add(node)
    while (reach.advance(NODES_A_SLICE)) yield PAUSE
    if (attached % ATTACHED_A_SLICE === 0) yield PAUSE
  }
  return attached
}

/**
 * Gives an unreachable node an edge from the nearest reached node whose row has room. Where none has, as among many equal
 * vectors, the node is spliced into an edge v -> w of one of them: v -> node -> w, which cuts nobody off.
 */
function attach(core: GraphCore, reach: Reach, node: number, turn: number): void {
  const scratch = core.scratch(0)
  scratch.useLists(LIST_SIZE, 0)
  scratch.useAllowed(undefined)
  core.kernel.searchNode(0, node, NO_LIMIT)
  const near = nodesOfFrontier(core)
  const own = core.row(node)
  // A way out as well: a cluster that is entered must not be a trap when all its nodes are deleted.
  const hasWayOut = own.subarray(1, own[0]! + 1).some((neighbour) => reach.has(neighbour))
  if (!hasWayOut && own[0]! < ROW_SLOTS) addEdge(core, node, near[0]!)
  const roomy = near.find((other) => core.row(other)[0]! < ROW_SLOTS)
  if (roomy !== undefined) addEdge(core, roomy, node)
  else splice(core, near[turn % near.length]!, 1 + (Math.floor(turn / near.length) % ROW_SLOTS), node)
}

function nodesOfFrontier(core: GraphCore): number[] {
  const scratch = core.scratch(0)
  const count = scratch.get(THREAD_FRONTIER_COUNT)
  const keys = scratch.words(THREAD_FRONTIER_AT, count * 2)
  return Array.from({ length: count }, (_, index) => keys[index * 2]! >>> 1)
}

function addEdge(core: GraphCore, from: number, to: number): void {
  const row = core.row(from)
  const count = row[0]!
  if (row.subarray(1, count + 1).includes(to)) return
  row[count + 1] = to
  row[0] = count + 1
  core.setInDegree(to, core.inDegree(to) + 1)
}

function splice(core: GraphCore, from: number, place: number, node: number): void {
  const row = core.row(from)
  const displaced = row[place]!
  row[place] = node
  core.setInDegree(node, core.inDegree(node) + 1)
  const own = core.row(node)
  const count = own[0]!
  if (displaced === node || own.subarray(1, count + 1).includes(displaced)) {
    lessIncoming(core, displaced)
  } else if (count < ROW_SLOTS) {
    own[count + 1] = displaced
    own[0] = count + 1
  } else {
    // A full row gives up its last neighbour, and the next round sees whether anyone misses it.
    lessIncoming(core, own[ROW_SLOTS]!)
    own[ROW_SLOTS] = displaced
  }
}

function lessIncoming(core: GraphCore, node: number): void {
  const count = core.inDegree(node)
  if (count > 0 && count < 255) core.setInDegree(node, count - 1)
}
