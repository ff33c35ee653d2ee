import type { CollectionView } from '../collection-state.ts'

const SAMPLED = 27

/**
 * A point amid the slots from `fromSlot` on, component by component a median of medians, so that single vectors that are
 * far from all others do not move it.
 */
export function centreOf(view: CollectionView, fromSlot: number): Float32Array {
  const centre = new Float32Array(view.dimensions)
  const sample = sampleOf(view, fromSlot)
  if (sample.length === 0) return centre
  const at = (place: number) => sample[place % sample.length]!
  for (let i = 0; i < centre.length; i++) {
    const of3 = (first: number) => median(at(first)[i]!, at(first + 1)[i]!, at(first + 2)[i]!)
    const of9 = (first: number) => median(of3(first), of3(first + 3), of3(first + 6))
    centre[i] = median(of9(0), of9(9), of9(18))
  }
  return centre
}

/** Vectors from all over the range; fewer where some places were freed. */
function sampleOf(view: CollectionView, fromSlot: number): Float32Array[] {
  const sample: Float32Array[] = []
  for (let place = 0; place < SAMPLED; place++) {
    const slot = fromSlot + Math.floor(((view.slotCount - fromSlot) * place) / SAMPLED)
    if (!view.isFreed(slot)) sample.push(view.copyVector(slot))
  }
  return sample
}

function median(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c))
}
