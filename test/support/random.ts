/** A small seeded generator for tests: the same seed gives the same numbers everywhere. */
export class Random {
  #state: number

  constructor(seed: number) {
    // Neighbouring seeds must not give neighbouring sequences, and xorshift must never start at zero.
    this.#state = scatter(scatter(seed | 0) ^ 0x5bd1e995) || 1
  }

  /** 32 random bits, as an unsigned integer. */
  nextBits(): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    return scatter(x) >>> 0
  }

  /** An integer from 0 to `limit - 1`. */
  nextInt(limit: number): number {
    if (!Number.isSafeInteger(limit) || limit < 1) throw new RangeError(`No integer lies below ${limit}`)
    return Math.floor((this.nextBits() / 2 ** 32) * limit)
  }

  /** An integer from `low` to `high`, both included. */
  nextBetween(low: number, high: number): number {
    return low + this.nextInt(high - low + 1)
  }

  nextBoolean(): boolean {
    return this.nextBits() >= 2 ** 31
  }

  /** A double from 0 up to, but not including, 1. */
  nextUnit(): number {
    return this.nextBits() / 2 ** 32
  }

  nextBytes(sizeBytes: number): Uint8Array {
    const bytes = new Uint8Array(sizeBytes)
    for (let index = 0; index < sizeBytes; index++) bytes[index] = this.nextBits() >>> 24
    return bytes
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.nextInt(items.length)]!
  }

  /** A new array with the same items in random order. */
  shuffle<Item>(items: readonly Item[]): Item[] {
    const shuffled = [...items]
    for (let index = shuffled.length - 1; index > 0; index--) {
      const other = this.nextInt(index + 1)
      const item = shuffled[index]!
      shuffled[index] = shuffled[other]!
      shuffled[other] = item
    }
    return shuffled
  }

  /** A generator of its own, so that what one part draws does not shift what another gets. */
  fork(): Random {
    return new Random(this.nextBits())
  }
}

function scatter(value: number): number {
  let x = value | 0
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d)
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b)
  return x ^ (x >>> 16)
}
