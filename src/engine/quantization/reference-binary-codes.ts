import { CODE_FACTOR_BYTES } from '../kernel/assembly-graph/binary/layout.ts'
import { checkPosition, checkPositions, checkRange, checkRows, checkVector } from './binary-arguments.ts'
import type { BinaryCodes, Estimates } from './binary-codes.ts'
import { type BinaryOptions, type BinaryParameters, binaryParameters } from './binary-parameters.ts'
import { biasOf, oddOf, type ReferenceQuery, referenceQuery } from './reference-query.ts'
import { laneSum, placeVector, rotateInPlace } from './reference-vectors.ts'
import { type Rotation, rotationOf } from './rotation.ts'

const f32 = Math.fround

/** The codes in plain TypeScript, to be checked by eye: it says what the right bytes and estimates are. */
export class ReferenceBinaryCodes implements BinaryCodes {
  readonly parameters: BinaryParameters
  readonly #rotation: Rotation
  readonly #codes: Uint8Array[] = []
  #query: ReferenceQuery

  constructor(options: BinaryOptions) {
    this.parameters = binaryParameters(options)
    this.#rotation = rotationOf(this.parameters)
    this.#query = this.#queryOf(new Float32Array(this.parameters.dimensions))
  }

  get count(): number {
    return this.#codes.length
  }

  encode(position: number, rows: Float32Array): void {
    const count = checkRows(this, position, rows)
    const { dimensions } = this.parameters
    for (let row = 0; row < count; row++) {
      this.#codes[position + row] = this.#encoded(rows.subarray(row * dimensions, (row + 1) * dimensions))
    }
  }

  code(position: number): Uint8Array {
    checkPosition(this, position)
    return this.#codes[position]!.slice()
  }

  prepareQuery(vector: Float32Array): void {
    checkVector(this, vector)
    this.#query = this.#queryOf(vector)
  }

  estimate(positions: Uint32Array, estimates: Estimates): void {
    checkPositions(this, positions, estimates)
    positions.forEach((position, index) => {
      this.#estimate(position, estimates, index)
    })
  }

  estimateRange(from: number, to: number, estimates: Estimates): void {
    checkRange(this, from, to, estimates)
    for (let position = from; position < to; position++) this.#estimate(position, estimates, position - from)
  }

  rotate(vector: Float32Array): Float32Array {
    checkVector(this, vector)
    const rotated = new Float32Array(this.parameters.padded)
    rotated.set(vector)
    rotateInPlace(this.#rotation, rotated)
    return rotated
  }

  memoryBytes(): number {
    return this.#codes.length * this.parameters.codeBytes
  }

  #queryOf(vector: Float32Array): ReferenceQuery {
    return referenceQuery(this.parameters, this.#rotation, vector)
  }

  #encoded(vector: Float32Array): Uint8Array {
    const { metric, padded, codeBytes } = this.parameters
    const { unit, length } = placeVector(this.parameters, vector)
    rotateInPlace(this.#rotation, unit)
    const code = new Uint8Array(codeBytes)
    unit.forEach((component, i) => {
      if (component >= 0) code[i >> 3]! |= 1 << (i & 7)
    })
    const sum = laneSum(padded, (i) => Math.abs(unit[i]!))
    const alignment = sum / Math.sqrt(padded)
    const weighted = (metric === 'euclidean' ? 2 : 1) * length
    const across = Math.sqrt(Math.max(0, 1 - alignment * alignment))
    const scale = sum > 0 ? weighted / sum : 0
    const spread = sum > 0 ? (weighted * across) / (alignment * Math.sqrt(padded - 1)) : 0
    const factors = Float32Array.of(biasOf(this.parameters, length), scale, spread, alignment)
    code.set(new Uint8Array(factors.buffer), codeBytes - CODE_FACTOR_BYTES)
    return code
  }

  #estimate(position: number, { scores, deviations }: Estimates, index: number): void {
    const { padded } = this.parameters
    const code = this.#codes[position]!
    const { levels, bias: queryBias, scale: queryScale, spread: querySpread, error } = this.#query
    const [bias, scale, spread] = new Float32Array(code.slice(padded / 8).buffer) as unknown as [number, number, number]
    let dot = 0
    for (let i = 0; i < padded; i++)
      dot += ((code[i >> 3]! >> (i & 7)) & 1) === 1 ? oddOf(levels[i]!) : -oddOf(levels[i]!)
    scores[index] = f32(bias + queryBias) - f32(f32(scale * queryScale) * dot)
    deviations[index] = f32(spread * querySpread) + f32(scale * error)
  }
}
