// The memory of an instance that holds codes of rows. It is another memory than that of layout.ts. The AssemblyScript
// compiler and the loader both read this file.
//
//   address      bytes     area
//   0            64        nothing, so that no area starts at address 0
//   64           64        what is known of the query: f64 each, below
//   128          64        lower bounds of the four rows at hand, f64, and their upper bounds
//   192          16,384    codes of the query, i16, filled with zeros to a multiple of eight
//   16,576       32,768    centre, f32
//   49,344       32,768    rows to be encoded, or the query, f32
//   82,112       4,096     norms of the rows to be encoded, f64
//   86,208       2,112     excluded bits of the rows that are looked at
//   88,320       8,192     the least upper bounds, f64: a heap, worst first
//   96,512       65,536    rows that may be near: a number, u32, and eight bytes behind it the lower bound, f64
//   162,048      to the end of memory: rows in groups of four
//
//   a group: 4 rows of codes, i8, each filled with zeros to a multiple of eight, then f64 for each of the four:
//   scale | error | squared length of what the codes stand for
//   but under cosine:  scale / norm | error / norm | 1 / norm

/** Most rows that are looked at in one call. */
export const LOOKED_ROWS = 16_384
/** Most rows that are handed in to be encoded. */
export const STAGED_ROWS = 512
export const STAGED_BYTES = 32_768
/** Most hits for which there is a heap. */
export const MOST_BOUNDS = 1024
export const MOST_FOUND = 4096

/** Its dot product with the centre (cosine, dot), or the squared length of what is left without the centre (euclidean). */
export const QUERY_BASE = 64
/** What a code of the query stands for. */
export const QUERY_STEP = 72
/** How far a dot product with a row may be off for the query's own codes, in scales of the row. */
export const QUERY_SPREAD = 80
/** At least its length. */
export const QUERY_LENGTH = 88
export const SCORES_AT = 128
export const QUERY_CODES_AT = SCORES_AT + 64
export const CENTRE_AT = QUERY_CODES_AT + 8192 * 2
export const STAGED_AT = CENTRE_AT + 8192 * 4
export const STAGED_NORMS_AT = STAGED_AT + STAGED_BYTES
export const EXCLUDED_AT = STAGED_NORMS_AT + STAGED_ROWS * 8
export const BOUNDS_AT = EXCLUDED_AT + LOOKED_ROWS / 8 + 64
export const FOUND_AT = BOUNDS_AT + MOST_BOUNDS * 8
export const GROUPS_AT = FOUND_AT + MOST_FOUND * 16

/** Returned where more rows may be near than it pays to look at one by one. */
export const TOO_MANY_FOUND = 0xffffffff

/** Bytes of the codes of one row. */
export function codeBytes(dimensions: number): number {
  return Math.ceil(dimensions / 8) * 8
}

/** Bytes of four rows with their factors. */
export function groupBytes(dimensions: number): number {
  return codeBytes(dimensions) * 4 + 96
}
