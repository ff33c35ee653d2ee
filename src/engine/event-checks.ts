import type { ErrorCode } from '../base/errors.ts'
import { MAX_DIMENSIONS, MAX_METADATA_BYTES, MAX_NAME_BYTES } from '../base/limits.ts'
import { type CollectionView, MAX_SLOTS } from './collection-state.ts'
import type { AddEvent, CreateEvent } from './events.ts'
import { isId } from './id-text.ts'
import { isDistanceMetric } from './metric.ts'
import { isQuantizationMode } from './quantization.ts'
import type { StoreView } from './store-state.ts'
import { normsOfRows } from './vector-math.ts'
import { fitsDimensions, fitsMetric, isVectorType, rowBytesOf, type VectorType } from './vector-type.ts'

// Events are decoded from bytes that someone may have made by hand, so their types say what fields should be, not what they are.

export function checkCreate(
  state: StoreView & { lastCreationLsn: number },
  event: CreateEvent,
  lsn: number,
): ErrorCode | undefined {
  if (!isCollectionName(event.name)) return 'ERR_COLLECTION_NAME'
  if (!Number.isInteger(event.dimensions) || event.dimensions < 1 || event.dimensions > MAX_DIMENSIONS) {
    return 'ERR_DIMENSIONS'
  }
  const { vectorType = 'float32', metric } = event
  if (!isVectorType(vectorType) || !isDistanceMetric(metric) || !fitsMetric(vectorType, metric)) {
    return 'ERR_RECORD_INVALID'
  }
  if (!fitsDimensions(vectorType, event.dimensions)) return 'ERR_DIMENSIONS'
  if (event.quantization !== undefined && !isQuantizationMode(event.quantization)) return 'ERR_RECORD_INVALID'
  if (state.collectionByName(event.name) !== undefined) return 'ERR_COLLECTION_MISMATCH'
  // Also when that one was dropped since: one LSN never names two collections.
  if (lsn <= state.lastCreationLsn) return 'ERR_RECORD_INVALID'
  return undefined
}

const NO_NORMS = new Float64Array(0)

/** What an `add` may do once it is known to fit, or why it does not. */
export type CheckedAdd =
  | { readonly code: ErrorCode }
  | {
      readonly code: undefined
      /** Positions in the event to take, in order: those whose id does not come again later in it. */
      readonly winners: readonly number[]
      /** Under cosine, the norm of each position, winner or not. */
      readonly norms: Float64Array
    }

/** Every entry must fit, also one that a later entry of the same id makes void: an event is taken or refused as a whole. */
export function checkAdd(collection: CollectionView, event: AddEvent): CheckedAdd {
  const { ids, vectors, documents } = event
  if (!Array.isArray(ids) || !isBytes(vectors)) return { code: 'ERR_RECORD_INVALID' }
  if (!areIds(ids)) return { code: 'ERR_ID_INVALID' }
  const { dimensions, metric, vectorType } = collection
  if (vectors.byteLength !== ids.length * rowBytesOf(vectorType, dimensions)) return { code: 'ERR_DIMENSIONS' }
  if (documents !== undefined && !areDocuments(documents, ids.length)) return { code: 'ERR_METADATA_INVALID' }
  const norms = metric === 'cosine' || isFloat(vectorType) ? normsOfRows(vectors, dimensions, vectorType) : NO_NORMS
  for (const norm of norms) {
    if (!Number.isFinite(norm)) return { code: 'ERR_VECTOR_NOT_FINITE' }
    if (norm === 0 && metric === 'cosine') return { code: 'ERR_VECTOR_ZERO' }
  }
  const winners = lastPositions(ids)
  if (collection.slotCount + winners.length > MAX_SLOTS) return { code: 'ERR_COLLECTION_FULL' }
  return { code: undefined, winners, norms }
}

/** Whether components may be no number or infinite. */
function isFloat(type: VectorType): boolean {
  return type === 'float32' || type === 'float16'
}

/** Whether a value is an array of ids, without holes. */
export function areIds(value: unknown): value is string[] {
  if (!Array.isArray(value)) return false
  // By index, because `every` passes over holes.
  for (let index = 0; index < value.length; index++) {
    if (!isId(value[index])) return false
  }
  return true
}

/** Whether a value may be the document of an entry; `undefined` is none. */
export function isDocument(value: unknown): value is Uint8Array | undefined {
  return value === undefined || (isBytes(value) && value.byteLength <= MAX_METADATA_BYTES)
}

function areDocuments(value: unknown, count: number): boolean {
  return Array.isArray(value) && value.length === count && value.every(isDocument)
}

function isCollectionName(value: unknown): value is string {
  if (typeof value !== 'string' || value.length === 0 || value.length > MAX_NAME_BYTES) return false
  return value.isWellFormed() && new TextEncoder().encode(value).byteLength <= MAX_NAME_BYTES
}

/** By tag, so that bytes of another realm (a test runner's, for instance) count; a Buffer has the same tag. */
function isBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === '[object Uint8Array]'
}

function lastPositions(ids: readonly string[]): number[] {
  if (new Set(ids).size === ids.length) return Array.from(ids.keys())
  const lastById = new Map<string, number>()
  for (const [position, id] of ids.entries()) lastById.set(id, position)
  const positions: number[] = []
  for (const [position, id] of ids.entries()) {
    if (lastById.get(id) === position) positions.push(position)
  }
  return positions
}
