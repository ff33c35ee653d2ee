import type { BinaryParameters } from './binary-parameters.ts'
import { laneSum, placeDotQuery, placeVector, rotateInPlace } from './reference-vectors.ts'
import type { Rotation } from './rotation.ts'

const f32 = Math.fround

/** A query as estimates take it. Level u of a dimension, 0..15, stands for 2u - 15. */
export interface ReferenceQuery {
  readonly levels: Uint8Array
  readonly bias: number
  readonly scale: number
  readonly spread: number
  readonly error: number
}

export function referenceQuery(parameters: BinaryParameters, rotation: Rotation, vector: Float32Array): ReferenceQuery {
  const isDot = parameters.metric === 'dot'
  const { unit, length: given } = isDot ? placeDotQuery(parameters, vector) : placeVector(parameters, vector)
  const length = isDot ? 1 : given
  rotateInPlace(rotation, unit)
  const levels = bestLevels(unit)
  const count = unit.length
  const square = laneSum(count, (i) => unit[i]! * unit[i]!)
  const product = laneSum(count, (i) => unit[i]! * oddOf(levels[i]!))
  const step = product > 0 ? square / product : 0
  const rest = step * step * laneSum(count, (i) => oddOf(levels[i]!) ** 2) - square
  return {
    levels,
    bias: f32(isDot ? 0 - given : biasOf(parameters, length)),
    scale: f32(length * step),
    spread: f32(length),
    error: f32(length * Math.sqrt(Math.max(0, rest))),
  }
}

/** What the length alone adds to a score. */
export function biasOf({ metric }: BinaryParameters, length: number): number {
  if (metric === 'dot') return 0
  return metric === 'cosine' ? (length * length) / 2 : length * length
}

export function oddOf(level: number): number {
  return 2 * level - 15
}

/** Of six steps that one whose levels point best along the components. */
function bestLevels(unit: Float32Array): Uint8Array {
  const greatest = unit.reduce((most, component) => Math.max(most, Math.abs(component)), 0)
  let best = levelsOf(unit, 0)
  if (greatest === 0) return best
  let bestScore = -1
  for (let trial = 10; trial >= 5; trial--) {
    const levels = levelsOf(unit, f32(f32(75 / trial) / greatest))
    const product = floatLaneSum(unit.length, (i) => f32(unit[i]! * oddOf(levels[i]!)))
    const square = floatLaneSum(unit.length, (i) => oddOf(levels[i]!) ** 2)
    const score = (product * product) / square
    if (score > bestScore) [bestScore, best] = [score, levels]
  }
  return best
}

function levelsOf(unit: Float32Array, slope: number): Uint8Array {
  return Uint8Array.from(unit, (z) => Math.min(15, Math.max(0, nearest(f32(f32(z * slope) + 7.5)))))
}

/** Ties go to the even neighbour, unlike those of JavaScript's own rounding. */
function nearest(value: number): number {
  const floor = Math.floor(value)
  const rest = value - floor
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1
  return floor % 2 === 0 ? floor : floor + 1
}

/** Lanes of float32, added up as float64. */
function floatLaneSum(count: number, term: (index: number) => number): number {
  const lanes = new Float32Array(4)
  for (let index = 0; index < count; index++) lanes[index % 4]! += term(index)
  return lanes[0]! + lanes[2]! + (lanes[1]! + lanes[3]!)
}
