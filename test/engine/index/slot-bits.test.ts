import fc from 'fast-check'
import { expect, test } from 'vitest'
import { countBits, hasBit } from '../../../src/engine/bitmap.ts'
import { slotsOfBits } from '../../../src/engine/index/slot-bits.ts'

test('slotsOfBits and countBits agree with a look at every bit', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bits) => {
      const slots = Array.from({ length: bits.byteLength * 8 }, (_, slot) => slot).filter((slot) => hasBit(bits, slot))
      expect(slotsOfBits(bits)).toEqual(slots)
      expect(countBits(bits)).toBe(slots.length)
    }),
    { seed: 1 },
  )
})

test('the bits of a byte rise from the lowest', () => {
  expect(slotsOfBits(Uint8Array.of(0b1000_0001, 0, 0b110))).toEqual([0, 7, 17, 18])
  expect(slotsOfBits(new Uint8Array(0))).toEqual([])
})
