import { expect, test } from 'vitest'
import { type Create, flat, hex, normalRows } from './binary-inputs.ts'

export function codeTests(create: Create): void {
  test.each([
    [1, 32],
    [100, 32],
    [128, 32],
    [129, 48],
    [256, 48],
    [768, 112],
    [1536, 208],
    [8192, 1040],
  ])('of %d dimensions have %d bytes', async (dimensions, bytes) => {
    const codes = await create({ dimensions, metric: 'dot' })
    codes.encode(0, normalRows(1, dimensions, 1)[0]!)
    expect(codes.code(0).length).toBe(bytes)
    expect(codes.parameters.codeBytes).toBe(bytes)
  })

  test('are these bytes', async () => {
    const shown: string[] = []
    for (const metric of ['cosine', 'euclidean', 'dot'] as const) {
      const codes = await create({ dimensions: 6, metric, seed: 42, centre: [0, 0.25, 0, 0, 0, 0.5] })
      codes.encode(0, Float32Array.of(1, -2, 3, 0.5, 8, -13))
      shown.push(hex(codes.code(0)))
    }
    const windowed = await create({ dimensions: 150, metric: 'euclidean', seed: 42 })
    windowed.encode(
      0,
      Float32Array.from({ length: 150 }, (_, i) => (i * i) % 17),
    )
    expect([...shown, hex(windowed.code(0))]).toEqual(GOLDEN)
  })

  test('consist of signs, and of what the direction loses by them', async () => {
    const [row, centre] = normalRows(2, 300, 2) as [Float32Array, Float32Array]
    const codes = await create({ dimensions: 300, metric: 'euclidean', centre, seed: 3 })
    codes.encode(0, row)
    const code = codes.code(0)
    const difference = row.map((component, i) => component - centre[i]!)
    const rotated = codes.rotate(difference)
    const length = Math.sqrt(difference.reduce((sum, component) => sum + component * component, 0))
    rotated.forEach((component, i) => {
      // What is next to zero may be rounded to either side.
      if (Math.abs(component) > 1e-4) expect((code[i >> 3]! >> (i & 7)) & 1).toBe(component > 0 ? 1 : 0)
    })
    const [bias, scale, spread, alignment] = new Float32Array(code.slice(48).buffer)
    const sum = rotated.reduce((total, component) => total + Math.abs(component) / length, 0)
    expect(bias! / length ** 2).toBeCloseTo(1, 5)
    expect(scale! / ((2 * length) / sum)).toBeCloseTo(1, 5)
    expect(alignment).toBeCloseTo(sum / Math.sqrt(384), 5)
    expect(spread! / ((2 * length * Math.sqrt(1 - alignment! ** 2)) / (alignment! * Math.sqrt(383)))).toBeCloseTo(1, 4)
  })

  test('follow from row and parameters alone', async () => {
    const rows = normalRows(30, 90, 7)
    const options = { dimensions: 90, metric: 'cosine', seed: 8 } as const
    const [whole, pieces] = [await create(options), await create(options)]
    whole.encode(0, flat(rows))
    pieces.encode(0, flat(rows.slice(20)))
    pieces.prepareQuery(rows[4]!)
    rows.forEach((row, position) => {
      pieces.encode(position, row)
      pieces.rotate(rows[1]!)
    })
    expect(pieces.count).toBe(30)
    for (let position = 0; position < 30; position++) expect(pieces.code(position)).toEqual(whole.code(position))
    const other = await create({ ...options, seed: 9 })
    other.encode(0, rows[0]!)
    expect(other.code(0)).not.toEqual(whole.code(0))
  })

  test('under cosine are those of the direction', async () => {
    const row = normalRows(1, 60, 12)[0]!
    const codes = await create({ dimensions: 60, metric: 'cosine', centre: new Float64Array(60).fill(0.01) })
    codes.encode(0, flat([row, row.map((component) => component * 1024)]))
    expect(codes.code(1)).toEqual(codes.code(0))
  })
}

/** Codes of cosine, euclidean and dot, and of a rotation in windows; the factors are the last 16 bytes of each. */
const GOLDEN: readonly string[] = [
  'afa3e10ff1b46edade8d390df9f06c6377fb8c3f4b3c243ed7b6bd3d5b64513f',
  'a7b3e10ff1b46edade8d390db8f06c6300c88243d0ef61401e1005407b524f3f',
  'a7b3e10ff1b46edade8d390db8f06c6300000000d0efe13f1e10853f7b524f3f',
  '9dcafdf04e8b2c17bb35d8da60b9a0d40b35f83353f9d7e4881e5581d26eb2aa00f8634636be9541d95a31411f804e3f',
]
