import type { LeanModule } from '../graph/lean-kernel.ts'
import type { LeanCodes } from '../graph/lean-steps.ts'
import type { VamanaGraph } from '../graph/vamana-graph.ts'
import { type IsDead, LiveNodes } from './live-nodes.ts'
import { NodeSlots } from './node-slots.ts'
import { VectorLookup } from './vector-lookup.ts'

/** Nodes whose deaths are looked for between two pauses: some 1 ms. */
const NODES_A_SLICE = 8192

/** A graph, which slots its nodes stand for, which of them are alive, and how equal vectors find each other's node. */
export class BuiltGraph {
  readonly graph: VamanaGraph
  readonly slots: NodeSlots
  readonly live: LiveNodes
  /** Empty where the graph is lean: only what changes a graph asks for nodes by vector. */
  readonly lookup = new VectorLookup()
  readonly #isDead: IsDead
  /** Entries that it was made with: those that its plan was measured on. */
  firstEntries = 0
  /** The same object for one graph in all its forms, whatever is done to it; a new graph has another. */
  origin: object = {}
  #freedCount = 0
  #version: object = {}
  /** Resolves when the walk that is under way on the main thread is over. */
  walking: Promise<void> | undefined

  /** `isDead` judges slots as things stand when it is called. */
  constructor(graph: VamanaGraph, isDead: IsDead, slots = new NodeSlots()) {
    this.graph = graph
    this.slots = slots
    this.live = new LiveNodes(slots)
    this.#isDead = isDead
  }

  /** In which form the graph is lean, and may only be searched; `undefined` of a whole one. */
  get leanCodes(): LeanCodes | undefined {
    return this.graph.leanCodes
  }

  /** Another object whenever the graph may have changed: what was made of it under the same one is still right. */
  get version(): object {
    return this.#version
  }

  /** To be called before anything is done to the graph, its nodes' slots included. Deaths do not count: they are not in it. */
  noteChange(): void {
    this.#version = {}
  }

  /** Says that this is what another one was under that version, byte for byte: it was restored, or made of it. */
  restoreVersion(version: object): void {
    this.#version = version
  }

  /** Nodes that were taken out of the graph since it was made. */
  get freedCount(): number {
    return this.#freedCount
  }

  /** Takes over the counts of a graph that is restored. */
  restoreCounts({ firstEntries, freedCount }: { readonly firstEntries: number; readonly freedCount: number }): void {
    this.firstEntries = firstEntries
    this.#freedCount = freedCount
  }

  addSlot(node: number, slot: number, isNew: boolean): void {
    this.slots.add(node, slot)
    const isLast = this.slots.borrowSlots(node).at(-1) === slot
    if (isLast) this.live.noteAdded(node, isNew, this.#isDead)
    else this.live.noteReplaced(node, this.#isDead)
  }

  /** Gives a node that has no slot its first one. */
  addFirstSlot(node: number, slot: number): void {
    this.slots.addFirst(node, slot)
    this.live.noteFirst(node, this.#isDead(slot))
  }

  /** Gives a node other slots, at least one. */
  replaceSlots(node: number, slots: readonly number[]): void {
    this.slots.replace(node, slots)
    this.live.noteReplaced(node, this.#isDead)
  }

  /** Lets go of a node that was taken out of the graph. */
  freeNode(node: number): void {
    this.lookup.remove(node)
    this.slots.replace(node, [])
    this.live.noteFreed(node)
    this.#freedCount += 1
  }

  /**
   * The same graph for searching only, with the same nodes, slots, deaths and version, and one kind of codes. With 'walk' these are
   * the codes that walks read as things stand, so that walks find the same; with 'binary' they are of one bit a dimension, made of
   * the wide codes. This one must not change meanwhile, but for deaths, which {@link takeDeathsOf} brings over. Stops after every
   * few milliseconds.
   */
  *lean(codes: LeanCodes, module: LeanModule): Generator<void, BuiltGraph, void> {
    const graph = yield* this.graph.lean(codes, module)
    const lean = new BuiltGraph(graph, this.#isDead, this.slots.trimmed(graph.nodeCount))
    lean.restoreCounts({ firstEntries: this.firstEntries, freedCount: this.#freedCount })
    lean.restoreVersion(this.#version)
    lean.origin = this.origin
    lean.takeDeathsOf(this)
    return lean
  }

  /** Takes over which nodes are dead from the graph that it is made of. */
  takeDeathsOf({ live }: BuiltGraph): void {
    this.live.takeOver(live.borrowAll(this.graph.nodeCount))
  }

  /** Notes the deaths that it may not have heard of; stops after every few milliseconds. */
  *noteAllDeaths(): Generator<void, void, void> {
    for (let node = 0; node < this.graph.nodeCount; node++) {
      if (node % NODES_A_SLICE === NODES_A_SLICE - 1) yield
      if (this.slots.firstSlot(node) !== undefined) this.live.noteDeath(node, this.#isDead)
    }
  }

  /** Notes that a slot was tombstoned; one that has no node is none of its business. */
  noteDeath(slot: number): void {
    const node = this.slots.nodeOf(slot)
    if (node !== undefined) this.live.noteDeath(node, this.#isDead)
  }
}
