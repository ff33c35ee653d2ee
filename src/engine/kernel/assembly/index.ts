// Entry points of the scan kernel. The loader has filled the areas of layout.ts and checked every argument.
import { DEAD_AT, NORMS_AT, PIECE_AT, SUMS_AT } from './layout'
import { offer, worstScore } from './selection'
import { dotFour, squaresFour, widenQuery } from './sums'

export { widenQuery }

const ALL_FOUR: u32 = 15

/** Offers the rows of the piece by 1 - cos; returns the new count of the selection. */
export function scanCosine(
  dimensions: u32, rows: u32, firstSlot: u32, firstBit: u32, k: u32, count: u32, queryNorm: f64,
): u32 {
  const stride: usize = dimensions << 2
  for (let row: u32 = 0; row < rows; row += 4) {
    const excluded = excludedOfFour(row, rows, firstBit)
    if (excluded === ALL_FOUR) continue
    const first = PIECE_AT + row * stride
    dotFour(first, address(first, 1, row, rows, stride), address(first, 2, row, rows, stride),
      address(first, 3, row, rows, stride), dimensions)
    const norms = NORMS_AT + (row << 3)
    v128.store(SUMS_AT, cosineScores(v128.load(SUMS_AT), v128.load(norms), queryNorm))
    v128.store(SUMS_AT + 16, cosineScores(v128.load(SUMS_AT + 16), v128.load(norms + 16), queryNorm))
    count = offerFour(k, count, firstSlot + row, excluded)
  }
  return count
}

/** Offers the rows of the piece by minus the dot product; returns the new count of the selection. */
export function scanDot(dimensions: u32, rows: u32, firstSlot: u32, firstBit: u32, k: u32, count: u32): u32 {
  const stride: usize = dimensions << 2
  const zero = f64x2.splat(0)
  for (let row: u32 = 0; row < rows; row += 4) {
    const excluded = excludedOfFour(row, rows, firstBit)
    if (excluded === ALL_FOUR) continue
    const first = PIECE_AT + row * stride
    dotFour(first, address(first, 1, row, rows, stride), address(first, 2, row, rows, stride),
      address(first, 3, row, rows, stride), dimensions)
    v128.store(SUMS_AT, f64x2.sub(zero, v128.load(SUMS_AT)))
    v128.store(SUMS_AT + 16, f64x2.sub(zero, v128.load(SUMS_AT + 16)))
    count = offerFour(k, count, firstSlot + row, excluded)
  }
  return count
}

/** Offers the rows of the piece by squared distance; returns the new count of the selection. */
export function scanEuclidean(dimensions: u32, rows: u32, firstSlot: u32, firstBit: u32, k: u32, count: u32): u32 {
  const stride: usize = dimensions << 2
  for (let row: u32 = 0; row < rows; row += 4) {
    const excluded = excludedOfFour(row, rows, firstBit)
    if (excluded === ALL_FOUR) continue
    const first = PIECE_AT + row * stride
    squaresFour(first, address(first, 1, row, rows, stride), address(first, 2, row, rows, stride),
      address(first, 3, row, rows, stride), dimensions)
    count = offerFour(k, count, firstSlot + row, excluded)
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

/** Where row `row + ahead` lies. Past the last row it is `first` again, whose sum is computed but not offered. */
@inline
function address(first: usize, ahead: u32, row: u32, rows: u32, stride: usize): usize {
  return row + ahead < rows ? first + ahead * stride : first
}

/** 1 - dot / (queryNorm * norm), held within [0, 2]. What is not a number, by a norm of zero, becomes 2. */
@inline
function cosineScores(dots: v128, norms: v128, queryNorm: f64): v128 {
  const cosines = f64x2.div(dots, f64x2.mul(f64x2.splat(queryNorm), norms))
  const scores = f64x2.sub(f64x2.splat(1), cosines)
  return f64x2.pmax(f64x2.splat(0), f64x2.pmin(f64x2.splat(2), scores))
}

/** Offers the four scores at SUMS_AT. Nearly always none is near enough, which one branch finds out. */
@inline
function offerFour(k: u32, count: u32, slot: u32, excluded: u32): u32 {
  const worst = f64x2.splat(worstScore(k, count))
  const near = v128.or(f64x2.le(v128.load(SUMS_AT), worst), f64x2.le(v128.load(SUMS_AT + 16), worst))
  if (!v128.any_true(near)) return count
  for (let i: u32 = 0; i < 4; i++) {
    if ((excluded >> i) & 1) continue
    count = offer(k, count, load<f64>(SUMS_AT + (i << 3)), slot + i)
  }
  return count
}
