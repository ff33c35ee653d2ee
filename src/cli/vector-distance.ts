import type { Metric } from '../store/public.ts'

/**
 * The distance of two vectors in float64; bits are 0 and 1. The order of the additions is fixed, so equal vectors are equally far; the store adds
 * in an order of its own, so its distances may differ from these in the last bits.
 */
export function distanceBetween(metric: Metric, left: Float32Array, right: Float32Array): number {
  let dot = 0
  let leftSquares = 0
  let rightSquares = 0
  let differenceSquares = 0
  for (let index = 0; index < left.length; index++) {
    const a = left[index] as number
    const b = right[index] as number
    dot += a * b
    leftSquares += a * a
    rightSquares += b * b
    differenceSquares += (a - b) * (a - b)
  }
  if (metric === 'euclidean') return Math.sqrt(differenceSquares)
  if (metric === 'hamming') return differenceSquares
  return metric === 'dot' ? -dot : 1 - dot / (Math.sqrt(leftSquares) * Math.sqrt(rightSquares))
}
