import type { GraphParameters } from '../../../src/engine/graph/graph-parameters.ts'

const f32 = Math.fround

/** Codes as the kernel writes them: the bytes of a wide and of a narrow code, each with its two factors behind it. */
export interface ReferenceCodes {
  readonly wide: Uint8Array
  readonly narrow: Uint8Array
}

/** Encodes a vector in plain TypeScript, to be checked by eye: it says what the right codes are. */
export function encodeReference(parameters: GraphParameters, vector: Float32Array, isQuery = false): ReferenceCodes {
  const { dimensions, metric } = parameters
  const placed = placeVector(parameters, vector, isQuery)
  const length = Math.sqrt(laneSum(placed, (y) => y * y))
  const longest = 2 ** 60
  const y = length > longest ? placed.map((component) => component * (longest / length)) : placed
  const square = laneSum(y, (component) => component * component)
  if (dimensions <= 32) return { wide: floatCode(y, Math.sqrt(square)), narrow: new Uint8Array(0) }
  const greatest = y.reduce((most, component) => Math.max(most, Math.abs(component)), 0)
  return { wide: byteCode(y, metric, greatest), narrow: nibbleCode(y, metric, greatest, square) }
}

function placeVector({ metric, centre, scale }: GraphParameters, vector: Float32Array, isQuery: boolean): Float64Array {
  const wide = Float64Array.from(vector)
  if (metric !== 'cosine' && !(isQuery && metric === 'dot')) return wide.map((x, i) => (x - centre[i]!) * scale)
  const length = Math.sqrt(laneSum(wide, (x) => x * x))
  return length === 0 ? wide : wide.map((x) => x / length)
}

function floatCode(y: Float64Array, length: number): Uint8Array {
  const padded = Math.ceil(y.length / 4) * 4
  const code = new Float32Array(padded + 2)
  code.set(y)
  code.set([1, length > 0 ? Math.min(1 / length, 1e18) : 0], padded)
  return new Uint8Array(code.buffer)
}

function byteCode(y: Float64Array, metric: string, greatest: number): Uint8Array {
  const factor = greatest > 0 ? 127 / greatest : 0
  const codes = Int8Array.from(y, (component) => roundHalfEven(component * factor))
  const square = codes.reduce((sum, code) => sum + code * code, 0)
  const step = greatest / 127
  let bias = step * step * square
  if (metric === 'cosine') bias *= 0.5
  if (metric === 'dot') bias = square > 0 ? 1 / Math.sqrt(square) : 0
  const bytes = new Uint8Array(Math.ceil(y.length / 8) * 8 + 8)
  bytes.set(new Uint8Array(codes.buffer))
  return withFactors(bytes, metric === 'euclidean' ? step * Math.SQRT2 : step, bias)
}

function nibbleCode(y: Float64Array, metric: string, greatest: number, square: number): Uint8Array {
  const padded = Math.ceil(y.length / 4) * 4
  const unit = new Float32Array(padded)
  unit.set(y.map((component) => (greatest > 0 ? component / greatest : component)))
  let levels = new Uint8Array(0)
  let best = -1
  for (let trial = 10; trial >= 5; trial--) {
    const tried = levelsOf(unit, f32(75 / trial))
    const score = alignment(unit, tried)
    if (score > best) [best, levels] = [score, tried]
  }
  const product = laneSum(y, (component, i) => component * (2 * levels[i]! - 15))
  const scale = product > 0 ? square / product : 0
  const length = Math.sqrt(square)
  const direction = length > 0 ? scale / length : 0
  const bias = metric === 'cosine' ? 0.5 : metric === 'dot' ? direction : square
  return withFactors(packed(levels, y.length), metric === 'euclidean' ? scale * Math.SQRT2 : scale, bias)
}

function levelsOf(unit: Float32Array, slope: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(unit, (z) => Math.min(15, Math.max(0, roundHalfEven(f32(f32(z * slope) + 7.5)))))
}

function alignment(unit: Float32Array, levels: Uint8Array): number {
  const product = floatLaneSum(unit, (z, i) => f32(z * (2 * levels[i]! - 15)))
  const square = floatLaneSum(unit, (_, i) => (2 * levels[i]! - 15) ** 2)
  return (product * product) / square
}

function packed(levels: Uint8Array, dimensions: number): Uint8Array {
  const words: number[] = []
  for (let first = 0; first < dimensions; first += 32) {
    const width = dimensions - first > 16 ? 8 : 4
    for (let word = 0; word < width; word++) {
      const nibble = (part: number) => levels[first + part * width + word] ?? 0
      words.push(nibble(0) | (nibble(1) << 4) | (nibble(2) << 8) | (nibble(3) << 12))
    }
  }
  const bytes = new Uint8Array(words.length * 2 + 8)
  bytes.set(new Uint8Array(Uint16Array.from(words).buffer))
  return bytes
}

function withFactors(bytes: Uint8Array, scale: number, bias: number): Uint8Array {
  bytes.set(new Uint8Array(Float32Array.of(scale, bias).buffer), bytes.length - 8)
  return bytes
}

function laneSum(values: Float64Array, term: (value: number, index: number) => number): number {
  const lanes = [0, 0, 0, 0]
  values.forEach((value, index) => {
    lanes[index % 4]! += term(value, index)
  })
  return lanes[0]! + lanes[2]! + (lanes[1]! + lanes[3]!)
}

function floatLaneSum(values: Float32Array, term: (value: number, index: number) => number): number {
  const lanes = Float32Array.of(0, 0, 0, 0)
  values.forEach((value, index) => {
    lanes[index % 4]! += term(value, index)
  })
  return lanes[0]! + lanes[2]! + (lanes[1]! + lanes[3]!)
}

/** Ties go to the even neighbour, unlike those of Math.round. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value)
  const rest = value - floor
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1
  return floor % 2 === 0 ? floor : floor + 1
}
