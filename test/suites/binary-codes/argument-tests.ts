import { expect, test } from 'vitest'
import type { Metric } from '../../../src/engine/metric.ts'
import { type BinaryCodes, createEstimates } from '../../../src/engine/quantization/binary-codes.ts'
import type { BinaryOptions } from '../../../src/engine/quantization/binary-parameters.ts'
import { type Create, flat, normalRows } from './binary-inputs.ts'

export function argumentTests(create: Create): void {
  test.each<[string, Partial<BinaryOptions>]>([
    ['no dimensions', { dimensions: 0 }],
    ['too many dimensions', { dimensions: 8193 }],
    ['an unknown metric', { metric: 'manhattan' as Metric }],
    ['a seed below 0', { seed: -1 }],
    ['a seed over 32 bits', { seed: 2 ** 32 }],
    ['a scale of 0', { scale: 0 }],
    ['a scale under cosine', { metric: 'cosine', scale: 2 }],
    ['a centre of another length', { centre: [1] }],
    ['a centre that is not finite', { centre: [0, Number.NaN] }],
    ['a centre past float32', { centre: [0, 1e39] }],
  ])('%s is a RangeError', async (_, bad) => {
    await expect(create({ dimensions: 2, metric: 'euclidean', ...bad })).rejects.toThrow(RangeError)
  })

  test.each<[string, (codes: BinaryCodes) => void]>([
    ['half a row', (codes) => codes.encode(0, new Float32Array(3))],
    ['a position past the end', (codes) => codes.encode(4, new Float32Array(2))],
    ['a position below 0', (codes) => codes.encode(-1, new Float32Array(2))],
    ['a position that is no integer', (codes) => codes.encode(0.5, new Float32Array(2))],
    ['the code of no position', (codes) => codes.code(3)],
    ['a query of another length', (codes) => codes.prepareQuery(new Float32Array(3))],
    ['a rotated vector of another length', (codes) => codes.rotate(new Float32Array(128))],
    ['a gathered position past the end', (codes) => codes.estimate(Uint32Array.of(0, 3), createEstimates(2))],
    ['a range past the end', (codes) => codes.estimateRange(0, 4, createEstimates(4))],
    ['a range that runs backwards', (codes) => codes.estimateRange(2, 1, createEstimates(4))],
    ['too little room', (codes) => codes.estimateRange(0, 3, createEstimates(2))],
    [
      'too little room for deviations',
      (codes) => codes.estimate(Uint32Array.of(1, 2), { scores: new Float32Array(2), deviations: new Float32Array(1) }),
    ],
  ])('%s is a RangeError and changes nothing', async (_, mistake) => {
    const codes = await create({ dimensions: 2, metric: 'euclidean' })
    codes.encode(0, flat(normalRows(3, 2, 1)))
    const before = codes.code(2)
    expect(() => mistake(codes)).toThrow(RangeError)
    expect(codes.count).toBe(3)
    expect(codes.code(2)).toEqual(before)
  })

  test('what is handed in is only read', async () => {
    const codes = await create({ dimensions: 5, metric: 'cosine' })
    const rows = flat(normalRows(4, 5, 2))
    const copy = rows.slice()
    codes.encode(0, rows)
    codes.prepareQuery(rows.subarray(0, 5))
    codes.rotate(rows.subarray(5, 10))
    codes.code(1).fill(0)
    expect(rows).toEqual(copy)
    expect(codes.code(1).some((byte) => byte !== 0)).toBe(true)
  })

  test('nothing to do is nothing', async () => {
    const codes = await create({ dimensions: 5, metric: 'cosine' })
    codes.encode(0, new Float32Array(0))
    codes.estimate(new Uint32Array(0), createEstimates(0))
    codes.estimateRange(0, 0, createEstimates(0))
    expect(codes.count).toBe(0)
  })
}
