import { hasBit } from './bitmap.ts'
import type { BytesCapture, BytesColumn } from './bytes-column.ts'
import type { CollectionLsn } from './events.ts'
import type { Metric } from './metric.ts'
import type { OriginalsColumn } from './originals-column.ts'

interface Settings {
  readonly name: string
  readonly dimensions: number
  readonly metric: Metric
  readonly creationLsn: CollectionLsn
}

/**
 * The content of one collection at one moment. Making one costs a copy of the tombstones and a few references a chunk: ids
 * and originals are append-only, so the first `slotCount` of them stay what they are; documents are captured by their
 * column. It keeps that memory alive, also after the collection is dropped.
 */
export class CollectionCapture {
  readonly name: string
  readonly dimensions: number
  readonly metric: Metric
  readonly creationLsn: CollectionLsn
  readonly slotCount: number
  /** Bit `slot & 7` of byte `slot >> 3`; `ceil(slotCount / 8)` bytes, bits beyond the last slot zero. */
  readonly tombstones: Uint8Array
  readonly #originals: OriginalsColumn
  readonly #ids: BytesColumn
  readonly #documents: BytesCapture

  constructor(
    settings: Settings,
    columns: { originals: OriginalsColumn; ids: BytesColumn; documents: BytesCapture; tombstones: Uint8Array },
  ) {
    this.name = settings.name
    this.dimensions = settings.dimensions
    this.metric = settings.metric
    this.creationLsn = settings.creationLsn
    this.slotCount = columns.originals.count
    this.tombstones = columns.tombstones
    this.#originals = columns.originals
    this.#ids = columns.ids
    this.#documents = columns.documents
  }

  isDead(slot: number): boolean {
    return hasBit(this.tombstones, slot)
  }

  /** The UTF-8 of a slot's id, dead or live. */
  borrowId(slot: number): Uint8Array {
    return this.#ids.borrow(slot)!
  }

  borrowDocument(slot: number): Uint8Array | undefined {
    return this.#documents.borrow(slot)
  }

  /** At most `maxRows` rows from `firstSlot` on as bytes, fewer where a block or the capture ends. */
  borrowRows(firstSlot: number, maxRows: number): { bytes: Uint8Array; rows: number } {
    const { vectors, rows } = this.#originals.borrowRun(firstSlot, Math.min(maxRows, this.slotCount - firstSlot))
    return { bytes: new Uint8Array(vectors.buffer, vectors.byteOffset, vectors.byteLength), rows }
  }
}
