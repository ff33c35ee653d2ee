import { expect, test } from 'vitest'
import { normsOfRows } from '../../src/engine/vector-math.ts'
import { rowBytesOf } from '../../src/engine/vector-type.ts'
import { widenRows } from '../../src/engine/widen-rows.ts'
import { Random } from '../support/random.ts'
import { bytesOfComponents, componentsOf, randomComponent, VECTOR_TYPES } from '../support/typed-vectors.ts'
import { bitsOf } from './engine-fixture.ts'

test.each(VECTOR_TYPES)('rows of %s widen to their components, from anywhere to anywhere', (type) => {
  const random = new Random(7)
  for (const dimensions of [8, 24, 104]) {
    const rows = 5
    const components = Array.from({ length: rows * dimensions }, () => randomComponent(type, random))
    const bytes = bytesOfComponents(type, components)
    expect(bytes.byteLength).toBe(rows * rowBytesOf(type, dimensions))
    const shifted = new Uint8Array(bytes.byteLength + 1).subarray(1)
    shifted.set(bytes)
    const widened = new Float32Array(components.length + 3)
    widenRows(type, shifted, widened, 1)
    expect([widened[0], widened.at(-2), widened.at(-1)]).toEqual([0, 0, 0])
    expect(bitsOf(widened.subarray(1, -2))).toEqual(bitsOf(components))
    expect(componentsOf(type, shifted)).toEqual(components)
    const norms = Array.from({ length: rows }, (_, row) =>
      Math.hypot(...components.slice(row * dimensions, (row + 1) * dimensions)),
    )
    const found = normsOfRows(shifted, dimensions, type)
    expect(found).toHaveLength(rows)
    for (const [row, norm] of found.entries()) expect(Math.abs(norm - norms[row]!)).toBeLessThanOrEqual(norm * 1e-12)
  }
})

test('bit i of a binary vector is bit i & 7 of byte i >> 3', () => {
  const widened = new Float32Array(16)
  widenRows('binary', Uint8Array.of(0b0000_0101, 0b1000_0000), widened, 0)
  expect([...widened]).toEqual([1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
})

test('a row of halves with one that is not finite has a norm that is not', () => {
  const rows = bytesOfComponents('float16', [1, 2, 3, Number.POSITIVE_INFINITY, 0, Number.NaN, 65_504, 65_504])
  expect([...normsOfRows(rows, 2, 'float16')].map(Number.isFinite)).toEqual([true, false, false, true])
})
