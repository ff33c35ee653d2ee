import { countBitsBelow, hasBit, setBit } from '../bitmap.ts'
import { type Job, PAUSE } from '../graph/job.ts'
import type { BuiltGraph } from './built-graph.ts'
import type { BulkTask, ConsolidateTask, InsertTask } from './index-jobs.ts'
import type { NodeSlots } from './node-slots.ts'
import { placeSlots } from './placing.ts'

/** Nodes whose slots are looked at between two pauses, and entries that are given other slots: 1 ms each. */
const NODES_A_SLICE = 4096
const MOVES_A_SLICE = 512

/** Links the slots of a flush into the graph that is there. */
export function* insertWork(
  built: BuiltGraph,
  task: InsertTask,
  fromSlot: number,
  placed: ReadonlySet<number>,
): Job<void> {
  const { throughSlot, dead, vectors } = task
  const { nodes, slots } = yield* placeSlots(built, vectors, { fromSlot, throughSlot, dead, placed })
  yield* built.graph.encode(nodes, (index, target) => vectors.copyInto(slots[index]!, target))
  yield* built.graph.insert(nodes)
}

/** Fills an empty graph. */
export function* bulkWork(built: BuiltGraph, { throughSlot, dead, vectors }: BulkTask): Job<void> {
  const range = { fromSlot: 0, throughSlot, dead, placed: new Set<number>() }
  const { nodes, slots } = yield* placeSlots(built, vectors, range)
  yield* built.graph.encode(nodes, (index, target) => vectors.copyInto(slots[index]!, target))
  yield* built.graph.bulk(nodes)
  built.firstEntries = throughSlot - countBitsBelow(dead, throughSlot)
}

/** Takes the nodes whose slots are all dead out of the graph; the others keep their living slots only. */
export function* consolidateWork(built: BuiltGraph, { dead }: ConsolidateTask): Job<void> {
  const { graph, slots } = built
  const deadNodes = new Uint8Array(Math.ceil(graph.nodeCount / 8))
  for (let node = 0; node < graph.nodeCount; node++) {
    if (node % NODES_A_SLICE === NODES_A_SLICE - 1) yield PAUSE
    if (isDeadNode(slots, node, dead)) setBit(deadNodes, node)
  }
  yield* graph.consolidate(deadNodes)
  for (const _ of built.lookup.prepare()) yield PAUSE
  for (let node = 0; node < deadNodes.byteLength * 8; node++) {
    if (node % NODES_A_SLICE === NODES_A_SLICE - 1) yield PAUSE
    if (hasBit(deadNodes, node)) built.freeNode(node)
    else dropDead(built, node, dead)
  }
}

function isDeadNode(slots: NodeSlots, node: number, dead: Uint8Array): boolean {
  const chain = slots.borrowChain(node)
  if (chain !== undefined) return chain.every((slot) => hasBit(dead, slot))
  const slot = slots.firstSlot(node)
  return slot !== undefined && hasBit(dead, slot)
}

/** Only nodes of equal vectors have both living and dead slots. */
function dropDead(built: BuiltGraph, node: number, dead: Uint8Array): void {
  const own = built.slots.borrowChain(node)
  if (own === undefined) return
  const living = own.filter((slot) => !hasBit(dead, slot))
  if (living.length < own.length) built.replaceSlots(node, living)
}

/** Lets nodes stand for the slots that a compaction moved their entries to. Returns the new slots that have a node so. */
export function* moveWork(built: BuiltGraph, moves: Uint32Array): Job<number[]> {
  const moved: number[] = []
  for (let i = 0; i < moves.length; i += 2) {
    if (i % (MOVES_A_SLICE * 2) === 0) yield PAUSE
    const [from, to] = [moves[i]!, moves[i + 1]!]
    const node = built.slots.nodeOf(from)
    if (node === undefined) continue
    moved.push(to)
    // Slots only rise: the new one is higher than any that the node has.
    built.replaceSlots(node, [...built.slots.borrowSlots(node).filter((slot) => slot !== from), to])
  }
  return moved
}
