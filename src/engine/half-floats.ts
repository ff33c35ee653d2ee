// Half precision (IEEE 754 binary16): 1 sign bit, 5 bits of exponent, 10 of fraction. Written out, because only newer runtimes
// have a Float16Array, and because bits must come out the same on all of them.

const LARGEST_HALF = 65_504
/** Bits of the exponent, all set: infinite or no number. */
const EXPONENT_BITS = 0x7c00
/** Exponents of float32 are higher by 127 - 15 than those of halves. */
const EXPONENT_SHIFT = 2 ** 112
const FRACTION_SHIFT = 13
/** Of float64: numbers from here on have no fraction. */
const WHOLE_NUMBERS = 2 ** 52
/** Between neighbours among the smallest halves. */
const LEAST_STEP = 2 ** -24
const LEAST_NORMAL = 2 ** -14
const STEPS_A_BINADE = 2 ** 10

const float = new Float32Array(1)
const floatBits = new Uint32Array(float.buffer)
const double = new Float64Array(1)
const doubleWords = new Uint32Array(double.buffer)

/** Whether the little-endian halves in `bytes` are all finite. */
export function areFiniteHalves(bytes: Uint8Array): boolean {
  for (let at = 1; at < bytes.byteLength; at += 2) if ((bytes[at]! & 0x7c) === 0x7c) return false
  return true
}

/** Writes what the little-endian halves in `bytes`, all of them finite, stand for, from `at` on. */
export function widenHalves(bytes: Uint8Array, target: Float32Array, at: number): void {
  const count = bytes.byteLength / 2
  const words = new Uint32Array(target.buffer, target.byteOffset + at * 4, count)
  for (let i = 0; i < count; i++) {
    const half = bytes[i * 2]! | (bytes[i * 2 + 1]! << 8)
    words[i] = ((half & 0x8000) << 16) | ((half & 0x7fff) << FRACTION_SHIFT)
  }
  // A power of two changes the exponent only, and makes numbers of subnormal halves as well.
  for (let i = 0; i < count; i++) target[at + i] = target[at + i]! * EXPONENT_SHIFT
}

/** The bits of the half that is exactly `value`; `undefined` where there is none, or `value` is not finite. */
export function exactHalfOf(value: number): number | undefined {
  float[0] = value / EXPONENT_SHIFT
  const bits = floatBits[0]!
  const half = ((bits >>> 16) & 0x8000) | ((bits & 0x7fffffff) >>> FRACTION_SHIFT)
  const isExact = (bits & ((1 << FRACTION_SHIFT) - 1)) === 0 && float[0]! * EXPONENT_SHIFT === value
  return isExact && (half & EXPONENT_BITS) !== EXPONENT_BITS && Math.abs(value) <= LARGEST_HALF ? half : undefined
}

/** The half nearest to `value`, of two equally near ones the even one; infinite where it is beyond the largest. */
export function roundToHalf(value: number): number {
  const size = Math.abs(value)
  if (!(size > 0 && size < Number.POSITIVE_INFINITY)) return value
  const step = stepAt(size)
  // Adding so much leaves no room for bits below a step, and float64 rounds ties to even.
  const rounded = size + step * WHOLE_NUMBERS - step * WHOLE_NUMBERS
  const half = rounded > LARGEST_HALF ? Number.POSITIVE_INFINITY : rounded
  return value < 0 ? -half : half
}

/** How far halves are apart at a size. */
function stepAt(size: number): number {
  if (size < LEAST_NORMAL) return LEAST_STEP
  if (size > LARGEST_HALF * 2) return LARGEST_HALF
  double[0] = size
  // The high word: sign, 11 bits of exponent, 20 of fraction. What is left without the fraction is a power of two.
  doubleWords[0] = 0
  doubleWords[1]! &= 0x7ff00000
  return double[0]! / STEPS_A_BINADE
}
