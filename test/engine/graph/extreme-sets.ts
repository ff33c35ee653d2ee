import type { VectorSet } from './graph-fixture.ts'
import { normalSet, scaledSet } from './vector-sets.ts'

/** Constant, subnormal, huge, one-sided, sparse and, where the metric takes it, zero vectors. */
export function extremes(metric: VectorSet['metric'], dimensions: number): VectorSet {
  const huge = 3.4e38
  const kinds: ((i: number) => number)[] = [
    () => 1,
    () => 1e-45,
    () => huge,
    (i) => (i % 2 === 0 ? huge : -huge),
    () => -huge,
    (i) => (i === 0 ? 1e-40 : 0),
    (i) => (i === 0 ? huge : 1e-45),
    () => (metric === 'cosine' ? 2 : 0),
    (i) => 1 / (i + 1),
    (i) => (i % 3) - 1 + 1e-7,
  ]
  const set = normalSet(metric, 12, dimensions, 8)
  kinds.forEach((kind, row) => {
    for (let i = 0; i < dimensions; i++) set.vectors[row * dimensions + i] = kind(i)
  })
  return scaledSet(set, () => 1)
}
