import type { NodeSlots } from './node-slots.ts'

const FIRST_BYTES = 1024

export type IsDead = (slot: number) => boolean

/**
 * Which nodes stand for a live entry: those that a walk may find. It follows the tombstones, so it is no part of the graph,
 * which depends on the log alone. Everything here may be told twice.
 */
export class LiveNodes {
  readonly #slots: NodeSlots
  #bits = new Uint8Array(0)
  #deadCount = 0
  /** Of a node with many slots: a live one, or where to look for the next. Tombstones are never taken back. */
  #cursors = new Map<number, number>()

  constructor(slots: NodeSlots) {
    this.#slots = slots
  }

  /** Nodes that stand for dead entries only. */
  get deadCount(): number {
    return this.#deadCount
  }

  /** Bit `node & 7` of byte `node >> 3`, set for the nodes that may be found. */
  borrowBits(): Uint8Array {
    return this.#bits
  }

  has(node: number): boolean {
    return ((this.#bits[node >>> 3]! >> (node & 7)) & 1) === 1
  }

  /** Notes that a node has one more slot, behind those that it had; `isNew` if it had none. */
  noteAdded(node: number, isNew: boolean, isDead: IsDead): void {
    const index = node >>> 3
    if (index >= this.#bits.byteLength) this.#grow(index + 1)
    if (!isNew && !this.has(node)) this.#deadCount -= 1
    this.#bits[index]! |= 1 << (node & 7)
    this.noteDeath(node, isDead)
  }

  /** Notes that a node, which had none, has one slot, and whether that is dead. */
  noteFirst(node: number, isDead: boolean): void {
    const index = node >>> 3
    if (index >= this.#bits.byteLength) this.#grow(index + 1)
    if (isDead) this.#deadCount += 1
    else this.#bits[index]! |= 1 << (node & 7)
  }

  /** Notes that a node has other slots than before. */
  noteReplaced(node: number, isDead: IsDead): void {
    this.#cursors.delete(node)
    this.noteAdded(node, false, isDead)
  }

  /** Notes that a slot of a node may have died. */
  noteDeath(node: number, isDead: IsDead): void {
    if (!this.has(node) || this.#hasLiveSlot(node, isDead)) return
    this.#bits[node >>> 3]! &= ~(1 << (node & 7))
    this.#deadCount += 1
  }

  /** Notes that a dead node was freed. */
  noteFreed(node: number): void {
    this.#deadCount -= 1
    this.#cursors.delete(node)
  }

  /** Takes over what another one knows, of the same nodes with the same slots. */
  takeOver({ bits, deadCount, cursors }: { bits: Uint8Array; deadCount: number; cursors: Map<number, number> }): void {
    if (this.#bits.byteLength < bits.byteLength) this.#bits = new Uint8Array(bits.byteLength)
    this.#bits.set(bits)
    this.#deadCount = deadCount
    this.#cursors = new Map(cursors)
  }

  /** What {@link takeOver} takes, of so many nodes. Borrowed. */
  borrowAll(nodeCount: number): { bits: Uint8Array; deadCount: number; cursors: Map<number, number> } {
    const bits = this.#bits.subarray(0, Math.ceil(nodeCount / 8))
    return { bits, deadCount: this.#deadCount, cursors: this.#cursors }
  }

  memoryBytes(): number {
    return this.#bits.byteLength
  }

  #hasLiveSlot(node: number, isDead: IsDead): boolean {
    const slots = this.#slots.borrowSlots(node)
    let cursor = this.#cursors.get(node) ?? 0
    while (cursor < slots.length && isDead(slots[cursor]!)) cursor += 1
    if (slots.length > 1) this.#cursors.set(node, cursor)
    return cursor < slots.length
  }

  #grow(sizeBytes: number): void {
    const bits = new Uint8Array(Math.max(FIRST_BYTES, sizeBytes, this.#bits.byteLength * 2))
    bits.set(this.#bits)
    this.#bits = bits
  }
}
