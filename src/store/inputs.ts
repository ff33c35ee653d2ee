import { StoreError } from '../base/errors.ts'
import { MAX_DIMENSIONS, MAX_ID_BYTES, MAX_NAME_BYTES, MAX_PAYLOAD_BYTES } from '../base/limits.ts'
import type { AddEvent } from '../engine/events.ts'
import { isId } from '../engine/id-text.ts'
import { isMetric, type Metric } from '../engine/metric.ts'
import type { QuantizationMode } from '../engine/quantization.ts'
import { normOf } from '../engine/vector-math.ts'
import { encodeMetadata } from './metadata.ts'
import { refuseUnknownOptions, requireInteger } from './options.ts'
import { checkMode } from './quantization-input.ts'

/** A vector as callers may hand it in: components are rounded to float32. */
export type VectorInput = Float32Array | readonly number[]

/** An entry as callers hand it in. All of it is copied before the first wait. */
export interface EntryInput<M = object> {
  readonly id: string
  readonly vector: VectorInput
  readonly metadata?: M | undefined
}

/** How a collection is made. Dimensions and metric are fixed for good. */
export interface CollectionSettings {
  /** From 1 to 8,192. */
  readonly dimensions: number
  /** Default `'cosine'`. */
  readonly metric?: Metric
  /**
   * What of the vectors is to be in memory: `'none'` (default), all, or `'int8'`, codes of at most 8 bits a dimension. It says how
   * the collection begins; `quantize` changes it later, so one that is there keeps the mode it has.
   */
  readonly quantization?: QuantizationMode
}

/** What a collection demands of its entries. */
export interface Shape {
  readonly dimensions: number
  readonly metric: Metric
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
export function checkSettings(settings: CollectionSettings): NewShape {
  refuseUnknownOptions(settings, ['dimensions', 'metric', 'quantization'], 'collection')
  const { dimensions, metric = 'cosine', quantization = 'none' } = settings
  requireInteger('dimensions', dimensions, 1, MAX_DIMENSIONS)
  if (!isMetric(metric)) throw new TypeError("metric must be 'cosine', 'euclidean' or 'dot'")
  checkMode(quantization)
  return { dimensions, metric, ...(quantization === 'none' ? {} : { quantization }) }
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
  readonly #vectors: Float32Array
  #ids: string[] = []
  #documents: (Uint8Array | undefined)[] = []
  #textBytes = 0
  #hasDocuments = false

  /** @throws StoreError `ERR_BATCH_TOO_LARGE` where so many vectors fit no record. */
  constructor(shape: Shape, capacity: number) {
    checkBatchBytes(capacity * shape.dimensions * Float32Array.BYTES_PER_ELEMENT)
    this.#shape = shape
    this.#vectors = new Float32Array(capacity * shape.dimensions)
  }

  get size(): number {
    return this.#ids.length
  }

  /** Bytes that a record of it takes at least. */
  get leastBytes(): number {
    return this.size * this.#shape.dimensions * Float32Array.BYTES_PER_ELEMENT + this.#textBytes
  }

  /**
   * @throws StoreError `ERR_DIMENSIONS`, `ERR_VECTOR_NOT_FINITE`, `ERR_VECTOR_ZERO`, `ERR_ID_INVALID`, `ERR_METADATA_INVALID`;
   * TypeError; RangeError past the capacity.
   */
  push(entry: EntryInput): void {
    if (typeof entry !== 'object' || entry === null)
      throw new TypeError('an entry must be an object with id and vector')
    const { id, vector, metadata } = entry
    checkId(id)
    copyVectorInput(vector, this.#shape, this.#vectors, this.size * this.#shape.dimensions, id)
    const document = metadata === undefined ? undefined : encodeMetadata(metadata, id)
    this.#hasDocuments ||= document !== undefined
    this.#documents.push(document)
    this.#ids.push(id)
    this.#textBytes += id.length + (document?.byteLength ?? 0)
  }

  /** What was pushed, borrowed: the next `clear` takes the vectors back. */
  fields(): AddFields {
    const ids = this.#ids
    const vectors = new Uint8Array(this.#vectors.buffer, 0, this.size * this.#shape.dimensions * 4)
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
export function copyEntries(entries: readonly EntryInput[], shape: Shape): AddFields {
  if (!Array.isArray(entries)) throw new TypeError('add takes an array of entries; addAll takes any iterable')
  const batch = new EntryBatch(shape, entries.length)
  for (const entry of entries) {
    batch.push(entry)
    checkBatchBytes(batch.leastBytes)
  }
  return batch.fields()
}

/** Copies a query. @throws as {@link EntryBatch} does for a vector. */
export function copyQuery(vector: unknown, shape: Shape): Float32Array {
  const target = new Float32Array(shape.dimensions)
  copyVectorInput(vector, shape, target, 0, undefined)
  return target
}

/** Copies a vector to `offset` of `target` and checks what arrived there: what is stored is what was checked. */
function copyVectorInput(
  vector: unknown,
  shape: Shape,
  target: Float32Array,
  offset: number,
  id: string | undefined,
): void {
  const { dimensions, metric } = shape
  if (!isVectorInput(vector)) throw new TypeError(`${ownerOf(id)} must be a Float32Array or an array of numbers`)
  if (vector.length !== dimensions) {
    const message = `${ownerOf(id)} has ${vector.length} dimensions; the collection has ${dimensions}`
    throw new StoreError('ERR_DIMENSIONS', message, {
      details: { id, dimensions: vector.length, expected: dimensions },
    })
  }
  if (Array.isArray(vector)) requireNumbers(vector, id)
  target.set(vector, offset)
  const norm = normOf(target, offset, dimensions)
  if (!Number.isFinite(norm)) {
    const index = target.subarray(offset, offset + dimensions).findIndex((component) => !Number.isFinite(component))
    const message = `${ownerOf(id)} has ${vector[index]} at ${index}, which is not a finite float32`
    throw new StoreError('ERR_VECTOR_NOT_FINITE', message, { details: { id, index } })
  }
  if (norm === 0 && metric === 'cosine') {
    const message = `${ownerOf(id)} is zero, and has no direction for cosine to compare`
    throw new StoreError('ERR_VECTOR_ZERO', message, { details: { id } })
  }
}

/** A hole or a string would become 0 or a number without a word. */
function requireNumbers(vector: readonly unknown[], id: string | undefined): void {
  for (const component of vector) {
    if (typeof component !== 'number') throw new TypeError(`${ownerOf(id)} holds a ${typeof component}`)
  }
}

function ownerOf(id: string | undefined): string {
  return id === undefined ? 'the query' : `the vector of '${id}'`
}

/** By tag where it must be: a Float32Array of another realm (a test runner's) is not an instance of ours. */
function isVectorInput(value: unknown): value is VectorInput {
  if (value instanceof Float32Array || Array.isArray(value)) return true
  return Object.prototype.toString.call(value) === '[object Float32Array]'
}

/** @throws StoreError `ERR_BATCH_TOO_LARGE`. */
export function checkBatchBytes(bytes: number): void {
  if (bytes <= MAX_PAYLOAD_BYTES) return
  const message = `a batch of at least ${bytes} bytes does not fit a record of at most ${MAX_PAYLOAD_BYTES}; addAll takes any number of entries and splits them`
  throw new StoreError('ERR_BATCH_TOO_LARGE', message, { details: { bytes, limit: MAX_PAYLOAD_BYTES } })
}
