/** The slots whose bits are set, rising: bit `slot & 7` of byte `slot >> 3`. */
export function slotsOfBits(bits: Uint8Array): number[] {
  const slots: number[] = []
  for (let index = 0; index < bits.byteLength; index++) {
    // Taking the lowest bit away until none is left.
    for (let rest = bits[index]!; rest !== 0; rest &= rest - 1) slots.push(index * 8 + 31 - Math.clz32(rest & -rest))
  }
  return slots
}
