import { StoreError } from '../base/errors.ts'
import { MAX_DIMENSIONS, MAX_ID_BYTES, MAX_NAME_BYTES, MAX_PAYLOAD_BYTES } from '../base/limits.ts'
import type { AddEvent } from '../engine/events.ts'
import { isId } from '../engine/id-text.ts'
import { isMetric, type Metric } from '../engine/metric.ts'
import { normOf } from '../engine/vector-math.ts'
import { encodeMetadata } from './metadata.ts'
import { refuseUnknownOptions, requireInteger } from './options.ts'

/** A vector as callers may hand it in: components are rounded to float32. */
export type VectorInput = Float32Array | readonly number[]

/** An entry as callers hand it in. All of it is copied before the first wait. */
export interface EntryInput<M = object> {
  readonly id: string
  readonly vector: VectorInput
  readonly metadata?: M | undefined
}

/** What fixes a collection for good. */
export interface CollectionSettings {
  /** From 1 to 8,192. */
  readonly dimensions: number
  /** Default `'cosine'`. */
  readonly metric?: Metric
}

/** What a collection demands of its entries. */
export interface Shape {
  readonly dimensions: number
  readonly metric: Metric
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
export function checkSettings(settings: CollectionSettings): Shape {
  refuseUnknownOptions(settings, ['dimensions', 'metric'], 'collection')
  const { dimensions, metric = 'cosine' } = settings
  requireInteger('dimensions', dimensions, 1, MAX_DIMENSIONS)
  if (!isMetric(metric)) throw new TypeError("metric must be 'cosine', 'euclidean' or 'dot'")
  return { dimensions, metric }
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

/**
 * Checks entries and copies them into the fields of an `add`.
 * @throws StoreError `ERR_DIMENSIONS`, `ERR_VECTOR_NOT_FINITE`, `ERR_VECTOR_ZERO`, `ERR_ID_INVALID`, `ERR_METADATA_INVALID`,
 * `ERR_BATCH_TOO_LARGE`; TypeError. Then nothing was taken.
 */
export function copyEntries(entries: readonly EntryInput[], shape: Shape): Omit<AddEvent, 'type' | 'collection'> {
  if (!Array.isArray(entries)) throw new TypeError('add takes an array of entries; addAll takes any iterable')
  const rowBytes = shape.dimensions * Float32Array.BYTES_PER_ELEMENT
  checkBatchBytes(entries.length * rowBytes)
  const vectors = new Float32Array(entries.length * shape.dimensions)
  const documents: (Uint8Array | undefined)[] = []
  let hasDocuments = false
  const ids = entries.map((entry, index) => {
    if (typeof entry !== 'object' || entry === null)
      throw new TypeError('an entry must be an object with id and vector')
    const { id, vector, metadata } = entry
    checkId(id)
    copyVectorInput(vector, shape, vectors.subarray(index * shape.dimensions, (index + 1) * shape.dimensions), id)
    const document = metadata === undefined ? undefined : encodeMetadata(metadata, id)
    hasDocuments ||= document !== undefined
    documents.push(document)
    return id
  })
  const bytes = new Uint8Array(vectors.buffer)
  return hasDocuments ? { ids, vectors: bytes, documents } : { ids, vectors: bytes }
}

/** Copies a query. @throws as {@link copyEntries} does for a vector. */
export function copyQuery(vector: unknown, shape: Shape): Float32Array {
  const target = new Float32Array(shape.dimensions)
  copyVectorInput(vector, shape, target, undefined)
  return target
}

function copyVectorInput(vector: unknown, shape: Shape, target: Float32Array, id: string | undefined): void {
  const owner = id === undefined ? 'the query' : `the vector of '${id}'`
  if (!isVectorInput(vector)) throw new TypeError(`${owner} must be a Float32Array or an array of numbers`)
  if (vector.length !== shape.dimensions) {
    const message = `${owner} has ${vector.length} dimensions; the collection has ${shape.dimensions}`
    throw new StoreError('ERR_DIMENSIONS', message, {
      details: { id, dimensions: vector.length, expected: shape.dimensions },
    })
  }
  if (Array.isArray(vector)) {
    // A hole or a string would become 0 or a number without a word.
    for (const component of vector) {
      if (typeof component !== 'number') throw new TypeError(`${owner} holds a ${typeof component}`)
    }
  }
  target.set(vector)
  const norm = normOf(target)
  if (!Number.isFinite(norm)) {
    const index = target.findIndex((component) => !Number.isFinite(component))
    const message = `${owner} has ${vector[index]} at ${index}, which is not a finite float32`
    throw new StoreError('ERR_VECTOR_NOT_FINITE', message, { details: { id, index } })
  }
  if (norm === 0 && shape.metric === 'cosine') {
    throw new StoreError('ERR_VECTOR_ZERO', `${owner} is zero, and has no direction for cosine to compare`, {
      details: { id },
    })
  }
}

/** By tag: a Float32Array of another realm (a test runner's) is not an instance of ours. */
function isVectorInput(value: unknown): value is VectorInput {
  return Array.isArray(value) || Object.prototype.toString.call(value) === '[object Float32Array]'
}

/** @throws StoreError `ERR_BATCH_TOO_LARGE`. */
export function checkBatchBytes(bytes: number): void {
  if (bytes <= MAX_PAYLOAD_BYTES) return
  const message = `a batch of ${bytes} bytes does not fit a record of at most ${MAX_PAYLOAD_BYTES}; addAll takes any number of entries and splits them`
  throw new StoreError('ERR_BATCH_TOO_LARGE', message, { details: { bytes, limit: MAX_PAYLOAD_BYTES } })
}
