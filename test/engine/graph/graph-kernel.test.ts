import { graphKernelSuite } from '../../suites/graph-kernel-suite.ts'
import { extremes } from './extreme-sets.ts'
import { clusterSet, normalSet, repeatedSet } from './vector-sets.ts'

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
