const FIRST_BYTES = 8

/** A set of slots, one bit each: bit `slot & 7` of byte `slot >> 3`. It grows as far as the highest slot set. */
export class Bitmap {
  #bytes = new Uint8Array(0)
  #set = 0

  /** Slots in the set. */
  get countSet(): number {
    return this.#set
  }

  has(slot: number): boolean {
    // Beyond the array the read gives undefined, which counts as zero. `>>>` because a slot may take 31 bits.
    return ((this.#bytes[slot >>> 3]! >> (slot & 7)) & 1) === 1
  }

  /** Puts a slot into the set. One that is in it already is no error. */
  set(slot: number): void {
    const index = slot >>> 3
    if (index >= this.#bytes.byteLength) this.#grow(index + 1)
    const bit = 1 << (slot & 7)
    if ((this.#bytes[index]! & bit) !== 0) return
    this.#bytes[index]! |= bit
    this.#set += 1
  }

  /** The bits of the first `count` slots in `ceil(count / 8)` bytes of their own; bits from `count` on are zero. */
  copy(count: number): Uint8Array {
    const copy = new Uint8Array(Math.ceil(count / 8))
    copy.set(this.#bytes.subarray(0, copy.byteLength))
    if (count % 8 !== 0) copy[copy.byteLength - 1]! &= (1 << (count % 8)) - 1
    return copy
  }

  /** Takes over bits laid out as {@link copy} gives them; the set must be empty. */
  restore(bytes: Uint8Array): void {
    this.#bytes = Uint8Array.from(bytes)
    this.#set = countBits(this.#bytes)
  }

  memoryBytes(): number {
    return this.#bytes.byteLength
  }

  #grow(sizeBytes: number): void {
    const bytes = new Uint8Array(Math.max(FIRST_BYTES, sizeBytes, this.#bytes.byteLength * 2))
    bytes.set(this.#bytes)
    this.#bytes = bytes
  }
}

/** Whether a slot's bit is set in bytes laid out like {@link Bitmap}. A slot beyond the bytes is not. */
export function hasBit(bytes: Uint8Array, slot: number): boolean {
  return ((bytes[slot >>> 3]! >> (slot & 7)) & 1) === 1
}

/** Sets a slot's bit in bytes laid out like {@link Bitmap}. */
export function setBit(bytes: Uint8Array, slot: number): void {
  bytes[slot >>> 3]! |= 1 << (slot & 7)
}

/** How many of the first `count` bits are set. */
export function countBitsBelow(bytes: Uint8Array, count: number): number {
  let set = countBits(bytes.subarray(0, count >>> 3))
  for (let bit = count - (count % 8); bit < count; bit++) if (hasBit(bytes, bit)) set += 1
  return set
}

/** How many bits are set. */
export function countBits(bytes: Uint8Array): number {
  let count = 0
  for (const byte of bytes) {
    for (let rest = byte; rest !== 0; rest &= rest - 1) count += 1
  }
  return count
}
