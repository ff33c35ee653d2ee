import { hasBit } from '../bitmap.ts'
import { type Job, PAUSE } from '../graph/job.ts'
import type { VectorCapture } from '../vector-capture.ts'
import type { BuiltGraph } from './built-graph.ts'
import { hashOfBits } from './vector-lookup.ts'

/** Slots that are placed between two pauses: some 1 ms of reading, hashing and looking up at 100 dimensions. */
const SLICE_COMPONENTS = 75_000
/** Of few dimensions a slot takes as long as the table takes to be looked into. */
const MOST_SLICE_SLOTS = 2048

export interface PlacedRange {
  readonly fromSlot: number
  readonly throughSlot: number
  /** Slots that get no node: the dead ones, as of the event. */
  readonly dead: Uint8Array
  /** Slots at or above `fromSlot` that have a node already, because a compaction moved them here. */
  readonly placed: ReadonlySet<number>
}

/**
 * Gives each slot of a range a node: that of an equal vector, or a new one. Returns the new nodes, which have no codes yet,
 * and the slot that each is to be coded from.
 */
export function* placeSlots(
  built: BuiltGraph,
  vectors: VectorCapture,
  range: PlacedRange,
): Job<{ nodes: Uint32Array; slots: Uint32Array }> {
  const { dimensions } = built.graph.parameters
  for (const _ of built.lookup.makeRoom(range.throughSlot - range.fromSlot)) yield PAUSE
  const finder = new NodeFinder(built, vectors, dimensions)
  const nodes: number[] = []
  const slots: number[] = []
  const sliceSlots = Math.max(1, Math.min(MOST_SLICE_SLOTS, Math.floor(SLICE_COMPONENTS / dimensions)))
  for (let slot = range.fromSlot; slot < range.throughSlot; slot++) {
    if ((slot - range.fromSlot) % sliceSlots === sliceSlots - 1) yield PAUSE
    if (hasBit(range.dead, slot) || range.placed.has(slot)) continue
    const { node, isNew } = finder.nodeFor(slot)
    built.addSlot(node, slot, isNew)
    if (!isNew) continue
    nodes.push(node)
    slots.push(slot)
  }
  return { nodes: Uint32Array.from(nodes), slots: Uint32Array.from(slots) }
}

class NodeFinder {
  readonly #built: BuiltGraph
  readonly #vectors: VectorCapture
  readonly #vector: Float32Array
  readonly #other: Float32Array
  /** The bits of the two vectors: -0 and 0 are different vectors. */
  readonly #bits: Uint32Array
  readonly #otherBits: Uint32Array

  constructor(built: BuiltGraph, vectors: VectorCapture, dimensions: number) {
    this.#built = built
    this.#vectors = vectors
    this.#vector = new Float32Array(dimensions)
    this.#other = new Float32Array(dimensions)
    this.#bits = new Uint32Array(this.#vector.buffer)
    this.#otherBits = new Uint32Array(this.#other.buffer)
  }

  nodeFor(slot: number): { node: number; isNew: boolean } {
    const { graph, lookup } = this.#built
    this.#vectors.copyInto(slot, this.#vector)
    const hash = hashOfBits(this.#bits)
    const known = lookup.find(hash, (node) => this.#isEqual(node))
    if (known !== undefined) return { node: known, isNew: false }
    const node = graph.reserve()
    lookup.add(node, hash)
    return { node, isNew: true }
  }

  /** A node whose entries are all dead and freed equals nothing. */
  #isEqual(node: number): boolean {
    const slot = this.#built.slots.borrowSlots(node).find((own) => !this.#vectors.isFreed(own))
    if (slot === undefined) return false
    this.#vectors.copyInto(slot, this.#other)
    for (let i = 0; i < this.#bits.length; i++) if (this.#bits[i] !== this.#otherBits[i]) return false
    return true
  }
}
