import { expect, test } from 'vitest'
import { type Create, extremeRows, normalRows } from './binary-inputs.ts'

export function rotationTests(create: Create): void {
  const dot = (one: Float32Array, other: Float32Array) => one.reduce((sum, x, i) => sum + x * (other[i] ?? 0), 0)

  test.each([1, 2, 100, 128, 129, 256, 300, 768, 1536, 3000])(
    'keeps lengths and products in %d dimensions',
    async (n) => {
      const codes = await create({ dimensions: n, metric: 'euclidean', seed: n })
      const rows = [
        ...normalRows(4, n, 1),
        new Float32Array(n).fill(1),
        Float32Array.from({ length: n }, (_, i) => +(i < 1)),
      ]
      const rotated = rows.map((row) => codes.rotate(row))
      for (const [i, row] of rows.entries()) {
        expect(rotated[i]!.length).toBe(codes.parameters.padded)
        for (const [j, other] of rows.entries()) {
          const size = Math.sqrt(dot(row, row) * dot(other, other))
          expect(Math.abs(dot(rotated[i]!, rotated[j]!) - dot(row, other))).toBeLessThan(1e-5 * size)
        }
      }
    },
  )

  test('spreads a single component over all dimensions', async () => {
    for (const dimensions of [128, 384, 768, 1024, 1536]) {
      const codes = await create({ dimensions, metric: 'euclidean' })
      for (const component of [0, 1, dimensions / 2, dimensions - 1]) {
        const row = new Float32Array(dimensions)
        row[component] = 1
        const most = Math.max(...codes.rotate(row).map(Math.abs))
        // Of so many normal numbers the greatest is hardly above six deviations.
        expect(most).toBeLessThan(6 / Math.sqrt(dimensions))
      }
    }
  })

  test('follows from the seed alone', async () => {
    const row = normalRows(1, 200, 3)[0]!
    const rotate = async (seed: number) => (await create({ dimensions: 200, metric: 'dot', seed })).rotate(row)
    expect(await rotate(5)).toEqual(await rotate(5))
    const [five, six] = [await rotate(5), await rotate(6)]
    // Products with another rotation are those of chance: about length^2 / sqrt(padded).
    expect(Math.abs(dot(five, six))).toBeLessThan((5 * dot(row, row)) / Math.sqrt(256))
  })

  test('of huge and tiny vectors stays finite where their sums do', async () => {
    const codes = await create({ dimensions: 100, metric: 'euclidean' })
    for (const row of extremeRows(100)) {
      const small = row.map((component) => component * 1e-3)
      expect(codes.rotate(small).every(Number.isFinite)).toBe(true)
    }
  })
}
