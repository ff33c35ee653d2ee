// Codes of rows and of queries: a component is a centre, plus a whole number of steps, plus an error that is known.
//
// All of it is float64, where no difference, product or square of float32 overflows or vanishes. With c the centre, x a row,
// t = x - c, s its scale and n its codes:  x = c + s * n + e,  and |e|, the euclidean length of e, is computed here.
//
// Let u = 2^-53, and d <= 8,192. Each component of t is off by at most u * |t_i|, of s * n by u * |s * n_i|, of e by
// 2.1 * u * (|t_i| + |e_i|), and |e_i| <= 1.01 * |t_i|, because a code is the whole number that is nearest, or the largest.
// A length of d numbers is off by (d / 2 + 3) * u of itself, less than 2^-40. So the length that is computed plus
// ROW_SLACK * (|t| + |c|) is above |e|, by more than 2^-39 * (|t| + |c|), which is what bound.ts relies on.
import {
  CENTRE_AT, QUERY_BASE, QUERY_CODES_AT, QUERY_LENGTH, QUERY_SPREAD, QUERY_STEP, STAGED_AT, STAGED_NORMS_AT,
} from './codes-layout'
import { COSINE, EUCLIDEAN } from './layout'

const LARGEST_CODE: f64 = 127
const ROW_SLACK: f64 = 2.0 ** -38
const QUERY_SLACK: f64 = 2.0 ** -38

/** Components i and i+1, widened. */
@inline
function pair(at: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(at))
}

@inline
function single(at: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load32_zero(at))
}

@inline
function largerLane(lanes: v128): f64 {
  return max<f64>(f64x2.extract_lane(lanes, 0), f64x2.extract_lane(lanes, 1))
}

@inline
function sumOfLanes(lanes: v128): f64 {
  return f64x2.extract_lane(lanes, 0) + f64x2.extract_lane(lanes, 1)
}

/** Encodes staged rows into places of their groups: the first goes to `place` of the group at `group`. */
export function encodeRows(metric: u32, dimensions: u32, rows: u32, group: usize, place: u32): void {
  const bytes = (dimensions + 7) & ~7
  const centreLength = lengthOfCentre(dimensions)
  for (let row: u32 = 0; row < rows; row++) {
    const factors = group + bytes * 4 + (place << 3)
    const vector = STAGED_AT + row * (dimensions << 2)
    encodeRow(dimensions, vector, group + place * bytes, factors, centreLength)
    if (metric === COSINE) divideFactors(factors, load<f64>(STAGED_NORMS_AT + (row << 3)))
    place++
    if (place === 4) {
      place = 0
      group += bytes * 4 + 96
    }
  }
}

@inline
function divideFactors(factors: usize, norm: f64): void {
  store<f64>(factors, load<f64>(factors) / norm)
  store<f64>(factors, load<f64>(factors, 32) / norm, 32)
  store<f64>(factors, 1 / norm, 64)
}

function lengthOfCentre(dimensions: u32): f64 {
  let sum: f64 = 0
  for (let i: u32 = 0; i < dimensions; i++) {
    const component = <f64>load<f32>(CENTRE_AT + (i << 2))
    sum += component * component
  }
  return sqrt(sum)
}

@inline
function encodeRow(dimensions: u32, vector: usize, codes: usize, factors: usize, centreLength: f64): void {
  const even = dimensions & ~1
  let largest = f64x2.splat(0), squares = f64x2.splat(0)
  for (let i: u32 = 0; i < even; i += 2) {
    const rest = f64x2.sub(pair(vector + (i << 2)), pair(CENTRE_AT + (i << 2)))
    largest = f64x2.pmax(largest, f64x2.abs(rest))
    squares = f64x2.add(squares, f64x2.mul(rest, rest))
  }
  if (dimensions & 1) {
    const rest = f64x2.sub(single(vector + (even << 2)), single(CENTRE_AT + (even << 2)))
    largest = f64x2.pmax(largest, f64x2.abs(rest))
    squares = f64x2.add(squares, f64x2.mul(rest, rest))
  }
  const most = largerLane(largest)
  const scale = most / LARGEST_CODE
  const scales = f64x2.splat(scale), inverse = f64x2.splat(most > 0 ? LARGEST_CODE / most : 0)
  let errors = f64x2.splat(0), codeSquares = f64x2.splat(0)
  for (let i: u32 = 0; i < even; i += 2) {
    const rest = f64x2.sub(pair(vector + (i << 2)), pair(CENTRE_AT + (i << 2)))
    const code = f64x2.nearest(f64x2.mul(rest, inverse))
    const error = f64x2.sub(rest, f64x2.mul(scales, code))
    errors = f64x2.add(errors, f64x2.mul(error, error))
    codeSquares = f64x2.add(codeSquares, f64x2.mul(code, code))
    const words = i32x4.trunc_sat_f64x2_s_zero(code)
    store<i8>(codes + i, <i8>i32x4.extract_lane(words, 0))
    store<i8>(codes + i, <i8>i32x4.extract_lane(words, 1), 1)
  }
  if (dimensions & 1) {
    const rest = f64x2.sub(single(vector + (even << 2)), single(CENTRE_AT + (even << 2)))
    const code = f64x2.nearest(f64x2.mul(rest, inverse))
    const error = f64x2.sub(rest, f64x2.mul(scales, code))
    errors = f64x2.add(errors, f64x2.mul(error, error))
    codeSquares = f64x2.add(codeSquares, f64x2.mul(code, code))
    store<i8>(codes + even, <i8>i32x4.extract_lane(i32x4.trunc_sat_f64x2_s_zero(code), 0))
  }
  store<f64>(factors, scale)
  store<f64>(factors, sqrt(sumOfLanes(errors)) + ROW_SLACK * (sqrt(sumOfLanes(squares)) + centreLength), 32)
  store<f64>(factors, scale * scale * sumOfLanes(codeSquares), 64)
}

/**
 * Encodes the staged query q. Under euclidean it is y = q - c that is encoded, else q itself: then dot(q, x) is
 * dot(q, c) + dot(q, t). With r the error of its codes m and v its step, dot(m * v + r, n) is off dot(m * v, n) by at most
 * |r| * |n|, and |n| <= 127 * sqrt(d): the spread.
 *
 * Codes of the query are as large as sums allow: 127 * largest * d < 2^31.
 */
export function encodeQuery(metric: u32, dimensions: u32): void {
  const isCentred = metric === EUCLIDEAN
  let largest: f64 = 0, product: f64 = 0
  for (let i: u32 = 0; i < dimensions; i++) {
    const component = <f64>load<f32>(STAGED_AT + (i << 2)), centre = <f64>load<f32>(CENTRE_AT + (i << 2))
    product += component * centre
    largest = max<f64>(largest, abs<f64>(isCentred ? component - centre : component))
  }
  const largestCode = min<f64>(32767, floor<f64>(2147483647 / (LARGEST_CODE * <f64>dimensions)))
  const step = largest / largestCode
  const inverse = largest > 0 ? largestCode / largest : 0
  let errors: f64 = 0, squares: f64 = 0
  for (let i: u32 = 0; i < dimensions; i++) {
    const centre = isCentred ? <f64>load<f32>(CENTRE_AT + (i << 2)) : 0
    const component = <f64>load<f32>(STAGED_AT + (i << 2)) - centre
    const code = nearest<f64>(component * inverse)
    store<i16>(QUERY_CODES_AT + (i << 1), <i16>(<i32>code))
    const error = component - step * code
    errors += error * error
    squares += component * component
  }
  for (let i: u32 = dimensions; (i & 7) !== 0; i++) store<i16>(QUERY_CODES_AT + (i << 1), 0)
  const length = sqrt(squares) * (1 + QUERY_SLACK)
  store<f64>(QUERY_BASE, isCentred ? squares : product)
  store<f64>(QUERY_STEP, step)
  store<f64>(QUERY_SPREAD, (sqrt(errors) + QUERY_SLACK * length) * (LARGEST_CODE * 1.000001) * sqrt(<f64>dimensions))
  store<f64>(QUERY_LENGTH, length)
}
