import { StoreError } from '../base/errors.ts'
import { MAX_DIMENSIONS, MAX_ID_BYTES, MAX_NAME_BYTES, MAX_PAYLOAD_BYTES } from '../base/limits.ts'
import type { AddEvent, CreateEvent } from '../engine/events.ts'
import { isId } from '../engine/id-text.ts'
import { DISTANCE_METRICS, type DistanceMetric, isDistanceMetric } from '../engine/metric.ts'
import type { QuantizationMode } from '../engine/quantization.ts'
import {
  fitsDimensions,
  fitsMetric,
  isVectorType,
  rowBytesOf,
  VECTOR_TYPES,
  type VectorType,
} from '../engine/vector-type.ts'
import { encodeMetadata } from './metadata.ts'
import { refuseUnknownOptions, requireInteger } from './options.ts'
import { checkMode } from './quantization-input.ts'
import { copyVectorInput, createRows, type RowElements, type Shape } from './vector-input.ts'
import type { VectorInput } from './vector-types.ts'

/** An entry as callers hand it in. All of it is copied before the first wait. */
export interface EntryInput<M = object, T extends VectorType = 'float32'> {
  readonly id: string
  readonly vector: VectorInput<T>
  readonly metadata?: M | undefined
}

/** How a collection is made. Dimensions, type and metric are fixed for good. */
export interface CollectionSettings<T extends VectorType = 'float32'> {
  /** From 1 to 8,192; of `binary` a multiple of 8. */
  readonly dimensions: number
  /** What its vectors are: kept so, exactly, in the log, in memory and on disk. Default `'float32'`. */
  readonly type?: T
  /** Default `'cosine'`; of `binary`, and of it alone, `'hamming'`. */
  readonly metric?: DistanceMetric
  /**
   * What of the vectors is to be in memory: `'none'` (default), all, or `'int8'`, codes of at most 8 bits a dimension. It says how
   * the collection begins; `quantize` changes it later, so one that is there keeps the mode it has.
   */
  readonly quantization?: QuantizationMode
}

/** A shape, and the mode that a collection begins with where it is not `none`. */
export interface NewShape extends Shape {
  readonly quantization?: QuantizationMode
}

/** @throws StoreError `ERR_COLLECTION_NAME`, TypeError. */
export function checkName(name: unknown): asserts name is string {
  if (typeof name !== 'string') throw new TypeError('the name of a collection must be a string')
  const fits = name.length > 0 && name.isWellFormed() && new TextEncoder().encode(name).byteLength <= MAX_NAME_BYTES
  if (fits) return
  const message = `a collection's name must be well-formed and take 1 to ${MAX_NAME_BYTES} bytes; '${name.slice(0, 40)}' is not`
  throw new StoreError('ERR_COLLECTION_NAME', message)
}

/** @throws TypeError, RangeError. */
export function checkSettings(settings: CollectionSettings<VectorType>): NewShape {
  refuseUnknownOptions(settings, ['dimensions', 'type', 'metric', 'quantization'], 'collection')
  const { dimensions, type = 'float32', quantization = 'none' } = settings
  requireInteger('dimensions', dimensions, 1, MAX_DIMENSIONS)
  if (!isVectorType(type)) throw new TypeError(`type must be one of ${quoted(VECTOR_TYPES)}`)
  if (!fitsDimensions(type, dimensions)) {
    throw new RangeError(`dimensions of type 'binary' must be a multiple of 8, not ${dimensions}`)
  }
  const { metric = type === 'binary' ? 'hamming' : 'cosine' } = settings
  if (!isDistanceMetric(metric)) throw new TypeError(`metric must be one of ${quoted(DISTANCE_METRICS)}`)
  if (!fitsMetric(type, metric)) {
    throw new TypeError(
      `metric '${metric}' does not fit type '${type}': 'hamming' is for 'binary', and 'binary' for 'hamming'`,
    )
  }
  checkMode(quantization)
  const mode = quantization === 'none' ? {} : { quantization }
  return { dimensions, vectorType: type, distanceMetric: metric, ...mode }
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ')
}

/** The event that makes a collection. */
export function createEventOf(name: string, shape: NewShape): CreateEvent {
  const { dimensions, vectorType, distanceMetric: metric, quantization } = shape
  const mode = quantization === undefined ? {} : { quantization }
  return { type: 'create', name, dimensions, metric, ...mode, ...(vectorType === 'float32' ? {} : { vectorType }) }
}

/** @throws TypeError for what is no string, StoreError `ERR_ID_INVALID` for a string that can be no id. */
export function checkId(id: unknown): asserts id is string {
  if (typeof id !== 'string') throw new TypeError(`an id must be a string, not a ${typeof id}`)
  const fits: boolean = isId(id)
  if (fits) return
  const message = `an id must be well-formed and take 1 to ${MAX_ID_BYTES} bytes of UTF-8; '${id.slice(0, 40)}' does not`
  throw new StoreError('ERR_ID_INVALID', message, { details: { lengthUnits: id.length } })
}

export function checkIds(ids: unknown): asserts ids is readonly string[] {
  if (!Array.isArray(ids)) throw new TypeError('ids must be an array of strings')
  for (const id of ids) checkId(id)
}

/** The fields of an `add` event, without the collection. */
export type AddFields = Omit<AddEvent, 'type' | 'collection'>

/**
 * Entries on their way into one record, each checked and copied as it comes, so that its owner may reuse its arrays at once.
 * A `push` that throws has taken nothing.
 */
export class EntryBatch {
  readonly #shape: Shape
  readonly #rowBytes: number
  readonly #vectors: RowElements
  #ids: string[] = []
  #documents: (Uint8Array | undefined)[] = []
  #textBytes = 0
  #hasDocuments = false

  /** @throws StoreError `ERR_BATCH_TOO_LARGE` where so many vectors fit no record. */
  constructor(shape: Shape, capacity: number) {
    this.#rowBytes = rowBytesOf(shape.vectorType, shape.dimensions)
    checkBatchBytes(capacity * this.#rowBytes)
    this.#shape = shape
    this.#vectors = createRows(shape, capacity)
  }

  get size(): number {
    return this.#ids.length
  }

  /** Bytes of ids and documents, at least. */
  get textBytes(): number {
    return this.#textBytes
  }

  /** Bytes that a record of it takes at least. */
  get leastBytes(): number {
    return this.size * this.#rowBytes + this.#textBytes
  }

  /**
   * @throws StoreError `ERR_DIMENSIONS`, `ERR_VECTOR_NOT_FINITE`, `ERR_VECTOR_VALUE`, `ERR_VECTOR_ZERO`, `ERR_ID_INVALID`, `ERR_METADATA_INVALID`;
   * TypeError; RangeError past the capacity.
   */
  push(entry: EntryInput<object, VectorType>): void {
    if (typeof entry !== 'object' || entry === null)
      throw new TypeError('an entry must be an object with id and vector')
    const { id, vector, metadata } = entry
    checkId(id)
    copyVectorInput(vector, this.#shape, this.#vectors, this.size, id)
    const document = metadata === undefined ? undefined : encodeMetadata(metadata, id)
    this.#hasDocuments ||= document !== undefined
    this.#documents.push(document)
    this.#ids.push(id)
    this.#textBytes += id.length + (document?.byteLength ?? 0)
  }

  /** What was pushed, borrowed: the next `clear` takes the vectors back. */
  fields(): AddFields {
    const ids = this.#ids
    const vectors = new Uint8Array(this.#vectors.buffer, 0, this.size * this.#rowBytes)
    return this.#hasDocuments ? { ids, vectors, documents: this.#documents } : { ids, vectors }
  }

  /** Empties the batch. Its memory is used again: buffers made and dropped at this rate keep the collector busy. */
  clear(): void {
    this.#ids = []
    this.#documents = []
    this.#hasDocuments = false
    this.#textBytes = 0
  }
}

/**
 * Checks entries and copies them into the fields of an `add`.
 * @throws as {@link EntryBatch} does. Then nothing was taken.
 */
export function copyEntries(entries: readonly EntryInput<object, VectorType>[], shape: Shape): AddFields {
  if (!Array.isArray(entries)) throw new TypeError('add takes an array of entries; addAll takes any iterable')
  const batch = new EntryBatch(shape, entries.length)
  for (const entry of entries) {
    batch.push(entry)
    checkBatchBytes(batch.leastBytes)
  }
  return batch.fields()
}

/** @throws StoreError `ERR_BATCH_TOO_LARGE`. */
export function checkBatchBytes(bytes: number): void {
  if (bytes <= MAX_PAYLOAD_BYTES) return
  const message = `a batch of at least ${bytes} bytes does not fit a record of at most ${MAX_PAYLOAD_BYTES}; addAll takes any number of entries and splits them`
  throw new StoreError('ERR_BATCH_TOO_LARGE', message, { details: { bytes, limit: MAX_PAYLOAD_BYTES } })
}
