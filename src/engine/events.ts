import type { ErrorCode } from '../base/errors.ts'
import type { Metric } from './metric.ts'

/** A collection is named, in events, by the LSN of the record that created it: names can be dropped and used again. */
export type CollectionLsn = number

/** One change of state. A record of the log holds one atomic batch of them. */
export type StoreEvent = CreateEvent | DropEvent | AddEvent | UpdateEvent | DeleteEvent

/** Creates a collection. At most one to a record, because the record's LSN becomes the collection's. */
export interface CreateEvent {
  readonly type: 'create'
  readonly name: string
  readonly dimensions: number
  readonly metric: Metric
}

export interface DropEvent {
  readonly type: 'drop'
  readonly collection: CollectionLsn
}

/** Adds entries; an id that is there already gets the new vector and document in a new slot. Within one event the last wins. */
export interface AddEvent {
  readonly type: 'add'
  readonly collection: CollectionLsn
  readonly ids: readonly string[]
  /** `ids.length * dimensions` float32, little-endian: the bits as the user gave them. */
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
