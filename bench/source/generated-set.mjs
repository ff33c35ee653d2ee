// The generated set of 768 dimensions, as one array, with queries that are not among it.
import { HARD_DIMENSIONS, hardRows } from './peers/hard-768.mjs'

const QUERIES = 1000

/** @returns {{ base: Float32Array, queries: Float32Array, dimensions: number, metric: string, frame: object }} */
export function generatedSet(count) {
  const base = collect('base', count)
  const frame = { centre: meanOf(base, HARD_DIMENSIONS) }
  return { base, queries: collect('queries', QUERIES), dimensions: HARD_DIMENSIONS, metric: 'euclidean', frame }
}

function collect(part, count) {
  const vectors = new Float32Array(count * HARD_DIMENSIONS)
  let at = 0
  for (const row of hardRows(part, count)) {
    vectors.set(row, at)
    at += HARD_DIMENSIONS
  }
  return vectors
}

function meanOf(vectors, dimensions) {
  const sums = new Float64Array(dimensions)
  for (let index = 0; index < vectors.length; index++) sums[index % dimensions] += vectors[index]
  return sums.map((sum) => sum / (vectors.length / dimensions))
}
