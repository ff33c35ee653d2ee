import { hasBit } from './bitmap.ts'
import type { BytesCapture } from './bytes-column.ts'
import type { CollectionLsn } from './events.ts'
import type { DistanceMetric, Metric } from './metric.ts'
import type { QuantizationMode } from './quantization.ts'
import type { RunScratch } from './run-scratch.ts'
import type { VectorCapture, VectorRun } from './vector-capture.ts'
import type { VectorType } from './vector-type.ts'

interface Settings {
  readonly name: string
  readonly dimensions: number
  readonly metric: Metric
  readonly distanceMetric: DistanceMetric
  readonly vectorType: VectorType
  readonly creationLsn: CollectionLsn
  readonly quantization: QuantizationMode
}

/**
 * The content of one collection at one moment. Making one costs a copy of the tombstones, a few references a chunk and one
 * a block of vectors. It keeps that memory alive, also when chunks of it are freed or the collection is dropped.
 *
 * Calls that borrow throw `RangeError` for a slot whose chunk had been freed at that moment; all of those are dead. Of a
 * chunk that was cold they read, and may throw `ERR_CHUNK_CORRUPT` or what the files say.
 */
export class CollectionCapture {
  readonly name: string
  readonly dimensions: number
  readonly metric: Metric
  readonly distanceMetric: DistanceMetric
  readonly vectorType: VectorType
  readonly creationLsn: CollectionLsn
  readonly quantization: QuantizationMode
  readonly slotCount: number
  /** Bit `slot & 7` of byte `slot >> 3`; `ceil(slotCount / 8)` bytes, bits beyond the last slot zero. */
  readonly tombstones: Uint8Array
  readonly ids: BytesCapture
  readonly documents: BytesCapture
  readonly #vectors: VectorCapture

  constructor(
    settings: Settings,
    columns: { vectors: VectorCapture; ids: BytesCapture; documents: BytesCapture; tombstones: Uint8Array },
  ) {
    this.name = settings.name
    this.dimensions = settings.dimensions
    this.metric = settings.metric
    this.distanceMetric = settings.distanceMetric
    this.vectorType = settings.vectorType
    this.creationLsn = settings.creationLsn
    this.quantization = settings.quantization
    this.slotCount = columns.vectors.slotCount
    this.tombstones = columns.tombstones
    this.ids = columns.ids
    this.documents = columns.documents
    this.#vectors = columns.vectors
  }

  isDead(slot: number): boolean {
    return hasBit(this.tombstones, slot)
  }

  /** Whether a slot's chunk had been freed. */
  isFreed(slot: number): boolean {
    return this.#vectors.isFreed(slot)
  }

  /** The UTF-8 of a slot's id, dead or live. */
  borrowId(slot: number): Uint8Array {
    return this.ids.borrow(slot)!
  }

  borrowDocument(slot: number): Uint8Array | undefined {
    return this.documents.borrow(slot)
  }

  /** As {@link VectorCapture.borrowRun}. */
  borrowRun(firstSlot: number, maxRows: number, scratch?: RunScratch): VectorRun {
    return this.#vectors.borrowRun(firstSlot, maxRows, scratch)
  }

  /** As {@link VectorCapture.borrowBytes}. */
  borrowRows(firstSlot: number, maxRows: number, scratch?: RunScratch): { bytes: Uint8Array; rows: number } {
    return this.#vectors.borrowBytes(firstSlot, maxRows, scratch)
  }

  /** As {@link VectorCapture.borrowNorms}. */
  borrowNorms(firstSlot: number, maxRows: number): Float64Array {
    return this.#vectors.borrowNorms(firstSlot, maxRows)
  }
}
