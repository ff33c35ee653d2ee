import { MAX_ID_BYTES } from '../base/limits.ts'

const encoder = new TextEncoder()
// Without `ignoreBOM` an id that starts with U+FEFF would come back without it.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const scratch = new Uint8Array(MAX_ID_BYTES)
/** No UTF-16 unit takes more than 3 bytes of UTF-8. */
const MOST_BYTES_PER_UNIT = 3

/** Whether a value is an id: a well-formed string of 1 to `MAX_ID_BYTES` bytes in UTF-8. */
export function isId(value: unknown): value is string {
  if (typeof value !== 'string' || value.length === 0 || value.length > MAX_ID_BYTES) return false
  // A lone surrogate would be encoded as U+FFFD and become another id.
  if (!value.isWellFormed()) return false
  return value.length * MOST_BYTES_PER_UNIT <= MAX_ID_BYTES || encoder.encodeInto(value, scratch).read === value.length
}

/** The UTF-8 of an id in memory that the next call overwrites. `id` must be one by {@link isId}. */
export function borrowIdBytes(id: string): Uint8Array {
  return scratch.subarray(0, encoder.encodeInto(id, scratch).written)
}

/** The id whose UTF-8 these bytes are. */
export function idOfBytes(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}
