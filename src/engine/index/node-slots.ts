const FIRST_PLACES = 1024
const NONE = 0xffffffff
/** A slot in a list may need more than the 31 bits of a small integer, so it counts as a pointer's width. */
const CHAINED_SLOT_BYTES = 8

/**
 * Which slots a node stands for, and which node stands for a slot. Nearly every node stands for one slot; vectors of equal
 * bits share a node, and their slots are chained in rising order.
 */
export class NodeSlots {
  #firstSlots = new Uint32Array(0)
  #nodes = new Uint32Array(0)
  /** All slots of the nodes that stand for more than one, the first included. */
  #chains: Map<number, number[]> = new Map()

  /** Makes room for nodes and slots of a graph that is restored. */
  makeRoomFor(nodes: number, slots: number): void {
    this.#firstSlots = withPlace(this.#firstSlots, nodes - 1)
    this.#nodes = withPlace(this.#nodes, slots - 1)
  }

  /** The same without room for more, of so many nodes; what it shares must not change. */
  trimmed(nodeCount: number): NodeSlots {
    const trimmed = new NodeSlots()
    let slotCount = this.#nodes.length
    while (slotCount > 0 && this.#nodes[slotCount - 1] === NONE) slotCount -= 1
    trimmed.#firstSlots = this.#firstSlots.slice(0, nodeCount)
    trimmed.#nodes = this.#nodes.slice(0, slotCount)
    trimmed.#chains = this.#chains
    return trimmed
  }

  firstSlot(node: number): number | undefined {
    const slot = this.#firstSlots[node]
    return slot === NONE ? undefined : slot
  }

  /** How many slots a node has. */
  countOf(node: number): number {
    return this.#chains.get(node)?.length ?? (this.firstSlot(node) === undefined ? 0 : 1)
  }

  nodeOf(slot: number): number | undefined {
    const node = this.#nodes[slot]
    return node === NONE ? undefined : node
  }

  /** The slots of a node that has several, rising. Borrowed, as by {@link borrowSlots}. */
  borrowChain(node: number): readonly number[] | undefined {
    return this.#chains.get(node)
  }

  /** The slots of a node, rising; none if it is free. Borrowed: not to be kept across a change. */
  borrowSlots(node: number): readonly number[] {
    const chain = this.#chains.get(node)
    if (chain !== undefined) return chain
    const slot = this.firstSlot(node)
    return slot === undefined ? [] : [slot]
  }

  /** Gives a node that has no slot its first one. */
  addFirst(node: number, slot: number): void {
    this.#nodes = withPlace(this.#nodes, slot)
    this.#firstSlots = withPlace(this.#firstSlots, node)
    this.#nodes[slot] = node
    this.#firstSlots[node] = slot
  }

  /** Adds a slot: behind those that the node has, but for slots that a compaction has given it. */
  add(node: number, slot: number): void {
    const first = this.firstSlot(node)
    if (first === undefined) {
      this.addFirst(node, slot)
      return
    }
    this.#nodes = withPlace(this.#nodes, slot)
    this.#nodes[slot] = node
    const chain = this.#chains.get(node) ?? [first]
    let place = chain.length
    while (place > 0 && chain[place - 1]! > slot) place -= 1
    chain.splice(place, 0, slot)
    this.#chains.set(node, chain)
    this.#firstSlots[node] = chain[0]!
  }

  /** Gives a node other slots, in rising order; none frees it. */
  replace(node: number, slots: readonly number[]): void {
    for (const slot of this.borrowSlots(node)) this.#nodes[slot] = NONE
    this.#chains.delete(node)
    this.#firstSlots[node] = NONE
    for (const slot of slots) this.add(node, slot)
  }

  memoryBytes(): number {
    let bytes = this.#firstSlots.byteLength + this.#nodes.byteLength
    for (const chain of this.#chains.values()) bytes += chain.length * CHAINED_SLOT_BYTES
    return bytes
  }
}

function withPlace(numbers: Uint32Array<ArrayBuffer>, index: number): Uint32Array<ArrayBuffer> {
  if (index < numbers.length) return numbers
  const grown = new Uint32Array(Math.max(FIRST_PLACES, Math.floor(numbers.length * 1.5), index + 1)).fill(NONE)
  grown.set(numbers)
  return grown
}
