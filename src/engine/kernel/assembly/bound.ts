// Bounds on the scores of rows from their codes, and the rows that may be among the k nearest because of them.
//
// In encode.ts: x = c + s * n + e and q = v * m + r (or q - c, under euclidean). I is the integer dot product of n and m.
//
// dot, cosine.  dot(q, x) = dot(q, c) + s * dot(q, n) + dot(q, e), and dot(q, n) = v * I + dot(r, n). So it is within
//   dot(q, c) + s * v * I  +-  (s * spread + |q| * |e|),  by Cauchy and Schwarz.
//   The scan kernel's own sum is off by (d / 4 + 2) * u * |q| * |x| at most, and this formula in float64 by
//   (d + 8) * u * |q| * (|t| + |c|); both together are less than 2^-39 * |q| * (|t| + |c|), by which the row's error is
//   larger than it need be. Under cosine all of it is divided by the norm of the row, when that is encoded, and of the query;
//   these steps, and those of the scan kernel, are off by less than 8 * u, a little part of what is left of that 2^-39,
//   since |t| + |c| is not below |x|. A cosine that rounding has put beyond 1 is beyond it by less than that, too, so that
//   bounds need not be held within [0, 2] as scores are.
// euclidean.  With y = q - c:  |x - q| = |s * n - y + e| is within |s * n - y| +- |e|, and
//   |s * n - y|^2 = s^2 * |n|^2 + |y|^2 - 2 * s * (v * I +- spread), off by less than SLACK of the first two where it is
//   computed, which covers the rounding of y as well. The scan kernel's own sum of squares is off by (d / 4 + 4) * u of
//   itself, less than SLACK.
//
// A row is passed over when its lower bound is above what k others are certainly not above.
import {
  BOUNDS_AT, EXCLUDED_AT, FOUND_AT, GROUPS_AT, MOST_FOUND, QUERY_BASE, QUERY_CODES_AT, QUERY_LENGTH, QUERY_SPREAD,
  QUERY_STEP, SCORES_AT, TOO_MANY_FOUND,
} from './codes-layout'
import { DOT, EUCLIDEAN } from './layout'
import { allBeyond } from './scores'

const ALL_FOUR: u32 = 15
const SLACK: f64 = 2.0 ** -38

/**
 * Finds the rows from `firstRow` up to `endRow` that may be among the k nearest, excluded ones left out. The heap holds
 * `count` scores to begin with. Writes their numbers to FOUND_AT, rising, as u32; returns how many they are, or
 * TOO_MANY_FOUND where they are more than `most`.
 */
export function findNear(
  metric: u32, dimensions: u32, firstRow: u32, endRow: u32, k: u32, count: u32, most: u32, queryNorm: f64,
): u32 {
  const bytes = (dimensions + 7) & ~7
  const stride = bytes * 4 + 96
  const base = f64x2.splat(load<f64>(QUERY_BASE)), step = f64x2.splat(load<f64>(QUERY_STEP))
  const spread = f64x2.splat(load<f64>(QUERY_SPREAD)), length = f64x2.splat(load<f64>(QUERY_LENGTH))
  const share = f64x2.splat(1 / queryNorm)
  const room = min<u32>(MOST_FOUND, most * 2 + 64)
  let found: u32 = 0
  let worst = count < k ? Infinity : load<f64>(BOUNDS_AT)
  let group: usize = GROUPS_AT + (firstRow >> 2) * stride
  for (let row: u32 = firstRow & ~3; row < endRow; row += 4, group += stride) {
    const excluded = excludedOfFour(row, firstRow, endRow)
    if (excluded === ALL_FOUR) continue
    const factors = group + bytes * 4
    const dots = dotsOfFour(group, bytes)
    const ab = f64x2.mul(step, f64x2.convert_low_i32x4_s(dots))
    const cd = f64x2.mul(step, f64x2.convert_low_i32x4_s(v128.shuffle<i64>(dots, dots, 1, 1)))
    const abLow = lowScores(metric, base, spread, length, ab, factors, share)
    const cdLow = lowScores(metric, base, spread, length, cd, factors + 16, share)
    if (allBeyond(abLow, cdLow, worst)) continue
    if (found + 4 > room) {
      found = keepNear(found, worst)
      if (found > most) return TOO_MANY_FOUND
    }
    v128.store(SCORES_AT, abLow)
    v128.store(SCORES_AT, cdLow, 16)
    v128.store(SCORES_AT, highScores(metric, base, spread, length, ab, factors, share), 32)
    v128.store(SCORES_AT, highScores(metric, base, spread, length, cd, factors + 16, share), 48)
    for (let i: u32 = 0; i < 4; i++) {
      const low = load<f64>(SCORES_AT + (i << 3))
      if ((excluded >> i) & 1 || low > worst) continue
      store<u32>(FOUND_AT + (found << 4), row + i)
      store<f64>(FOUND_AT + (found << 4), low, 8)
      found++
      const high = load<f64>(SCORES_AT + (i << 3), 32)
      if (!(high < worst)) continue
      if (count < k) siftUp(count++, high)
      else siftDown(count, high)
      if (count === k) worst = load<f64>(BOUNDS_AT)
    }
  }
  found = keepNear(found, worst)
  if (found > most) return TOO_MANY_FOUND
  for (let i: u32 = 0; i < found; i++) store<u32>(FOUND_AT + (i << 2), load<u32>(FOUND_AT + (i << 4)))
  return found
}

/** Bits of the four rows from `row` that are excluded, or before the first or past the last. */
@inline
function excludedOfFour(row: u32, firstRow: u32, endRow: u32): u32 {
  const bit = row - (firstRow & ~7)
  let excluded = (<u32>load<u8>(EXCLUDED_AT + (bit >> 3)) >> (bit & 7)) & ALL_FOUR
  if (row < firstRow) excluded |= ALL_FOUR >> (4 - (firstRow & 3))
  return row + 4 > endRow ? excluded | (ALL_FOUR & (ALL_FOUR << (endRow & 3))) : excluded
}

@inline
function addSixteen(sum: v128, codes: usize, low: v128, high: v128): v128 {
  return i32x4.add(sum, i32x4.add(
    i32x4.dot_i16x8_s(v128.load_ext<i8>(codes), low),
    i32x4.dot_i16x8_s(v128.load_ext<i8>(codes, 8), high)))
}

/** Dot products of the query's codes with those of the four rows of a group: below 2^31, see encode.ts. */
@inline
function dotsOfFour(group: usize, bytes: u32): v128 {
  let a = i32x4.splat(0), b = i32x4.splat(0), c = i32x4.splat(0), d = i32x4.splat(0)
  let ofB = group + bytes, ofC = ofB + bytes, ofD = ofC + bytes
  let query: usize = QUERY_CODES_AT
  const end = query + <usize>((bytes & ~15) << 1)
  while (query < end) {
    const low = v128.load(query), high = v128.load(query, 16)
    a = addSixteen(a, group, low, high)
    b = addSixteen(b, ofB, low, high)
    c = addSixteen(c, ofC, low, high)
    d = addSixteen(d, ofD, low, high)
    query += 32
    group += 16
    ofB += 16
    ofC += 16
    ofD += 16
  }
  if (bytes & 8) {
    const low = v128.load(query)
    a = i32x4.add(a, i32x4.dot_i16x8_s(v128.load_ext<i8>(group), low))
    b = i32x4.add(b, i32x4.dot_i16x8_s(v128.load_ext<i8>(ofB), low))
    c = i32x4.add(c, i32x4.dot_i16x8_s(v128.load_ext<i8>(ofC), low))
    d = i32x4.add(d, i32x4.dot_i16x8_s(v128.load_ext<i8>(ofD), low))
  }
  const ab = i32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7))
  const cd = i32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7))
  return i32x4.add(v128.shuffle<i64>(ab, cd, 0, 2), v128.shuffle<i64>(ab, cd, 1, 3))
}

/** Lower bounds on the scores of two rows. */
@inline
function lowScores(metric: u32, base: v128, spread: v128, length: v128, dots: v128, factors: usize, share: v128): v128 {
  const scales = v128.load(factors), errors = v128.load(factors, 32)
  const most = f64x2.mul(scales, f64x2.add(dots, spread))
  if (metric !== EUCLIDEAN) {
    const error = f64x2.mul(length, errors)
    if (metric === DOT) return f64x2.neg(f64x2.add(f64x2.add(base, most), error))
    const product = f64x2.add(f64x2.add(f64x2.mul(base, v128.load(factors, 64)), most), error)
    return f64x2.sub(f64x2.splat(1), f64x2.mul(product, share))
  }
  const squares = f64x2.mul(f64x2.add(v128.load(factors, 64), base), f64x2.splat(1 - SLACK))
  const square = f64x2.sub(squares, f64x2.add(most, most))
  const root = f64x2.sub(f64x2.sqrt(f64x2.pmax(f64x2.splat(0), square)), errors)
  const least = f64x2.pmax(f64x2.splat(0), root)
  return f64x2.mul(f64x2.mul(least, least), f64x2.splat(1 - SLACK))
}

/** Upper bounds on them. */
@inline
function highScores(metric: u32, base: v128, spread: v128, length: v128, dots: v128, factors: usize, share: v128): v128 {
  const scales = v128.load(factors), errors = v128.load(factors, 32)
  const least = f64x2.mul(scales, f64x2.sub(dots, spread))
  if (metric !== EUCLIDEAN) {
    const error = f64x2.mul(length, errors)
    if (metric === DOT) return f64x2.neg(f64x2.sub(f64x2.add(base, least), error))
    const product = f64x2.sub(f64x2.add(f64x2.mul(base, v128.load(factors, 64)), least), error)
    return f64x2.sub(f64x2.splat(1), f64x2.mul(product, share))
  }
  const squares = f64x2.mul(f64x2.add(v128.load(factors, 64), base), f64x2.splat(1 + SLACK))
  const square = f64x2.sub(squares, f64x2.add(least, least))
  const root = f64x2.add(f64x2.sqrt(f64x2.pmax(f64x2.splat(0), square)), errors)
  return f64x2.mul(f64x2.mul(root, root), f64x2.splat(1 + SLACK))
}

/** Of the rows that were found, those that are not beyond the worst by now; returns how many. */
function keepNear(found: u32, worst: f64): u32 {
  let kept: u32 = 0
  for (let i: u32 = 0; i < found; i++) {
    const low = load<f64>(FOUND_AT + (i << 4), 8)
    if (low > worst) continue
    store<u32>(FOUND_AT + (kept << 4), load<u32>(FOUND_AT + (i << 4)))
    store<f64>(FOUND_AT + (kept << 4), low, 8)
    kept++
  }
  return kept
}

@inline
function boundAt(index: u32): usize {
  return BOUNDS_AT + (index << 3)
}

/** Moves the free place at `index` up to where a bound belongs. */
function siftUp(index: u32, bound: f64): void {
  while (index > 0) {
    const parent = (index - 1) >> 1
    if (!(bound > load<f64>(boundAt(parent)))) break
    store<f64>(boundAt(index), load<f64>(boundAt(parent)))
    index = parent
  }
  store<f64>(boundAt(index), bound)
}

/** Drops the worst and moves its place down to where a bound belongs. */
function siftDown(count: u32, bound: f64): void {
  let index: u32 = 0
  for (let child: u32 = 1; child < count; child = index * 2 + 1) {
    if (child + 1 < count && load<f64>(boundAt(child + 1)) > load<f64>(boundAt(child))) child++
    if (!(load<f64>(boundAt(child)) > bound)) break
    store<f64>(boundAt(index), load<f64>(boundAt(child)))
    index = child
  }
  store<f64>(boundAt(index), bound)
}
