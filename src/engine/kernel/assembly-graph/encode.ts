// From a float32 vector to its codes. Sums run in four lanes, component i in lane i mod 4, and end in
// (lane0 + lane2) + (lane1 + lane3); every area is filled with zeros to a multiple of four components.
//
// The vector y that is coded: cosine x / |x|; euclidean (x - centre) * scale; dot x * scale. Lengths are cut to 2^60,
// so that no factor and no distance is ever infinite.
//
// 8 bits: code = nearest(y * 127 / max|y|), ties to even. Its factors describe the coded vector, not the original: the
// distance of two codes is then a true squared distance, never far below zero, and zero for equal codes.
//
// 4 bits: level u of 0..15 stands for the odd number 2u - 15. Of six steps the one whose code points best along y is
// taken. The scale |y|^2 / (y . code) makes y . coded = |y|^2, so that a distance from a near query has an error that
// shrinks with the distance itself.
import {
  COSINE, DOT, EIGHT, EUCLIDEAN, SETTING_CENTRE_AT, SETTING_DIMENSIONS, SETTING_METRIC, SETTING_SCALE,
  SETTING_WIDE_KIND, THREAD_UNIT_AT, THREAD_VECTOR_AT, THREAD_WORK_AT,
} from './layout'
import { narrowCodeBytes, wideCodeBytes } from './shapes'

const LONGEST: f64 = 1152921504606846976
const HIGHEST_FLOAT: f64 = 1e18
const SQRT_TWO: f64 = 1.4142135623730951

/** Encodes the vector of a thread; `narrow` is 0 where there is no such code. A query by dot is given length 1. */
export function encode(record: usize, wide: usize, narrow: usize, isQuery: bool): void {
  const dimensions = load<u32>(SETTING_DIMENSIONS)
  const metric = load<u32>(SETTING_METRIC)
  const work = load<u32>(record + THREAD_WORK_AT)
  const padded = (dimensions + 3) & ~3
  place(load<u32>(record + THREAD_VECTOR_AT), work, padded, metric === COSINE || (isQuery && metric === DOT))
  let square = sumOfSquares(work, padded)
  let length = sqrt<f64>(square)
  if (length > LONGEST) {
    multiply(work, padded, LONGEST / length)
    square = sumOfSquares(work, padded)
    length = sqrt<f64>(square)
  }
  if (load<u32>(SETTING_WIDE_KIND) !== EIGHT) {
    encodeFloats(work, wide, padded, length)
    return
  }
  const greatest = greatestOf(work, padded)
  encodeBytes(work, wide, dimensions, metric, greatest)
  if (!narrow) return
  const unit = load<u32>(record + THREAD_UNIT_AT)
  encodeNibbles(work, unit, narrow, dimensions, metric, greatest, square, length)
}

/** Writes y. The lanes past the last dimension of the vector's area hold zeros, and so does the centre there. */
function place(vector: usize, work: usize, padded: u32, normalise: bool): void {
  const centre = load<u32>(SETTING_CENTRE_AT)
  const scale = f64x2.splat(load<f64>(SETTING_SCALE))
  for (let i: u32 = 0; i < padded; i += 2) {
    const pair = f64x2.promote_low_f32x4(v128.load64_zero(vector + (i << 2)))
    const moved = normalise ? pair : f64x2.mul(f64x2.sub(pair, v128.load(centre + (i << 3))), scale)
    v128.store(work + (i << 3), moved)
  }
  if (!normalise) return
  const length = sqrt<f64>(sumOfSquares(work, padded))
  if (length === 0) return
  const lengths = f64x2.splat(length)
  for (let i: u32 = 0; i < padded; i += 2) {
    v128.store(work + (i << 3), f64x2.div(v128.load(work + (i << 3)), lengths))
  }
}

function multiply(work: usize, padded: u32, factor: f64): void {
  for (let i: u32 = 0; i < padded; i++) store<f64>(work + (i << 3), load<f64>(work + (i << 3)) * factor)
}

@inline
function sumOfLanes(low: v128, high: v128): f64 {
  const both = f64x2.add(low, high)
  return f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1)
}

function sumOfSquares(work: usize, padded: u32): f64 {
  let low = f64x2.splat(0), high = f64x2.splat(0)
  for (let i: u32 = 0; i < padded; i += 4) {
    const first = v128.load(work + (i << 3)), second = v128.load(work + (i << 3), 16)
    low = f64x2.add(low, f64x2.mul(first, first))
    high = f64x2.add(high, f64x2.mul(second, second))
  }
  return sumOfLanes(low, high)
}

function greatestOf(work: usize, padded: u32): f64 {
  let greatest = f64x2.splat(0)
  for (let i: u32 = 0; i < padded; i += 2) greatest = f64x2.max(greatest, f64x2.abs(v128.load(work + (i << 3))))
  return max<f64>(f64x2.extract_lane(greatest, 0), f64x2.extract_lane(greatest, 1))
}

/** Float32 components, then 1 and the inverse length, which directions are compared with. */
function encodeFloats(work: usize, code: usize, padded: u32, length: f64): void {
  for (let i: u32 = 0; i < padded; i++) store<f32>(code + (i << 2), <f32>load<f64>(work + (i << 3)))
  const factors = code + (padded << 2)
  store<f32>(factors, 1)
  store<f32>(factors, length > 0 ? <f32>min<f64>(1 / length, HIGHEST_FLOAT) : 0, 4)
}

function encodeBytes(work: usize, code: usize, dimensions: u32, metric: u32, greatest: f64): void {
  const factors = f64x2.splat(greatest > 0 ? 127 / greatest : 0)
  let squares = i32x4.splat(0)
  for (let i: u32 = 0; i < dimensions; i += 4) {
    const first = f64x2.nearest(f64x2.mul(v128.load(work + (i << 3)), factors))
    const second = f64x2.nearest(f64x2.mul(v128.load(work + (i << 3), 16), factors))
    const four = v128.shuffle<i64>(
      i32x4.trunc_sat_f64x2_s_zero(first), i32x4.trunc_sat_f64x2_s_zero(second), 0, 2)
    squares = i32x4.add(squares, i32x4.mul(four, four))
    const words = i16x8.narrow_i32x4_s(four, four)
    v128.store_lane<u32>(code + i, i8x16.narrow_i16x8_s(words, words), 0)
  }
  // A squared code is at most 127 * 127 * 8,192 = 132,128,768: no sum of squares leaves 32 bits.
  const square = <f64>(i32x4.extract_lane(squares, 0) + i32x4.extract_lane(squares, 1) +
    i32x4.extract_lane(squares, 2) + i32x4.extract_lane(squares, 3))
  const step = greatest / 127
  const at = code + wideCodeBytes(dimensions, EIGHT)
  store<f32>(at, <f32>(metric === EUCLIDEAN ? step * SQRT_TWO : step))
  let bias: f64 = step * step * square
  if (metric === COSINE) bias *= 0.5
  if (metric === DOT) bias = square > 0 ? 1 / sqrt<f64>(square) : 0
  store<f32>(at, <f32>bias, 4)
}

function encodeNibbles(
  work: usize, unit: usize, code: usize, dimensions: u32, metric: u32, greatest: f64, square: f64, length: f64,
): void {
  const padded = (dimensions + 3) & ~3
  const levels = unit + (padded << 2)
  const divisor = f64x2.splat(greatest)
  for (let i: u32 = 0; i < padded; i += 4) {
    let first = v128.load(work + (i << 3)), second = v128.load(work + (i << 3), 16)
    if (greatest > 0) {
      first = f64x2.div(first, divisor)
      second = f64x2.div(second, divisor)
    }
    const four = v128.shuffle<i64>(f32x4.demote_f64x2_zero(first), f32x4.demote_f64x2_zero(second), 0, 2)
    v128.store(unit + (i << 2), four)
  }
  let best: f32 = 7.5, bestScore: f64 = -1
  for (let trial = 10; trial >= 5; trial--) {
    const slope = <f32>75 / <f32>trial
    const score = alignment(unit, padded, slope)
    if (score > bestScore) {
      best = slope
      bestScore = score
    }
  }
  const product = writeLevels(work, unit, levels, padded, best)
  pack(levels, code, dimensions)
  let scale: f64 = product > 0 ? square / product : 0
  const at = code + narrowCodeBytes(dimensions)
  store<f32>(at, <f32>(metric === EUCLIDEAN ? scale * SQRT_TWO : scale))
  const direction = length > 0 ? scale / length : 0
  store<f32>(at, <f32>(metric === COSINE ? 0.5 : metric === DOT ? direction : square), 4)
}

/** Levels 0..15 of four components of y / max|y|. */
@inline
function levelsOf(four: v128, slope: v128): v128 {
  const level = f32x4.nearest(f32x4.add(f32x4.mul(four, slope), f32x4.splat(7.5)))
  return f32x4.min(f32x4.max(level, f32x4.splat(0)), f32x4.splat(15))
}

/** (y . code)^2 / (code . code): the greater, the better a code points along y. */
function alignment(unit: usize, padded: u32, slope: f32): f64 {
  const slopes = f32x4.splat(slope)
  let products = f32x4.splat(0), squares = f32x4.splat(0)
  for (let i: u32 = 0; i < padded; i += 4) {
    const four = v128.load(unit + (i << 2))
    const level = levelsOf(four, slopes)
    const odd = f32x4.sub(f32x4.add(level, level), f32x4.splat(15))
    products = f32x4.add(products, f32x4.mul(four, odd))
    squares = f32x4.add(squares, f32x4.mul(odd, odd))
  }
  const product = sumOfFloats(products)
  return product * product / sumOfFloats(squares)
}

@inline
function sumOfFloats(lanes: v128): f64 {
  return (<f64>f32x4.extract_lane(lanes, 0) + <f64>f32x4.extract_lane(lanes, 2)) +
    (<f64>f32x4.extract_lane(lanes, 1) + <f64>f32x4.extract_lane(lanes, 3))
}

/** Writes a byte a level, and returns y . code. */
function writeLevels(work: usize, unit: usize, levels: usize, padded: u32, slope: f32): f64 {
  const slopes = f32x4.splat(slope)
  let low = f64x2.splat(0), high = f64x2.splat(0)
  for (let i: u32 = 0; i < padded; i += 4) {
    const level = levelsOf(v128.load(unit + (i << 2)), slopes)
    const odd = f32x4.sub(f32x4.add(level, level), f32x4.splat(15))
    low = f64x2.add(low, f64x2.mul(v128.load(work + (i << 3)), f64x2.promote_low_f32x4(odd)))
    const upper = f64x2.promote_low_f32x4(v128.shuffle<i64>(odd, odd, 1, 1))
    high = f64x2.add(high, f64x2.mul(v128.load(work + (i << 3), 16), upper))
    const words = i16x8.narrow_i32x4_s(i32x4.trunc_sat_f32x4_s(level), i32x4.splat(0))
    v128.store_lane<u32>(levels + i, i8x16.narrow_i16x8_u(words, words), 0)
  }
  return sumOfLanes(low, high)
}

// A group of 32 dimensions is eight words of 16 bits; word l holds dimensions l, l+8, l+16 and l+24 of the group:
//
//   15      12 11       8 7        4 3        0
//   |  l + 24  |  l + 16  |  l + 8   |    l    |
//
// If at most 16 dimensions are left over they make half a group: four words, of dimensions l, l+4, l+8 and l+12.
function pack(levels: usize, code: usize, dimensions: u32): void {
  let left = dimensions
  while (left > 16) {
    v128.store(code, packed(levels, 8))
    code += 16
    levels += 32
    left = left > 32 ? left - 32 : 0
  }
  if (left) v128.store_lane<u64>(code, packed(levels, 4), 0)
}

@inline
function packed(levels: usize, words: u32): v128 {
  const first = v128.load_ext<u8>(levels)
  const second = i16x8.shl(v128.load_ext<u8>(levels + words), 4)
  const third = i16x8.shl(v128.load_ext<u8>(levels + 2 * words), 8)
  const fourth = i16x8.shl(v128.load_ext<u8>(levels + 3 * words), 12)
  return v128.or(v128.or(first, second), v128.or(third, fourth))
}
