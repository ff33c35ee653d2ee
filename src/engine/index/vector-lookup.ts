const FIRST_PLACES = 1024
const EMPTY = 0

/**
 * Finds the node whose vector has given bits: open addressing with linear probing over node numbers, at most half full. The
 * hash of each node is kept, so that growing and removing read no vectors.
 */
export class VectorLookup {
  /** Node + 1 a place; 0 is empty. */
  #places = new Uint32Array(FIRST_PLACES)
  #hashes = new Uint32Array(FIRST_PLACES)
  #count = 0

  /** The node of an equal vector, if there is one; `isEqual` compares with that of a node whose hash is the same. */
  find(hash: number, isEqual: (node: number) => boolean): number | undefined {
    const mask = this.#places.length - 1
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const entry = this.#places[place]!
      if (entry === EMPTY) return undefined
      if (this.#hashes[entry - 1] === hash && isEqual(entry - 1)) return entry - 1
    }
  }

  /** Puts in a node that is not there. */
  add(node: number, hash: number): void {
    if ((this.#count + 1) * 2 > this.#places.length) this.#grow()
    if (node >= this.#hashes.length) {
      const hashes = new Uint32Array(Math.max(node + 1, this.#hashes.length * 2))
      hashes.set(this.#hashes)
      this.#hashes = hashes
    }
    this.#hashes[node] = hash
    this.#put(node)
    this.#count += 1
  }

  /** The hash of a node that is there. */
  hashOf(node: number): number {
    return this.#hashes[node]!
  }

  /** Takes out a node that is there. */
  remove(node: number): void {
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
    return this.#places.byteLength + this.#hashes.byteLength
  }

  #grow(): void {
    const old = this.#places
    this.#places = new Uint32Array(old.length * 2)
    for (const entry of old) {
      if (entry !== EMPTY) this.#put(entry - 1)
    }
  }

  #put(node: number): void {
    const mask = this.#places.length - 1
    let place = this.#hashes[node]! & mask
    while (this.#places[place] !== EMPTY) place = (place + 1) & mask
    this.#places[place] = node + 1
  }
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
