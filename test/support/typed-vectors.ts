import { VECTOR_TYPES, type VectorType } from '../../src/engine/vector-type.ts'
import type { Random } from './random.ts'

// Vectors of each type, read and written as one would by hand: nothing here is shared with the sources.

export { VECTOR_TYPES, type VectorType }

export const METRICS_OF: Readonly<Record<VectorType, readonly ('cosine' | 'euclidean' | 'dot' | 'hamming')[]>> = {
  float32: ['cosine', 'euclidean', 'dot'],
  float16: ['cosine', 'euclidean', 'dot'],
  int8: ['cosine', 'euclidean', 'dot'],
  uint8: ['cosine', 'euclidean', 'dot'],
  binary: ['hamming'],
}

/** Every half by its bits. */
const HALVES = Array.from({ length: 65_536 }, (_, bits) => valueOfHalf(bits))
const BITS_OF_HALVES = new Map(HALVES.map((value, bits) => [Object.is(value, -0) ? '-0' : String(value), bits]))

export function valueOfHalf(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 === 1 ? -1 : 1, (bits >> 10) & 31, bits & 1023]
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** All finite halves, with both zeros. */
export const FINITE_HALVES: readonly number[] = HALVES.filter(Number.isFinite)
const ORDINARY_HALVES = FINITE_HALVES.filter((half) => Math.abs(half) < 2)

/** The components that bytes of a type stand for. */
export function componentsOf(type: VectorType, bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const each = (size: number, read: (at: number) => number) =>
    Array.from({ length: bytes.byteLength / size }, (_, i) => read(i * size))
  if (type === 'float32') return each(4, (at) => view.getFloat32(at, true))
  if (type === 'float16') return each(2, (at) => HALVES[view.getUint16(at, true)]!)
  if (type === 'int8') return each(1, (at) => view.getInt8(at))
  if (type === 'uint8') return each(1, (at) => view.getUint8(at))
  return each(1, (at) => view.getUint8(at)).flatMap((byte) => Array.from({ length: 8 }, (_, bit) => (byte >> bit) % 2))
}

/** The bytes of components that a type has. */
export function bytesOfComponents(type: VectorType, components: readonly number[]): Uint8Array {
  if (type === 'float32') return new Uint8Array(Float32Array.from(components).buffer)
  if (type === 'int8') return new Uint8Array(Int8Array.from(components).buffer)
  if (type === 'uint8') return Uint8Array.from(components)
  if (type === 'binary') {
    const bytes = new Uint8Array(components.length / 8)
    for (const [i, bit] of components.entries()) bytes[i >> 3]! |= bit << (i & 7)
    return bytes
  }
  const bits = components.map((value) => BITS_OF_HALVES.get(Object.is(value, -0) ? '-0' : String(value)))
  if (bits.includes(undefined)) throw new RangeError(`${components} are not all halves`)
  return new Uint8Array(Uint16Array.from(bits as number[]).buffer)
}

/** The nearest component that a type has, near enough for a test: a number of small whole parts becomes one of them. */
export function componentFor(type: VectorType, number: number): number {
  switch (type) {
    case 'float32':
      return Math.fround(number)
    case 'float16': {
      if (!Number.isFinite(number)) return number
      const bounded = Math.max(-65_504, Math.min(65_504, number))
      const step = Math.max(2 ** -24, 2 ** (Math.floor(Math.log2(Math.abs(bounded) || 1)) - 10))
      const half = Math.round(bounded / step) * step
      return Object.is(number, -0) ? -0 : half
    }
    case 'int8':
      return Math.max(-128, Math.min(127, Math.trunc(number))) + 0
    case 'uint8':
      return Math.min(255, Math.abs(Math.trunc(number)))
    default:
      return number > 0 ? 1 : 0
  }
}

/** A component of a type, now and then one at its ends. */
export function randomComponent(type: VectorType, random: Random): number {
  const isEdge = random.nextInt(8) === 0
  switch (type) {
    case 'float32':
      return Math.fround(isEdge ? random.pick([-0, 0, 3e38, 1e-45]) : random.nextUnit() * 2 - 1)
    case 'float16':
      return isEdge ? random.pick([-0, 0, 65_504, 2 ** -24]) : random.pick(ORDINARY_HALVES)
    case 'int8':
      return isEdge ? random.pick([-128, 127, 0]) : random.nextBetween(-100, 100)
    case 'uint8':
      return isEdge ? random.pick([0, 255]) : random.nextInt(200)
    default:
      return random.nextInt(2)
  }
}

/** A vector as it is handed in to a collection of a type: `numbers` where it may be an array of them. */
export function handedIn(type: VectorType, components: readonly number[], numbers = false) {
  if (type === 'binary') return bytesOfComponents(type, components)
  if (numbers) return components
  if (type === 'int8') return Int8Array.from(components)
  return type === 'uint8' ? Uint8Array.from(components) : Float32Array.from(components)
}

/** The bytes of a type that a vector stands for that a collection of it gave. */
export function bytesGiven(type: VectorType, vector: ArrayLike<number> | undefined): Uint8Array | undefined {
  if (vector === undefined || type === 'binary') return vector && Uint8Array.from(vector)
  return bytesOfComponents(type, Array.from(vector))
}
