import { SeededRandom } from '../graph/seeded-random.ts'
import type { BinaryParameters } from './binary-parameters.ts'

/** A random rotation as the kernel carries it out: rounds of sign flips, each followed by a fast Walsh-Hadamard transform. */
export interface Rotation {
  /** Dimensions of one transform, a power of two; all of them, or a window at the front and at the back in turns. */
  readonly window: number
  readonly rounds: number
  /** A word a round and dimension: the sign bit, set where the component changes its sign. */
  readonly signs: Uint32Array
}

/** Three rounds spread any single component evenly; where windows overlap the last dimensions are reached in the second. */
const ROUNDS = 3
const WINDOWED_ROUNDS = 4

export function rotationOf({ padded, seed }: BinaryParameters): Rotation {
  let window = 1
  while (window * 2 <= padded) window *= 2
  const rounds = window === padded ? ROUNDS : WINDOWED_ROUNDS
  const random = new SeededRandom(seed)
  const signs = new Uint32Array(rounds * padded)
  for (let first = 0; first < signs.length; first += 32) {
    const bits = random.below(2 ** 32)
    for (let i = 0; i < 32; i++) signs[first + i] = ((bits >>> i) & 1) << 31
  }
  return { window, rounds, signs }
}
