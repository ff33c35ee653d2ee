// Seeded numbers that come out the same on every machine: integer arithmetic, and no logarithm or cosine, whose last bits differ.

/** A generator of 32-bit integers, seeded with one (xorshift over four words, started by a counter hash). */
export function createRandom(seed) {
  let counter = seed >>> 0
  const next = () => {
    counter = (counter + 0x9e3779b9) >>> 0
    let word = Math.imul(counter ^ (counter >>> 16), 0x85ebca6b)
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35)
    return (word ^ (word >>> 16)) >>> 0
  }
  const uniform = () => next() / 2 ** 32
  // The sum of twelve uniforms is close enough to a normal distribution out to three deviations, and exact to reproduce.
  const normal = () => {
    let sum = -6
    for (let draw = 0; draw < 12; draw += 1) sum += uniform()
    return sum
  }
  return { uniform, normal, integer: (limit) => Math.floor(uniform() * limit) }
}
