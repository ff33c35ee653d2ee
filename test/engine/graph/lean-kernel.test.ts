import { leanKernelSuite } from '../../suites/lean-kernel-suite.ts'
import { extremes } from './extreme-sets.ts'
import { clusterSet, normalSet, repeatedSet } from './vector-sets.ts'

for (const metric of ['cosine', 'euclidean', 'dot'] as const) {
  // Codes as floats, of whole and half groups, in one group of one bit a dimension and in two.
  for (const dimensions of metric === 'cosine' ? [1, 7, 32, 33, 100, 128, 200] : [2, 31, 83]) {
    leanKernelSuite(`${metric}, ${dimensions} dimensions`, normalSet(metric, 72, dimensions, dimensions))
  }
}

leanKernelSuite('768 dimensions', normalSet('cosine', 60, 768))
leanKernelSuite('1,100 dimensions, of which a step expands one node', normalSet('euclidean', 60, 1100))
leanKernelSuite('8,192 dimensions', normalSet('euclidean', 20, 8192))
leanKernelSuite('clusters around a centre', {
  ...clusterSet('euclidean', 200, 48, 10, 0.05),
  centre: Float64Array.from({ length: 48 }, (_, i) => i / 7 - 3),
})
leanKernelSuite('a scale', normalSet('euclidean', 80, 36), { scale: 2 ** -40 })
leanKernelSuite('equal vectors', repeatedSet(120, 40, 0.6))

for (const metric of ['cosine', 'euclidean', 'dot'] as const) {
  for (const dimensions of [3, 40]) {
    leanKernelSuite(`${metric}, extremes of ${dimensions} dimensions`, extremes(metric, dimensions))
  }
}
