import type { VectorOf, VectorType } from '../store/public.ts'
import { UsageError } from './cli-errors.ts'
import { shortestFloat } from './number-text.ts'
import { componentsOf } from './typed-vector.ts'

/** Reads a vector from the command line: a JSON array, or numbers with commas or spaces between them. */
export function parseVector(text: string): Float32Array {
  const inner = text
    .trim()
    .replace(/^\[(.*)\]$/s, '$1')
    .trim()
  const words = inner === '' ? [] : inner.split(/\s*,\s*|\s+/)
  const numbers = words.map((word) => (word === '' ? Number.NaN : Number(word)))
  const vector = Float32Array.from(numbers)
  const wrong = vector.findIndex((value) => !Number.isFinite(value))
  if (wrong !== -1) throw new UsageError(`--vector: '${words[wrong]}' is not a number`)
  if (vector.length === 0) throw new UsageError('--vector has no numbers')
  return vector
}

/** The numbers of a vector of a type as one would write them; read back as float32 they are equal. */
export function vectorNumbers(vector: VectorOf<VectorType>, type: VectorType): number[] {
  return Array.from(componentsOf(vector, type), shortestFloat)
}
