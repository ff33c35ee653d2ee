import { decodeCbor, encodeCbor, portableText } from '../base/cbor.ts'
import { StoreError } from '../base/errors.ts'
import type { StoreEvent } from '../engine/events.ts'
import { isQuantizationMode } from '../engine/quantization.ts'

/**
 * The payload of a record: a CBOR array of events, each an array of its name and its fields, in the order of the table in
 * docs/FORMAT.md. Vectors and documents are byte strings, so their bits pass through untouched.
 */
const FIELDS = {
  create: ['name', 'dimensions', 'metric', 'quantization'],
  drop: ['collection'],
  add: ['collection', 'ids', 'vectors', 'documents'],
  update: ['collection', 'id', 'document'],
  delete: ['collection', 'ids'],
  quantize: ['collection', 'mode'],
  flush: ['collection', 'throughSlot', 'indexVersion', 'method', 'walkCodes', 'scale', 'centre'],
  rebuild: ['collection', 'throughSlot', 'indexVersion', 'walkCodes', 'scale', 'centre'],
  consolidate: ['collection'],
  compact: ['collection', 'chunk'],
} as const satisfies Record<StoreEvent['type'], readonly string[]>

/** Encodes one atomic batch. The result is no longer connected to the events' arrays. */
export function encodeEvents(events: readonly StoreEvent[]): Uint8Array {
  return encodeCbor(
    events.map((event) => {
      const fields = event as unknown as Record<string, unknown>
      const values = FIELDS[event.type].map((field) => portable(fields[field]) ?? null)
      return [event.type, ...(isOmitted(event) ? values.slice(0, -1) : values)]
    }),
  )
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
 * @throws StoreError `ERR_RECORD_INVALID` where it is no list of events, `ERR_FORMAT_VERSION` for an event
 * or a quantization that this release does not know: passing over it would make this copy differ from the others without a
 * sign.
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
  const [type, ...values] = encoded as [string, ...unknown[]]
  if (!Object.hasOwn(FIELDS, type)) {
    throw new StoreError('ERR_FORMAT_VERSION', `the log has an event '${type}' of a newer release`, {
      details: { event: type },
    })
  }
  const fields: readonly string[] = FIELDS[type as StoreEvent['type']]
  const event: Record<string, unknown> = { type }
  for (const [index, field] of fields.entries()) {
    const value = values[index]
    if (value !== null && value !== undefined) event[field] = value
  }
  if (Array.isArray(event.documents)) event.documents = event.documents.map((document) => document ?? undefined)
  requireKnownMode(event.type === 'create' ? event.quantization : event.type === 'quantize' ? event.mode : undefined)
  return event as unknown as StoreEvent
}

function requireKnownMode(mode: unknown): void {
  if (typeof mode !== 'string' || isQuantizationMode(mode)) return
  throw new StoreError('ERR_FORMAT_VERSION', `the log has a quantization '${mode}' of a newer release`, {
    details: { quantization: mode },
  })
}
