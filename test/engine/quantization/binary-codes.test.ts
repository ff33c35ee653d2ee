import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SharedMemory } from '../../../src/engine/graph/shared-memory.ts'
import { METRICS } from '../../../src/engine/metric.ts'
import { type BinaryCodes, createEstimates } from '../../../src/engine/quantization/binary-codes.ts'
import { loadBinaryModule } from '../../../src/engine/quantization/binary-kernel.ts'
import type { BinaryOptions } from '../../../src/engine/quantization/binary-parameters.ts'
import { ReferenceBinaryCodes } from '../../../src/engine/quantization/reference-binary-codes.ts'
import { WasmBinaryCodes } from '../../../src/engine/quantization/wasm-binary-codes.ts'
import { estimatesOf, extremeRows, flat, normalRows } from '../../suites/binary-codes/binary-inputs.ts'
import { binaryCodesSuite } from '../../suites/binary-codes-suite.ts'

binaryCodesSuite('reference', async (options) => new ReferenceBinaryCodes(options))
binaryCodesSuite('wasm', (options) => WasmBinaryCodes.create(options))

/** Bytes of codes and bits of estimates. */
function expectSame(one: BinaryCodes, other: BinaryCodes, queries: readonly Float32Array[]): void {
  expect(one.count).toBe(other.count)
  for (let position = 0; position < one.count; position++) expect(one.code(position)).toEqual(other.code(position))
  const bits = (numbers: Float32Array) => new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length)
  for (const query of queries) {
    const [found, expected] = [estimatesOf(one, query), estimatesOf(other, query)]
    expect(bits(found.scores)).toEqual(bits(expected.scores))
    expect(bits(found.deviations)).toEqual(bits(expected.deviations))
  }
}

async function expectSameOf(options: BinaryOptions, rows: readonly Float32Array[], queries = rows.slice(0, 4)) {
  const [reference, wasm] = [new ReferenceBinaryCodes(options), await WasmBinaryCodes.create(options)]
  for (const codes of [reference, wasm]) codes.encode(0, flat(rows))
  expectSame(wasm, reference, queries)
}

describe('both', () => {
  for (const metric of METRICS) {
    test.each([1, 2, 3, 5, 31, 100, 127, 128, 129, 255, 256, 257, 300, 640, 768, 1024, 1536, 3000])(
      `write the same bytes and give the same bits: ${metric}, %d dimensions`,
      async (dimensions) => {
        const rows = normalRows(13, dimensions, dimensions)
        const centre = Float64Array.from({ length: dimensions }, (_, i) => ((i % 5) - 2) / 50)
        await expectSameOf({ dimensions, metric, seed: dimensions }, rows)
        await expectSameOf({ dimensions, metric, seed: dimensions, centre }, rows)
      },
    )

    test(`do so with extreme vectors: ${metric}`, async () => {
      for (const dimensions of [3, 100, 300, 8192]) {
        const rows = extremeRows(dimensions)
        await expectSameOf({ dimensions, metric }, rows, rows)
        const centre = new Float64Array(dimensions).fill(1)
        await expectSameOf({ dimensions, metric, centre }, rows, rows)
        if (metric !== 'cosine') await expectSameOf({ dimensions, metric, centre, scale: 2 ** -130 }, rows, rows)
      }
    })
  }

  test('do so with any floats', async () => {
    const component = fc.float({ noNaN: true, noDefaultInfinity: true })
    const vectors = fc.integer({ min: 1, max: 140 }).chain((dimensions) =>
      fc.array(
        fc.float32Array({ minLength: dimensions, maxLength: dimensions, noNaN: true, noDefaultInfinity: true }),
        {
          minLength: 1,
          maxLength: 5,
        },
      ),
    )
    await fc.assert(
      fc.asyncProperty(vectors, component, fc.constantFrom(...METRICS), async (rows, value, metric) => {
        const dimensions = rows[0]!.length
        const centre = new Float64Array(dimensions).fill(metric === 'cosine' ? value / 3.5e38 : value)
        await expectSameOf({ dimensions, metric, centre }, rows, rows)
      }),
      { seed: 5, numRuns: 60 },
    )
  })
})

describe('in WebAssembly', () => {
  test('blocks of positions follow each other', async () => {
    const codes = await WasmBinaryCodes.create({ dimensions: 8, metric: 'euclidean' })
    const rows = normalRows(64, 8, 1)
    const several = flat(rows)
    const before = codes.memoryBytes()
    while (codes.count < 33_000) codes.encode(codes.count, several)
    expect(codes.memoryBytes() - before).toBe(3 * 16_384 * 32)
    const { scores } = estimatesOf(codes, rows[0]!)
    const expected = scores.slice(0, 64)
    for (let first = 0; first < codes.count; first += 64) expect(scores.subarray(first, first + 64)).toEqual(expected)
    const across = createEstimates(8)
    codes.estimate(Uint32Array.of(16_383, 16_384, 0, 32_767, 32_768, 63, 16_385, 1), across)
    expect([...across.scores]).toEqual([63, 0, 0, 63, 0, 63, 1, 1].map((row) => expected[row]))
  })

  test('several share a memory, and are the same as alone', async () => {
    const memory = new SharedMemory()
    const module = await loadBinaryModule()
    const options = { dimensions: 200, metric: 'dot', seed: 3 } as const
    const rows = normalRows(20, 200, 2)
    const shared = [0, 1, 2].map(() => new WasmBinaryCodes(module, options, memory))
    rows.forEach((row, position) => {
      for (const codes of shared) codes.encode(position, row)
    })
    const alone = new ReferenceBinaryCodes(options)
    alone.encode(0, flat(rows))
    for (const codes of shared) expectSame(codes, alone, rows.slice(0, 2))
  })

  test('queries of several do not touch each other', async () => {
    const memory = new SharedMemory()
    const module = await loadBinaryModule()
    const rows = normalRows(9, 50, 4)
    const [one, other] = [1, 2].map((seed) => {
      const codes = new WasmBinaryCodes(module, { dimensions: 50, metric: 'cosine', seed }, memory)
      codes.encode(0, flat(rows))
      return codes
    }) as [WasmBinaryCodes, WasmBinaryCodes]
    const { scores } = estimatesOf(one, rows[0]!)
    other.prepareQuery(rows[5]!)
    const again = createEstimates(9)
    one.estimateRange(0, 9, again)
    expect(again.scores).toEqual(scores)
  })
})

describe('the suite can fail', () => {
  test.each<[string, (codes: ReferenceBinaryCodes) => Partial<BinaryCodes>]>([
    ['bytes are off', (codes) => ({ code: (position) => codes.code(position).fill(0, 0, 1) })],
    [
      'estimates lose a bit',
      (codes) => ({
        estimateRange(from, to, estimates) {
          codes.estimateRange(from, to, estimates)
          estimates.scores[to - 1]! *= 1 + 2 ** -23
        },
      }),
    ],
  ])('codes are told apart where %s', (_, mistake) => {
    const make = () => {
      const codes = new ReferenceBinaryCodes({ dimensions: 10, metric: 'euclidean' })
      codes.encode(0, flat(normalRows(5, 10, 1)))
      return codes
    }
    const [right, wrong] = [make(), make()]
    expectSame(right, make(), normalRows(1, 10, 2))
    const changed = new Proxy(wrong, {
      get: (target, key) => {
        const value = Reflect.get({ ...mistake(target) }, key) ?? Reflect.get(target, key)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    expect(() => expectSame(changed, right, normalRows(1, 10, 2))).toThrow()
  })
})
