import type { DistanceMetric } from './metric.ts'

/** What the components of a collection's vectors are, in the log, in memory and in snapshots alike. */
export type VectorType = 'float32' | 'float16' | 'int8' | 'uint8' | 'binary'

/** In the order of the format. */
export const VECTOR_TYPES: readonly VectorType[] = ['float32', 'float16', 'int8', 'uint8', 'binary']

export function isVectorType(value: unknown): value is VectorType {
  return VECTOR_TYPES.includes(value as VectorType)
}

/** Dimensions to a byte of a `binary` vector, which is whole bytes. */
export const BITS_A_BYTE = 8

/** Bytes that a vector takes. */
export function rowBytesOf(type: VectorType, dimensions: number): number {
  switch (type) {
    case 'float32':
      return dimensions * 4
    case 'float16':
      return dimensions * 2
    case 'binary':
      return dimensions / BITS_A_BYTE
    default:
      return dimensions
  }
}

/** Whether a type can have so many dimensions. */
export function fitsDimensions(type: VectorType, dimensions: number): boolean {
  return type !== 'binary' || dimensions % BITS_A_BYTE === 0
}

/** Whether vectors of a type can be compared so: bits by `hamming`, and only bits. */
export function fitsMetric(type: VectorType, metric: DistanceMetric): boolean {
  return (type === 'binary') === (metric === 'hamming')
}
