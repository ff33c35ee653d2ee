import { hasBit } from './bitmap.ts'

/** Slots that are gone through between two pauses: some 2 ms. */
export const SLOTS_A_SLICE = 65_536

/** Slots that are not dead, by the partition that the hashes of their ids name. */
export interface SortedSlots {
  readonly slots: Uint32Array
  readonly hashes: Uint32Array
  /** Of the slots of each partition that are here so far. */
  readonly ends: Uint32Array
}

/** Counts the slots of a slice that are not dead by the partition that their hashes name. */
export function countByPartition(hashes: Uint32Array, dead: Uint8Array, from: number, counts: Uint32Array): void {
  const to = Math.min(hashes.length, from + SLOTS_A_SLICE)
  for (let slot = from; slot < to; slot++) if (!hasBit(dead, slot)) counts[hashes[slot]! >>> 24]! += 1
}

/** Sorts them, rising within each partition. */
export function sortByPartition(hashes: Uint32Array, dead: Uint8Array, from: number, sorted: SortedSlots): void {
  const to = Math.min(hashes.length, from + SLOTS_A_SLICE)
  for (let slot = from; slot < to; slot++) {
    if (hasBit(dead, slot)) continue
    const hash = hashes[slot]!
    const place = sorted.ends[hash >>> 24]!
    sorted.slots[place] = slot
    sorted.hashes[place] = hash
    sorted.ends[hash >>> 24] = place + 1
  }
}
