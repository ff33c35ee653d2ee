// Codes of one bit a dimension, and the two records that the kernel is told of. The AssemblyScript compiler and TypeScript
// both read this file. Nothing has a fixed address: the functions take those of the records, so they can work on any memory.
//
// A code is one run of bytes at a multiple of 16; `padded` is the number of dimensions filled up to a multiple of 128:
//
//   offset           bytes        field
//   0                padded / 8   bit i & 7 of byte i >> 3: whether component i of the rotated direction is not below zero
//   padded / 8       4            bias, f32
//   padded / 8 + 4   4            scale, f32
//   padded / 8 + 8   4            spread, f32
//   padded / 8 + 12  4            alignment, f32: the dot product of code and direction, both of length 1
//
// 100 dimensions make 32 bytes, 256 make 48, 768 make 112, 1,536 make 208.
//
// A query has levels of 4 bits. Level u stands for the odd number 2u - 15, and a bit b of a code for 2b - 1. Written in bits
// of u and b both are sums of signs, so the dot product is 15 * padded - 2 * (sum of 2^j * ones(code xor plane j)): whatever
// the code, nothing but the bits that differ has to be counted. Plane j of 128 dimensions is 16 bytes, and behind it is plane
// j + 1 of the same dimensions.

/** Dimensions of one group, which a vector of 16 bytes holds. */
export const GROUP_DIMENSIONS = 128
export const CODE_FACTOR_BYTES = 16
export const PLANES = 4

/** Positions of a block of codes. */
export const CODE_BLOCK_SHIFT = 14
export const CODE_BLOCK_POSITIONS = 1 << CODE_BLOCK_SHIFT
export const CODE_BLOCK_MASK = CODE_BLOCK_POSITIONS - 1
export const MOST_CODE_BLOCKS = 1024

/** Most positions that one call compares: about 50 us of 1,536 dimensions. */
export const MOST_ESTIMATES = 1024

/** What codes are made by, the same for every thread: one word each unless said otherwise. */
export const FRAME_DIMENSIONS = 0
export const FRAME_PADDED = 4
export const FRAME_METRIC = 8
/** Dimensions of one fast transform: the greatest power of two that is not above `padded`. */
export const FRAME_WINDOW = 12
export const FRAME_ROUNDS = 16
/** A word a round and dimension: the sign bit, set where the component changes its sign. */
export const FRAME_SIGNS_AT = 20
/** f64 each, filled with zeros to `padded`. */
export const FRAME_CENTRE_AT = 24
export const FRAME_STRIDE = 28
/** f64. */
export const FRAME_SCALE = 32
/** The address of each block. */
export const FRAME_BLOCKS = 64
export const FRAME_BYTES = FRAME_BLOCKS + MOST_CODE_BLOCKS * 4

/** What one thread works with: addresses of its arrays, and its query. */
export const SCRATCH_VECTOR_AT = 0
export const SCRATCH_WORK_AT = 4
export const SCRATCH_UNIT_AT = 8
export const SCRATCH_PLANES_AT = 12
/** Positions, their addresses, and what comes of them: MOST_ESTIMATES and three more, as they are taken in fours. */
export const SCRATCH_POSITIONS_AT = 16
export const SCRATCH_ADDRESSES_AT = 20
export const SCRATCH_ESTIMATES_AT = 24
export const SCRATCH_DEVIATIONS_AT = 28
/** f32 each. */
export const SCRATCH_QUERY_BIAS = 32
export const SCRATCH_QUERY_SCALE = 36
export const SCRATCH_QUERY_SPREAD = 40
export const SCRATCH_QUERY_ERROR = 44
/** What lines were touched for: a sum that nobody reads. */
export const SCRATCH_SINK = 48
export const SCRATCH_BYTES = 64

/** Numbers of the metrics across the border. */
export const COSINE = 0
export const EUCLIDEAN = 1
export const DOT = 2
