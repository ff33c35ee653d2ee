/** A xorshift generator: which nodes are drawn follows from the seed alone. */
export class SeededRandom {
  #state: number

  constructor(seed: number) {
    // Neighbouring seeds must not give neighbouring sequences, and xorshift must never start at zero.
    this.#state = scatter(scatter(seed | 0) ^ 0x2545f491) || 1
  }

  /** An integer from 0 to `limit - 1`; `limit` is at most 2^32. */
  below(limit: number): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    return Math.floor(((scatter(x) >>> 0) / 2 ** 32) * limit)
  }
}

function scatter(value: number): number {
  let x = value | 0
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d)
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b)
  return x ^ (x >>> 16)
}
