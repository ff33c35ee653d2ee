import type { ErrorCode } from '../base/errors.ts'
import type { CollectionState } from './collection-state.ts'
import { compactChunk } from './compaction.ts'
import type { BulkFlush, CompactEvent, FlushEvent, RebuildEvent } from './events.ts'
import { INDEX_VERSION } from './index/disk-ann-index.ts'
import { isGraphPlan, planOfEvent } from './index/graph-plan.ts'

// What the writer logs by itself. Each of these fixes the whole input of its task here, so that the graph follows from the
// log however late the task runs. They return why they do not fit, if they do not.

export function applyFlush(collection: CollectionState, event: FlushEvent): ErrorCode | undefined {
  if (event.method !== 'insert')
    return event.method === 'bulk' ? applyNewGraph(collection, event) : 'ERR_RECORD_INVALID'
  const { index } = collection
  if (!isThroughSlot(event.throughSlot, collection) || event.throughSlot <= index.flushedThrough) {
    return 'ERR_RECORD_INVALID'
  }
  if (!isVersion(event.indexVersion)) return 'ERR_RECORD_INVALID'
  if (event.indexVersion !== INDEX_VERSION) index.forget()
  // Without a graph there is nothing to link into: the release that made it is newer than this one.
  else if (index.flushedThrough === 0) return 'ERR_RECORD_INVALID'
  else index.flush({ kind: 'insert', throughSlot: event.throughSlot, ...inputOf(collection) })
  return undefined
}

export function applyNewGraph(collection: CollectionState, event: BulkFlush | RebuildEvent): ErrorCode | undefined {
  const { throughSlot, indexVersion } = event
  if (!isThroughSlot(throughSlot, collection) || !isVersion(indexVersion)) return 'ERR_RECORD_INVALID'
  if (indexVersion !== INDEX_VERSION) {
    collection.index.forget()
    return undefined
  }
  if (!isGraphPlan(event, collection.dimensions, collection.metric)) return 'ERR_RECORD_INVALID'
  collection.index.flush({ kind: 'bulk', throughSlot, plan: planOfEvent(event), ...inputOf(collection) })
  return undefined
}

export function applyConsolidate(collection: CollectionState): ErrorCode | undefined {
  collection.index.push({ kind: 'consolidate', ...inputOf(collection) })
  return undefined
}

export function applyCompact(collection: CollectionState, event: CompactEvent, lsn: number): ErrorCode | undefined {
  const compacted = compactChunk(collection, event.chunk)
  if ('code' in compacted) return compacted.code
  collection.index.noteAdded(collection.slotCount, lsn)
  collection.index.push({ kind: 'move', moves: compacted.moves })
  return undefined
}

function inputOf(collection: CollectionState) {
  return { vectors: collection.captureVectors(), dead: collection.copyTombstones() }
}

function isThroughSlot(value: unknown, collection: CollectionState): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= collection.slotCount
}

function isVersion(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 1
}
