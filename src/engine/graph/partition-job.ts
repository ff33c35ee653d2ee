import type { GraphCore } from './graph-core.ts'
import { itemsOf } from './insert-job.ts'
import { type Job, PAUSE, phase } from './job.ts'
import { withArea } from './job-memory.ts'
import { SeededRandom } from './seeded-random.ts'

const MOST_LEADERS = 800
/** Leaders to whose leaves a node goes, level by level, below and from 256 dimensions on. The last stays. */
const FANS = [4, 2, 1]
const FANS_OF_MANY_DIMENSIONS = [3, 2, 1]
const MANY_DIMENSIONS = 256
const ITEMS_A_SLICE = 100_000
const LEAVES_A_SLICE = 64
/** A part that stays nearly whole, as equal vectors do, is cut by order instead. */
const STAYED_WHOLE = 0.9

/** Overlapping leaves of near nodes, none larger than the kernel takes. */
export function* partition(core: GraphCore, nodes: Uint32Array): Job<Uint32Array[]> {
  const random = new SeededRandom(core.parameters.seed)
  const fans = core.parameters.dimensions < MANY_DIMENSIONS ? FANS : FANS_OF_MANY_DIMENSIONS
  const leaves: Uint32Array[] = []
  const parts = [{ nodes, level: 0 }]
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    const { nodes: members, level } = part
    if (members.length <= core.leafNodes) {
      if (members.length > 1) leaves.push(members)
      continue
    }
    const fan = fans[Math.min(level, fans.length - 1)]!
    const children = yield* split(core, members, fan, random)
    for (const child of children) {
      if (child.length < members.length * STAYED_WHOLE) parts.push({ nodes: child, level: level + 1 })
      else leaves.push(...cut(child, core.leafNodes))
    }
  }
  return leaves
}

/** The nodes in the order of their first leaves: near ones one after the other. */
export function* nodesByLeaf(core: GraphCore, nodes: Uint32Array, leaves: readonly Uint32Array[]): Job<Uint32Array> {
  const isTaken = new Uint8Array(core.nodeCount)
  const ordered = new Uint32Array(nodes.length)
  let filled = 0
  // Who is alone in a part is in no leaf.
  for (const [index, group] of [...leaves, nodes].entries()) {
    if (index % LEAVES_A_SLICE === LEAVES_A_SLICE - 1) yield PAUSE
    for (const node of group) {
      if (isTaken[node] === 1) continue
      isTaken[node] = 1
      ordered[filled++] = node
    }
  }
  return ordered
}

/** Leaves of nodes that have nothing in common: their pairs become the long edges. */
export function* randomLeaves(core: GraphCore, nodes: Uint32Array): Job<Uint32Array[]> {
  const random = new SeededRandom(core.parameters.seed ^ 0x5bd1e995)
  const shuffled = nodes.slice()
  for (let index = shuffled.length - 1; index > 0; index--) {
    if (index % ITEMS_A_SLICE === 0) yield PAUSE
    const other = random.below(index + 1)
    const node = shuffled[index]!
    shuffled[index] = shuffled[other]!
    shuffled[other] = node
  }
  return cut(shuffled, core.leafNodes)
}

function cut(nodes: Uint32Array, most: number): Uint32Array[] {
  const pieces = Math.ceil(nodes.length / most)
  return Array.from({ length: pieces }, (_, piece) =>
    nodes.subarray(Math.floor((piece * nodes.length) / pieces), Math.floor(((piece + 1) * nodes.length) / pieces)),
  )
}

/** Each node goes to the parts of its nearest leaders, in order. */
function* split(core: GraphCore, nodes: Uint32Array, mostFan: number, random: SeededRandom): Job<Uint32Array[]> {
  // Leaves come out half full on average, as their sizes differ by a factor of two and more.
  const wanted = Math.ceil((nodes.length * mostFan) / (core.leafNodes / 2))
  const leaders = drawn(nodes, Math.max(2, Math.min(MOST_LEADERS, wanted)), random)
  const fan = Math.min(mostFan, leaders.length)
  const count = nodes.length
  return yield* withArea(core, (count + leaders.length + count * fan) * 4, function* (at) {
    const leadersAt = at + count * 4
    const out = leadersAt + leaders.length * 4
    core.words(at, count).set(nodes)
    yield PAUSE
    core.words(leadersAt, leaders.length).set(leaders)
    yield phase('assignLeaders', count, itemsOf(core, leaders.length + 50), at, leadersAt, leaders.length, out, fan)
    return yield* groupByLeader(nodes, core.words(out, count * fan), fan, leaders.length)
  })
}

function drawn(nodes: Uint32Array, count: number, random: SeededRandom): Uint32Array {
  const chosen = new Set<number>()
  while (chosen.size < count) chosen.add(nodes[random.below(nodes.length)]!)
  return Uint32Array.from(chosen)
}

function* groupByLeader(nodes: Uint32Array, assigned: Uint32Array, fan: number, leaders: number): Job<Uint32Array[]> {
  const sizes = new Uint32Array(leaders)
  for (let index = 0; index < assigned.length; index++) {
    if (index % ITEMS_A_SLICE === ITEMS_A_SLICE - 1) yield PAUSE
    sizes[assigned[index]!]!++
  }
  const groups = Array.from(sizes, (size) => new Uint32Array(size))
  sizes.fill(0)
  yield PAUSE
  for (let index = 0; index < assigned.length; index++) {
    if (index % ITEMS_A_SLICE === ITEMS_A_SLICE - 1) yield PAUSE
    const leader = assigned[index]!
    groups[leader]![sizes[leader]!++] = nodes[Math.floor(index / fan)]!
  }
  return groups
}
