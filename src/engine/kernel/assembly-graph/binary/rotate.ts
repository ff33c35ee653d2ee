// A random rotation of float32 components in place, of any multiple of 128 dimensions: rounds of seeded sign flips and a fast
// Walsh-Hadamard transform. Where the dimensions are no power of two, the transform takes a window of them, the first ones in
// even rounds and the last ones in odd rounds, and each round ends with turns of component i and i + half by 45 degrees, which
// mix what lies inside the window with what lies outside.
//
// Each step adds or subtracts two components, in the order of strides 1, 2, 4, ...; taking two strides in one pass saves
// memory traffic and changes no bit.
import { FRAME_PADDED, FRAME_ROUNDS, FRAME_SIGNS_AT, FRAME_WINDOW, SCRATCH_UNIT_AT } from './layout'

const SQRT_HALF: f64 = 0.7071067811865476

export function rotateUnit(frame: usize, scratch: usize): void {
  const unit: usize = load<u32>(scratch + SCRATCH_UNIT_AT)
  const bytes = load<u32>(frame + FRAME_PADDED) << 2
  const windowBytes = load<u32>(frame + FRAME_WINDOW) << 2
  const rounds = load<u32>(frame + FRAME_ROUNDS)
  const factor = <f32>(1 / sqrt<f64>(<f64>load<u32>(frame + FRAME_WINDOW)))
  let signs: usize = load<u32>(frame + FRAME_SIGNS_AT)
  for (let round: u32 = 0; round < rounds; round++) {
    const first = (round & 1) !== 0 ? bytes - windowBytes : 0
    flip(unit, signs, 0, first)
    flipAndMixFours(unit, signs, first, first + windowBytes)
    flip(unit, signs, first + windowBytes, bytes)
    transform(unit + first, windowBytes, factor)
    if (windowBytes < bytes) turnHalves(unit, bytes >> 1)
    signs += bytes
  }
}

function flip(unit: usize, signs: usize, from: usize, to: usize): void {
  for (let at = from; at < to; at += 16) v128.store(unit + at, v128.xor(v128.load(unit + at), v128.load(signs + at)))
}

/** Sign flips and the strides 1 and 2, within each vector of four: a, b becomes b + a, a + -b. */
function flipAndMixFours(unit: usize, signs: usize, from: usize, to: usize): void {
  const odd = i32x4(0, 0x80000000, 0, 0x80000000), upper = i32x4(0, 0, 0x80000000, 0x80000000)
  for (let at = from; at < to; at += 16) {
    let four = v128.xor(v128.load(unit + at), v128.load(signs + at))
    four = f32x4.add(v128.shuffle<i32>(four, four, 1, 0, 3, 2), v128.xor(four, odd))
    four = f32x4.add(v128.shuffle<i64>(four, four, 1, 0), v128.xor(four, upper))
    v128.store(unit + at, four)
  }
}

/** The strides from 4 on, in bytes, two at a time, and the factor that makes the transform orthonormal. */
function transform(unit: usize, bytes: usize, factor: f32): void {
  let stride: usize = 16
  for (; stride << 2 <= bytes; stride <<= 2) mixTwice(unit, bytes, stride)
  const factors = f32x4.splat(factor)
  if (stride < bytes) {
    for (let at: usize = 0; at < stride; at += 16) {
      const a = v128.load(unit + at), b = v128.load(unit + at + stride)
      v128.store(unit + at, f32x4.mul(f32x4.add(a, b), factors))
      v128.store(unit + at + stride, f32x4.mul(f32x4.sub(a, b), factors))
    }
    return
  }
  for (let at: usize = 0; at < bytes; at += 16) v128.store(unit + at, f32x4.mul(v128.load(unit + at), factors))
}

function mixTwice(unit: usize, bytes: usize, stride: usize): void {
  const end = unit + bytes
  for (let first = unit; first < end; first += stride << 2) {
    const to = first + stride
    for (let at = first; at < to; at += 16) {
      const second = at + stride, third = second + stride, fourth = third + stride
      const a = v128.load(at), b = v128.load(second), c = v128.load(third), d = v128.load(fourth)
      const ab = f32x4.add(a, b), aLessB = f32x4.sub(a, b)
      const cd = f32x4.add(c, d), cLessD = f32x4.sub(c, d)
      v128.store(at, f32x4.add(ab, cd))
      v128.store(second, f32x4.add(aLessB, cLessD))
      v128.store(third, f32x4.sub(ab, cd))
      v128.store(fourth, f32x4.sub(aLessB, cLessD))
    }
  }
}

function turnHalves(unit: usize, half: usize): void {
  const factors = f32x4.splat(<f32>SQRT_HALF)
  for (let at = unit; at < unit + half; at += 16) {
    const a = v128.load(at), b = v128.load(at + half)
    v128.store(at, f32x4.mul(f32x4.add(a, b), factors))
    v128.store(at + half, f32x4.mul(f32x4.sub(a, b), factors))
  }
}
