// Entry points of the scan kernel. The loader has filled the areas of layout.ts and checked every argument.
import { dotsBeyond, squaresBeyond } from './bounds'
import { DEAD_AT, EUCLIDEAN, NORMS_AT, PIECE_AT, QUERY_AT, SCORES_AT, WIDE_QUERY_AT } from './layout'
import { allBeyond, toScores } from './scores'
import { offer, worstScore } from './selection'
import { dotFour, squaresFour } from './sums'

// Of an instance that holds codes; it scans nothing else.
export { findNear } from './bound'
export { encodeQuery, encodeRows } from './encode'

const ALL_FOUR: u32 = 15

/** Widens the query to f64, and fills the last step of both forms with zeros. */
export function prepareQuery(dimensions: u32): void {
  for (let i: u32 = dimensions; (i & 3) !== 0; i++) store<f32>(QUERY_AT + (i << 2), 0)
  for (let i: u32 = 0; i < dimensions; i += 4) {
    const four = v128.load(QUERY_AT + (i << 2))
    const at = WIDE_QUERY_AT + (i << 3)
    v128.store(at, f64x2.promote_low_f32x4(four))
    v128.store(at, f64x2.promote_low_f32x4(v128.shuffle<i64>(four, four, 1, 1)), 16)
  }
}

/** Offers the rows of the piece to the selection, whose new count it returns. */
export function scan(
  metric: u32, dimensions: u32, rows: u32, firstSlot: u32, firstBit: u32, k: u32, count: u32, queryNorm: f64,
): u32 {
  const stride: u32 = dimensions << 2
  // After a block that was near the next may well be, as with a large k: bounds would be wasted on it.
  let near = count < k
  for (let row: u32 = 0; row < rows; row += 4) {
    const excluded = excludedOfFour(row, rows, firstBit)
    if (excluded === ALL_FOUR) continue
    // Past the last row the first one is taken again: it is computed, but not offered.
    const a: u32 = PIECE_AT + row * stride
    const b = row + 1 < rows ? a + stride : a
    const c = row + 2 < rows ? a + 2 * stride : a
    const d = row + 3 < rows ? a + 3 * stride : a
    const norms: u32 = NORMS_AT + (row << 3)
    const worst = worstScore(k, count)
    if (metric === EUCLIDEAN) {
      if (!near && squaresBeyond(worst, a, b, c, d, dimensions)) continue
      squaresFour(a, b, c, d, dimensions)
    } else {
      if (!near && dotsBeyond(metric, norms, queryNorm, worst, a, b, c, d, dimensions)) continue
      dotFour(a, b, c, d, dimensions)
    }
    near = scoreFour(metric, norms, queryNorm, worst)
    if (near) count = offerFour(k, count, firstSlot + row, excluded)
  }
  return count
}

/** Bits of the four rows from `row` that must not be offered: the dead, and those past the last row. */
@inline
function excludedOfFour(row: u32, rows: u32, firstBit: u32): u32 {
  const bit = firstBit + row
  const dead = (<u32>load<u16>(DEAD_AT + (bit >> 3)) >> (bit & 7)) & ALL_FOUR
  const left = rows - row
  return left < 4 ? dead | (ALL_FOUR & (ALL_FOUR << left)) : dead
}

/** Turns the four sums at SCORES_AT into scores; returns whether any of them is not beyond `worst`. */
@inline
function scoreFour(metric: u32, norms: usize, queryNorm: f64, worst: f64): bool {
  const ab = toScores(metric, v128.load(SCORES_AT), norms, queryNorm)
  const cd = toScores(metric, v128.load(SCORES_AT, 16), norms + 16, queryNorm)
  v128.store(SCORES_AT, ab)
  v128.store(SCORES_AT, cd, 16)
  return !allBeyond(ab, cd, worst)
}

/** Offers the four scores at SCORES_AT, except the excluded; returns the new count. */
@inline
function offerFour(k: u32, count: u32, slot: u32, excluded: u32): u32 {
  for (let i: u32 = 0; i < 4; i++) {
    if ((excluded >> i) & 1) continue
    count = offer(k, count, load<f64>(SCORES_AT + (i << 3)), slot + i)
  }
  return count
}
