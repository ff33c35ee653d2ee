import { type BinaryCodes, createEstimates, type Estimates } from '../../../src/engine/quantization/binary-codes.ts'
import type { BinaryOptions } from '../../../src/engine/quantization/binary-parameters.ts'
import { normalNumbers } from '../../engine/graph/vector-sets.ts'

/** Makes codes of the implementation that a suite is run on. */
export type Create = (options: BinaryOptions) => Promise<BinaryCodes>

export function normalRows(count: number, dimensions: number, seed: number): Float32Array[] {
  const next = normalNumbers(seed)
  return Array.from({ length: count }, () => Float32Array.from({ length: dimensions }, next))
}

/** Constant, subnormal, huge, one-sided, sparse and zero vectors. */
export function extremeRows(dimensions: number): Float32Array[] {
  const huge = 3.4e38
  const kinds: ((i: number) => number)[] = [
    () => 1,
    () => 1e-45,
    () => huge,
    (i) => (i % 2 === 0 ? huge : -huge),
    () => -huge,
    (i) => (i === 0 ? 1e-40 : 0),
    (i) => (i === 0 ? huge : 1e-45),
    () => 0,
    () => -0,
    (i) => 1 / (i + 1),
  ]
  return kinds.map((kind) => Float32Array.from({ length: dimensions }, (_, i) => kind(i)))
}

export function flat(rows: readonly Float32Array[]): Float32Array {
  const dimensions = rows[0]!.length
  const all = new Float32Array(rows.length * dimensions)
  rows.forEach((row, index) => {
    all.set(row, index * dimensions)
  })
  return all
}

/** Estimates of all positions for a query. */
export function estimatesOf(codes: BinaryCodes, query: Float32Array): Estimates {
  const estimates = createEstimates(codes.count)
  codes.prepareQuery(query)
  codes.estimateRange(0, codes.count, estimates)
  return estimates
}

/** What estimates are estimates of, in float64. */
export function trueScore({ metric, scale = 1 }: BinaryOptions, query: Float32Array, row: Float32Array): number {
  let [product, querySquare, rowSquare, difference] = [0, 0, 0, 0]
  for (let i = 0; i < row.length; i++) {
    product += query[i]! * row[i]!
    querySquare += query[i]! ** 2
    rowSquare += row[i]! ** 2
    difference += (query[i]! - row[i]!) ** 2
  }
  if (metric === 'euclidean') return difference * scale * scale
  if (metric === 'dot') return (-product / Math.sqrt(querySquare)) * scale
  return 1 - product / Math.sqrt(querySquare * rowSquare)
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
