import type { GraphParameters } from '../../../src/engine/graph/graph-parameters.ts'

const f32 = Math.fround

export type Form = 'bias' | 'dot' | 'direction'

/** The form in which a metric's walks compare. */
export function walkForm({ metric }: GraphParameters): Form {
  return metric === 'dot' ? 'dot' : 'bias'
}

/** Distance of a query, as a wide code, from a wide code. */
export function wideDistance(parameters: GraphParameters, query: Uint8Array, code: Uint8Array, form: Form): number {
  const { dimensions } = parameters
  if (dimensions <= 32) return floatDistance(parameters, query, code, form)
  let sum = 0
  for (let i = 0; i < dimensions; i++) sum += signed(query[i]!) * signed(code[i]!)
  return finish(form, f32(sum), factorsOf(code), factorsOf(query))
}

/** Distance of a query, as a wide code, from a narrow code. */
export function narrowDistance(parameters: GraphParameters, query: Uint8Array, code: Uint8Array, form: Form): number {
  let sum = 0
  for (let i = 0; i < parameters.dimensions; i++) {
    sum += signed(query[i]!) * (2 * levelAt(code, i, parameters.dimensions) - 15)
  }
  return finish(form, f32(sum), factorsOf(code), factorsOf(query))
}

function levelAt(code: Uint8Array, dimension: number, dimensions: number): number {
  const group = Math.floor(dimension / 32)
  const width = dimensions - group * 32 > 16 ? 8 : 4
  const inGroup = dimension % 32
  const word = inGroup % width
  const bits = code[group * 16 + word * 2]! | (code[group * 16 + word * 2 + 1]! << 8)
  return (bits >> (4 * Math.floor(inGroup / width))) & 15
}

function floatDistance({ metric }: GraphParameters, query: Uint8Array, code: Uint8Array, form: Form): number {
  const a = floatsOf(query)
  const b = floatsOf(code)
  const count = a.length - 2
  if (form !== 'bias')
    return finish(
      form,
      floatSum(count, (i) => f32(b[i]! * a[i]!)),
      factorsOf(code),
      factorsOf(query),
    )
  const square = floatSum(count, (i) => f32(f32(b[i]! - a[i]!) * f32(b[i]! - a[i]!)))
  return f32(square * (metric === 'cosine' ? 0.5 : 1))
}

function floatSum(count: number, term: (index: number) => number): number {
  const lanes = Float32Array.of(0, 0, 0, 0)
  for (let i = 0; i < count; i++) lanes[i % 4]! += term(i)
  return f32(f32(lanes[0]! + lanes[2]!) + f32(lanes[1]! + lanes[3]!))
}

type Factors = readonly [scale: number, bias: number]

function finish(form: Form, dot: number, [scale, bias]: Factors, [queryScale, queryBias]: Factors): number {
  if (form === 'bias') return f32(f32(bias + queryBias) - f32(f32(scale * queryScale) * dot))
  if (form === 'dot') return f32(0 - f32(f32(scale * queryScale) * dot))
  return f32(1 - f32(f32(bias * queryBias) * dot))
}

function factorsOf(code: Uint8Array): Factors {
  const floats = new Float32Array(code.slice(-8).buffer)
  return [floats[0]!, floats[1]!]
}

function floatsOf(code: Uint8Array): Float32Array {
  return new Float32Array(code.slice().buffer)
}

function signed(byte: number): number {
  return (byte << 24) >> 24
}
