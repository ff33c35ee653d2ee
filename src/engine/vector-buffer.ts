import { type Abortable, throwIfAborted } from '../base/abort.ts'
import { StoreError } from '../base/errors.ts'
import { MAX_K } from '../base/limits.ts'
import { hasBit, setBit } from './bitmap.ts'
import type { CollectionView } from './collection-state.ts'
import { passFreed } from './freed-chunks.ts'
import { createSelection, type ScanKernel, type ScanQuery, type Selection } from './kernel/scan-kernel.ts'
import { sortedSelection } from './kernel/selection.ts'
import { normOf } from './vector-math.ts'

/** Bytes of vectors between two yields unless said otherwise: 1 to 2 ms. */
const SLICE_BYTES = 4 * 1024 * 1024
/** How often a scan starts over because entries died under it. */
const MOST_REPEATS = 3

export interface BufferQuery {
  /** `dimensions` components, copied at the call. */
  readonly vector: Float32Array
  /** From 1 to `MAX_K`. */
  readonly k: number
  /** A slot that is no hit, whatever its distance: that of the entry whose neighbours are asked for, wherever it moves. */
  readonly excludeSlot?: number
}

export interface BufferScanOptions {
  /** Awaited between slices. */
  readonly yieldToEventLoop: () => Promise<void>
  /** Bytes of vectors between two yields; one row at least is scanned. */
  readonly sliceBytes?: number
  /** Checked before each slice. */
  readonly signal?: Abortable | undefined
}

export interface BufferHits {
  /** Nearest first; equal scores by slot, lower first. */
  readonly slots: Uint32Array
  /** Distances, smaller is nearer: 1 - cos, true euclidean distance, minus the dot product. */
  readonly scores: Float64Array
  /** Live vectors compared with the query, over all repeats. */
  readonly visited: number
}

/**
 * The exact nearest `k` entries of a collection, all of them if it has no more. It sees the slots and tombstones as they are
 * when it starts; entries that die while it runs are dropped from the hits. If fewer than min(k, live) are left because of
 * that, it starts over, at most 3 times, each time keeping spare hits for as many deaths as it has met twice over; only a
 * store that goes on deleting the nearest entries faster than that gets fewer hits. A scan of one slice sees no changes.
 *
 * A compaction loses nothing: when entries move while the scan runs, it goes on to their new slots, and starting over because
 * of that is not counted. Slots are live when the promise resolves; who awaits it asks again before using them.
 *
 * Rejects with `ERR_ABORTED`, `ERR_VECTOR_NOT_FINITE`, `ERR_VECTOR_ZERO` (cosine), and `RangeError` for a `k` or a vector of
 * the wrong size. A collection that is dropped meanwhile has no hits.
 */
export async function scanBuffer(
  kernel: ScanKernel,
  collection: CollectionView,
  query: BufferQuery,
  options: BufferScanOptions,
): Promise<BufferHits> {
  const scanQuery = checkQuery(collection, query)
  throwIfAborted(options.signal, 'search')
  const excludedSlot = excludedSlotOf(collection, query)
  let visited = 0
  let spare = 0
  for (let repeat = 0; ; ) {
    const { freedCount } = collection
    const pass = await scanOnce(kernel, collection, scanQuery, { k: query.k + spare, excludedSlot }, options)
    visited += pass.visited
    const hits = sortedSelection(pass.selection)
    const alive = hits.slots.filter((slot) => !collection.isDead(slot)).length
    const died = hits.slots.length - alive
    const wanted = Math.min(query.k, candidateCount(collection, excludedSlot()))
    // Entries that moved after the last slice were not seen where they are now.
    const isComplete = alive >= wanted && collection.freedCount === pass.freedCount
    const isUndisturbed = collection.freedCount === freedCount
    const mayStop = isUndisturbed && (died === 0 || repeat === MOST_REPEATS)
    if (isComplete || mayStop || collection.dropped) {
      return { ...nearestAlive(collection, hits, query.k), visited }
    }
    spare += died * 2
    if (isUndisturbed) repeat += 1
  }
}

/** One pass over the slots there are now, and over those to which their entries move meanwhile. */
async function scanOnce(
  kernel: ScanKernel,
  collection: CollectionView,
  scanQuery: ScanQuery,
  { k, excludedSlot }: { k: number; excludedSlot: () => number | undefined },
  options: BufferScanOptions,
): Promise<{ selection: Selection; visited: number; freedCount: number }> {
  const candidates = candidateCount(collection, excludedSlot())
  const selection = createSelection(Math.max(1, Math.min(k, candidates, MAX_K)))
  const rowBytes = collection.dimensions * Float32Array.BYTES_PER_ELEMENT
  const sliceRows = Math.max(1, Math.floor((options.sliceBytes ?? SLICE_BYTES) / rowBytes))
  let { freedCount } = collection
  let slotCount = candidates === 0 ? 0 : collection.slotCount
  let dead = slotsPassedOver(collection, excludedSlot())
  let visited = 0
  const first = passFreed(collection, 0)
  for (let slot = first; slot < slotCount; ) {
    if (slot > first) await options.yieldToEventLoop()
    throwIfAborted(options.signal, 'search')
    if (collection.dropped) break
    if (collection.freedCount !== freedCount) {
      freedCount = collection.freedCount
      slotCount = collection.slotCount
      dead = slotsPassedOver(collection, excludedSlot())
    }
    const end = Math.min(slot + sliceRows, slotCount)
    visited += scanRange(kernel, collection, scanQuery, selection, { slot, end, dead })
    slot = passFreed(collection, end)
  }
  return { selection, visited, freedCount }
}

/** Offers the rows of a range that are not freed. Nothing is awaited, so views may be borrowed. Gives how many were live. */
export function scanRange(
  kernel: ScanKernel,
  collection: CollectionView,
  query: ScanQuery,
  selection: Selection,
  range: { slot: number; end: number; dead: Uint8Array },
): number {
  const { end, dead } = range
  const rowsPerCall = kernel.rowsPerCall(collection.dimensions)
  let visited = 0
  let slot = range.slot
  while (slot < end) {
    if (collection.isFreed(slot)) {
      slot = passFreed(collection, slot)
      continue
    }
    const run = collection.borrowRun(slot, Math.min(rowsPerCall, end - slot))
    kernel.scan(query, { ...run, firstSlot: slot, dead }, selection)
    for (let row = slot; row < slot + run.rows; row++) {
      if (!hasBit(dead, row)) visited += 1
    }
    slot += run.rows
  }
  return visited
}

/** What the kernel is asked, from a query that fits the collection. Throws what {@link scanBuffer} rejects with. */
export function checkQuery(collection: CollectionView, { vector, k }: BufferQuery): ScanQuery {
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

/** Where the entry that is no hit is now, if it lives: by its id, because it may move. */
function excludedSlotOf(collection: CollectionView, { excludeSlot }: BufferQuery): () => number | undefined {
  if (excludeSlot === undefined || collection.isDead(excludeSlot)) return () => undefined
  const id = collection.idAt(excludeSlot)
  return () => collection.slotOf(id)
}

/** Live entries that may be hits. */
function candidateCount(collection: CollectionView, excludedSlot: number | undefined): number {
  return collection.liveCount - (excludedSlot === undefined ? 0 : 1)
}

/** The slots that are no hits: the dead ones, and the excluded one. */
function slotsPassedOver(collection: CollectionView, excludedSlot: number | undefined): Uint8Array {
  const dead = collection.copyTombstones()
  if (excludedSlot !== undefined) setBit(dead, excludedSlot)
  return dead
}

/** The first `k` hits that are still alive, their scores made distances. */
function nearestAlive(
  collection: CollectionView,
  hits: { slots: Uint32Array; scores: Float64Array },
  k: number,
): { slots: Uint32Array; scores: Float64Array } {
  const isAlive = (_: number, index: number) => !collection.isDead(hits.slots[index]!)
  const scores = hits.scores.filter(isAlive).subarray(0, k)
  return {
    slots: hits.slots.filter(isAlive).slice(0, k),
    scores: collection.metric === 'euclidean' ? scores.map(Math.sqrt) : scores.slice(),
  }
}
