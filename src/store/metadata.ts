import { decodeCbor, encodeCbor, isPortableKey, portableText } from '../base/cbor.ts'
import { StoreError } from '../base/errors.ts'
import { MAX_METADATA_BYTES, MAX_METADATA_DEPTH } from '../base/limits.ts'

/**
 * Checks metadata and encodes it. It is copied while it is checked, so what was checked is what is encoded, whatever getters
 * it has.
 * @throws StoreError `ERR_METADATA_INVALID`, naming the path to what does not fit.
 */
export function encodeMetadata(metadata: unknown, id: string): Uint8Array {
  if (!isPlainObject(metadata)) throw invalid(id, 'metadata', 'must be a plain object')
  const bytes = encodeCbor(copyValue(metadata, 'metadata', 0, { id, leastBytes: 0 }))
  if (bytes.byteLength > MAX_METADATA_BYTES) throw tooLarge(id, `${bytes.byteLength}`)
  return bytes
}

/** One walk over a metadata. */
interface Walk {
  readonly id: string
  /** Bytes that what was copied so far takes at least. It ends a walk over parts that contain each other many times over. */
  leastBytes: number
}

/** Decodes what {@link encodeMetadata} made; the result shares nothing with the store. */
export function decodeMetadata<M>(document: Uint8Array): M {
  return decodeCbor(document) as M
}

/** A copy of a value, as it is to be encoded. */
function copyValue(value: unknown, path: string, depth: number, walk: Walk): unknown {
  const { id } = walk
  walk.leastBytes += typeof value === 'string' ? 1 + value.length : 1
  if (walk.leastBytes > MAX_METADATA_BYTES) throw tooLarge(id, `at least ${walk.leastBytes}`)
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'string') return portableText(wellFormed(value, path, id))
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return value
    throw invalid(id, path, `is ${value}; numbers must be finite`)
  }
  if (depth >= MAX_METADATA_DEPTH) throw invalid(id, path, `is nested more than ${MAX_METADATA_DEPTH} deep`)
  if (Array.isArray(value)) {
    return Array.from(value, (element, index) => copyValue(element, `${path}[${index}]`, depth + 1, walk))
  }
  if (isPlainObject(value)) return copyObject(value, path, depth, walk)
  throw invalid(id, path, `is ${describe(value)}, which metadata cannot hold`)
}

function copyObject(value: object, path: string, depth: number, walk: Walk): unknown {
  const { id } = walk
  if (Object.getOwnPropertySymbols(value).length > 0) throw invalid(id, path, 'has a key that is a symbol')
  const copy: Record<string, unknown> = {}
  for (const key of Object.keys(value)) {
    // Assigning it would set the prototype of whoever reads it back.
    if (key === '__proto__') throw invalid(id, path, "has a key '__proto__'")
    if (!isPortableKey(key)) throw invalid(id, path, 'has a key of over 64 bytes that begins with U+FEFF')
    copy[wellFormed(key, `a key of ${path}`, id)] = copyValue(
      (value as Record<string, unknown>)[key],
      `${path}.${key}`,
      depth + 1,
      walk,
    )
  }
  return copy
}

function wellFormed(value: string, path: string, id: string): string {
  if (value.isWellFormed()) return value
  throw invalid(id, path, 'holds a lone surrogate, which UTF-8 cannot hold')
}

/** By the shape of its prototype, because an object of another realm has another `Object`. */
function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype = Object.getPrototypeOf(value)
  if (prototype === null) return true
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
}

function describe(value: unknown): string {
  if (value === undefined) return 'undefined'
  if (typeof value === 'object') return `a ${value?.constructor?.name ?? 'special object'}`
  return `a ${typeof value}`
}

function tooLarge(id: string, bytes: string): StoreError {
  return invalid(id, 'metadata', `takes ${bytes} bytes; ${MAX_METADATA_BYTES} is the most`)
}

function invalid(id: string, path: string, problem: string): StoreError {
  return new StoreError('ERR_METADATA_INVALID', `entry '${id}': ${path} ${problem}`, { details: { id, path } })
}
