import type { Metric } from '../metric.ts'

/**
 * Exact score of a vector of a given length, smaller is nearer, in float64, component i in lane i mod 4. Scores order
 * vectors as distances from the query do but are not distances: squares (euclidean), and cosines times the query's length.
 */
export function scoreOf(metric: Metric, query: Float32Array, vector: Float32Array, norm: number): number {
  if (metric === 'euclidean') return squaredDistance(query, vector, 0)
  const product = dotProduct(query, vector)
  return metric === 'dot' ? -product : -product / norm
}

function dotProduct(query: Float32Array, vector: Float32Array): number {
  let lane0 = 0
  let lane1 = 0
  let lane2 = 0
  let lane3 = 0
  const ofFours = query.length & ~3
  let i = 0
  for (; i < ofFours; i += 4) {
    lane0 += query[i]! * vector[i]!
    lane1 += query[i + 1]! * vector[i + 1]!
    lane2 += query[i + 2]! * vector[i + 2]!
    lane3 += query[i + 3]! * vector[i + 3]!
  }
  for (; i < query.length; i++) lane0 += query[i]! * vector[i]!
  return lane0 + lane2 + (lane1 + lane3)
}

/** Squared distance of the vector that begins at `at`. */
export function squaredDistance(query: Float32Array, vectors: Float32Array, at: number): number {
  let lane0 = 0
  let lane1 = 0
  let lane2 = 0
  let lane3 = 0
  const ofFours = query.length & ~3
  let i = 0
  for (; i < ofFours; i += 4) {
    const component0 = query[i]! - vectors[at + i]!
    const component1 = query[i + 1]! - vectors[at + i + 1]!
    const component2 = query[i + 2]! - vectors[at + i + 2]!
    const component3 = query[i + 3]! - vectors[at + i + 3]!
    lane0 += component0 * component0
    lane1 += component1 * component1
    lane2 += component2 * component2
    lane3 += component3 * component3
  }
  for (; i < query.length; i++) {
    const component = query[i]! - vectors[at + i]!
    lane0 += component * component
  }
  return lane0 + lane2 + (lane1 + lane3)
}
