import { FORM_BIAS, FORM_DIRECTION, FORM_DOT } from '../kernel/assembly-graph/layout.ts'
import type { GraphCore } from './graph-core.ts'
import { check } from './graph-parameters.ts'
import { recountIncoming } from './incoming-job.ts'
import { itemsOf } from './insert-job.ts'
import { type Job, PAUSE, phase } from './job.ts'
import { withArea } from './job-memory.ts'
import { checkLinkable, markLinked } from './node-lists.ts'
import { partition, randomLeaves } from './partition-job.ts'
import { countReached } from './reach.ts'
import { reconnect } from './reconnect-job.ts'

export interface BulkOptions {
  /** Nearest of a node that are taken from each of its leaves: from 1 to 16. Unless it is given, 12; of large sets 6. */
  readonly nearest?: number
  /**
   * Adds a pass of random leaves. Unless it is given, they are added from 256 dimensions on, and to a graph that would be
   * torn without them: on 1,000 clusters of 10, recall at list 100 is 1.00 with them and .47 without.
   */
  readonly randomLeaves?: boolean
}

/**
 * Real word vectors, 9,500 of them: 12 give the same recall as insertion at each list size, 6 and 8 one or two points less
 * at the shortest lists. Of 340,479, where leaves are fuller and recall at list 130 is .953, 8 give .959 for half as much
 * time again: not worth it. Nor is it at 100,000 x 768, where 12 save 4 % of the distances for 55 % more time.
 */
const NEAREST = 12
const NEAREST_OF_MANY = 6
const MANY_NODES = 65_536
const MOST_NEAREST = 16
const MANY_DIMENSIONS = 256
/** Share of unreachable nodes from which on random leaves are added unasked. */
const TORN_SHARE = 1 / 64
const ITEMS_A_SLICE = 20_000
const LEAVES_A_SLICE = 512

/** Members of leaves, one leaf after another, and the nearest of each member within its leaf. */
interface Pass {
  readonly members: number
  readonly memberCount: number
  readonly near: number
}

/** Links nodes that have codes into an empty graph, all at once, and connects it. */
export function* bulkJob(core: GraphCore, nodes: Uint32Array, options: BulkOptions = {}): Job {
  const { nearest = nodes.length < MANY_NODES ? NEAREST : NEAREST_OF_MANY } = options
  check(Number.isInteger(nearest) && nearest >= 1 && nearest <= MOST_NEAREST, `nearest out of range: ${nearest}`)
  check(core.linkedCount === 0, 'only an empty graph is built in bulk')
  yield* checkLinkable(core, nodes)
  yield* withArea(core, nodes.length * 4, function* (nodesAt) {
    core.words(nodesAt, nodes.length).set(nodes)
    yield* linkAll(core, nodes, nodesAt, nearest, options.randomLeaves)
  })
  yield* markLinked(core, nodes)
  yield* recountIncoming(core)
  yield* core.entries.draw()
  yield* reconnect(core)
}

function* linkAll(
  core: GraphCore,
  nodes: Uint32Array,
  nodesAt: number,
  nearest: number,
  isRandom: boolean | undefined,
): Job {
  const leaves = yield* partition(core, nodes)
  yield* withNearest(core, leaves, nearest, function* (near) {
    const link = (passes: readonly Pass[]) => linkBothWays(core, nodesAt, nodes.length, passes, nearest)
    const linkWithRandom = function* (): Job {
      const far = yield* randomLeaves(core, nodes)
      yield* withNearest(core, far, nearest, (farther) => link([...near, ...farther]))
    }
    if (isRandom ?? core.parameters.dimensions >= MANY_DIMENSIONS) return yield* linkWithRandom()
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
      passes.push({ members, memberCount, near })
    }
    yield* use(passes)
  })
}

function* linkBothWays(core: GraphCore, nodes: number, count: number, passes: readonly Pass[], most: number): Job {
  yield* linkForward(core, nodes, count, passes, most)
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
function* linkForward(core: GraphCore, nodes: number, count: number, passes: readonly Pass[], most: number): Job {
  const { kernel, nodeCount } = core
  yield* withStarts(core, function* (starts, places) {
    for (const { members, memberCount, near } of passes) {
      yield* sliced(memberCount, (from, to) => kernel.countEdges(from, to, members, near, most, starts))
    }
    const edgeCount = kernel.sumCounts(starts, nodeCount)
    core.bytes(places, nodeCount * 4).set(core.bytes(starts, nodeCount * 4))
    yield* withArea(core, edgeCount * 4, function* (edges) {
      for (const { members, memberCount, near } of passes) {
        yield* sliced(memberCount, (from, to) => kernel.fillEdges(from, to, members, near, most, places, edges))
      }
      yield phase('linkFromEdges', count, itemsOf(core, 1000), nodes, starts, edges)
    })
  })
}

/** Adds the edges back. */
function* linkBackward(core: GraphCore, nodes: number, count: number): Job {
  const { kernel, nodeCount } = core
  yield* withStarts(core, function* (starts, places) {
    yield* sliced(count, (from, to) => kernel.countReverse(from, to, nodes, starts))
    const edgeCount = kernel.sumCounts(starts, nodeCount)
    core.bytes(places, nodeCount * 4).set(core.bytes(starts, nodeCount * 4))
    yield* withArea(core, edgeCount * 4, function* (sources) {
      yield* sliced(count, (from, to) => kernel.fillReverse(from, to, nodes, places, sources))
      yield phase('linkReverse', count, itemsOf(core, 1000), nodes, starts, sources)
    })
  })
}

function* withStarts(core: GraphCore, part: (starts: number, places: number) => Job): Job {
  const bytes = (core.nodeCount + 1) * 4
  yield* withArea(core, bytes * 2, (starts) => part(starts, starts + bytes))
}

function* sliced(items: number, work: (from: number, to: number) => void): Job {
  for (let from = 0; from < items; from += ITEMS_A_SLICE) {
    work(from, Math.min(items, from + ITEMS_A_SLICE))
    yield PAUSE
  }
}
