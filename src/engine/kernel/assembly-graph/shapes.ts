// Sizes of codes, by dimensions. The loader has its own copy of these two lines of arithmetic.
import { EIGHT } from './layout'

/** Bytes of a wide code without its factors. */
export function wideCodeBytes(dimensions: u32, kind: u32): u32 {
  return kind === EIGHT ? (dimensions + 7) & ~7 : ((dimensions + 3) & ~3) << 2
}

/** Bytes of a narrow code without its factors: 16 a group of 32 dimensions, 8 a half group. */
export function narrowCodeBytes(dimensions: u32): u32 {
  const left = dimensions & 31
  const half: u32 = left === 0 ? 0 : left > 16 ? 16 : 8
  return ((dimensions >> 5) << 4) + half
}
