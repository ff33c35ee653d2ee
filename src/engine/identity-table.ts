import { countByPartition, SLOTS_A_SLICE, type SortedSlots, sortByPartition } from './slots-by-partition.ts'

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

/** The low bits of a hash that are kept beside a slot. */
const TAG_MASK = 0xffff

/** Whether two slots have the same id. */
export type EqualIds = (slot: number, other: number) => boolean

interface Partition {
  /** A slot or EMPTY. The length is a power of two. */
  places: Uint32Array
  /**
   * The low 16 bits of the hash of each place's id. An id that is not the one looked for is nearly always told by them, without
   * a look at its bytes, and growing needs no ids at all: together a third of the time of an import of a million.
   */
  tags: Uint16Array
  used: number
}

/**
 * Id -> slot: open addressing with linear probing, 6 bytes a place. It stores no ids; it asks `keys`, in which the id of a
 * slot must stand before the slot is set here and for as long as it is; no other slot is asked for. The order of places depends on history and reaches nobody.
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
    const slot = partition.places[this.#findPlace(partition, hash, idBytes)]!
    return slot === EMPTY ? undefined : slot
  }

  /** Points an id at a slot and returns the slot that it had, if it had one. `keys` must give the id for the new slot. */
  set(idBytes: Uint8Array, slot: number): number | undefined {
    const hash = hashBytes(idBytes)
    const partition = this.#partitionFor(hash)
    const place = this.#findPlace(partition, hash, idBytes)
    const earlier = partition.places[place]!
    partition.places[place] = slot
    partition.tags[place] = hash & TAG_MASK
    if (earlier !== EMPTY) return earlier
    this.#count += 1
    partition.used += 1
    if (partition.used > partition.places.length * MOST_LOAD) this.#grow(partition)
    return undefined
  }

  /**
   * Fills an empty table with the slots whose bits are not set in `dead`; `hashes` are those of the ids of all. Partition by
   * partition, since each of them fits in the processor's cache. Stops after every few milliseconds. Gives a slot whose id
   * another one has, if there is such.
   */
  *fill(hashes: Uint32Array, dead: Uint8Array, isEqual: EqualIds): Generator<void, number | undefined, void> {
    const counts = new Uint32Array(PARTITIONS)
    for (let from = 0; from < hashes.length; from += SLOTS_A_SLICE) {
      countByPartition(hashes, dead, from, counts)
      yield
    }
    const ends = new Uint32Array(PARTITIONS)
    for (let index = 1; index < PARTITIONS; index++) ends[index] = ends[index - 1]! + counts[index - 1]!
    const count = ends[PARTITIONS - 1]! + counts[PARTITIONS - 1]!
    const sorted = { slots: new Uint32Array(count), hashes: new Uint32Array(count), ends }
    for (let from = 0; from < hashes.length; from += SLOTS_A_SLICE) {
      sortByPartition(hashes, dead, from, sorted)
      yield
    }
    this.#reserve(count)
    let waiting = 0
    for (let index = 0; index < PARTITIONS; index++) {
      const end = ends[index]!
      const twice = this.#fillPartition(sorted, end - counts[index]!, end, isEqual)
      if (twice !== undefined) return twice
      waiting += counts[index]!
      if (waiting < SLOTS_A_SLICE) continue
      waiting = 0
      yield
    }
    return undefined
  }

  /** Puts in slots of one partition that are not there; gives one whose id is. */
  #fillPartition({ slots, hashes }: SortedSlots, from: number, to: number, isEqual: EqualIds): number | undefined {
    if (from === to) return undefined
    const partition = this.#partitionFor(hashes[from]!)
    while (to - from > partition.places.length * MOST_LOAD) this.#grow(partition)
    const { places, tags } = partition
    const mask = places.length - 1
    for (let index = from; index < to; index++) {
      const tag = hashes[index]! & TAG_MASK
      let place = hashes[index]! & mask
      for (; places[place] !== EMPTY; place = (place + 1) & mask) {
        if (tags[place] === tag && isEqual(places[place]!, slots[index]!)) return slots[index]!
      }
      places[place] = slots[index]!
      tags[place] = tag
    }
    partition.used = to - from
    this.#count += to - from
    return undefined
  }

  /** Makes room for so many ids in an empty table, so that it need not grow on the way. */
  #reserve(count: number): void {
    const wanted = (count / PARTITIONS / MOST_LOAD) * 1.1
    let places = FIRST_PLACES
    while (places < wanted) places *= 2
    for (let index = 0; places > FIRST_PLACES && index < PARTITIONS; index++) {
      this.#partitions[index] = { ...createPlaces(places), used: 0 }
    }
  }

  /** Removes an id and says whether it was there. */
  delete(idBytes: Uint8Array): boolean {
    const hash = hashBytes(idBytes)
    const partition = this.#partitions[hash >>> 24]
    if (partition === undefined) return false
    const place = this.#findPlace(partition, hash, idBytes)
    if (partition.places[place] === EMPTY) return false
    this.#closeGap(partition, place)
    partition.used -= 1
    this.#count -= 1
    return true
  }

  /** Bytes of the places. The partition objects (about 200 bytes each, 256 at most) are left out. */
  memoryBytes(): number {
    return this.#partitions.reduce((sum, partition) => sum + (partition === undefined ? 0 : sizeOf(partition)), 0)
  }

  /** The place of an id, or the empty place where it would go. There always is an empty one. */
  #findPlace({ places, tags }: Partition, hash: number, idBytes: Uint8Array): number {
    const mask = places.length - 1
    const tag = hash & TAG_MASK
    let place = hash & mask
    for (;;) {
      const slot = places[place]!
      if (slot === EMPTY || (tags[place] === tag && this.#keys.equals(slot, idBytes))) return place
      place = (place + 1) & mask
    }
  }

  #partitionFor(hash: number): Partition {
    const index = hash >>> 24
    this.#partitions[index] ??= { ...createPlaces(FIRST_PLACES), used: 0 }
    return this.#partitions[index]
  }

  #grow(partition: Partition): void {
    const { places, tags } = createPlaces(partition.places.length * 2)
    const mask = places.length - 1
    for (let from = 0; from < partition.places.length; from++) {
      const slot = partition.places[from]!
      if (slot === EMPTY) continue
      let place = this.#homeOf(partition, from, mask)
      while (places[place] !== EMPTY) place = (place + 1) & mask
      places[place] = slot
      tags[place] = partition.tags[from]!
    }
    partition.places = places
    partition.tags = tags
  }

  /** Empties a place and moves back what probing would no longer reach: no tombstones, so look-ups never get slower. */
  #closeGap(partition: Partition, emptied: number): void {
    const { places, tags } = partition
    const mask = places.length - 1
    let gap = emptied
    for (let place = (gap + 1) & mask; places[place] !== EMPTY; place = (place + 1) & mask) {
      const home = this.#homeOf(partition, place, mask)
      // An entry may fill the gap if its home is not between the gap (excluded) and its place.
      if (((place - home) & mask) >= ((place - gap) & mask)) {
        places[gap] = places[place]!
        tags[gap] = tags[place]!
        gap = place
      }
    }
    places[gap] = EMPTY
  }

  /** The place where an entry belongs: its tag says so, unless there are more places than tags. */
  #homeOf({ places, tags }: Partition, place: number, mask: number): number {
    return mask <= TAG_MASK ? tags[place]! & mask : this.#keys.hashWith(hashBytes, places[place]!) & mask
  }
}

function createPlaces(count: number): Pick<Partition, 'places' | 'tags'> {
  return { places: new Uint32Array(count).fill(EMPTY), tags: new Uint16Array(count) }
}

function sizeOf({ places, tags }: Partition): number {
  return places.byteLength + tags.byteLength
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
