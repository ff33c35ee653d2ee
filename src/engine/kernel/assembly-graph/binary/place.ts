// From a vector to its direction. Sums run in four lanes of float64, component i in lane i mod 4, and end in
// (lane0 + lane2) + (lane1 + lane3).
//
// The vector y whose direction is coded: cosine x / |x| - centre; euclidean and dot (x - centre) * scale.
import {
  COSINE, FRAME_CENTRE_AT, FRAME_DIMENSIONS, FRAME_METRIC, FRAME_PADDED, FRAME_SCALE, SCRATCH_UNIT_AT,
  SCRATCH_VECTOR_AT, SCRATCH_WORK_AT,
} from './layout'

/** Lengths are cut to it, so that no factor and no estimate is ever infinite: query.ts has the bound. */
const LONGEST: f64 = 72057594037927936

@inline
export function sumOfLanes(low: v128, high: v128): f64 {
  const both = f64x2.add(low, high)
  return f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1)
}

/** Writes y / |y| as float32, filled with zeros, and returns |y|. */
export function placeVector(frame: usize, scratch: usize): f64 {
  const used = (load<u32>(frame + FRAME_DIMENSIONS) + 3) & ~3
  const work = load<u32>(scratch + SCRATCH_WORK_AT)
  widen(load<u32>(scratch + SCRATCH_VECTOR_AT), work, used)
  if (load<u32>(frame + FRAME_METRIC) === COSINE) divide(work, used, sqrt<f64>(productOf(work, work, used)))
  const centre = load<u32>(frame + FRAME_CENTRE_AT)
  const scale = f64x2.splat(load<f64>(frame + FRAME_SCALE))
  for (let i: u32 = 0; i < used; i += 2) {
    const moved = f64x2.sub(v128.load(work + (i << 3)), v128.load(centre + (i << 3)))
    v128.store(work + (i << 3), f64x2.mul(moved, scale))
  }
  return writeUnit(frame, scratch, used)
}

/** The direction of a query by dot, whose length orders nothing; returns its dot product with the centre, scaled. */
export function placeDotQuery(frame: usize, scratch: usize): f64 {
  const used = (load<u32>(frame + FRAME_DIMENSIONS) + 3) & ~3
  const work = load<u32>(scratch + SCRATCH_WORK_AT)
  widen(load<u32>(scratch + SCRATCH_VECTOR_AT), work, used)
  divide(work, used, sqrt<f64>(productOf(work, work, used)))
  writeUnit(frame, scratch, used)
  const product = productOf(work, load<u32>(frame + FRAME_CENTRE_AT), used) * load<f64>(frame + FRAME_SCALE)
  return min<f64>(max<f64>(product, -LONGEST), LONGEST)
}

function writeUnit(frame: usize, scratch: usize, used: u32): f64 {
  const work = load<u32>(scratch + SCRATCH_WORK_AT), unit = load<u32>(scratch + SCRATCH_UNIT_AT)
  const length = sqrt<f64>(productOf(work, work, used))
  const lengths = f64x2.splat(length > 0 ? length : 1)
  for (let i: u32 = 0; i < used; i += 4) {
    const low = f32x4.demote_f64x2_zero(f64x2.div(v128.load(work + (i << 3)), lengths))
    const high = f32x4.demote_f64x2_zero(f64x2.div(v128.load(work + (i << 3), 16), lengths))
    v128.store(unit + (i << 2), v128.shuffle<i64>(low, high, 0, 2))
  }
  memory.fill(unit + (used << 2), 0, (load<u32>(frame + FRAME_PADDED) - used) << 2)
  return min<f64>(length, LONGEST)
}

function widen(vector: usize, work: usize, used: u32): void {
  for (let i: u32 = 0; i < used; i += 2) {
    v128.store(work + (i << 3), f64x2.promote_low_f32x4(v128.load64_zero(vector + (i << 2))))
  }
}

function divide(work: usize, used: u32, length: f64): void {
  if (length === 0) return
  const lengths = f64x2.splat(length)
  for (let i: u32 = 0; i < used; i += 2) v128.store(work + (i << 3), f64x2.div(v128.load(work + (i << 3)), lengths))
}

function productOf(one: usize, other: usize, used: u32): f64 {
  let low = f64x2.splat(0), high = f64x2.splat(0)
  for (let i: u32 = 0; i < used; i += 4) {
    const at = i << 3
    low = f64x2.add(low, f64x2.mul(v128.load(one + at), v128.load(other + at)))
    high = f64x2.add(high, f64x2.mul(v128.load(one + at, 16), v128.load(other + at, 16)))
  }
  return sumOfLanes(low, high)
}
