// Four codes against one query: the codes share each load of the query, and one transposed sum ends all four.
//
//   a = a0 a1 a2 a3                               a0+a1+a2+a3
//   b = b0 b1 b2 b3     four lanes each    ->     b0+b1+b2+b3     one lane each
//   c = c0 c1 c2 c3                               c0+c1+c2+c3
//   d = d0 d1 d2 d3                               d0+d1+d2+d3

@inline
function transposedSum(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = i32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7))
  const cd = i32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7))
  return i32x4.add(v128.shuffle<i64>(ab, cd, 0, 2), v128.shuffle<i64>(ab, cd, 1, 3))
}

/** The same of floats: (lane0 + lane2) + (lane1 + lane3). */
@inline
function transposedFloatSum(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7))
  const cd = f32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7))
  return f32x4.add(v128.shuffle<i64>(ab, cd, 0, 2), v128.shuffle<i64>(ab, cd, 1, 3))
}

/** 256 times the sum of level * query over the eight words of `code`. See encode.ts for the places of the nibbles. */
@inline
function addNibbles(sum: v128, code: v128, q0: v128, q1: v128, q2: v128, q3: v128): v128 {
  const low = i32x4.add(
    i32x4.dot_i16x8_s(v128.and(code, i16x8.splat(0x000f)), q0),
    i32x4.dot_i16x8_s(v128.and(code, i16x8.splat(0x00f0)), q1))
  const high = i32x4.add(
    i32x4.dot_i16x8_s(v128.and(code, i16x8.splat(0x0f00)), q2),
    i32x4.dot_i16x8_s(i16x8.shr_u(code, 12), q3))
  return i32x4.add(sum, i32x4.add(low, high))
}

/**
 * Sums of query * (2 * level - 15) as floats: exact, as they stay below 2^24.
 *
 * Bound: a product is at most 256 * 15 * 127, and a lane takes a quarter of 8,192 of them: 998,768,640 < 2^31. Lanes
 * are multiples of 256, so halving them seven times before they are added to each other loses nothing.
 */
@inline
export function narrowDots(
  query: usize, querySum: i32, groups: u32, half: bool, a: usize, b: usize, c: usize, d: usize,
): v128 {
  let aSum = i32x4.splat(0), bSum = i32x4.splat(0), cSum = i32x4.splat(0), dSum = i32x4.splat(0)
  for (let i: u32 = 0; i < groups; i++) {
    const q0 = v128.load(query), q1 = v128.load(query, 16), q2 = v128.load(query, 32), q3 = v128.load(query, 48)
    aSum = addNibbles(aSum, v128.load(a), q0, q1, q2, q3)
    bSum = addNibbles(bSum, v128.load(b), q0, q1, q2, q3)
    cSum = addNibbles(cSum, v128.load(c), q0, q1, q2, q3)
    dSum = addNibbles(dSum, v128.load(d), q0, q1, q2, q3)
    query += 64
    a += 16
    b += 16
    c += 16
    d += 16
  }
  if (half) {
    const q0 = v128.load(query), q1 = v128.load(query, 16), q2 = v128.load(query, 32), q3 = v128.load(query, 48)
    aSum = addNibbles(aSum, v128.load64_zero(a), q0, q1, q2, q3)
    bSum = addNibbles(bSum, v128.load64_zero(b), q0, q1, q2, q3)
    cSum = addNibbles(cSum, v128.load64_zero(c), q0, q1, q2, q3)
    dSum = addNibbles(dSum, v128.load64_zero(d), q0, q1, q2, q3)
  }
  const sums = transposedSum(i32x4.shr_s(aSum, 7), i32x4.shr_s(bSum, 7), i32x4.shr_s(cSum, 7), i32x4.shr_s(dSum, 7))
  return f32x4.convert_i32x4_s(i32x4.sub(sums, i32x4.splat(15 * querySum)))
}

@inline
function addBytes(sum: v128, code: v128, low: v128, high: v128): v128 {
  return i32x4.add(sum, i32x4.add(
    i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(code), low),
    i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(code), high)))
}

/** Sums of query * code, at most 127 * 127 * 8,192 = 132,128,768, rounded to float. `bytes` is a multiple of eight. */
@inline
export function wideDots(query: usize, bytes: u32, a: usize, b: usize, c: usize, d: usize): v128 {
  let aSum = i32x4.splat(0), bSum = i32x4.splat(0), cSum = i32x4.splat(0), dSum = i32x4.splat(0)
  const end = query + <usize>((bytes & ~15) << 1)
  while (query < end) {
    const low = v128.load(query), high = v128.load(query, 16)
    aSum = addBytes(aSum, v128.load(a), low, high)
    bSum = addBytes(bSum, v128.load(b), low, high)
    cSum = addBytes(cSum, v128.load(c), low, high)
    dSum = addBytes(dSum, v128.load(d), low, high)
    query += 32
    a += 16
    b += 16
    c += 16
    d += 16
  }
  if (bytes & 8) {
    const low = v128.load(query)
    aSum = i32x4.add(aSum, i32x4.dot_i16x8_s(v128.load_ext<i8>(a), low))
    bSum = i32x4.add(bSum, i32x4.dot_i16x8_s(v128.load_ext<i8>(b), low))
    cSum = i32x4.add(cSum, i32x4.dot_i16x8_s(v128.load_ext<i8>(c), low))
    dSum = i32x4.add(dSum, i32x4.dot_i16x8_s(v128.load_ext<i8>(d), low))
  }
  return f32x4.convert_i32x4_s(transposedSum(aSum, bSum, cSum, dSum))
}

/** Dot products of float32 codes of `bytes` bytes, a multiple of 16. */
@inline
export function floatDots(query: usize, bytes: u32, a: usize, b: usize, c: usize, d: usize): v128 {
  let aSum = f32x4.splat(0), bSum = f32x4.splat(0), cSum = f32x4.splat(0), dSum = f32x4.splat(0)
  for (let i: u32 = 0; i < bytes; i += 16) {
    const four = v128.load(query + i)
    aSum = f32x4.add(aSum, f32x4.mul(v128.load(a + i), four))
    bSum = f32x4.add(bSum, f32x4.mul(v128.load(b + i), four))
    cSum = f32x4.add(cSum, f32x4.mul(v128.load(c + i), four))
    dSum = f32x4.add(dSum, f32x4.mul(v128.load(d + i), four))
  }
  return transposedFloatSum(aSum, bSum, cSum, dSum)
}

@inline
function addSquares(sum: v128, components: v128, query: v128): v128 {
  const difference = f32x4.sub(components, query)
  return f32x4.add(sum, f32x4.mul(difference, difference))
}

/** Squared distances of float32 codes of `bytes` bytes, a multiple of 16. */
@inline
export function floatSquares(query: usize, bytes: u32, a: usize, b: usize, c: usize, d: usize): v128 {
  let aSum = f32x4.splat(0), bSum = f32x4.splat(0), cSum = f32x4.splat(0), dSum = f32x4.splat(0)
  for (let i: u32 = 0; i < bytes; i += 16) {
    const four = v128.load(query + i)
    aSum = addSquares(aSum, v128.load(a + i), four)
    bSum = addSquares(bSum, v128.load(b + i), four)
    cSum = addSquares(cSum, v128.load(c + i), four)
    dSum = addSquares(dSum, v128.load(d + i), four)
  }
  return transposedFloatSum(aSum, bSum, cSum, dSum)
}
