import { Random } from '../../support/random.ts'
import type { VectorSet } from './graph-fixture.ts'

/** The sum of twelve uniform numbers: close to normal, and made of additions alone. */
export function normalNumbers(seed: number): () => number {
  const random = new Random(seed)
  return () => {
    let sum = -6
    for (let i = 0; i < 12; i++) sum += random.nextUnit()
    return sum
  }
}

export function normalSet(metric: VectorSet['metric'], rows: number, dimensions: number, seed = 1): VectorSet {
  return { metric, dimensions, vectors: Float32Array.from({ length: rows * dimensions }, normalNumbers(seed)) }
}

/** Clusters whose centres are some 1 / spread times as far from each other as their members. */
export function clusterSet(
  metric: VectorSet['metric'],
  rows: number,
  dimensions: number,
  clusters: number,
  spread: number,
  isSorted = false,
): VectorSet {
  const next = normalNumbers(2)
  const centres = Float32Array.from({ length: clusters * dimensions }, next)
  const vectors = new Float32Array(rows * dimensions)
  for (let row = 0; row < rows; row++) {
    const cluster = isSorted ? Math.floor((row * clusters) / rows) : row % clusters
    for (let i = 0; i < dimensions; i++) {
      vectors[row * dimensions + i] = centres[cluster * dimensions + i]! + spread * next()
    }
  }
  return { metric, dimensions, vectors }
}

/** Normal vectors of which a share are one and the same. */
export function repeatedSet(rows: number, dimensions: number, share: number): VectorSet {
  const set = normalSet('cosine', rows, dimensions, 3)
  const random = new Random(4)
  for (let row = 1; row < rows; row++) {
    if (random.nextUnit() < share) set.vectors.copyWithin(row * dimensions, 0, dimensions)
  }
  return set
}

/** Directions drawn evenly, lengths log-normal with sigma 0.5. */
export function logNormalSet(rows: number, dimensions: number): VectorSet {
  const set = normalSet('dot', rows, dimensions, 5)
  const next = normalNumbers(6)
  for (let row = 0; row < rows; row++) {
    const vector = set.vectors.subarray(row * dimensions, (row + 1) * dimensions)
    const length = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0))
    const scale = exponential(0.5 * next()) / length
    vector.forEach((x, i) => {
      vector[i] = x * scale
    })
  }
  return set
}

/** Near enough, and the same bits on every machine, which Math.exp does not promise. */
function exponential(x: number): number {
  let power = 1 + x / 1024
  for (let i = 0; i < 10; i++) power *= power
  return power
}

/** A set of the same kind with other values: each component times its own factor. */
export function scaledSet(set: VectorSet, factor: (dimension: number) => number, shift = 0): VectorSet {
  return { ...set, vectors: set.vectors.map((x, i) => x * factor(i % set.dimensions) + shift) }
}

/** Rows of a set with a little noise of the set's own size. */
export function queriesNear(set: VectorSet, count: number, noise: number): Float32Array[] {
  const next = normalNumbers(7)
  const rows = set.vectors.length / set.dimensions
  return Array.from({ length: count }, (_, query) => {
    const at = ((query * 7919) % rows) * set.dimensions
    return set.vectors.slice(at, at + set.dimensions).map((x) => x + noise * next())
  })
}
