/** How two vectors are compared. `distance` is smaller-is-nearer in each: 1 - cos, true euclidean distance, minus the dot product. */
export type Metric = 'cosine' | 'euclidean' | 'dot'

export const METRICS: readonly Metric[] = ['cosine', 'euclidean', 'dot']

export function isMetric(value: unknown): value is Metric {
  return METRICS.includes(value as Metric)
}

/**
 * How entries of a collection are compared, as its users say it: `hamming` is how many of their bits differ. That is the square of
 * the euclidean distance of the same bits as numbers, so what computes knows no such metric.
 */
export type DistanceMetric = Metric | 'hamming'

/** In the order of the format. */
export const DISTANCE_METRICS: readonly DistanceMetric[] = [...METRICS, 'hamming']

export function isDistanceMetric(value: unknown): value is DistanceMetric {
  return DISTANCE_METRICS.includes(value as DistanceMetric)
}

/** What distances of a metric are computed by. */
export function computedMetric(metric: DistanceMetric): Metric {
  return metric === 'hamming' ? 'euclidean' : metric
}

/** The distance that a score of a scan stands for. */
export function distanceOfScore(metric: DistanceMetric, score: number): number {
  return metric === 'euclidean' ? Math.sqrt(score) : score
}
