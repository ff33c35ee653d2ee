import { hasBit, setBit } from '../bitmap.ts'
import { check, type GraphParameters, type WalkCodes } from '../graph/graph-parameters.ts'
import {
  type CodeBytes,
  checkMarks,
  extendCodes,
  importMarks,
  type NodeBlockRows,
  type NodeMarks,
  takeBlockRows,
  uncounted,
} from '../graph/node-blocks.ts'
import { VamanaGraph } from '../graph/vamana-graph.ts'
import { BLOCK_POSITIONS, LINKED } from '../kernel/assembly-graph/layout.ts'
import { BuiltGraph } from './built-graph.ts'
import type { SlotBlock } from './index-capture.ts'
import type { IsDead } from './live-nodes.ts'

/** Nodes whose edges are looked at between two pauses. */
const ROWS_A_SLICE = 4096

export interface RestoredSettings {
  readonly parameters: GraphParameters
  readonly walkCodes: WalkCodes
  readonly firstEntries: number
  readonly freedCount: number
  readonly unreachable: number
}

/**
 * Makes a graph with its slots from what a snapshot holds: first the marks, then the codes, rows and slots of each block of
 * 16,384 nodes, in order. Throws `RangeError` for what no graph can have held.
 */
export class GraphRestorer {
  readonly #built: BuiltGraph
  readonly #marks: NodeMarks
  /** Edges to each node in the rows that were taken. */
  readonly #incoming: Uint8Array
  readonly #hashes: Uint32Array<ArrayBuffer>
  /** Nodes that have slots, and slots that have a node. */
  readonly #nodesSeen: Uint8Array<ArrayBuffer>
  readonly #slotsSeen: Uint8Array
  readonly #slotCount: number

  private constructor(built: BuiltGraph, marks: NodeMarks, slotCount: number) {
    const nodeCount = marks.states.length
    this.#built = built
    this.#marks = marks
    this.#slotCount = slotCount
    this.#incoming = uncounted(marks.states)
    this.#hashes = new Uint32Array(nodeCount)
    this.#nodesSeen = new Uint8Array(Math.ceil(nodeCount / 8))
    this.#slotsSeen = new Uint8Array(Math.ceil(slotCount / 8))
  }

  static async create(
    settings: RestoredSettings,
    marks: NodeMarks,
    collection: { readonly slotCount: number; isDead: IsDead },
  ): Promise<GraphRestorer> {
    const { parameters, walkCodes, unreachable } = settings
    const { centre, ...others } = parameters
    checkMarks(marks)
    const hasCentre = parameters.metric === 'euclidean'
    const graph = await VamanaGraph.create({ ...others, walkCodes, ...(hasCentre && { centre }) })
    const { core } = graph
    core.unreachable = unreachable
    core.memory.makeRoomFor(Math.ceil(marks.states.length / BLOCK_POSITIONS) * core.shape.blockBytes)
    const built = new BuiltGraph(graph, (slot) => collection.isDead(slot))
    built.restoreCounts(settings)
    built.slots.makeRoomFor(marks.states.length, collection.slotCount)
    return new GraphRestorer(built, marks, collection.slotCount)
  }

  /** Where the codes of the next block go, to be filled by the caller. */
  extendCodes(nodes: number): CodeBytes {
    return extendCodes(this.#built.graph.core, nodes)
  }

  /** Of a block that has its codes. */
  takeRows(first: number, rows: NodeBlockRows): void {
    for (const _ of this.takeRowsSliced(first, rows));
  }

  /** The same, stopping after every millisecond or two. */
  *takeRowsSliced(first: number, rows: NodeBlockRows): Generator<void, void, void> {
    const { core } = this.#built.graph
    for (let from = 0; from < BLOCK_POSITIONS; from += ROWS_A_SLICE) {
      takeBlockRows(core, first, rows, this.#marks.states, this.#incoming, { from, end: from + ROWS_A_SLICE })
      yield
    }
  }

  /** Nearly every node has one slot. */
  takeSlots(first: number, { offsets, slots, hashes }: SlotBlock): void {
    const { states } = this.#marks
    check(offsets[0] === 0 && offsets.at(-1) === slots.length, 'offsets must span the slots')
    this.#hashes.set(hashes, first)
    for (let index = 0; index < hashes.length; index++) {
      const node = first + index
      const from = offsets[index]!
      const to = offsets[index + 1]!
      const isLinked = states[node] === LINKED
      if (to < from || to > from !== isLinked) throw new RangeError(`node ${node} has ${to - from} slots`)
      if (to === from) continue
      setBit(this.#nodesSeen, node)
      this.#takeSlot(node, slots[from]!)
      this.#built.addFirstSlot(node, slots[from]!)
      if (to - from > 1) this.#takeOthers(node, slots.subarray(from, to))
    }
  }

  /** The slots of a node that has several, but the first. */
  #takeOthers(node: number, slots: Uint32Array): void {
    for (let place = 1; place < slots.length; place++) {
      const slot = slots[place]!
      if (slots[place - 1]! >= slot) throw new RangeError(`the slots of node ${node} do not rise`)
      this.#takeSlot(node, slot)
      this.#built.addSlot(node, slot, false)
    }
  }

  #takeSlot(node: number, slot: number): void {
    const isItsOwn = slot < this.#slotCount && !hasBit(this.#slotsSeen, slot)
    if (!isItsOwn) throw new RangeError(`node ${node} has slot ${slot}`)
    setBit(this.#slotsSeen, slot)
  }

  /** The graph, when all blocks were taken; stops after every few milliseconds. */
  *finish(nodeCount: number, builtThrough: number, isDead: IsDead): Generator<void, BuiltGraph, void> {
    const { graph, lookup } = this.#built
    check(graph.nodeCount === nodeCount, `the graph has ${graph.nodeCount} nodes, not ${nodeCount}`)
    yield* importMarks(graph.core, this.#marks, this.#incoming)
    for (let slot = 0; slot < builtThrough; slot++) {
      if (slot % BLOCK_POSITIONS === 0) yield
      if (!hasBit(this.#slotsSeen, slot) && !isDead(slot)) throw new RangeError(`slot ${slot} has no node`)
    }
    lookup.restore(this.#hashes, this.#nodesSeen)
    return this.#built
  }
}
