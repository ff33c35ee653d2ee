import { throwIfAborted } from '../../base/abort.ts'
import type { CollectionView } from '../collection-state.ts'
import { passFreed } from '../freed-chunks.ts'
import type { ScanQuery, Selection } from '../kernel/scan-kernel.ts'
import { scanRange } from '../vector-buffer.ts'
import type { SearchTools } from './search-pass.ts'
import { countUnset } from './slot-bits.ts'

/** Bytes of vectors between two yields unless said otherwise: 1 to 2 ms. */
const SLICE_BYTES = 4 * 1024 * 1024
/** Slots whose codes are looked at in one call. */
const CODED_SLOTS = 16_384

export interface SlotRange {
  readonly fromSlot: number
  readonly throughSlot: number
  /** Slots that are passed over: bit `slot & 7` of byte `slot >> 3`. Those beyond its end are not. */
  readonly dead: Uint8Array
}

/** Offers the slots of a range to a selection, slice by slice, and gives how many were compared. */
export function* scanSlots(
  tools: SearchTools,
  view: CollectionView,
  query: ScanQuery,
  { fromSlot, throughSlot, dead }: SlotRange,
  selection: Selection,
): Generator<Promise<void>, number, void> {
  const { sliceBytes = SLICE_BYTES, signal } = tools
  const sliceRows = Math.max(1, Math.floor(sliceBytes / (view.dimensions * Float32Array.BYTES_PER_ELEMENT)))
  const first = passFreed(view, fromSlot)
  let visited = 0
  for (let slot = first; slot < throughSlot; ) {
    if (slot > first) yield tools.yieldToEventLoop()
    throwIfAborted(signal, 'search')
    if (view.dropped) return visited
    const end = Math.min(slot + sliceRows, throughSlot)
    visited += scanSlice(tools, view, query, { fromSlot: slot, throughSlot: end, dead }, selection)
    slot = passFreed(view, end)
  }
  tools.scorer.codes.of(view)?.encodeSome(throughSlot)
  return visited
}

/** Where codes say with certainty that a slot is too far it counts as compared. Nothing is awaited, so views may be borrowed. */
function scanSlice(
  { kernel, scorer }: SearchTools,
  view: CollectionView,
  query: ScanQuery,
  { fromSlot, throughSlot, dead }: SlotRange,
  selection: Selection,
): number {
  const codes = scorer.codes.of(view)
  const coded = Math.min(codes?.codedThrough(fromSlot) ?? fromSlot, throughSlot)
  let visited = 0
  let slot = fromSlot
  while (slot < coded) {
    const end = Math.min(slot + CODED_SLOTS, coded)
    const near = codes?.borrowNear(query, { fromSlot: slot, throughSlot: end, dead }, selection)
    if (near === undefined) break
    scorer.offer(view, query, near, selection)
    visited += countUnset(dead, slot, end)
    slot = end
  }
  return visited + scanRange(kernel, view, query, selection, { slot, end: throughSlot, dead, scratch: scorer.scratch })
}
