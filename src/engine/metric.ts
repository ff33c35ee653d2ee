/** How two vectors are compared. `distance` is smaller-is-nearer in each: 1 - cos, true euclidean distance, minus the dot product. */
export type Metric = 'cosine' | 'euclidean' | 'dot'

export const METRICS: readonly Metric[] = ['cosine', 'euclidean', 'dot']

export function isMetric(value: unknown): value is Metric {
  return METRICS.includes(value as Metric)
}
