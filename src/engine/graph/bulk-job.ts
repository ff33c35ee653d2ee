import { FORM_BIAS, FORM_DIRECTION, FORM_DOT } from '../kernel/assembly-graph/layout.ts'
import { linkBackward, sliced, withStarts } from './backward-job.ts'
import type { GraphCore } from './graph-core.ts'
import { check, isIntegerWithin } from './graph-parameters.ts'
import { recountIncoming } from './incoming-job.ts'
import { itemsOf, MOST_BUILD_LIST } from './insert-job.ts'
import { type Job, PAUSE, phase } from './job.ts'
import { withArea } from './job-memory.ts'
import { checkLinkable, markLinked } from './node-lists.ts'
import { nodesByLeaf, partition, randomLeaves } from './partition-job.ts'
import { countReached } from './reach.ts'
import { reconnect } from './reconnect-job.ts'
import { refine } from './refine-job.ts'

export interface BulkOptions {
  /** Nearest of a node that are taken from each of its leaves: from 1 to 16. */
  readonly nearest?: number
  /**
   * Adds a pass of random leaves. Unless it is given, they are added to a graph that would be torn without them: on 1,000
   * clusters of 10, recall at list 100 is 1.00 with them and .47 without.
   */
  readonly randomLeaves?: boolean
  /** Length of the list with which every node looks for better neighbours afterwards; 0 leaves that out. */
  readonly refineList?: number
}

/**
 * As few as the second look makes good. Distances at recall .90, .95 and .99, and seconds on one thread:
 *
 *   340,479 x 100   1,916 2,974 7,630 in 24 s;   6 and no second look  2,337 3,754 9,614 in 12 s;
 *                                                insertion             2,180 3,536 10,219 in 33 s
 *   100,000 x 768   1,294 1,895 3,765 in 18 s;   6 and random leaves   2,211 3,207 6,339 in 9 s;
 *                                                insertion             1,361 1,944 3,773 in 36 s
 */
const NEAREST = 4
const NEAREST_OF_MANY_DIMENSIONS = 3
/** Of few nodes, where leaves are not full: with 4, recall at list 20 of 9,500 word vectors is .983 instead of .988. */
const NEAREST_OF_FEW = 6
const MANY_NODES = 65_536
const MOST_NEAREST = 16
/** Of random leaves, where near nodes are rare. With 4, recall at list 100 on those clusters is .92. */
const FAR_NEAREST = 12
const MANY_DIMENSIONS = 256
/** 32 saves a quarter of that time and costs 5 % of the distances; 64 takes a third more and saves 3 %. */
const REFINE_LIST = 48
/** Share of unreachable nodes from which on random leaves are added unasked. */
const TORN_SHARE = 1 / 64
const MEMBERS_A_SLICE = 20_000
const LEAVES_A_SLICE = 512

/** Members of leaves, one leaf after another, and the nearest of each member within its leaf. */
interface Pass {
  readonly members: number
  readonly memberCount: number
  readonly near: number
  /** Nearest of each member. */
  readonly most: number
}

/** Links nodes that have codes into an empty graph, all at once, and connects it. */
export function* bulkJob(core: GraphCore, nodes: Uint32Array, options: BulkOptions = {}): Job {
  const { nearest = nearestFor(core, nodes), refineList = REFINE_LIST } = options
  check(isIntegerWithin(nearest, 1, MOST_NEAREST), `nearest out of range: ${nearest}`)
  check(isIntegerWithin(refineList, 0, MOST_BUILD_LIST), `refineList out of range: ${refineList}`)
  check(core.linkedCount === 0, 'only an empty graph is built in bulk')
  yield* checkLinkable(core, nodes)
  yield* withArea(core, nodes.length * 4, function* (nodesAt) {
    const leaves = yield* partition(core, nodes)
    core.words(nodesAt, nodes.length).set(yield* nodesByLeaf(core, nodes, leaves))
    yield* linkAll(core, nodes, nodesAt, leaves, { nearest, randomLeaves: options.randomLeaves })
    if (refineList > 0) yield* refine(core, nodesAt, nodes.length, refineList)
  })
  yield* markLinked(core, nodes)
  yield* recountIncoming(core)
  yield* core.entries.draw()
  yield* reconnect(core)
}

function nearestFor(core: GraphCore, nodes: Uint32Array): number {
  if (nodes.length < MANY_NODES) return NEAREST_OF_FEW
  return core.parameters.dimensions < MANY_DIMENSIONS ? NEAREST : NEAREST_OF_MANY_DIMENSIONS
}

function* linkAll(
  core: GraphCore,
  nodes: Uint32Array,
  nodesAt: number,
  leaves: readonly Uint32Array[],
  { nearest, randomLeaves: isRandom }: { nearest: number; randomLeaves: boolean | undefined },
): Job {
  yield* withNearest(core, leaves, nearest, function* (near) {
    const link = (passes: readonly Pass[]) => linkBothWays(core, nodesAt, nodes.length, passes)
    const linkWithRandom = function* (): Job {
      const far = yield* randomLeaves(core, nodes)
      yield* withNearest(core, far, FAR_NEAREST, (farther) => link([...near, ...farther]))
    }
    if (isRandom) return yield* linkWithRandom()
    yield* link(near)
    if (isRandom === undefined && (yield* isTorn(core, nodes))) yield* linkWithRandom()
  })
}

/** Whether the leaves have left clusters that nothing connects. A few lost nodes are the reconnection's business. */
function* isTorn(core: GraphCore, nodes: Uint32Array): Job<boolean> {
  if (nodes.length === 0) return false
  return (yield* countReached(core, nodes[0]!)) < nodes.length * (1 - TORN_SHARE)
}

/** By dot product the nearest by direction and those by product both become candidates. */
function formsOf(core: GraphCore): number[] {
  return core.parameters.metric === 'dot' ? [FORM_DIRECTION, FORM_DOT] : [FORM_BIAS]
}

/** Compares all pairs of each leaf, once for each form. */
function* withNearest(
  core: GraphCore,
  leaves: readonly Uint32Array[],
  most: number,
  use: (passes: Pass[]) => Job,
): Job {
  const memberCount = leaves.reduce((sum, leaf) => sum + leaf.length, 0)
  const forms = formsOf(core)
  const startsBytes = (leaves.length + 1) * 4
  yield* withArea(core, startsBytes + memberCount * 4 * (1 + forms.length * most), function* (starts) {
    const members = starts + startsBytes
    yield* writeLeaves(core, leaves, starts, members)
    const passes: Pass[] = []
    for (const [index, form] of forms.entries()) {
      const near = members + memberCount * 4 * (1 + index * most)
      yield phase('nearestInLeaves', leaves.length, 1, starts, members, near, most, form)
      passes.push({ members, memberCount, near, most })
    }
    yield* use(passes)
  })
}

function* linkBothWays(core: GraphCore, nodes: number, count: number, passes: readonly Pass[]): Job {
  yield* linkForward(core, nodes, count, passes)
  yield* linkBackward(core, nodes, count)
}

function* writeLeaves(core: GraphCore, leaves: readonly Uint32Array[], starts: number, members: number): Job {
  let filled = 0
  for (const [index, leaf] of leaves.entries()) {
    if (index % LEAVES_A_SLICE === LEAVES_A_SLICE - 1) yield PAUSE
    core.setWord(starts + index * 4, filled)
    core.words(members + filled * 4, leaf.length).set(leaf)
    filled += leaf.length
  }
  core.setWord(starts + leaves.length * 4, filled)
}

/** Merges the nearest of both directions by node, and chooses each node's neighbours among them. */
function* linkForward(core: GraphCore, nodes: number, count: number, passes: readonly Pass[]): Job {
  const { kernel, nodeCount } = core
  yield* withStarts(core, function* (starts, places) {
    for (const { members, memberCount, near, most } of passes) {
      yield* sliced(memberCount, MEMBERS_A_SLICE, (from, to) =>
        kernel.countEdges(from, to, members, near, most, starts),
      )
    }
    const edgeCount = kernel.sumCounts(starts, nodeCount)
    core.bytes(places, nodeCount * 4).set(core.bytes(starts, nodeCount * 4))
    yield* withArea(core, edgeCount * 4, function* (edges) {
      for (const { members, memberCount, near, most } of passes) {
        yield* sliced(memberCount, MEMBERS_A_SLICE, (from, to) =>
          kernel.fillEdges(from, to, members, near, most, places, edges),
        )
      }
      yield phase('linkFromEdges', count, itemsOf(core, 1000), nodes, starts, edges)
    })
  })
}
