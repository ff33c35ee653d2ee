import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { normOf, normsOfRows } from '../../src/engine/vector-math.ts'
import { vectorBytes } from './engine-fixture.ts'

const LARGEST = 3.4028234663852886e38
const SMALLEST = 1.401298464324817e-45

describe('normOf', () => {
  test('adds squares in the lane order of the kernel', () => {
    fc.assert(
      fc.property(fc.float32Array({ maxLength: 23, min: Math.fround(0.1), max: 10, noNaN: true }), (vector) => {
        const lanes = [0, 0, 0, 0]
        for (const [index, component] of vector.entries()) lanes[index % 4]! += component * component
        expect(normOf(vector)).toBe(Math.sqrt(lanes[0]! + lanes[2]! + (lanes[1]! + lanes[3]!)))
      }),
    )
  })

  test('is finite exactly when all components are, zero exactly when all are', () => {
    expect(normOf(new Float32Array(8192).fill(LARGEST))).toBeCloseTo(LARGEST * Math.sqrt(8192), -30)
    expect(normOf(Float32Array.of(SMALLEST))).toBe(SMALLEST)
    expect(normOf(Float32Array.of(0, -0, 0))).toBe(0)
    for (const odd of [Number.NaN, Infinity, -Infinity]) {
      for (let at = 0; at < 7; at++) {
        const vector = new Float32Array(7).fill(1)
        vector[at] = odd
        expect(Number.isFinite(normOf(vector))).toBe(false)
      }
    }
  })

  test('looks at the part it is told', () => {
    expect(normOf(Float32Array.of(9, 3, 4, 9), 1, 2)).toBe(5)
  })
})

test('normsOfRows reads rows at any alignment', () => {
  expect([...normsOfRows(vectorBytes([3, 4], [0, 0], [6, 8]), 2)]).toEqual([5, 0, 10])
  expect(normsOfRows(new Uint8Array(0), 2)).toHaveLength(0)
})
