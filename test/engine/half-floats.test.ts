import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { areFiniteHalves, exactHalfOf, roundToHalf, widenHalves } from '../../src/engine/half-floats.ts'
import { FINITE_HALVES, valueOfHalf } from '../support/typed-vectors.ts'

const ALL_BITS = Array.from({ length: 65_536 }, (_, bits) => bits)

/** Rounds as the definition says: to the nearest half, of two the one whose last bit is 0. */
function nearestHalf(value: number): number {
  const sorted = [...new Set(FINITE_HALVES.map((half) => half + 0))].sort((a, b) => a - b)
  // The next number that more bits of exponent would have, at either end.
  const candidates = [Number.NEGATIVE_INFINITY, ...sorted, Number.POSITIVE_INFINITY]
  const sizeOf = (half: number) => (Number.isFinite(half) ? half : Math.sign(half) * 65_536)
  let best = 0
  let low = 0
  let high = candidates.length - 1
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (sizeOf(candidates[middle]!) <= value) low = middle
    else high = middle
  }
  const [below, above] = [candidates[low]!, candidates[high]!]
  const [toBelow, toAbove] = [value - sizeOf(below), sizeOf(above) - value]
  if (toBelow === toAbove) best = isEven(below) ? below : above
  else best = toBelow < toAbove ? below : above
  return best
}

function isEven(half: number): boolean {
  return !Number.isFinite(half) || (exactHalfOf(half)! & 1) === 0
}

describe('half-precision numbers', () => {
  test('all finite ones widen to what they stand for, and come back, both zeros too', () => {
    const bits = ALL_BITS.filter((half) => Number.isFinite(valueOfHalf(half)))
    const bytes = new Uint8Array(Uint16Array.from(bits).buffer)
    // At an odd offset, where a decoder may leave them.
    const shifted = new Uint8Array(bytes.byteLength + 1).subarray(1)
    shifted.set(bytes)
    const widened = new Float32Array(bits.length + 2)
    widenHalves(shifted, widened, 1)
    expect(widened.subarray(1, -1).every((value, i) => Object.is(value, valueOfHalf(bits[i]!)))).toBe(true)
    expect([...widened.subarray(1, -1)].map(exactHalfOf)).toEqual(bits)
    expect([...widened.subarray(1, -1)].every((value) => Object.is(roundToHalf(value), value))).toBe(true)
    expect([widened[0], widened.at(-1), bits.length]).toEqual([0, 0, 63_488])
  })

  test('are known to be finite, or not', () => {
    for (const bits of ALL_BITS) {
      const bytes = new Uint8Array(Uint16Array.of(0x1234, bits).buffer)
      expect(areFiniteHalves(bytes)).toBe(Number.isFinite(valueOfHalf(bits)))
    }
  })

  test('are exact or none', () => {
    expect([0.1, 65_505, 65_520, 1e300, 2 ** -25, 1 + 2 ** -11, Number.NaN, Infinity].map(exactHalfOf)).toEqual(
      Array(8).fill(undefined),
    )
    expect([65_504, -65_504, 2 ** -24, -0, 1 + 2 ** -10].map(exactHalfOf)).toEqual([
      0x7bff, 0xfbff, 0x0001, 0x8000, 0x3c01,
    ])
  })

  test('round to the nearest, ties to even', () => {
    const ties = FINITE_HALVES.map((half) => half + (half - roundToHalf(half * (1 + 2 ** -10))) / 2)
    const numbers = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true, min: -70_000, max: 70_000 }),
      fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e-4, max: 1e-4 }),
      fc.constantFrom(...ties),
      fc.constantFrom(65_519.999, 65_520, -65_520, 2 ** -25, 3 * 2 ** -26, 1e300, -1e300, Number.MIN_VALUE),
    )
    fc.assert(
      fc.property(numbers, (number) => {
        expect(roundToHalf(number) + 0).toBe(nearestHalf(number) + 0)
        expect(Object.is(roundToHalf(-number), -roundToHalf(number))).toBe(true)
      }),
      { numRuns: 400 },
    )
    expect([roundToHalf(Number.NaN), roundToHalf(-Infinity), roundToHalf(2 ** -25)]).toEqual([Number.NaN, -Infinity, 0])
  })
})
