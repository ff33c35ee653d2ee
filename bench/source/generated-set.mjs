// A generated set of many dimensions: clusters that overlap, each around a plane of its own with noise in all directions.
// The seed is in the code: everyone gets the same vectors.
const SEED = 20_261_122
const CLUSTERS = 500
const PLANE_DIMENSIONS = 24
const NOISE = 0.35
const QUERIES = 1000

/** @returns {{ base: Float32Array, queries: Float32Array, dimensions: number, metric: string, frame: object }} */
export function generateClusters(count, dimensions) {
  const next = normalNumbers(SEED)
  const fill = (length, scale) => Float32Array.from({ length }, () => next() * scale)
  const centres = Array.from({ length: CLUSTERS }, () => fill(dimensions, 0.25))
  const planes = Array.from({ length: CLUSTERS }, () =>
    fill(PLANE_DIMENSIONS * dimensions, 1 / Math.sqrt(PLANE_DIMENSIONS)),
  )
  const draw = (rows) => {
    const vectors = new Float32Array(rows * dimensions)
    for (let row = 0; row < rows; row++) {
      const cluster = (row * 7919) % CLUSTERS
      const weights = fill(PLANE_DIMENSIONS, 1)
      const plane = planes[cluster]
      for (let i = 0; i < dimensions; i++) {
        let sum = centres[cluster][i] + NOISE * next()
        for (let axis = 0; axis < PLANE_DIMENSIONS; axis++) sum += weights[axis] * plane[axis * dimensions + i]
        vectors[row * dimensions + i] = sum
      }
    }
    return vectors
  }
  const base = draw(count)
  return { base, queries: draw(QUERIES), dimensions, metric: 'euclidean', frame: { centre: meanOf(base, dimensions) } }
}

function meanOf(vectors, dimensions) {
  const sums = new Float64Array(dimensions)
  for (let index = 0; index < vectors.length; index++) sums[index % dimensions] += vectors[index]
  return sums.map((sum) => sum / (vectors.length / dimensions))
}

/** Normal enough: the sum of four uniform numbers, scaled to deviation 1. */
function normalNumbers(seed) {
  let state = seed
  const uniform = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32 - 0.5
  }
  return () => (uniform() + uniform() + uniform() + uniform()) * Math.sqrt(3)
}
