import type { Metric } from '../metric.ts'
import { normOf } from '../vector-math.ts'
import type { VectorSample } from './plan-sample.ts'

/**
 * Exact scores of a sample's rows, smaller is nearer, in float64, component i in lane i mod 4. They order rows as distances
 * do but are not distances: squares (euclidean), and cosines times the query's length (cosine).
 */
export class ExactScores {
  readonly #sample: VectorSample
  readonly #metric: Metric
  /** Cosine only. */
  readonly #norms: Float64Array

  constructor(sample: VectorSample, metric: Metric) {
    this.#sample = sample
    this.#metric = metric
    this.#norms = new Float64Array(metric === 'cosine' ? sample.rows : 0)
  }

  score(query: Float32Array, row: number): number {
    const { vectors, dimensions } = this.#sample
    const at = row * dimensions
    if (this.#metric === 'euclidean') return squaredDistance(query, vectors, at)
    const product = dotProduct(query, vectors, at)
    return this.#metric === 'dot' ? -product : -product / this.#normOf(row)
  }

  /** No legal vector has a norm of zero under cosine, so zero stands for one that is not known yet. */
  #normOf(row: number): number {
    if (this.#norms[row] === 0) {
      const { vectors, dimensions } = this.#sample
      this.#norms[row] = normOf(vectors, row * dimensions, dimensions)
    }
    return this.#norms[row]!
  }
}

function dotProduct(query: Float32Array, vectors: Float32Array, at: number): number {
  let lane0 = 0
  let lane1 = 0
  let lane2 = 0
  let lane3 = 0
  const ofFours = query.length & ~3
  let i = 0
  for (; i < ofFours; i += 4) {
    lane0 += query[i]! * vectors[at + i]!
    lane1 += query[i + 1]! * vectors[at + i + 1]!
    lane2 += query[i + 2]! * vectors[at + i + 2]!
    lane3 += query[i + 3]! * vectors[at + i + 3]!
  }
  for (; i < query.length; i++) lane0 += query[i]! * vectors[at + i]!
  return lane0 + lane2 + (lane1 + lane3)
}

/** Squared distance of a vector from the one that begins at `at`. */
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
