import { StoreError } from '../base/errors.ts'
import { exactHalfOf } from '../engine/half-floats.ts'
import type { DistanceMetric } from '../engine/metric.ts'
import { normOf } from '../engine/vector-math.ts'
import { BITS_A_BYTE, type VectorType } from '../engine/vector-type.ts'
import { widenRows } from '../engine/widen-rows.ts'

/** What a collection demands of its entries. */
export interface Shape {
  readonly dimensions: number
  readonly vectorType: VectorType
  readonly distanceMetric: DistanceMetric
}

/** Rows of a type on their way into a record, an element a component; of `binary` eight to an element. */
export type RowElements = Float32Array | Uint16Array | Int8Array | Uint8Array

export function createRows({ vectorType, dimensions }: Shape, rows: number): RowElements {
  const elements = rows * elementsOf(vectorType, dimensions)
  if (vectorType === 'float32') return new Float32Array(elements)
  if (vectorType === 'float16') return new Uint16Array(elements)
  return vectorType === 'int8' ? new Int8Array(elements) : new Uint8Array(elements)
}

function elementsOf(type: VectorType, dimensions: number): number {
  return type === 'binary' ? dimensions / BITS_A_BYTE : dimensions
}

/** By tag where it must be: a Float32Array of another realm (a test runner's) is not an instance of ours. */
const TAKEN: Readonly<Record<VectorType, readonly string[]>> = {
  float32: ['Array', 'Float32Array'],
  float16: ['Array', 'Float32Array', 'Float16Array'],
  int8: ['Array', 'Int8Array'],
  uint8: ['Array', 'Uint8Array'],
  binary: ['Uint8Array'],
}

const NAMES: Readonly<Record<string, string>> = {
  Array: 'an array of numbers',
  Float32Array: 'a Float32Array',
  Float16Array: 'a Float16Array',
  Int8Array: 'an Int8Array',
  Uint8Array: 'a Uint8Array',
}

/** Least and most of whole numbers. */
const RANGES = { int8: [-128, 127], uint8: [0, 255] } as const

/**
 * Copies a vector into a row and checks what arrived there: what is stored is what was checked.
 * @throws StoreError `ERR_DIMENSIONS`, `ERR_VECTOR_NOT_FINITE`, `ERR_VECTOR_VALUE`, `ERR_VECTOR_ZERO`; TypeError.
 */
export function copyVectorInput(vector: unknown, shape: Shape, rows: RowElements, row: number, id: string): void {
  const { vectorType, dimensions } = shape
  const numbers = requireVector(vector, shape, TAKEN[vectorType], id)
  const at = row * elementsOf(vectorType, dimensions)
  if (rows instanceof Float32Array) {
    copyFloats(numbers, shape, rows, at, id)
    return
  }
  if (vectorType === 'binary') rows.set(numbers, at)
  else if (vectorType === 'float16') copyHalves(numbers, rows, at, id)
  else copyWhole(numbers, vectorType as keyof typeof RANGES, rows, at, id)
  if (shape.distanceMetric !== 'cosine') return
  // Of halves -0 is a zero too.
  const isZero = rows.subarray(at, at + dimensions).every((element) => element === 0 || element === 0x8000)
  if (isZero) throw zeroVector(id)
}

/** Copies a query, as float32. @throws as {@link copyVectorInput} does, but that any finite number will do. */
export function copyQuery(vector: unknown, shape: Shape): Float32Array {
  const { vectorType, dimensions } = shape
  const taken = vectorType === 'binary' ? TAKEN.binary : [...new Set([...TAKEN.float32, ...TAKEN[vectorType]])]
  const numbers = requireVector(vector, shape, taken, undefined)
  const target = new Float32Array(dimensions)
  if (vectorType === 'binary') widenRows('binary', Uint8Array.from(numbers), target, 0)
  else copyFloats(numbers, shape, target, 0, undefined)
  return target
}

/** @throws TypeError for what is no vector, StoreError `ERR_DIMENSIONS`. */
function requireVector(
  vector: unknown,
  { vectorType, dimensions }: Shape,
  taken: readonly string[],
  id: string | undefined,
): ArrayLike<number> {
  const isTaken =
    vector instanceof Float32Array ? taken.includes('Float32Array') : taken.some((name) => isA(vector, name))
  if (!isTaken)
    throw new TypeError(
      `${ownerOf(id)} must be ${taken
        .toReversed()
        .map((name) => NAMES[name])
        .join(' or ')}`,
    )
  const numbers = vector as ArrayLike<number>
  const found = vectorType === 'binary' ? numbers.length * BITS_A_BYTE : numbers.length
  if (found === dimensions) return numbers
  const message = `${ownerOf(id)} has ${found} dimensions; the collection has ${dimensions}`
  throw new StoreError('ERR_DIMENSIONS', message, { details: { id, dimensions: found, expected: dimensions } })
}

function isA(value: unknown, name: string): boolean {
  return name === 'Array' ? Array.isArray(value) : Object.prototype.toString.call(value) === `[object ${name}]`
}

function copyFloats(
  vector: ArrayLike<number>,
  { dimensions, distanceMetric }: Shape,
  target: Float32Array,
  at: number,
  id: string | undefined,
): void {
  if (Array.isArray(vector)) requireNumbers(vector, id)
  target.set(vector, at)
  const norm = normOf(target, at, dimensions)
  if (!Number.isFinite(norm)) {
    const index = target.subarray(at, at + dimensions).findIndex((component) => !Number.isFinite(component))
    throw notFinite(vector[index], index, 'a finite float32', id)
  }
  if (norm === 0 && distanceMetric === 'cosine') throw zeroVector(id)
}

function copyHalves(vector: ArrayLike<number>, target: RowElements, at: number, id: string): void {
  if (Array.isArray(vector)) requireNumbers(vector, id)
  for (let index = 0; index < vector.length; index++) {
    const number = vector[index]!
    const half = exactHalfOf(number)
    if (half === undefined) {
      if (!Number.isFinite(number)) throw notFinite(number, index, 'a finite number', id)
      throw noValue(number, index, `of float16; toFloat16 rounds to those that are`, id)
    }
    target[at + index] = half
  }
}

function copyWhole(
  vector: ArrayLike<number>,
  type: keyof typeof RANGES,
  target: RowElements,
  at: number,
  id: string,
): void {
  if (!Array.isArray(vector)) {
    target.set(vector, at)
    return
  }
  requireNumbers(vector, id)
  const [least, most] = RANGES[type]
  for (let index = 0; index < vector.length; index++) {
    const number: number = vector[index]
    if (!Number.isFinite(number)) throw notFinite(number, index, 'a finite number', id)
    if (!Number.isInteger(number) || number < least || number > most) {
      throw noValue(number, index, `of ${type}: the whole numbers from ${least} to ${most}`, id)
    }
    target[at + index] = number
  }
}

/** A hole or a string would become 0 or a number without a word. */
function requireNumbers(vector: readonly unknown[], id: string | undefined): void {
  for (const component of vector) {
    if (typeof component !== 'number') throw new TypeError(`${ownerOf(id)} holds a ${typeof component}`)
  }
}

function notFinite(number: number | undefined, index: number, what: string, id: string | undefined): StoreError {
  const message = `${ownerOf(id)} has ${number} at ${index}, which is not ${what}`
  return new StoreError('ERR_VECTOR_NOT_FINITE', message, { details: { id, index } })
}

function noValue(number: number, index: number, what: string, id: string): StoreError {
  const message = `${ownerOf(id)} has ${number} at ${index}, which is none ${what}`
  return new StoreError('ERR_VECTOR_VALUE', message, { details: { id, index } })
}

function zeroVector(id: string | undefined): StoreError {
  const message = `${ownerOf(id)} is zero, and has no direction for cosine to compare`
  return new StoreError('ERR_VECTOR_ZERO', message, { details: { id } })
}

function ownerOf(id: string | undefined): string {
  return id === undefined ? 'the query' : `the vector of '${id}'`
}
