// A generated set of 100,000 x 768 vectors that is hard in the way of embeddings: they fill a space of some dozen dimensions with
// falling variances, in clusters that overlap, and every component has a little noise of its own. README.md tells how the figures
// below were chosen and checked.
import { createRandom } from './random.mjs'

export const HARD_DIMENSIONS = 768
export const HARD_COUNT = 100_000

const SEED = 768_001
const LATENT_DIMENSIONS = 64
const CLUSTERS = 200
/** Deviation of the centres against that inside a cluster: below 1, clusters overlap. */
const CENTRE_SCALE = 0.7
/** Deviation of latent dimension i is (i + 1) to this power. */
const SPECTRUM_POWER = -0.35
/** Deviation of the noise of each component, where the signal of a component has about 1. */
const NOISE = 0.2

/** Seeds of the parts, so that a smaller base leaves the queries as they are. */
const PARTS = { base: 1, queries: 2, tuning: 3 }

/** Gives `count` rows of a part, one at a time, in an array that is used again. */
export function* hardRows(part, count) {
  const { basis, centres } = createShape()
  const random = createRandom(SEED + PARTS[part] * 1_000_003)
  const latent = new Float64Array(LATENT_DIMENSIONS)
  const row = new Float32Array(HARD_DIMENSIONS)
  for (let index = 0; index < count; index += 1) {
    const centre = centres[random.integer(CLUSTERS)]
    for (let dimension = 0; dimension < LATENT_DIMENSIONS; dimension += 1)
      latent[dimension] = (centre[dimension] + random.normal()) * (dimension + 1) ** SPECTRUM_POWER
    for (let component = 0; component < HARD_DIMENSIONS; component += 1) {
      let sum = NOISE * random.normal()
      const from = component * LATENT_DIMENSIONS
      for (let dimension = 0; dimension < LATENT_DIMENSIONS; dimension += 1)
        sum += basis[from + dimension] * latent[dimension]
      row[component] = sum
    }
    yield row
  }
}

function createShape() {
  const random = createRandom(SEED)
  let variance = 0
  for (let dimension = 0; dimension < LATENT_DIMENSIONS; dimension += 1)
    variance += (1 + CENTRE_SCALE ** 2) * (dimension + 1) ** (2 * SPECTRUM_POWER)
  const scale = 1 / Math.sqrt(variance)
  const basis = Float64Array.from({ length: HARD_DIMENSIONS * LATENT_DIMENSIONS }, () => scale * random.normal())
  const centres = Array.from({ length: CLUSTERS }, () =>
    Float64Array.from({ length: LATENT_DIMENSIONS }, () => CENTRE_SCALE * random.normal()),
  )
  return { basis, centres }
}
