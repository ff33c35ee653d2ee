// The kernel's memory. The AssemblyScript compiler and the loader both read this file, so they agree on every address.
//
//   address      bytes     area
//   0            64        nothing, so that no area starts at address 0
//   64           64        scores of the four rows at hand, f64 each; the rest is padding
//   128          32,768    query as given, f32, filled with zeros to a multiple of four
//   32,896       65,536    query widened to f64, filled with zeros to a multiple of four
//   98,432       16,384    norms of the rows of a piece, f64
//   114,816      320       dead bits of the rows of a piece, with room for reading 16 bits at a time
//   115,136      262,144   piece: vectors, f32, row by row
//   377,280      12 * k    selection: k scores f64, then k slots u32; memory grows when a larger k arrives
//
// A piece stays in a second-level cache of 512 KiB. Measured over 136 MB (n = 21): pieces of 64 KiB are 4 % slower, of
// 128 KiB 1-2 %.

/** Most dimensions of a vector; MAX_DIMENSIONS is not above it. */
export const QUERY_DIMENSIONS = 8192
/** Most rows of a piece. It matters for short vectors only: from 32 dimensions on, PIECE_BYTES is the tighter bound. */
export const PIECE_ROWS = 2048
export const PIECE_BYTES = 256 * 1024

export const SCORES_AT = 64
export const QUERY_AT = SCORES_AT + 64
export const WIDE_QUERY_AT = QUERY_AT + QUERY_DIMENSIONS * 4
export const NORMS_AT = WIDE_QUERY_AT + QUERY_DIMENSIONS * 8
export const DEAD_AT = NORMS_AT + PIECE_ROWS * 8
export const PIECE_AT = DEAD_AT + PIECE_ROWS / 8 + 64
export const SELECTION_AT = PIECE_AT + PIECE_BYTES

/** Numbers of the metrics across the border. */
export const COSINE = 0
export const EUCLIDEAN = 1
export const DOT = 2
