// From the rotated direction q of a query to four planes of bits. Of six steps the one whose levels v point best along q is
// taken. With t = (q . q) / (q . v) the rest q - t * v is orthogonal to q, so it takes nothing from near vectors' dot products.
//
// Bound on estimates: lengths are at most 2^56, and |sign . v| * t is at most |v|_1 * (q . q) / (q . v), below 2^12 for 8,192
// dimensions; 1 / |o|_1 is at most 1. So scale * scale * dot is below 2 * 2^56 * 2^56 * 2^12 = 2^125.
import {
  DOT, FRAME_METRIC, FRAME_PADDED, PLANES, SCRATCH_PLANES_AT, SCRATCH_QUERY_BIAS, SCRATCH_QUERY_ERROR,
  SCRATCH_QUERY_SCALE, SCRATCH_QUERY_SPREAD, SCRATCH_UNIT_AT,
} from './layout'
import { biasOf } from './encode'
import { placeDotQuery, placeVector, sumOfLanes } from './place'
import { rotateUnit } from './rotate'

export function encodeQuery(frame: usize, scratch: usize): void {
  const metric = load<u32>(frame + FRAME_METRIC)
  let length: f64 = 1, bias: f64
  if (metric === DOT) {
    bias = 0 - placeDotQuery(frame, scratch)
  } else {
    length = placeVector(frame, scratch)
    bias = biasOf(metric, length)
  }
  rotateUnit(frame, scratch)
  const padded = load<u32>(frame + FRAME_PADDED)
  const unit = load<u32>(scratch + SCRATCH_UNIT_AT)
  const slope = bestSlope(unit, padded)
  writePlanes(unit, padded, slope, load<u32>(scratch + SCRATCH_PLANES_AT))
  store<f32>(scratch + SCRATCH_QUERY_BIAS, <f32>bias)
  store<f32>(scratch + SCRATCH_QUERY_SPREAD, <f32>length)
  writeScale(scratch, unit, padded, slope, length)
}

/** Levels 0..15 of four components. None is NaN, for which min and max would take six instructions instead of one. */
@inline
function levelsOf(four: v128, slope: v128): v128 {
  const level = f32x4.nearest(f32x4.add(f32x4.mul(four, slope), f32x4.splat(7.5)))
  return f32x4.pmin(f32x4.pmax(level, f32x4.splat(0)), f32x4.splat(15))
}

@inline
function oddOf(level: v128): v128 {
  return f32x4.sub(f32x4.add(level, level), f32x4.splat(15))
}

function bestSlope(unit: usize, padded: u32): f32 {
  let greatest = f32x4.splat(0)
  for (let i: u32 = 0; i < padded; i += 4) greatest = f32x4.pmax(greatest, f32x4.abs(v128.load(unit + (i << 2))))
  const most = max<f32>(
    max<f32>(f32x4.extract_lane(greatest, 0), f32x4.extract_lane(greatest, 1)),
    max<f32>(f32x4.extract_lane(greatest, 2), f32x4.extract_lane(greatest, 3)))
  if (most === 0) return 0
  let best: f32 = 0, bestScore: f64 = -1
  for (let trial = 10; trial >= 5; trial--) {
    const slope = <f32>75 / <f32>trial / most
    const score = agreement(unit, padded, slope)
    if (score > bestScore) {
      best = slope
      bestScore = score
    }
  }
  return best
}

/** (q . v)^2 / (v . v): the greater, the better v points along q. */
function agreement(unit: usize, padded: u32, slope: f32): f64 {
  const slopes = f32x4.splat(slope)
  let products = f32x4.splat(0), squares = f32x4.splat(0)
  for (let i: u32 = 0; i < padded; i += 4) {
    const four = v128.load(unit + (i << 2))
    const odd = oddOf(levelsOf(four, slopes))
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

function writePlanes(unit: usize, padded: u32, slope: f32, planes: usize): void {
  const slopes = f32x4.splat(slope)
  for (let i: u32 = 0; i < padded; i += 8) {
    const low = i32x4.trunc_sat_f32x4_s(levelsOf(v128.load(unit + (i << 2)), slopes))
    const high = i32x4.trunc_sat_f32x4_s(levelsOf(v128.load(unit + (i << 2), 16), slopes))
    const at = planes + ((i >> 7) << 6) + ((i & 127) >> 3)
    for (let plane: u32 = 0; plane < <u32>PLANES; plane++) {
      const bits = i32x4.bitmask(i32x4.shl(low, 31 - plane)) | (i32x4.bitmask(i32x4.shl(high, 31 - plane)) << 4)
      store<u8>(at + (plane << 4), <u8>bits)
    }
  }
}

/** t, times the length; and the length of the rest, times the length. */
function writeScale(scratch: usize, unit: usize, padded: u32, slope: f32, length: f64): void {
  const slopes = f32x4.splat(slope)
  let lowSquare = f64x2.splat(0), highSquare = f64x2.splat(0)
  let lowProduct = f64x2.splat(0), highProduct = f64x2.splat(0)
  let lowLevels = f64x2.splat(0), highLevels = f64x2.splat(0)
  for (let i: u32 = 0; i < padded; i += 4) {
    const four = v128.load(unit + (i << 2))
    const odd = oddOf(levelsOf(four, slopes))
    const low = f64x2.promote_low_f32x4(four), lowOdd = f64x2.promote_low_f32x4(odd)
    const high = f64x2.promote_low_f32x4(v128.shuffle<i64>(four, four, 1, 1))
    const highOdd = f64x2.promote_low_f32x4(v128.shuffle<i64>(odd, odd, 1, 1))
    lowSquare = f64x2.add(lowSquare, f64x2.mul(low, low))
    highSquare = f64x2.add(highSquare, f64x2.mul(high, high))
    lowProduct = f64x2.add(lowProduct, f64x2.mul(low, lowOdd))
    highProduct = f64x2.add(highProduct, f64x2.mul(high, highOdd))
    lowLevels = f64x2.add(lowLevels, f64x2.mul(lowOdd, lowOdd))
    highLevels = f64x2.add(highLevels, f64x2.mul(highOdd, highOdd))
  }
  const square = sumOfLanes(lowSquare, highSquare), product = sumOfLanes(lowProduct, highProduct)
  const step = product > 0 ? square / product : 0
  const rest = sqrt<f64>(max<f64>(0, step * step * sumOfLanes(lowLevels, highLevels) - square))
  store<f32>(scratch + SCRATCH_QUERY_SCALE, <f32>(length * step))
  store<f32>(scratch + SCRATCH_QUERY_ERROR, <f32>(length * rest))
}
