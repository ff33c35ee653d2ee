import xxhash from 'xxhash-wasm'

/**
 * xxh64 over bytes. The WebAssembly memory of the hash grows with the largest single input and never shrinks
 * (measured), so longer inputs go through in pieces of at most {@link PIECE_BYTES}.
 */
export interface Checksum {
  /** xxh64 of `bytes` with a 64-bit `seed`. The result does not depend on how `bytes` is cut into pieces. */
  xxh64(bytes: Uint8Array, seed: bigint): bigint
  /** xxh64 of the concatenation of `parts`. */
  xxh64Parts(parts: readonly Uint8Array[], seed: bigint): bigint
}

/** A checksum for people: 16 hexadecimal digits. */
export function checksumText(value: bigint): string {
  return value.toString(16).padStart(16, '0')
}

const PIECE_BYTES = 1024 * 1024

let loading: Promise<Checksum> | undefined

/** Compiles the hash once in a process. */
export function loadChecksum(): Promise<Checksum> {
  loading ??= xxhash().then(({ h64Raw, create64 }) => {
    const xxh64Parts = (parts: readonly Uint8Array[], seed: bigint): bigint => {
      const hash = create64(seed)
      for (const part of parts) {
        for (let offset = 0; offset < part.byteLength; offset += PIECE_BYTES) {
          hash.update(part.subarray(offset, Math.min(offset + PIECE_BYTES, part.byteLength)))
        }
      }
      return hash.digest()
    }
    return {
      xxh64: (bytes, seed) => (bytes.byteLength <= PIECE_BYTES ? h64Raw(bytes, seed) : xxh64Parts([bytes], seed)),
      xxh64Parts,
    }
  })
  return loading
}
