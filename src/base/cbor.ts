import { Encoder } from 'cbor-x'

/**
 * CBOR as annals writes it: every value stands alone (no shared structures, so a record can be read without any other), byte
 * strings carry no tag, maps become plain objects.
 */
const encoder = new Encoder({
  useRecords: false,
  mapsAsObjects: true,
  tagUint8Array: false,
  variableMapSize: true,
  structuredClone: false,
  bundleStrings: false,
})

/** Encodes a value into bytes that belong to the caller alone. */
export function encodeCbor(value: unknown): Uint8Array {
  const bytes = encoder.encode(value)
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/**
 * Decodes bytes whose checksum was verified. Byte strings in the result are borrowed from `bytes`.
 * @throws Error on bytes that are not one CBOR value, or are nested too deeply.
 */
export function decodeCbor(bytes: Uint8Array): unknown {
  return encoder.decode(bytes)
}
