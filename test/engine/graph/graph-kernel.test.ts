import { graphKernelSuite } from '../../suites/graph-kernel-suite.ts'
import type { VectorSet } from './graph-fixture.ts'
import { clusterSet, normalSet, repeatedSet, scaledSet } from './vector-sets.ts'

for (const metric of ['cosine', 'euclidean', 'dot'] as const) {
  // Every shape of a code's end: whole and half groups of 32, whole and half pieces of 16, none and some left over.
  for (const dimensions of metric === 'cosine' ? [1, 2, 7, 32, 33, 40, 50, 64, 84, 100, 127] : [2, 31, 44, 83]) {
    graphKernelSuite(`${metric}, ${dimensions} dimensions`, normalSet(metric, 72, dimensions, dimensions))
  }
}

graphKernelSuite('768 dimensions', normalSet('cosine', 60, 768))
graphKernelSuite('8,192 dimensions', normalSet('euclidean', 20, 8192))
graphKernelSuite('clusters around a centre', {
  ...clusterSet('euclidean', 200, 48, 10, 0.05),
  centre: Float64Array.from({ length: 48 }, (_, i) => i / 7 - 3),
})
graphKernelSuite('a scale', normalSet('euclidean', 80, 36), { scale: 2 ** -40 })
graphKernelSuite('equal vectors', repeatedSet(120, 40, 0.6))

for (const metric of ['cosine', 'euclidean', 'dot'] as const) {
  for (const dimensions of [3, 40, 8192]) {
    graphKernelSuite(`${metric}, extremes of ${dimensions} dimensions`, extremes(metric, dimensions))
  }
}

/** Constant, subnormal, huge, one-sided, sparse and, where the metric takes it, zero vectors. */
function extremes(metric: VectorSet['metric'], dimensions: number): VectorSet {
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
