import { throwIfAborted } from '../../base/abort.ts'
import type { CollectionView } from '../collection-state.ts'
import { passFreed } from '../freed-chunks.ts'
import type { ScanQuery, Selection } from '../kernel/scan-kernel.ts'
import { scanRange } from '../vector-buffer.ts'
import type { SearchTools } from './search-pass.ts'

/** Bytes of vectors between two yields unless said otherwise: 1 to 2 ms. */
const SLICE_BYTES = 4 * 1024 * 1024

export interface SlotRange {
  readonly fromSlot: number
  readonly throughSlot: number
  /** Slots that are passed over: bit `slot & 7` of byte `slot >> 3`. */
  readonly dead: Uint8Array
}

/** Offers the slots of a range to a selection, slice by slice, and gives how many were compared. */
export async function scanSlots(
  { kernel, yieldToEventLoop, signal, sliceBytes = SLICE_BYTES }: SearchTools,
  view: CollectionView,
  query: ScanQuery,
  { fromSlot, throughSlot, dead }: SlotRange,
  selection: Selection,
): Promise<number> {
  const rowBytes = view.dimensions * Float32Array.BYTES_PER_ELEMENT
  const sliceRows = Math.max(1, Math.floor(sliceBytes / rowBytes))
  const first = passFreed(view, fromSlot)
  let visited = 0
  for (let slot = first; slot < throughSlot; ) {
    if (slot > first) await yieldToEventLoop()
    throwIfAborted(signal, 'search')
    if (view.dropped) break
    const end = Math.min(slot + sliceRows, throughSlot)
    visited += scanRange(kernel, view, query, selection, { slot, end, dead })
    slot = passFreed(view, end)
  }
  return visited
}
