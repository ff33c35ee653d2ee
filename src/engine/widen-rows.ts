import { widenHalves } from './half-floats.ts'
import { BITS_A_BYTE, type VectorType } from './vector-type.ts'

/**
 * Writes the components of whole rows, at any alignment, as float32 from `at` on: all that computes does it on these. Every type
 * is exact in float32; bit `i` of a binary vector, which is bit `i & 7` of byte `i >> 3`, becomes 0 or 1.
 */
export function widenRows(type: VectorType, rows: Uint8Array, target: Float32Array, at: number): void {
  switch (type) {
    case 'float32':
      new Uint8Array(target.buffer, target.byteOffset + at * 4, rows.byteLength).set(rows)
      return
    case 'float16':
      widenHalves(rows, target, at)
      return
    case 'int8':
      for (let i = 0; i < rows.byteLength; i++) target[at + i] = (rows[i]! << 24) >> 24
      return
    case 'uint8':
      for (let i = 0; i < rows.byteLength; i++) target[at + i] = rows[i]!
      return
    case 'binary':
      widenBits(rows, target, at)
  }
}

function widenBits(rows: Uint8Array, target: Float32Array, at: number): void {
  for (let i = 0, to = at; i < rows.byteLength; i++, to += BITS_A_BYTE) {
    const byte = rows[i]!
    target[to] = byte & 1
    target[to + 1] = (byte >> 1) & 1
    target[to + 2] = (byte >> 2) & 1
    target[to + 3] = (byte >> 3) & 1
    target[to + 4] = (byte >> 4) & 1
    target[to + 5] = (byte >> 5) & 1
    target[to + 6] = (byte >> 6) & 1
    target[to + 7] = byte >> 7
  }
}
