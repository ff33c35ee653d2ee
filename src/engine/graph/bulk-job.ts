import { CODED, FORM_BIAS, FORM_DIRECTION, FORM_DOT, LINKED } from '../kernel/assembly-graph/layout.ts'
import type { GraphCore } from './graph-core.ts'
import { check } from './graph-parameters.ts'
import { recountIncoming } from './incoming-job.ts'
import { itemsOf } from './insert-job.ts'
import { type Job, PAUSE, phase } from './job.ts'
import { withArea } from './job-memory.ts'
import { partition, randomLeaves } from './partition-job.ts'
import { reconnect } from './reconnect-job.ts'

export interface BulkOptions {
  /** Nearest of a node that are taken from each of its leaves: from 1 to 16. */
  readonly nearest?: number
  /** Adds a pass of random leaves; needed where clusters are far apart. On from 256 dimensions, unless it is given. */
  readonly randomLeaves?: boolean
}

const NEAREST = 6
const MOST_NEAREST = 16
const MANY_DIMENSIONS = 256
const ITEMS_A_SLICE = 50_000

/** Members of leaves, one leaf after another, and the nearest of each member within its leaf. */
interface Pass {
  readonly members: number
  readonly memberCount: number
  readonly near: number
}

/** Links nodes that have codes into an empty graph, all at once, and connects it. */
export function* bulkJob(core: GraphCore, nodes: Uint32Array, options: BulkOptions = {}): Job {
  const { nearest = NEAREST, randomLeaves: isRandom = core.parameters.dimensions >= MANY_DIMENSIONS } = options
  check(Number.isInteger(nearest) && nearest >= 1 && nearest <= MOST_NEAREST, `nearest out of range: ${nearest}`)
  check(core.linkedCount === 0, 'only an empty graph is built in bulk')
  for (const node of nodes) check(node < core.nodeCount && core.state(node) === CODED, `node ${node} cannot be linked`)
  check(new Set(nodes).size === nodes.length, 'a node can be linked once')
  const count = nodes.length
  yield* withArea(core, count * 4, function* (nodesAt) {
    core.words(nodesAt, count).set(nodes)
    const leaves = yield* partition(core, nodes)
    const groups = isRandom ? [leaves, randomLeaves(core, nodes)] : [leaves]
    yield* withNearest(core, groups, nearest, (passes) => linkForward(core, nodesAt, count, passes, nearest))
    yield* linkBackward(core, nodesAt, count)
  })
  for (const node of nodes) core.setState(node, LINKED)
  core.noteLinked(count)
  yield* recountIncoming(core)
  core.entries.draw()
  yield* reconnect(core)
}

/** By dot product the nearest by direction and those by product both become candidates. */
function formsOf(core: GraphCore): number[] {
  return core.parameters.metric === 'dot' ? [FORM_DIRECTION, FORM_DOT] : [FORM_BIAS]
}

function* withNearest(
  core: GraphCore,
  groups: readonly Uint32Array[][],
  most: number,
  use: (passes: Pass[]) => Job,
  passes: Pass[] = [],
): Job {
  const [leaves, ...rest] = groups
  if (leaves === undefined) return yield* use(passes)
  const memberCount = leaves.reduce((sum, leaf) => sum + leaf.length, 0)
  const forms = formsOf(core)
  const startsBytes = (leaves.length + 1) * 4
  yield* withArea(core, startsBytes + memberCount * 4 * (1 + forms.length * most), function* (starts) {
    const members = starts + startsBytes
    writeLeaves(core, leaves, starts, members)
    const added: Pass[] = []
    for (const [index, form] of forms.entries()) {
      const near = members + memberCount * 4 * (1 + index * most)
      yield phase('nearestInLeaves', leaves.length, 1, starts, members, near, most, form)
      added.push({ members, memberCount, near })
    }
    yield* withNearest(core, rest, most, use, [...passes, ...added])
  })
}

function writeLeaves(core: GraphCore, leaves: readonly Uint32Array[], starts: number, members: number): void {
  let filled = 0
  for (const [index, leaf] of leaves.entries()) {
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
