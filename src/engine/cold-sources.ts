// Chunks whose content is not in memory. The engine knows no files: whoever takes a chunk out of memory hands in where it is
// read from instead. What is handed out was verified; a read that cannot be throws `ERR_CHUNK_CORRUPT`, or what the files say.

/** The rows of a chunk, read when they are asked for. */
export interface ColdRows {
  /** Fills `target` with whole rows from `row` of the chunk on. */
  read(row: number, target: Uint8Array): void
}

/** The values of a chunk, read when they are asked for. */
export interface ColdValues {
  /** Bytes that a row's value has, `undefined` where there is none. Reads nothing. */
  lengthOf(row: number): number | undefined
  /** The value of a row, in memory of its own. */
  read(row: number): Uint8Array | undefined
  memoryBytes(): number
}
