import type { GraphParameters } from '../graph/graph-parameters.ts'
import type { ScanQuery } from '../kernel/scan-kernel.ts'

/**
 * Scores of vectors by the distances of their codes, as a scan scores originals: squares (euclidean), 1 - cos, minus the dot
 * product. The graph moves and scales what it codes, and gives a query by dot the length 1.
 */
export function codeScores(
  { metric, scale }: Pick<GraphParameters, 'metric' | 'scale'>,
  { norm }: Pick<ScanQuery, 'norm'>,
  distances: Float32Array,
): Float64Array {
  const factor = metric === 'cosine' ? 1 : metric === 'dot' ? norm / scale : 1 / (scale * scale)
  const scores = Float64Array.from(distances, (distance) => distance * factor)
  // A code may be a little nearer than its vector can be, and a square has a root.
  if (metric === 'euclidean')
    for (let index = 0; index < scores.length; index++) scores[index] = Math.max(0, scores[index]!)
  return scores
}
