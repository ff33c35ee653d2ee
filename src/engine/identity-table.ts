/** The bytes that slots stand for. */
export interface IdentityKeys {
  /** Whether a slot's id is exactly these bytes. */
  equals(slot: number, idBytes: Uint8Array): boolean
  /** What `hash` makes of a slot's id, without making a view of it: growing asks for very many. */
  hashWith(hash: typeof hashBytes, slot: number): number
}

/** Partitions grow one by one: to rebuild a table of a million at once takes a quarter of a second (measured), a 256th of it 1 ms. */
const PARTITIONS = 256
const FIRST_PLACES = 8
/** Linear probing degrades fast beyond this. */
const MOST_LOAD = 0.7
/** Slots stay below 2^31, so this is none. */
const EMPTY = 0xffff_ffff

interface Partition {
  /** A slot or EMPTY. The length is a power of two. */
  places: Uint32Array
  used: number
}

/**
 * Id -> slot: open addressing with linear probing, 4 bytes a place. It stores no ids; it asks `keys`, in which the id of a
 * slot must stand before the slot is set here. The order of places depends on history and reaches nobody.
 */
export class IdentityTable {
  readonly #keys: IdentityKeys
  readonly #partitions: (Partition | undefined)[] = new Array(PARTITIONS).fill(undefined)
  #count = 0

  constructor(keys: IdentityKeys) {
    this.#keys = keys
  }

  /** Ids in the table. */
  get count(): number {
    return this.#count
  }

  get(idBytes: Uint8Array): number | undefined {
    const hash = hashBytes(idBytes)
    const partition = this.#partitions[hash >>> 24]
    if (partition === undefined) return undefined
    const slot = partition.places[this.#findPlace(partition.places, hash, idBytes)]!
    return slot === EMPTY ? undefined : slot
  }

  /** Points an id at a slot and returns the slot that it had, if it had one. `keys` must give the id for the new slot. */
  set(idBytes: Uint8Array, slot: number): number | undefined {
    const hash = hashBytes(idBytes)
    const partition = this.#partitionFor(hash)
    const place = this.#findPlace(partition.places, hash, idBytes)
    const earlier = partition.places[place]!
    partition.places[place] = slot
    if (earlier !== EMPTY) return earlier
    this.#count += 1
    partition.used += 1
    if (partition.used > partition.places.length * MOST_LOAD) this.#grow(partition)
    return undefined
  }

  /** Removes an id and says whether it was there. */
  delete(idBytes: Uint8Array): boolean {
    const hash = hashBytes(idBytes)
    const partition = this.#partitions[hash >>> 24]
    if (partition === undefined) return false
    const place = this.#findPlace(partition.places, hash, idBytes)
    if (partition.places[place] === EMPTY) return false
    this.#closeGap(partition.places, place)
    partition.used -= 1
    this.#count -= 1
    return true
  }

  /** Bytes of the places. The partition objects (about 200 bytes each, 256 at most) are left out. */
  memoryBytes(): number {
    return this.#partitions.reduce((sum, partition) => sum + (partition?.places.byteLength ?? 0), 0)
  }

  /** The place of an id, or the empty place where it would go. There always is an empty one. */
  #findPlace(places: Uint32Array, hash: number, idBytes: Uint8Array): number {
    const mask = places.length - 1
    let place = hash & mask
    while (places[place] !== EMPTY && !this.#keys.equals(places[place]!, idBytes)) place = (place + 1) & mask
    return place
  }

  #partitionFor(hash: number): Partition {
    const index = hash >>> 24
    this.#partitions[index] ??= { places: new Uint32Array(FIRST_PLACES).fill(EMPTY), used: 0 }
    return this.#partitions[index]
  }

  #grow(partition: Partition): void {
    const places = new Uint32Array(partition.places.length * 2).fill(EMPTY)
    const mask = places.length - 1
    for (const slot of partition.places) {
      if (slot === EMPTY) continue
      let place = this.#hashOf(slot) & mask
      while (places[place] !== EMPTY) place = (place + 1) & mask
      places[place] = slot
    }
    partition.places = places
  }

  /** Empties a place and moves back what probing would no longer reach: no tombstones, so look-ups never get slower. */
  #closeGap(places: Uint32Array, emptied: number): void {
    const mask = places.length - 1
    let gap = emptied
    for (let place = (gap + 1) & mask; places[place] !== EMPTY; place = (place + 1) & mask) {
      const home = this.#hashOf(places[place]!) & mask
      // An entry may fill the gap if its home is not between the gap (excluded) and its place.
      if (((place - home) & mask) >= ((place - gap) & mask)) {
        places[gap] = places[place]!
        gap = place
      }
    }
    places[gap] = EMPTY
  }

  #hashOf(slot: number): number {
    return this.#keys.hashWith(hashBytes, slot)
  }
}

/**
 * A 32-bit hash of bytes: four bytes at a time are multiplied in, then the bits are mixed until each depends on all. The top
 * 8 bits choose the partition and the low ones the place, so both ends must be good.
 */
export function hashBytes(bytes: Uint8Array, from = 0, end = bytes.byteLength): number {
  const length = end - from
  const endOfWords = end - (length & 3)
  let hash = 0x9e3779b9 ^ length
  let index = from
  for (; index < endOfWords; index += 4) {
    const word = bytes[index]! | (bytes[index + 1]! << 8) | (bytes[index + 2]! << 16) | (bytes[index + 3]! << 24)
    hash = mixWord(hash, word)
  }
  let tail = 0
  for (; index < end; index++) tail = (tail << 8) | bytes[index]!
  return finish(mixWord(hash, tail))
}

function mixWord(hash: number, word: number): number {
  const scrambled = Math.imul(word, 0x85ebca6b)
  const mixed = hash ^ (scrambled ^ (scrambled >>> 15))
  return Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0x6c8e9cf5
}

function finish(hash: number): number {
  let mixed = hash
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x7feb352d)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
