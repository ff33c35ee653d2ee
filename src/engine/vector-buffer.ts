import { StoreError } from '../base/errors.ts'
import { MAX_K } from '../base/limits.ts'
import type { CollectionView } from './collection-state.ts'
import { passFreed } from './freed-chunks.ts'
import { countUnset } from './index/slot-bits.ts'
import type { ScanKernel, ScanQuery, Selection } from './kernel/scan-kernel.ts'
import type { RunScratch } from './run-scratch.ts'
import { normOf } from './vector-math.ts'

/** Offers the rows of a range that are not freed. Nothing is awaited, so views may be borrowed. Gives how many were live. */
export function scanRange(
  kernel: ScanKernel,
  collection: CollectionView,
  query: ScanQuery,
  selection: Selection,
  range: { slot: number; end: number; dead: Uint8Array; scratch?: RunScratch },
): number {
  const { end, dead, scratch } = range
  const rowsPerCall = kernel.rowsPerCall(collection.dimensions)
  let visited = 0
  let slot = range.slot
  while (slot < end) {
    if (collection.isFreed(slot)) {
      slot = passFreed(collection, slot)
      continue
    }
    const run = collection.borrowRun(slot, Math.min(rowsPerCall, end - slot), scratch)
    kernel.scan(query, { ...run, firstSlot: slot, dead }, selection)
    visited += countUnset(dead, slot, slot + run.rows)
    slot += run.rows
  }
  return visited
}

/**
 * What the kernel is asked, from a query that fits the collection.
 * @throws StoreError `ERR_VECTOR_NOT_FINITE`, `ERR_VECTOR_ZERO` (cosine); RangeError for a `k` or a vector of the wrong size.
 */
export function checkQuery(
  collection: CollectionView,
  { vector, k }: { readonly vector: Float32Array; readonly k: number },
): ScanQuery {
  if (!(Number.isInteger(k) && k >= 1 && k <= MAX_K)) throw new RangeError(`k must be from 1 to ${MAX_K}, not ${k}`)
  if (vector.length !== collection.dimensions) {
    throw new RangeError(`query has ${vector.length} components, the collection ${collection.dimensions}`)
  }
  const norm = normOf(vector)
  if (!Number.isFinite(norm)) throw new StoreError('ERR_VECTOR_NOT_FINITE', 'query has a component that is not finite')
  if (norm === 0 && collection.metric === 'cosine') {
    throw new StoreError('ERR_VECTOR_ZERO', 'a zero query has no direction, which cosine compares')
  }
  return { metric: collection.metric, vector: vector.slice(), norm }
}
