import type { ErrorCode } from '../base/errors.ts'
import type { DistanceMetric } from './metric.ts'
import type { QuantizationMode } from './quantization.ts'
import type { VectorType } from './vector-type.ts'

/** A collection is named, in events, by the LSN of the record that created it: names can be dropped and used again. */
export type CollectionLsn = number

/** One change of state. A record of the log holds one atomic batch of them. */
export type StoreEvent =
  | CreateEvent
  | DropEvent
  | AddEvent
  | UpdateEvent
  | DeleteEvent
  | QuantizeEvent
  | MaintenanceEvent

/** What the writer logs by itself to keep the index and the columns in order. It changes no entry. */
export type MaintenanceEvent = FlushEvent | RebuildEvent | ConsolidateEvent | CompactEvent

/** Creates a collection. At most one to a record, because the record's LSN becomes the collection's. */
export interface CreateEvent {
  readonly type: 'create'
  readonly name: string
  readonly dimensions: number
  readonly metric: DistanceMetric
  /** Left out for `none`. */
  readonly quantization?: QuantizationMode
  /** Left out for `float32`. */
  readonly vectorType?: VectorType
}

/** What of a `create` a collection is made by. */
export type CreationSettings = Pick<CreateEvent, 'name' | 'dimensions' | 'metric' | 'quantization' | 'vectorType'>

export interface DropEvent {
  readonly type: 'drop'
  readonly collection: CollectionLsn
}

/** Adds entries; an id that is there already gets the new vector and document in a new slot. Within one event the last wins. */
export interface AddEvent {
  readonly type: 'add'
  readonly collection: CollectionLsn
  readonly ids: readonly string[]
  /** `ids.length` rows of the collection's type, little-endian: the bits as the user gave them. */
  readonly vectors: Uint8Array
  /** One document (metadata as CBOR) an id, or `undefined` where an entry has none; left out when none has. */
  readonly documents?: readonly (Uint8Array | undefined)[]
}

/** Replaces the document of one entry; its vector and slot stay. */
export interface UpdateEvent {
  readonly type: 'update'
  readonly collection: CollectionLsn
  readonly id: string
  readonly document: Uint8Array | undefined
}

export interface DeleteEvent {
  readonly type: 'delete'
  readonly collection: CollectionLsn
  readonly ids: readonly string[]
}

/** Switches the mode of a collection: for all of its vectors, those that are there and those to come. It changes no entry. */
export interface QuantizeEvent {
  readonly type: 'quantize'
  readonly collection: CollectionLsn
  readonly mode: QuantizationMode
}

/** What a new graph is told about its vectors. The writer measures it and logs it, so that replay never does. */
export interface LoggedPlan {
  /** Codes that walks read: 4 bits a dimension, or the wide ones that edges are chosen by. */
  readonly walkCodes: 'narrow' | 'wide'
  /** A power of two that brings the vectors to lengths near 1. */
  readonly scale: number
  /** `dimensions` float32, little-endian: euclidean only. */
  readonly centre?: Uint8Array
}

/**
 * Moves the slots below `throughSlot` out of the buffer. `insert` links those that are live now and not in the graph yet
 * into it; `bulk` builds a new graph of all that are live now, as {@link RebuildEvent} does.
 */
export type FlushEvent = InsertFlush | BulkFlush

interface FlushFields {
  readonly type: 'flush'
  readonly collection: CollectionLsn
  readonly throughSlot: number
  /** Which rules the graph is built by; a release that does not know them scans instead. */
  readonly indexVersion: number
}

export interface InsertFlush extends FlushFields {
  readonly method: 'insert'
}

export interface BulkFlush extends FlushFields, LoggedPlan {
  readonly method: 'bulk'
}

/** Builds a new graph of the slots below `throughSlot` that are live now, and puts it in the place of the old one. */
export interface RebuildEvent extends LoggedPlan {
  readonly type: 'rebuild'
  readonly collection: CollectionLsn
  readonly throughSlot: number
  readonly indexVersion: number
}

/** Takes the entries that are dead now out of the graph, and frees their nodes. */
export interface ConsolidateEvent {
  readonly type: 'consolidate'
  readonly collection: CollectionLsn
}

/** Moves the live entries of a chunk that is less than half alive to new slots, and frees the chunk. */
export interface CompactEvent {
  readonly type: 'compact'
  readonly collection: CollectionLsn
  /** Which 16,384 slots: those from `chunk * 16,384` on. */
  readonly chunk: number
}

/**
 * What an event did. An event that does not fit the state changes nothing and says why in `code`; it never throws, so no
 * logged record can make opening fail.
 */
export interface EventOutcome {
  readonly code?: ErrorCode
  /** Entries whose id was not there before (`add`). */
  readonly added: number
  /** Entries that took the place of a live one: `add` of an existing id, `update`. */
  readonly replaced: number
  /** Entries that were live and are not any more (`delete`, `drop`). */
  readonly removed: number
}
