import { hasBit } from '../bitmap.ts'

/** The slots whose bits are set, rising: bit `slot & 7` of byte `slot >> 3`. */
export function slotsOfBits(bits: Uint8Array): number[] {
  const slots: number[] = []
  for (let index = 0; index < bits.byteLength; index++) {
    // Taking the lowest bit away until none is left.
    for (let rest = bits[index]!; rest !== 0; rest &= rest - 1) slots.push(index * 8 + 31 - Math.clz32(rest & -rest))
  }
  return slots
}

/** How many of the slots from `fromSlot` up to `throughSlot` have a bit that is not set, as have all beyond the bits. */
export function countUnset(bits: Uint8Array, fromSlot: number, throughSlot: number): number {
  let count = throughSlot - fromSlot
  const end = Math.min(throughSlot, bits.byteLength * 8)
  for (let slot = fromSlot; slot < end; ) {
    if (slot % 8 !== 0 || slot + 8 > end) {
      if (hasBit(bits, slot)) count -= 1
      slot += 1
    } else {
      for (let rest = bits[slot >>> 3]!; rest !== 0; rest &= rest - 1) count -= 1
      slot += 8
    }
  }
  return count
}
