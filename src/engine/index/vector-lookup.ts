import { countBitsBelow, hasBit } from '../bitmap.ts'

const FIRST_PLACES = 1024
const EMPTY = 0

/** Nodes put into the table between two pauses: some 1 ms. */
const NODES_A_SLICE = 8192

/**
 * Finds the node whose vector has given bits: open addressing with linear probing over node numbers, at most half full. The
 * hash of each node is kept, so that growing and removing read no vectors.
 *
 * Only what changes a graph asks for nodes, so the table of a graph that is restored is not made before something does.
 */
export class VectorLookup {
  /** Node + 1 a place; 0 is empty. */
  #places = new Uint32Array(FIRST_PLACES)
  #hashes: Uint32Array = new Uint32Array(FIRST_PLACES)
  #count = 0
  /** Nodes below it are in the table once it is needed if `#waitingBits` says so, a bit a node. */
  #waitingNodes = 0
  #waitingBits: Uint8Array = new Uint8Array(0)

  /** Takes over the nodes of a graph that is restored, of which `bits` has set those that are there. It must be empty. */
  restore(hashes: Uint32Array, bits: Uint8Array): void {
    this.#hashes = hashes
    this.#waitingNodes = hashes.length
    this.#waitingBits = bits
  }

  /** Makes the table that nodes are found in, if it is not made; stops after every few milliseconds. */
  *prepare(): Generator<void, void, void> {
    if (this.#waitingNodes === 0) return
    const [waiting, bits] = [this.#waitingNodes, this.#waitingBits]
    const count = countBitsBelow(bits, waiting)
    let length = FIRST_PLACES
    while (count * 2 > length) length *= 2
    const places = new Uint32Array(length)
    for (let node = 0; node < waiting; node++) {
      if (node % NODES_A_SLICE === NODES_A_SLICE - 1) yield
      if (hasBit(bits, node)) put(places, this.#hashes[node]!, node)
    }
    // One that ended sooner made the same, and may have been added to since.
    if (this.#waitingNodes === 0) return
    this.#places = places
    this.#count = count
    this.#waitingNodes = 0
    this.#waitingBits = new Uint8Array(0)
  }

  /** Makes the table, and large enough for so many nodes more, which to do while they are added takes long; in slices. */
  *makeRoom(nodes: number): Generator<void, void, void> {
    yield* this.prepare()
    let { length } = this.#places
    while ((this.#count + nodes) * 2 > length) length *= 2
    if (length === this.#places.length) return
    const places = new Uint32Array(length)
    for (const [place, entry] of this.#places.entries()) {
      if (place % NODES_A_SLICE === NODES_A_SLICE - 1) yield
      if (entry !== EMPTY) put(places, this.#hashes[entry - 1]!, entry - 1)
    }
    this.#places = places
  }

  /** The node of an equal vector, if there is one; `isEqual` compares with that of a node whose hash is the same. */
  find(hash: number, isEqual: (node: number) => boolean): number | undefined {
    this.#prepareNow()
    const mask = this.#places.length - 1
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const entry = this.#places[place]!
      if (entry === EMPTY) return undefined
      if (this.#hashes[entry - 1] === hash && isEqual(entry - 1)) return entry - 1
    }
  }

  /** Puts in a node that is not there. */
  add(node: number, hash: number): void {
    this.#prepareNow()
    if ((this.#count + 1) * 2 > this.#places.length) this.#grow()
    if (node >= this.#hashes.length) {
      const hashes = new Uint32Array(Math.max(node + 1, this.#hashes.length * 2))
      hashes.set(this.#hashes)
      this.#hashes = hashes
    }
    this.#hashes[node] = hash
    put(this.#places, hash, node)
    this.#count += 1
  }

  /** The hash of a node that is there. */
  hashOf(node: number): number {
    return this.#hashes[node]!
  }

  /** Takes out a node that is there. */
  remove(node: number): void {
    this.#prepareNow()
    const mask = this.#places.length - 1
    let hole = this.#hashes[node]! & mask
    while (this.#places[hole] !== node + 1) hole = (hole + 1) & mask
    // Entries behind the hole move up unless that would bring them in front of the place that their hash names.
    for (let place = (hole + 1) & mask; this.#places[place] !== EMPTY; place = (place + 1) & mask) {
      const home = this.#hashes[this.#places[place]! - 1]! & mask
      if (((place - home) & mask) < ((place - hole) & mask)) continue
      this.#places[hole] = this.#places[place]!
      hole = place
    }
    this.#places[hole] = EMPTY
    this.#count -= 1
  }

  memoryBytes(): number {
    return this.#places.byteLength + this.#hashes.byteLength + this.#waitingBits.byteLength
  }

  #prepareNow(): void {
    if (this.#waitingNodes > 0) for (const _ of this.prepare());
  }

  #grow(): void {
    const old = this.#places
    this.#places = new Uint32Array(old.length * 2)
    for (const entry of old) {
      if (entry !== EMPTY) put(this.#places, this.#hashes[entry - 1]!, entry - 1)
    }
  }
}

function put(places: Uint32Array, hash: number, node: number): void {
  const mask = places.length - 1
  let place = hash & mask
  while (places[place] !== EMPTY) place = (place + 1) & mask
  places[place] = node + 1
}

/** A hash of the bits of a vector. It need not be a good one for enemies: equal vectors are compared bit by bit. */
export function hashOfBits(bits: Uint32Array): number {
  let hash = bits.length
  for (let i = 0; i < bits.length; i++) {
    hash = Math.imul(hash ^ bits[i]!, 0x9e3779b1)
    hash ^= hash >>> 15
  }
  hash = Math.imul(hash ^ (hash >>> 13), 0x85ebca6b)
  return (hash ^ (hash >>> 16)) >>> 0
}
