// Estimates of one query's scores from many codes, four at a time: the codes share each load of the query's planes.
import {
  FRAME_PADDED, SCRATCH_ADDRESSES_AT, SCRATCH_DEVIATIONS_AT, SCRATCH_ESTIMATES_AT, SCRATCH_PLANES_AT,
  SCRATCH_QUERY_BIAS, SCRATCH_QUERY_ERROR, SCRATCH_QUERY_SCALE, SCRATCH_QUERY_SPREAD,
} from './layout'

/**
 * 2^j * ones(code xor plane j), summed over the planes and over pairs of bytes. A byte is at most 8 * 15 = 120, and a word,
 * over the 64 groups of 8,192 dimensions, at most 15,360.
 */
@inline
function addDifferences(sum: v128, code: v128, q0: v128, q1: v128, q2: v128, q3: v128): v128 {
  let ones = i8x16.popcnt(v128.xor(code, q3))
  ones = i8x16.add(i8x16.add(ones, ones), i8x16.popcnt(v128.xor(code, q2)))
  ones = i8x16.add(i8x16.add(ones, ones), i8x16.popcnt(v128.xor(code, q1)))
  ones = i8x16.add(i8x16.add(ones, ones), i8x16.popcnt(v128.xor(code, q0)))
  return i16x8.add(sum, i16x8.extadd_pairwise_i8x16_u(ones))
}

/** Sums of eight words each, one a lane. */
@inline
function transposedSum(a: v128, b: v128, c: v128, d: v128): v128 {
  const ones = i16x8.splat(1)
  const aSum = i32x4.dot_i16x8_s(a, ones), bSum = i32x4.dot_i16x8_s(b, ones)
  const cSum = i32x4.dot_i16x8_s(c, ones), dSum = i32x4.dot_i16x8_s(d, ones)
  const ab = i32x4.add(v128.shuffle<i32>(aSum, bSum, 0, 4, 1, 5), v128.shuffle<i32>(aSum, bSum, 2, 6, 3, 7))
  const cd = i32x4.add(v128.shuffle<i32>(cSum, dSum, 0, 4, 1, 5), v128.shuffle<i32>(cSum, dSum, 2, 6, 3, 7))
  return i32x4.add(v128.shuffle<i64>(ab, cd, 0, 2), v128.shuffle<i64>(ab, cd, 1, 3))
}

/** Compares the query with `count` codes, whose addresses are filled up to a multiple of four. */
export function computeEstimates(frame: usize, scratch: usize, count: u32): void {
  let addresses: usize = load<u32>(scratch + SCRATCH_ADDRESSES_AT)
  for (let i = count; (i & 3) !== 0; i++) store<u32>(addresses + (i << 2), load<u32>(addresses))
  const padded = load<u32>(frame + FRAME_PADDED)
  const planes: usize = load<u32>(scratch + SCRATCH_PLANES_AT)
  const end = planes + (padded >> 1)
  const greatest = i32x4.splat(15 * padded)
  const queryBias = v128.load32_splat(scratch + SCRATCH_QUERY_BIAS)
  const queryScale = v128.load32_splat(scratch + SCRATCH_QUERY_SCALE)
  const querySpread = v128.load32_splat(scratch + SCRATCH_QUERY_SPREAD)
  const queryError = v128.load32_splat(scratch + SCRATCH_QUERY_ERROR)
  let estimates: usize = load<u32>(scratch + SCRATCH_ESTIMATES_AT)
  let deviations: usize = load<u32>(scratch + SCRATCH_DEVIATIONS_AT)
  for (let i: u32 = 0; i < count; i += 4) {
    let a: usize = load<u32>(addresses), b: usize = load<u32>(addresses, 4)
    let c: usize = load<u32>(addresses, 8), d: usize = load<u32>(addresses, 12)
    let aSum = i32x4.splat(0), bSum = i32x4.splat(0), cSum = i32x4.splat(0), dSum = i32x4.splat(0)
    for (let query = planes; query < end; query += 64) {
      const q0 = v128.load(query), q1 = v128.load(query, 16), q2 = v128.load(query, 32), q3 = v128.load(query, 48)
      aSum = addDifferences(aSum, v128.load(a), q0, q1, q2, q3)
      bSum = addDifferences(bSum, v128.load(b), q0, q1, q2, q3)
      cSum = addDifferences(cSum, v128.load(c), q0, q1, q2, q3)
      dSum = addDifferences(dSum, v128.load(d), q0, q1, q2, q3)
      a += 16
      b += 16
      c += 16
      d += 16
    }
    const differences = transposedSum(aSum, bSum, cSum, dSum)
    const dots = f32x4.convert_i32x4_s(i32x4.sub(greatest, i32x4.add(differences, differences)))
    // Behind the bits of each: bias, scale, spread, alignment.
    const aFactors = v128.load(a), bFactors = v128.load(b), cFactors = v128.load(c), dFactors = v128.load(d)
    const abLow = v128.shuffle<i32>(aFactors, bFactors, 0, 4, 1, 5)
    const cdLow = v128.shuffle<i32>(cFactors, dFactors, 0, 4, 1, 5)
    const biases = v128.shuffle<i64>(abLow, cdLow, 0, 2), scales = v128.shuffle<i64>(abLow, cdLow, 1, 3)
    const spreads = v128.shuffle<i64>(
      v128.shuffle<i32>(aFactors, bFactors, 2, 6, 3, 7), v128.shuffle<i32>(cFactors, dFactors, 2, 6, 3, 7), 0, 2)
    const reach = f32x4.mul(f32x4.mul(scales, queryScale), dots)
    v128.store(estimates, f32x4.sub(f32x4.add(biases, queryBias), reach))
    v128.store(deviations, f32x4.add(f32x4.mul(spreads, querySpread), f32x4.mul(scales, queryError)))
    addresses += 16
    estimates += 16
    deviations += 16
  }
}
