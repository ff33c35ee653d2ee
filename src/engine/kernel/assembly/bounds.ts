// Bounds on the float64 sums of four rows, from float32 arithmetic: four lanes an instruction, and no widening.
// A row whose bound is beyond the worst that is kept needs no exact sum; in a long scan nearly every row is such a row.
// In cache, 100 dimensions, ns a row without and with them (Zen 5, median of 24): cosine 16.4 and 11.3, euclidean 20.9
// and 8.5, dot 15.0 and 10.2. Taking A from the norms instead would give 9.1, but then a wrong norm would lose hits.
//
// Why they hold. Let u = 2^-24, d the dimensions, m = ceil(d / 4) the steps: at most 2,048, so m * u < 0.00013.
//   - A float32 product p of x and q is x*q * (1 + e) + f, |e| <= u, |f| <= 2^-150; f is there below 2^-126.
//   - A lane adds m products to 0, with m - 1 roundings. Additions lose nothing to underflow.
//   - So the float32 dot is off by at most 1.001 * (m * u * A + d * 2^-150), where A is the sum of all |x*q|.
//   - The same chain over |p| gives M, and A <= 1.001 * (M + d * 2^-150).
//   - The float64 dot is off by (m + 2) * 2^-53 * A, and evaluating a bound in float64 costs less than 2^-50 * M.
//   - All these together are less than (m + 8) * 2u * M + d * 2^-149, which doubles the leading terms: the margin.
//   - A squared distance is such a sum with M equal to itself and two more roundings, of the difference, in each term.
// Where float32 overflows, M is infinite, and so is the bound, or it is no number: the row then takes the exact path.
import { QUERY_AT } from './layout'
import { allBeyond, toScores } from './scores'
import { pairSums } from './sums'

const DOUBLE_UNIT: f64 = 2.0 ** -23
const DOUBLE_UNDERFLOW: f64 = 2.0 ** -149

/** Whether the scores of four rows, by cosine or dot, are all beyond `worst`. `norms` is where their norms lie. */
export function dotsBeyond(
  metric: u32, norms: usize, queryNorm: f64, worst: f64, a: usize, b: usize, c: usize, d: usize, dimensions: u32,
): bool {
  // A mask in a register: f32x4.abs makes its own anew for each use, which costs 2 ns a row.
  const magnitude = i32x4.splat(0x7fffffff)
  let aSum = f32x4.splat(0), bSum = f32x4.splat(0), cSum = f32x4.splat(0), dSum = f32x4.splat(0)
  let aSize = f32x4.splat(0), bSize = f32x4.splat(0), cSize = f32x4.splat(0), dSize = f32x4.splat(0)
  let query: usize = QUERY_AT
  const end = query + <usize>((dimensions & ~3) << 2)
  while (query < end) {
    const four = v128.load(query)
    const aProduct = f32x4.mul(v128.load(a), four)
    aSum = f32x4.add(aSum, aProduct)
    aSize = f32x4.add(aSize, v128.and(aProduct, magnitude))
    const bProduct = f32x4.mul(v128.load(b), four)
    bSum = f32x4.add(bSum, bProduct)
    bSize = f32x4.add(bSize, v128.and(bProduct, magnitude))
    const cProduct = f32x4.mul(v128.load(c), four)
    cSum = f32x4.add(cSum, cProduct)
    cSize = f32x4.add(cSize, v128.and(cProduct, magnitude))
    const dProduct = f32x4.mul(v128.load(d), four)
    dSum = f32x4.add(dSum, dProduct)
    dSize = f32x4.add(dSize, v128.and(dProduct, magnitude))
    query += 16
    a += 16
    b += 16
    c += 16
    d += 16
  }
  if (dimensions & 3) {
    const four = v128.load(query)
    const aProduct = f32x4.mul(lastOnes(a, dimensions), four)
    aSum = f32x4.add(aSum, aProduct)
    aSize = f32x4.add(aSize, v128.and(aProduct, magnitude))
    const bProduct = f32x4.mul(lastOnes(b, dimensions), four)
    bSum = f32x4.add(bSum, bProduct)
    bSize = f32x4.add(bSize, v128.and(bProduct, magnitude))
    const cProduct = f32x4.mul(lastOnes(c, dimensions), four)
    cSum = f32x4.add(cSum, cProduct)
    cSize = f32x4.add(cSize, v128.and(cProduct, magnitude))
    const dProduct = f32x4.mul(lastOnes(d, dimensions), four)
    dSum = f32x4.add(dSum, dProduct)
    dSize = f32x4.add(dSize, v128.and(dProduct, magnitude))
  }
  // Each step from a dot to a score is monotone, rounding included, so the score of a bound is a bound of the score.
  const ab = atMost(wideSums(aSum, bSum), margins(wideSums(aSize, bSize), dimensions))
  const cd = atMost(wideSums(cSum, dSum), margins(wideSums(cSize, dSize), dimensions))
  return allBeyond(toScores(metric, ab, norms, queryNorm), toScores(metric, cd, norms + 16, queryNorm), worst)
}

/** Whether the squared distances of four rows are all beyond `worst`. */
export function squaresBeyond(worst: f64, a: usize, b: usize, c: usize, d: usize, dimensions: u32): bool {
  let aSum = f32x4.splat(0), bSum = f32x4.splat(0), cSum = f32x4.splat(0), dSum = f32x4.splat(0)
  let query: usize = QUERY_AT
  const end = query + <usize>((dimensions & ~3) << 2)
  while (query < end) {
    const four = v128.load(query)
    aSum = addSquare(aSum, v128.load(a), four)
    bSum = addSquare(bSum, v128.load(b), four)
    cSum = addSquare(cSum, v128.load(c), four)
    dSum = addSquare(dSum, v128.load(d), four)
    query += 16
    a += 16
    b += 16
    c += 16
    d += 16
  }
  if (dimensions & 3) {
    const four = v128.load(query)
    aSum = addSquare(aSum, lastOnes(a, dimensions), four)
    bSum = addSquare(bSum, lastOnes(b, dimensions), four)
    cSum = addSquare(cSum, lastOnes(c, dimensions), four)
    dSum = addSquare(dSum, lastOnes(d, dimensions), four)
  }
  const ab = wideSums(aSum, bSum)
  const cd = wideSums(cSum, dSum)
  // Infinity minus infinity is no number, which is never beyond the worst.
  return allBeyond(f64x2.sub(ab, margins(ab, dimensions)), f64x2.sub(cd, margins(cd, dimensions)), worst)
}

@inline
function addSquare(sum: v128, components: v128, query: v128): v128 {
  const difference = f32x4.sub(components, query)
  return f32x4.add(sum, f32x4.mul(difference, difference))
}

/** The one, two or three components left at the end of a row, and zeros. */
@inline
function lastOnes(at: usize, dimensions: u32): v128 {
  if (!(dimensions & 2)) return v128.load32_zero(at)
  const two = v128.load64_zero(at)
  return dimensions & 1 ? v128.load_lane<u32>(at, two, 2, 8) : two
}

/** lane0 + lane2 and lane1 + lane3, widened. */
@inline
function widened(lanes: v128): v128 {
  return f64x2.add(f64x2.promote_low_f32x4(lanes), f64x2.promote_low_f32x4(v128.shuffle<i64>(lanes, lanes, 1, 1)))
}

/** The sums of the four lanes of two rows, in f64. */
@inline
function wideSums(a: v128, b: v128): v128 {
  return pairSums(widened(a), widened(b))
}

@inline
function margins(sizes: v128, dimensions: u32): v128 {
  const relative = <f64>(((dimensions + 3) >> 2) + 8) * DOUBLE_UNIT
  const absolute = <f64>dimensions * DOUBLE_UNDERFLOW
  return f64x2.add(f64x2.mul(sizes, f64x2.splat(relative)), f64x2.splat(absolute))
}

/** sums + margins, and infinity where that is no number. */
@inline
function atMost(sums: v128, margins: v128): v128 {
  return f64x2.pmin(f64x2.splat(Infinity), f64x2.add(sums, margins))
}
