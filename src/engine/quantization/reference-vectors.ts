import type { BinaryParameters } from './binary-parameters.ts'
import type { Rotation } from './rotation.ts'

const f32 = Math.fround
/** Lengths are cut to it: the bound is in the kernel's query.ts. */
export const LONGEST = 2 ** 56

/** A vector's direction, of length 1 or 0, and its length. */
export interface Placed {
  readonly unit: Float32Array
  readonly length: number
}

/** The direction from the centre, filled with zeros. */
export function placeVector({ metric, centre, scale, padded }: BinaryParameters, vector: Float32Array): Placed {
  const x = metric === 'cosine' ? normalised(Float64Array.from(vector)) : Float64Array.from(vector)
  return directionOf(
    x.map((component, i) => (component - centre[i]!) * scale),
    padded,
  )
}

/** The direction of a query by dot, whose length orders nothing, and its dot product with the centre, scaled. */
export function placeDotQuery({ centre, scale, padded }: BinaryParameters, vector: Float32Array): Placed {
  const x = normalised(Float64Array.from(vector))
  const product = laneSum(x.length, (i) => x[i]! * centre[i]!) * scale
  return { unit: directionOf(x, padded).unit, length: Math.min(Math.max(product, -LONGEST), LONGEST) }
}

function directionOf(y: Float64Array, padded: number): Placed {
  const length = lengthOf(y)
  const unit = new Float32Array(padded)
  unit.set(y.map((component) => component / (length > 0 ? length : 1)))
  return { unit, length: Math.min(length, LONGEST) }
}

function normalised(x: Float64Array): Float64Array {
  const length = lengthOf(x)
  return length === 0 ? x : x.map((component) => component / length)
}

function lengthOf(x: Float64Array): number {
  return Math.sqrt(laneSum(x.length, (i) => x[i]! * x[i]!))
}

/** A sum in float64: term i goes to lane i mod 4, and the end is (lane0 + lane2) + (lane1 + lane3). */
export function laneSum(count: number, term: (index: number) => number): number {
  const lanes: [number, number, number, number] = [0, 0, 0, 0]
  for (let index = 0; index < count; index++) lanes[index % 4]! += term(index)
  return lanes[0] + lanes[2] + (lanes[1] + lanes[3])
}

/** Rotates components in place. Each sum is rounded to float32 when it is stored. */
export function rotateInPlace({ window, rounds, signs }: Rotation, unit: Float32Array): void {
  const padded = unit.length
  const factor = f32(1 / Math.sqrt(window))
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < padded; i++) if (signs[round * padded + i] !== 0) unit[i] = -unit[i]!
    const first = round % 2 === 1 ? padded - window : 0
    transform(unit.subarray(first, first + window), factor)
    if (window < padded) turnHalves(unit)
  }
}

function transform(unit: Float32Array, factor: number): void {
  for (let stride = 1; stride < unit.length; stride *= 2) {
    for (let i = 0; i < unit.length; i++) {
      if ((i & stride) !== 0) continue
      const [a, b] = [unit[i]!, unit[i + stride]!]
      unit[i] = a + b
      unit[i + stride] = a - b
    }
  }
  for (let i = 0; i < unit.length; i++) unit[i]! *= factor
}

/** Turns component i and i + half by 45 degrees. */
function turnHalves(unit: Float32Array): void {
  const half = unit.length / 2
  const factor = f32(Math.SQRT1_2)
  for (let i = 0; i < half; i++) {
    const [a, b] = [unit[i]!, unit[i + half]!]
    unit[i] = f32(a + b) * factor
    unit[i + half] = f32(a - b) * factor
  }
}
