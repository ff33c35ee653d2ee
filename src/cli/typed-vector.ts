import { type QueryVector, toFloat16, type VectorOf, type VectorType } from '../store/public.ts'
import { InputError } from './cli-errors.ts'
import type { VectorRecord } from './vector-record.ts'

const RANGES = { int8: [-128, 127], uint8: [0, 255], binary: [0, 1] } as const
const BITS_A_BYTE = 8

/**
 * A vector of a file as a collection of a type takes it. Halves are rounded, everything else must be there: the store checks the
 * same, but only the reader can say where in the file the vector stands.
 */
export function typedVector({ vector, where }: VectorRecord, type: VectorType): VectorOf<VectorType> {
  if (vector instanceof Uint8Array && (type === 'uint8' || type === 'binary')) return vector
  if (type === 'float32') return Float32Array.from(vector)
  if (type === 'float16') return halvesOf(Float32Array.from(vector), where)
  const [least, most] = RANGES[type]
  const wrong = vector.findIndex((value) => !(Number.isInteger(value) && value >= least && value <= most))
  if (wrong !== -1) {
    const range = `a whole number from ${least} to ${most}, which ${type} needs`
    throw new InputError(`${where}: element ${wrong} of the vector, ${vector[wrong]}, is not ${range}`)
  }
  if (type === 'binary') return packBits(vector)
  return type === 'int8' ? Int8Array.from(vector) : Uint8Array.from(vector)
}

function halvesOf(vector: Float32Array, where: string): Float32Array {
  const halves = toFloat16(vector)
  const wrong = halves.findIndex((half) => !Number.isFinite(half))
  if (wrong === -1) return halves
  throw new InputError(`${where}: element ${wrong} of the vector is beyond what float16 can hold`)
}

/** A vector of numbers as a query; those of bits are 0 and 1. */
export function queryOf(vector: Float32Array | Uint8Array, type: VectorType, where: string): QueryVector<VectorType> {
  return type === 'binary' ? typedVector({ id: '', vector, where }, type) : Float32Array.from(vector)
}

/** The components of a vector as a collection gives it; bits are 0 and 1. */
export function componentsOf(vector: VectorOf<VectorType>, type: VectorType): Float32Array {
  if (type !== 'binary') return vector instanceof Float32Array ? vector : Float32Array.from(vector)
  return Float32Array.from({ length: vector.length * BITS_A_BYTE }, (_, bit) => (vector[bit >> 3]! >> (bit & 7)) & 1)
}

/** Dimensions that a vector of a file has for a collection of a type: bytes of bvecs are eight bits each. */
export function dimensionsFor(type: VectorType, vector: Float32Array | Uint8Array): number {
  return type === 'binary' && vector instanceof Uint8Array ? vector.length * BITS_A_BYTE : vector.length
}

function packBits(bits: Float32Array | Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(bits.length / BITS_A_BYTE))
  for (const [index, bit] of bits.entries()) bytes[index >> 3]! |= bit << (index & 7)
  return bytes
}
