import { roundToHalf } from '../engine/half-floats.ts'
import type { VectorType } from '../engine/vector-type.ts'

/** Half-precision numbers where the runtime has a Float16Array. Spelled out, because few compilers know that type. */
export interface HalfPrecisionArray {
  readonly [Symbol.toStringTag]: 'Float16Array'
  readonly BYTES_PER_ELEMENT: number
  readonly length: number
  readonly [index: number]: number
}

/** A vector as a collection of a type gives it back. Of `float16` it is the exact values, of `binary` the packed bits. */
export type VectorOf<T extends VectorType = 'float32'> = T extends 'int8'
  ? Int8Array
  : T extends 'uint8' | 'binary'
    ? Uint8Array
    : Float32Array

/**
 * A vector as callers hand it in. What a collection keeps as `float32` is rounded to it; of all other types each number must be one of
 * the type. Of `binary` it is the packed bits: bit `i & 7` of byte `i >> 3` is dimension `i`.
 */
export type VectorInput<T extends VectorType = 'float32'> = T extends 'binary'
  ? Uint8Array
  : T extends 'int8'
    ? Int8Array | readonly number[]
    : T extends 'uint8'
      ? Uint8Array | readonly number[]
      : T extends 'float16'
        ? HalfPrecisionArray | Float32Array | readonly number[]
        : Float32Array | readonly number[]

/** A vector whose neighbours are asked for: any finite numbers, whatever numbers the type has; of `binary` the packed bits. */
export type QueryVector<T extends VectorType = 'float32'> = T extends 'binary'
  ? Uint8Array
  : VectorInput<T> | Float32Array

/**
 * Rounds numbers to half precision, ties to even, so that a collection of `float16` takes them. What is beyond the largest half,
 * 65,504, becomes infinite, which none takes.
 */
export function toFloat16(vector: Float32Array | readonly number[]): Float32Array {
  const isVector = Array.isArray(vector) || Object.prototype.toString.call(vector) === '[object Float32Array]'
  if (!isVector) throw new TypeError('toFloat16 takes a Float32Array or an array of numbers')
  const rounded = new Float32Array(vector.length)
  for (let i = 0; i < rounded.length; i++) {
    const number: unknown = vector[i]
    if (typeof number !== 'number') throw new TypeError(`toFloat16 takes numbers, not a ${typeof number}`)
    rounded[i] = roundToHalf(number)
  }
  return rounded
}
