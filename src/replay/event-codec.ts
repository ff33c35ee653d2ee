import { decodeCbor, encodeCbor, portableText } from '../base/cbor.ts'
import { type ErrorDetails, StoreError } from '../base/errors.ts'
import type { StoreEvent } from '../engine/events.ts'
import { isDistanceMetric } from '../engine/metric.ts'
import { isQuantizationMode } from '../engine/quantization.ts'
import { isVectorType } from '../engine/vector-type.ts'

/**
 * The payload of a record: a CBOR array of events, each an array of its name and its fields, in the order of the table in
 * docs/FORMAT.md. Vectors and documents are byte strings, so their bits pass through untouched.
 */
const FIELDS = {
  create: ['name', 'dimensions', 'metric', 'quantization'],
  createTyped: ['name', 'dimensions', 'metric', 'vectorType', 'quantization'],
  drop: ['collection'],
  add: ['collection', 'ids', 'vectors', 'documents'],
  update: ['collection', 'id', 'document'],
  delete: ['collection', 'ids'],
  quantize: ['collection', 'mode'],
  flush: ['collection', 'throughSlot', 'indexVersion', 'method', 'walkCodes', 'scale', 'centre'],
  rebuild: ['collection', 'throughSlot', 'indexVersion', 'walkCodes', 'scale', 'centre'],
  consolidate: ['collection'],
  compact: ['collection', 'chunk'],
} as const satisfies Record<EventName, readonly string[]>

/**
 * A collection whose vectors are no float32 is created by an event of another name, which older releases refuse: behind the fields
 * that they know they would pass over its type.
 */
type EventName = StoreEvent['type'] | 'createTyped'

/** Encodes one atomic batch. The result is no longer connected to the events' arrays. */
export function encodeEvents(events: readonly StoreEvent[]): Uint8Array {
  return encodeCbor(
    events.map((event) => {
      const fields = event as unknown as Record<string, unknown>
      const name = nameOf(event)
      const values = FIELDS[name].map((field) => portable(fields[field]) ?? null)
      return [name, ...(isOmitted(event) ? values.slice(0, -1) : values)]
    }),
  )
}

function nameOf(event: StoreEvent): EventName {
  return event.type === 'create' && event.vectorType !== undefined ? 'createTyped' : event.type
}

/** Whether the last field is left out, as it is where a collection is created without a mode of its own. */
function isOmitted(event: StoreEvent): boolean {
  return event.type === 'create' && event.quantization === undefined
}

function portable(field: unknown): unknown {
  if (typeof field === 'string') return portableText(field)
  return Array.isArray(field) ? field.map((item) => (typeof item === 'string' ? portableText(item) : item)) : field
}

/**
 * Decodes a payload whose chain was verified. The fields are as they were found: `applyEvent` checks each before it is used.
 * Byte strings are borrowed from `payload`.
 * @throws StoreError `ERR_RECORD_INVALID` where it is no list of events, `ERR_FORMAT_VERSION` for an event, a
 * quantization, a vector type or a metric that this release does not know: passing over it would make this copy differ from the
 * others without a sign.
 */
export function decodeEvents(payload: Uint8Array): StoreEvent[] {
  let decoded: unknown
  try {
    decoded = decodeCbor(payload)
  } catch (error) {
    throw new StoreError('ERR_RECORD_INVALID', 'the payload of a record is not CBOR', { cause: error })
  }
  if (!Array.isArray(decoded))
    throw new StoreError('ERR_RECORD_INVALID', 'the payload of a record is not a list of events')
  return decoded.map(decodeEvent)
}

function decodeEvent(encoded: unknown): StoreEvent {
  if (!Array.isArray(encoded) || typeof encoded[0] !== 'string') {
    throw new StoreError('ERR_RECORD_INVALID', 'an event of a record has no name')
  }
  const [name, ...values] = encoded as [string, ...unknown[]]
  if (!Object.hasOwn(FIELDS, name)) throw newer({ event: name }, `an event '${name}'`)
  const fields: readonly string[] = FIELDS[name as EventName]
  const event: Record<string, unknown> = { type: name === 'createTyped' ? 'create' : name }
  for (const [index, field] of fields.entries()) {
    const value = values[index]
    if (value !== null && value !== undefined) event[field] = value
  }
  if (Array.isArray(event.documents)) event.documents = event.documents.map((document) => document ?? undefined)
  const mode = event.type === 'create' ? event.quantization : event.type === 'quantize' ? event.mode : undefined
  requireKnown('quantization', mode, isQuantizationMode)
  if (name === 'createTyped') {
    requireKnown('vectorType', event.vectorType, isVectorType)
    requireKnown('metric', event.metric, isDistanceMetric)
  }
  return event as unknown as StoreEvent
}

function requireKnown(field: string, value: unknown, isKnown: (value: unknown) => boolean): void {
  if (typeof value === 'string' && !isKnown(value)) throw newer({ [field]: value }, `a ${field} '${value}'`)
}

function newer(details: ErrorDetails, what: string): StoreError {
  return new StoreError('ERR_FORMAT_VERSION', `the log has ${what} of a newer release`, { details })
}
