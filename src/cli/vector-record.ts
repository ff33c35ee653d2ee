/** What stands in a vector file, with the words for where it stands. */
export interface VectorRecord {
  readonly id: string
  /** Bytes where the file has bytes. */
  readonly vector: Float32Array | Uint8Array
  readonly metadata?: Record<string, unknown>
  /** Such as `vectors.jsonl, line 12`. */
  readonly where: string
}

/** A vector whose neighbours are asked for. */
export interface QueryRecord extends VectorRecord {
  readonly vector: Float32Array
}
