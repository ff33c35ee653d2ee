import type { VamanaGraph } from '../graph/vamana-graph.ts'
import { type IsDead, LiveNodes } from './live-nodes.ts'
import { NodeSlots } from './node-slots.ts'
import { VectorLookup } from './vector-lookup.ts'

/** A graph, which slots its nodes stand for, which of them are alive, and how equal vectors find each other's node. */
export class BuiltGraph {
  readonly graph: VamanaGraph
  readonly slots = new NodeSlots()
  readonly live = new LiveNodes(this.slots)
  readonly lookup = new VectorLookup()
  readonly #isDead: IsDead
  /** Entries that it was made with: those that its plan was measured on. */
  firstEntries = 0
  #freedCount = 0
  #version: object = {}
  /** Resolves when the walk that is under way on the main thread is over. */
  walking: Promise<void> | undefined

  /** `isDead` judges slots as things stand when it is called. */
  constructor(graph: VamanaGraph, isDead: IsDead) {
    this.graph = graph
    this.#isDead = isDead
  }

  /** Another object whenever the graph may have changed: what was made of it under the same one is still right. */
  get version(): object {
    return this.#version
  }

  /** To be called before anything is done to the graph, its nodes' slots included. Deaths do not count: they are not in it. */
  noteChange(): void {
    this.#version = {}
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

  /** Notes that a slot was tombstoned; one that has no node is none of its business. */
  noteDeath(slot: number): void {
    const node = this.slots.nodeOf(slot)
    if (node !== undefined) this.live.noteDeath(node, this.#isDead)
  }
}
