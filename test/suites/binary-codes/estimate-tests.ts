import { expect, test } from 'vitest'
import { METRICS } from '../../../src/engine/metric.ts'
import { createEstimates } from '../../../src/engine/quantization/binary-codes.ts'
import { type Create, estimatesOf, extremeRows, flat, normalRows, trueScore } from './binary-inputs.ts'

export function estimateTests(create: Create): void {
  test.each(METRICS)('are unbiased over rotations, near and far: %s', async (metric) => {
    const dimensions = 100
    const [query, other, noise] = normalRows(3, dimensions, 11) as [Float32Array, Float32Array, Float32Array]
    const near = query.map((component, i) => component + 0.3 * noise[i]!)
    const rows = [other, near, query, query.map((component) => -component)]
    const errors = rows.map(() => [] as number[])
    for (let seed = 0; seed < 200; seed++) {
      const options = { dimensions, metric, seed, centre: other.map((component) => component / 20) }
      const codes = await create(options)
      codes.encode(0, flat(rows))
      const { scores, deviations } = estimatesOf(codes, query)
      rows.forEach((row, index) => {
        errors[index]!.push((scores[index]! - trueScore(options, query, row)) / deviations[index]!)
      })
    }
    for (const list of errors) {
      const mean = list.reduce((sum, error) => sum + error, 0) / list.length
      expect(Math.abs(mean)).toBeLessThan(3.5 / Math.sqrt(list.length))
      expect(list.every((error) => Math.abs(error) < 4)).toBe(true)
    }
  })

  test.each(METRICS)('lie within three deviations of scores: %s', async (metric) => {
    for (const dimensions of [64, 200, 768]) {
      const options = { dimensions, metric, scale: metric === 'cosine' ? 1 : 4 }
      const rows = normalRows(60, dimensions, dimensions)
      const codes = await create(options)
      codes.encode(0, flat(rows))
      for (const query of normalRows(5, dimensions, 9)) {
        const { scores, deviations } = estimatesOf(codes, query)
        const errors = rows.map((row, i) => Math.abs(scores[i]! - trueScore(options, query, row)) / deviations[i]!)
        expect(errors.filter((error) => error > 3).length).toBeLessThanOrEqual(2)
        expect(errors.some((error) => error > 0.5)).toBe(true)
      }
    }
  })

  test.each(METRICS)('of extreme vectors are finite: %s', async (metric) => {
    for (const dimensions of [3, 100, 300, 8192]) {
      for (const centre of [0, 1, 3.4e38]) {
        if (metric === 'cosine' && centre > 1) continue
        const codes = await create({ dimensions, metric, centre: new Float64Array(dimensions).fill(centre) })
        const rows = extremeRows(dimensions)
        codes.encode(0, flat(rows))
        for (const query of rows) {
          const { scores, deviations } = estimatesOf(codes, query)
          expect([...scores, ...deviations].filter((value) => !Number.isFinite(value))).toEqual([])
          expect(deviations.every((deviation) => deviation >= 0)).toBe(true)
        }
      }
    }
  })

  test.each([2 ** -200, 2 ** 200])('of extreme vectors are finite, at a scale of %d', async (scale) => {
    for (const metric of ['euclidean', 'dot'] as const) {
      const codes = await create({ dimensions: 40, metric, scale, centre: new Float64Array(40).fill(1e38) })
      codes.encode(0, flat(extremeRows(40)))
      for (const query of extremeRows(40)) {
        const { scores, deviations } = estimatesOf(codes, query)
        expect([...scores, ...deviations].every(Number.isFinite)).toBe(true)
      }
    }
  })

  test('of the centre itself are exact, whether it is the query or a row', async () => {
    const [centre, other] = normalRows(2, 77, 4) as [Float32Array, Float32Array]
    const options = { dimensions: 77, metric: 'euclidean', centre } as const
    const codes = await create(options)
    codes.encode(0, flat([centre, other]))
    const distance = trueScore(options, centre, other)
    const fromCentre = estimatesOf(codes, centre)
    expect([...fromCentre.scores]).toEqual([0, Math.fround(distance)])
    expect([...fromCentre.deviations]).toEqual([0, 0])
    expect(estimatesOf(codes, other).scores[0]).toBe(Math.fround(distance))
  })

  test('are the same gathered, in any order and more than once, as in a range', async () => {
    const codes = await create({ dimensions: 130, metric: 'cosine' })
    codes.encode(0, flat(normalRows(37, 130, 5)))
    const { scores, deviations } = estimatesOf(codes, normalRows(1, 130, 6)[0]!)
    for (let count = 0; count < 12; count++) {
      const positions = Uint32Array.from({ length: count }, (_, i) => (i * 23 + count) % 37)
      const gathered = createEstimates(count)
      codes.estimate(positions, gathered)
      expect([...gathered.scores]).toEqual([...positions].map((position) => scores[position]))
      expect([...gathered.deviations]).toEqual([...positions].map((position) => deviations[position]))
      const range = createEstimates(count)
      codes.estimateRange(9, 9 + count, range)
      expect(range.scores).toEqual(scores.slice(9, 9 + count))
    }
    const many = Uint32Array.from({ length: 2500 }, (_, i) => (i * i) % 37)
    const gathered = createEstimates(2501)
    codes.estimate(many, gathered)
    expect([...gathered.scores]).toEqual([...[...many].map((position) => scores[position]), 0])
  })
}
