import { createSelection, type Selection } from './scan-kernel.ts'

/** Keeps (score, slot) if it is among the k nearest. The kernel in assembly/ takes the same steps, to the same bits. */
export function offer(selection: Selection, score: number, slot: number): void {
  const { k, scores, slots } = selection
  if (selection.count < k) {
    siftUp(selection, selection.count, score, slot)
    selection.count++
  } else if (isFarther(scores[0]!, slots[0]!, score, slot)) {
    siftDown(selection, score, slot)
  }
}

/** Copies what a selection holds into another one of the same size, or a new one. */
export function copySelection(from: Selection, to: Selection = createSelection(from.k)): Selection {
  to.scores.set(from.scores)
  to.slots.set(from.slots)
  to.count = from.count
  return to
}

/** The selection in order, nearest first, equal scores by slot. The selection itself stays a heap. */
export function sortedSelection(selection: Selection): { slots: Uint32Array; scores: Float64Array } {
  const { count } = selection
  const sorted = { k: count, count, slots: selection.slots.slice(0, count), scores: selection.scores.slice(0, count) }
  // The worst goes to the end of the heap, which then is one shorter, until none is left.
  while (sorted.count > 1) {
    const last = --sorted.count
    const [score, slot] = [sorted.scores[last]!, sorted.slots[last]!]
    sorted.scores[last] = sorted.scores[0]!
    sorted.slots[last] = sorted.slots[0]!
    siftDown(sorted, score, slot)
  }
  return { slots: sorted.slots, scores: sorted.scores }
}

/** Whether (score, slot) is farther than (otherScore, otherSlot): the one order of hits. */
function isFarther(score: number, slot: number, otherScore: number, otherSlot: number): boolean {
  return score > otherScore || (score === otherScore && slot > otherSlot)
}

/** Moves the free place at `index` up to where (score, slot) belongs. */
function siftUp({ scores, slots }: Selection, index: number, score: number, slot: number): void {
  while (index > 0) {
    const parent = (index - 1) >> 1
    if (!isFarther(score, slot, scores[parent]!, slots[parent]!)) break
    scores[index] = scores[parent]!
    slots[index] = slots[parent]!
    index = parent
  }
  scores[index] = score
  slots[index] = slot
}

/** Drops the worst and moves its place down to where (score, slot) belongs. */
function siftDown({ count, scores, slots }: Selection, score: number, slot: number): void {
  let index = 0
  for (let child = 1; child < count; child = index * 2 + 1) {
    if (child + 1 < count && isFarther(scores[child + 1]!, slots[child + 1]!, scores[child]!, slots[child]!)) child++
    if (!isFarther(scores[child]!, slots[child]!, score, slot)) break
    scores[index] = scores[child]!
    slots[index] = slots[child]!
    index = child
  }
  scores[index] = score
  slots[index] = slot
}
