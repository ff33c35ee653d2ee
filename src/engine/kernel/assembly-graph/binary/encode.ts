// From the rotated direction o of a vector to its code c: the corner of a cube, at length 1, that is nearest to o.
//
// After Gao and Long (SIGMOD 2024): the dot product of o with a unit vector q is estimated by (c . q) / (c . o), without bias
// over random rotations, and with a standard deviation of at most sqrt(1 - (c . o)^2) / ((c . o) * sqrt(padded - 1)). The
// factors say this of scores: `scale` is what a dot product of signs is multiplied by, `spread` what the deviation is.
import {
  COSINE, EUCLIDEAN, FRAME_METRIC, FRAME_PADDED, SCRATCH_UNIT_AT,
} from './layout'
import { placeVector, sumOfLanes } from './place'
import { rotateUnit } from './rotate'

export function encodeVector(frame: usize, scratch: usize, code: usize): void {
  const metric = load<u32>(frame + FRAME_METRIC)
  const padded = load<u32>(frame + FRAME_PADDED)
  const length = placeVector(frame, scratch)
  rotateUnit(frame, scratch)
  const sum = writeBits(load<u32>(scratch + SCRATCH_UNIT_AT), padded, code)
  const alignment = sum / sqrt<f64>(<f64>padded)
  const weight: f64 = metric === EUCLIDEAN ? 2 : 1
  const scale = sum > 0 ? weight * length / sum : 0
  const across = sqrt<f64>(max<f64>(0, 1 - alignment * alignment))
  const spread = sum > 0 ? weight * length * across / (alignment * sqrt<f64>(<f64>(padded - 1))) : 0
  const factors = code + (padded >> 3)
  store<f32>(factors, <f32>biasOf(metric, length))
  store<f32>(factors, <f32>scale, 4)
  store<f32>(factors, <f32>spread, 8)
  store<f32>(factors, <f32>alignment, 12)
}

/** What the length alone adds to a score. */
export function biasOf(metric: u32, length: f64): f64 {
  if (metric === EUCLIDEAN) return length * length
  return metric === COSINE ? length * length / 2 : 0
}

/** Returns the sum of absolute values. */
function writeBits(unit: usize, padded: u32, code: usize): f64 {
  let low = f64x2.splat(0), high = f64x2.splat(0)
  const zero = f32x4.splat(0)
  for (let i: u32 = 0; i < padded; i += 8) {
    const first = v128.load(unit + (i << 2)), second = v128.load(unit + (i << 2), 16)
    const bits = i32x4.bitmask(f32x4.ge(first, zero)) | (i32x4.bitmask(f32x4.ge(second, zero)) << 4)
    store<u8>(code + (i >> 3), <u8>bits)
    const one = f32x4.abs(first), other = f32x4.abs(second)
    low = f64x2.add(low, f64x2.promote_low_f32x4(one))
    high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<i64>(one, one, 1, 1)))
    low = f64x2.add(low, f64x2.promote_low_f32x4(other))
    high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<i64>(other, other, 1, 1)))
  }
  return sumOfLanes(low, high)
}
