import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Bitmap, countBitsBelow, hasBit, setBit } from '../../src/engine/bitmap.ts'

describe('Bitmap', () => {
  test('agrees with a Set', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2000)), fc.nat(2100), (slots, count) => {
        const bitmap = new Bitmap()
        for (const slot of slots) bitmap.set(slot)
        const model = new Set(slots)
        expect(bitmap.countSet).toBe(model.size)
        const copy = bitmap.copy(count)
        expect(copy.byteLength).toBe(Math.ceil(count / 8))
        const slotsThere = Array.from({ length: 2100 }, (_, slot) => slot)
        expect(slotsThere.filter((slot) => bitmap.has(slot))).toEqual([...model].sort(ascending))
        expect(slotsThere.filter((slot) => hasBit(copy, slot))).toEqual(
          [...model].filter((slot) => slot < count).sort(ascending),
        )
      }),
    )
  })

  test('lays bit slot & 7 into byte slot >> 3', () => {
    const bitmap = new Bitmap()
    for (const slot of [0, 9, 15]) bitmap.set(slot)
    expect([...bitmap.copy(16)]).toEqual([0b1, 0b1000_0010])
    const bytes = new Uint8Array(2)
    for (const slot of [0, 9, 15]) setBit(bytes, slot)
    expect([...bytes]).toEqual([0b1, 0b1000_0010])
  })

  test('is restored from a copy', () => {
    const bitmap = new Bitmap()
    for (const slot of [0, 9, 15]) bitmap.set(slot)
    const restored = new Bitmap()
    const bytes = bitmap.copy(16)
    restored.restore(bytes)
    bytes.fill(0)
    expect([restored.countSet, ...restored.copy(16)]).toEqual([3, 0b1, 0b1000_0010])
  })

  test.each([
    [0, 0],
    [1, 1],
    [9, 1],
    [10, 2],
    [16, 3],
    [40, 3],
  ])('counts the bits below %i', (count, set) => {
    expect(countBitsBelow(Uint8Array.of(0b1, 0b1000_0010), count)).toBe(set)
  })

  test('a copy is fixed', () => {
    const bitmap = new Bitmap()
    bitmap.set(1)
    const copy = bitmap.copy(8)
    bitmap.set(2)
    expect([...copy]).toEqual([0b10])
  })

  test('costs nothing until a slot is set, then grows with the highest', () => {
    const bitmap = new Bitmap()
    expect([bitmap.memoryBytes(), bitmap.has(5), [...bitmap.copy(9)]]).toEqual([0, false, [0, 0]])
    bitmap.set(3)
    expect(bitmap.memoryBytes()).toBe(8)
    bitmap.set(2 ** 20)
    expect(bitmap.memoryBytes()).toBeGreaterThanOrEqual(2 ** 17)
    expect(bitmap.memoryBytes()).toBeLessThan(2 ** 18)
  })
})

function ascending(left: number, right: number): number {
  return left - right
}
