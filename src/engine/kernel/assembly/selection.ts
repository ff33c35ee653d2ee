// The k nearest so far: a max-heap on (score, slot) at SELECTION_AT, the worst first; k scores f64, then k slots u32.
// The steps are those of ../selection.ts, so that even the order inside the heap is the same.
import { SELECTION_AT } from './layout'

@inline
function scoreAt(index: u32): usize {
  return SELECTION_AT + (index << 3)
}

@inline
function slotAt(k: u32, index: u32): usize {
  return SELECTION_AT + (k << 3) + (index << 2)
}

@inline
function put(k: u32, index: u32, score: f64, slot: u32): void {
  store<f64>(scoreAt(index), score)
  store<u32>(slotAt(k, index), slot)
}

/** Whether (score, slot) is farther than (otherScore, otherSlot). */
@inline
function isFarther(score: f64, slot: u32, otherScore: f64, otherSlot: u32): bool {
  return score > otherScore || (score === otherScore && slot > otherSlot)
}

/** The score that a row must not exceed to be kept. */
export function worstScore(k: u32, count: u32): f64 {
  return count < k ? Infinity : load<f64>(SELECTION_AT)
}

/** Keeps (score, slot) if it is among the k nearest; returns the new count. */
export function offer(k: u32, count: u32, score: f64, slot: u32): u32 {
  if (count < k) {
    siftUp(k, count, score, slot)
    return count + 1
  }
  if (isFarther(load<f64>(scoreAt(0)), load<u32>(slotAt(k, 0)), score, slot)) siftDown(k, count, score, slot)
  return count
}

/** Moves the free place at `index` up to where (score, slot) belongs. */
function siftUp(k: u32, index: u32, score: f64, slot: u32): void {
  while (index > 0) {
    const parent = (index - 1) >> 1
    const parentScore = load<f64>(scoreAt(parent))
    const parentSlot = load<u32>(slotAt(k, parent))
    if (!isFarther(score, slot, parentScore, parentSlot)) break
    put(k, index, parentScore, parentSlot)
    index = parent
  }
  put(k, index, score, slot)
}

/** Drops the worst and moves its place down to where (score, slot) belongs. */
function siftDown(k: u32, count: u32, score: f64, slot: u32): void {
  let index: u32 = 0
  while (true) {
    let child = index * 2 + 1
    if (child >= count) break
    let childScore = load<f64>(scoreAt(child))
    let childSlot = load<u32>(slotAt(k, child))
    if (child + 1 < count) {
      const otherScore = load<f64>(scoreAt(child + 1))
      const otherSlot = load<u32>(slotAt(k, child + 1))
      if (isFarther(otherScore, otherSlot, childScore, childSlot)) {
        child++
        childScore = otherScore
        childSlot = otherSlot
      }
    }
    if (!isFarther(childScore, childSlot, score, slot)) break
    put(k, index, childScore, childSlot)
    index = child
  }
  put(k, index, score, slot)
}
