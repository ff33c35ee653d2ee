import { addExtension, Encoder } from 'cbor-x'

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

/** A method that the library has and its declarations lack. */
const undeclared = encoder as unknown as { useBuffer(buffer: Uint8Array): void }

/** The tag of a text that begins with U+FEFF, in bytes; "an" in ASCII, which nobody has registered. */
const MARKED_TEXT_TAG = 0x616e
/** An encode keeps its buffer for the next one. One larger than this is let go, or a single large batch would hold it for good. */
const KEPT_BUFFER_BYTES = 16 * 1024 * 1024
const FIRST_BUFFER_BYTES = 8 * 1024

/** Up to here cbor-x decodes a text by itself and keeps a leading mark, with its native part and without. */
const LONGEST_PLAIN_TEXT_BYTES = 64

const utf8 = new TextEncoder()
const utf8WithMarks = new TextDecoder('utf-8', { ignoreBOM: true })

/** See {@link portableText}. */
class MarkedText {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

addExtension({
  Class: MarkedText,
  tag: MARKED_TEXT_TAG,
  encode: ({ text }: MarkedText, encode: (bytes: Uint8Array) => Uint8Array) => encode(utf8.encode(text)),
  // What is marked is only the way there: a plain text comes back.
  decode: (bytes: Uint8Array) => utf8WithMarks.decode(bytes) as unknown as MarkedText,
})

/**
 * What to encode for a text so that it comes back whole. Without its native part cbor-x decodes texts over 64 bytes with a
 * `TextDecoder` that takes a leading U+FEFF for a byte order mark and drops it: two installations would read one log
 * differently. Such a text travels as tagged bytes.
 */
export function portableText(text: string): unknown {
  return text.charCodeAt(0) === 0xfeff ? new MarkedText(text) : text
}

/** Whether a text may be the key of a map, which cannot be marked as a value can. */
export function isPortableKey(text: string): boolean {
  return text.charCodeAt(0) !== 0xfeff || utf8.encode(text).byteLength <= LONGEST_PLAIN_TEXT_BYTES
}

/** Encodes a value into bytes that belong to the caller alone. Texts in it may need {@link portableText}. */
export function encodeCbor(value: unknown): Uint8Array {
  const bytes = encoder.encode(value)
  if (bytes.buffer.byteLength > KEPT_BUFFER_BYTES) undeclared.useBuffer(allocateBuffer(FIRST_BUFFER_BYTES))
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/**
 * Decodes bytes whose checksum was verified. Byte strings in the result are borrowed from `bytes`.
 * @throws Error on bytes that are not one CBOR value, or are nested too deeply.
 */
export function decodeCbor(bytes: Uint8Array): unknown {
  return encoder.decode(bytes)
}

/** In Node cbor-x writes texts with methods that only a Buffer has. */
function allocateBuffer(sizeBytes: number): Uint8Array {
  return typeof Buffer === 'undefined' ? new Uint8Array(sizeBytes) : Buffer.allocUnsafeSlow(sizeBytes)
}
