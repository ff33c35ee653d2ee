import { hasBit, setBit } from '../bitmap.ts'
import { check, type GraphParameters, type WalkCodes } from '../graph/graph-parameters.ts'
import {
  checkBlockRows,
  checkMarks,
  importBlockCodes,
  importBlockRows,
  importMarks,
  type NodeBlockCodes,
  type NodeBlockRows,
  type NodeMarks,
} from '../graph/node-blocks.ts'
import { VamanaGraph } from '../graph/vamana-graph.ts'
import { BLOCK_POSITIONS, LINKED } from '../kernel/assembly-graph/layout.ts'
import { BuiltGraph } from './built-graph.ts'
import type { SlotBlock } from './index-capture.ts'
import type { IsDead } from './live-nodes.ts'

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
  /** Slots that have a node. */
  readonly #slotsSeen: Uint8Array
  readonly #slotCount: number

  private constructor(built: BuiltGraph, marks: NodeMarks, slotCount: number) {
    this.#built = built
    this.#marks = marks
    this.#slotCount = slotCount
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
    graph.core.unreachable = unreachable
    const built = new BuiltGraph(graph, (slot) => collection.isDead(slot))
    built.restoreCounts(settings)
    return new GraphRestorer(built, marks, collection.slotCount)
  }

  /** Bytes of a node's wide and of its narrow code. */
  get codeBytes(): { wide: number; narrow: number } {
    const { wideStride, narrowStride } = this.#built.graph.core.shape
    return { wide: wideStride, narrow: narrowStride }
  }

  appendCodes(codes: NodeBlockCodes): void {
    importBlockCodes(this.#built.graph.core, codes)
  }

  /** Of a block that has its codes. */
  takeRows(first: number, rows: NodeBlockRows): void {
    checkBlockRows(rows, first, this.#marks.states)
    importBlockRows(this.#built.graph.core, first, rows)
  }

  takeSlots(first: number, { offsets, slots, hashes }: SlotBlock): void {
    const { states } = this.#marks
    check(offsets[0] === 0 && offsets.at(-1) === slots.length, 'offsets must span the slots')
    for (let index = 0; index < hashes.length; index++) {
      const node = first + index
      const from = offsets[index]!
      const to = offsets[index + 1]!
      const isLinked = states[node] === LINKED
      if (to < from || to > from !== isLinked) throw new RangeError(`node ${node} has ${to - from} slots`)
      for (let place = from; place < to; place++) {
        const isRising = place === from || slots[place - 1]! < slots[place]!
        if (!isRising) throw new RangeError(`the slots of node ${node} do not rise`)
        this.#takeSlot(node, slots[place]!, place === from)
      }
      if (to > from) this.#built.lookup.add(node, hashes[index]!)
    }
  }

  #takeSlot(node: number, slot: number, isFirst: boolean): void {
    const isItsOwn = slot < this.#slotCount && !hasBit(this.#slotsSeen, slot)
    if (!isItsOwn) throw new RangeError(`node ${node} has slot ${slot}`)
    setBit(this.#slotsSeen, slot)
    this.#built.addSlot(node, slot, isFirst)
  }

  /** The graph, when all blocks were taken; stops after every few milliseconds. */
  *finish(nodeCount: number, builtThrough: number, isDead: IsDead): Generator<void, BuiltGraph, void> {
    const { graph, slots } = this.#built
    check(graph.nodeCount === nodeCount, `the graph has ${graph.nodeCount} nodes, not ${nodeCount}`)
    yield* importMarks(graph.core, this.#marks)
    for (let slot = 0; slot < builtThrough; slot++) {
      if (slot % BLOCK_POSITIONS === 0) yield
      if (slots.nodeOf(slot) === undefined && !isDead(slot)) throw new RangeError(`slot ${slot} has no node`)
    }
    return this.#built
  }
}
