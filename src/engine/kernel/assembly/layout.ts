// The kernel's memory. This file is read by the AssemblyScript compiler and by the loader alike, so both agree on every address.
//
//   address      bytes     area
//   0            64        nothing, so that no area starts at address 0
//   64           64        sums of the four rows at hand, f64 each; the rest is padding
//   128          32,768    query as given, f32
//   32,896       65,536    query widened to f64
//   98,432       16,384    norms of the rows of a piece, f64
//   114,816      320       dead bits of the rows of a piece; two bytes more than needed, since bits are read 16 at a time
//   115,136      262,144   piece: vectors, f32, row by row
//   377,280      12 * k    selection: k scores f64, then k slots u32; memory grows when a larger k arrives
//
// The piece and everything else that a call touches stay in a second-level cache of 512 KiB.

/** Most dimensions of a vector; MAX_DIMENSIONS is not above it. */
export const QUERY_DIMENSIONS = 8192
/** Most rows of a piece. It matters for short vectors only: from 32 dimensions on, PIECE_BYTES is the tighter bound. */
export const PIECE_ROWS = 2048
export const PIECE_BYTES = 256 * 1024

export const SUMS_AT = 64
export const QUERY_AT = SUMS_AT + 64
export const WIDE_QUERY_AT = QUERY_AT + QUERY_DIMENSIONS * 4
export const NORMS_AT = WIDE_QUERY_AT + QUERY_DIMENSIONS * 8
export const DEAD_AT = NORMS_AT + PIECE_ROWS * 8
export const PIECE_AT = DEAD_AT + PIECE_ROWS / 8 + 64
export const SELECTION_AT = PIECE_AT + PIECE_BYTES
