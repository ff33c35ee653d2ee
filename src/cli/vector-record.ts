/** What stands in a vector file, with the words for where it stands. */
export interface VectorRecord {
  readonly id: string
  readonly vector: Float32Array
  readonly metadata?: Record<string, unknown>
  /** Such as `vectors.jsonl, line 12`. */
  readonly where: string
}
