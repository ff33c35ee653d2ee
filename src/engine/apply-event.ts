import type { ErrorCode } from '../base/errors.ts'
import { applyCompact, applyConsolidate, applyFlush, applyNewGraph } from './apply-maintenance.ts'
import type { CollectionState } from './collection-state.ts'
import { areIds, checkAdd, checkCreate, isDocument } from './event-checks.ts'
import type {
  AddEvent,
  CreateEvent,
  DeleteEvent,
  DropEvent,
  EventOutcome,
  MaintenanceEvent,
  QuantizeEvent,
  StoreEvent,
  UpdateEvent,
} from './events.ts'
import { isId } from './id-text.ts'
import { isQuantizationMode } from './quantization.ts'
import type { StoreState } from './store-state.ts'
import { rowBytesOf } from './vector-type.ts'

/**
 * Applies one event of the record `lsn`: the only way a state changes. It is deterministic, it never throws whatever the
 * fields are, and it is all or nothing: everything is checked before anything changes, and an event that does not fit
 * changes nothing and says why in `code`. Nothing of the event is kept; its bytes are copied.
 *
 * An allocation that fails is the exception, and so is a compaction of a cold chunk that cannot be read: it throws, possibly
 * halfway, and the store must not go on with this state.
 */
export function applyEvent(state: StoreState, event: StoreEvent, lsn: number): EventOutcome {
  const value: unknown = event
  if (typeof value !== 'object' || value === null) return refused('ERR_RECORD_INVALID')
  switch (event.type) {
    case 'create':
      return applyCreate(state, event, lsn)
    case 'drop':
      return applyDrop(state, event)
    case 'add':
      return applyAdd(state, event, lsn)
    case 'update':
      return applyUpdate(state, event)
    case 'delete':
      return applyDelete(state, event)
    case 'quantize':
      return applyQuantize(state, event)
    case 'flush':
      return maintain(state, event, (collection) => applyFlush(collection, event))
    case 'rebuild':
      return maintain(state, event, (collection) => applyNewGraph(collection, event))
    case 'consolidate':
      return maintain(state, event, applyConsolidate)
    case 'compact':
      return maintain(state, event, (collection) => applyCompact(collection, event, lsn))
    default:
      return refused('ERR_RECORD_INVALID')
  }
}

/** Notes that the record `lsn` was applied: to be called once for each record, after its events, also if it has none. */
export function markApplied(state: StoreState, lsn: number): void {
  state.markApplied(lsn)
}

function applyCreate(state: StoreState, event: CreateEvent, lsn: number): EventOutcome {
  const code = checkCreate(state, event, lsn)
  if (code !== undefined) return refused(code)
  state.create(event, lsn)
  return done({})
}

function applyDrop(state: StoreState, event: DropEvent): EventOutcome {
  const collection = state.collectionByLsn(event.collection)
  if (collection === undefined) return refused('ERR_COLLECTION_NOT_FOUND')
  const removed = collection.liveCount
  state.drop(collection)
  return done({ removed })
}

/**
 * Entries take slots in the order of the event. Of equal ids within it the last wins and the earlier take no slot, as if
 * they had not been there; `added` and `replaced` therefore count distinct ids.
 */
function applyAdd(state: StoreState, event: AddEvent, lsn: number): EventOutcome {
  const collection = state.collectionByLsn(event.collection)
  if (collection === undefined) return refused('ERR_COLLECTION_NOT_FOUND')
  const checked = checkAdd(collection, event)
  if (checked.code !== undefined) return refused(checked.code)
  const { winners, norms } = checked
  if (winners.length === event.ids.length) collection.appendVectors(event.vectors, norms)
  else appendWinners(collection, event.vectors, norms, winners)
  let replaced = 0
  for (const position of winners) {
    if (collection.appendEntry(event.ids[position]!, event.documents?.[position])) replaced += 1
  }
  collection.index.noteAdded(collection.slotCount, lsn)
  return done({ added: winners.length - replaced, replaced })
}

function appendWinners(
  collection: CollectionState,
  vectors: Uint8Array,
  norms: Float64Array,
  winners: readonly number[],
): void {
  const rowBytes = rowBytesOf(collection.vectorType, collection.dimensions)
  for (const position of winners) {
    const row = vectors.subarray(position * rowBytes, (position + 1) * rowBytes)
    collection.appendVectors(row, norms.subarray(position, position + 1))
  }
}

function applyUpdate(state: StoreState, event: UpdateEvent): EventOutcome {
  const collection = state.collectionByLsn(event.collection)
  if (collection === undefined) return refused('ERR_COLLECTION_NOT_FOUND')
  if (!isId(event.id)) return refused('ERR_ID_INVALID')
  if (!isDocument(event.document)) return refused('ERR_METADATA_INVALID')
  const slot = collection.slotOf(event.id)
  if (slot === undefined) return refused('ERR_ENTRY_NOT_FOUND')
  collection.replaceDocument(slot, event.document)
  return done({ replaced: 1 })
}

/** An id that is not there is no error and not counted. */
function applyDelete(state: StoreState, event: DeleteEvent): EventOutcome {
  const collection = state.collectionByLsn(event.collection)
  if (collection === undefined) return refused('ERR_COLLECTION_NOT_FOUND')
  if (!Array.isArray(event.ids)) return refused('ERR_RECORD_INVALID')
  if (!areIds(event.ids)) return refused('ERR_ID_INVALID')
  let removed = 0
  for (const id of event.ids) {
    if (collection.remove(id)) removed += 1
  }
  return done({ removed })
}

/** Where the originals are is not part of the state: whoever keeps them follows the mode when it can. */
function applyQuantize(state: StoreState, event: QuantizeEvent): EventOutcome {
  const collection = state.collectionByLsn(event.collection)
  if (collection === undefined) return refused('ERR_COLLECTION_NOT_FOUND')
  if (!isQuantizationMode(event.mode)) return refused('ERR_RECORD_INVALID')
  collection.quantize(event.mode)
  return done({})
}

function maintain(
  state: StoreState,
  { collection: creationLsn }: MaintenanceEvent,
  apply: (collection: CollectionState) => ErrorCode | undefined,
): EventOutcome {
  const collection = state.collectionByLsn(creationLsn)
  if (collection === undefined) return refused('ERR_COLLECTION_NOT_FOUND')
  const code = apply(collection)
  return code === undefined ? done({}) : refused(code)
}

function refused(code: ErrorCode): EventOutcome {
  return { code, added: 0, replaced: 0, removed: 0 }
}

function done(counts: Partial<Omit<EventOutcome, 'code'>>): EventOutcome {
  return { added: 0, replaced: 0, removed: 0, ...counts }
}
