import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { MAX_DIMENSIONS, MAX_K } from '../../src/base/limits.ts'
import type { ScanKernel, ScanQuery, ScanRun, Selection } from '../../src/engine/kernel/scan-kernel.ts'
import { createSelection } from '../../src/engine/kernel/scan-kernel.ts'
import { sortedSelection } from '../../src/engine/kernel/selection.ts'
import { METRICS, type Metric } from '../../src/engine/metric.ts'
import { expectHits, expectNearest, type Hit, hitsOf, lengthOf, nearestBySort, packed } from './scan-oracle.ts'

/** What every scan kernel does. */
export function scanKernelSuite(name: string, load: () => Promise<ScanKernel>): void {
  describe(name, () => {
    let kernel: ScanKernel
    beforeAll(async () => {
      kernel = await load()
    })
    const current = () => kernel
    describe('distances', () => distanceTests(current))
    describe('selection', () => selectionTests(current))
    describe('shapes', () => shapeTests(current))
    describe('extreme values', () => extremeTests(current))
    describe('close calls', () => closeCallTests(current))
    describe('histories', () => historyTests(current))
    describe('arguments', () => argumentTests(current))
  })
}

type Current = () => ScanKernel

function distanceTests(kernel: Current): void {
  const scores = (metric: Metric, query: number[], ...vectors: number[][]) => {
    const rows = vectors.map((vector) => Float32Array.from(vector))
    return hitsOf(kernel(), { metric, query: Float32Array.from(query), vectors: rows, k: 10 })
  }

  test('euclidean is the sum of squared differences', () => {
    expect(scores('euclidean', [1, 2, 3], [4, 6, 3], [1, 2, 3])).toEqual([hit(1, 0), hit(0, 25)])
    expect(scores('euclidean', [0, 0, 0, 0, 0], [1, 2, 3, 4, 5])).toEqual([hit(0, 55)])
  })

  test('dot is minus the product', () => {
    expect(scores('dot', [1, 2, 3], [4, 5, 6], [-4, -5, -6])).toEqual([hit(0, -32), hit(1, 32)])
  })

  test('dot gives 0 and never -0', () => {
    expectHits(scores('dot', [1, 0], [0, 1], [-0, 1]), [hit(0, 0), hit(1, 0)], 'orthogonal')
  })

  test('cosine is 1 minus the cosine, whatever the lengths', () => {
    expect(scores('cosine', [3, 4], [6, 8], [-4, 3], [-3, -4])).toEqual([hit(0, 0), hit(1, 1), hit(2, 2)])
    expect(scores('cosine', [1, 0, 0, 0, 0], [3, 0, 0, 0, 4])).toEqual([hit(0, 1 - 3 / 5)])
  })

  test('cosine stays within 0 and 2 where rounding would leave it', () => {
    for (const scale of [1, -1]) {
      const vectors = randomVectors(500, 7, 1)
      for (const vector of vectors) {
        const [only] = scores('cosine', [...vector], [...vector.map((component) => component * scale)])
        expect(only!.score).toBeGreaterThanOrEqual(0)
        expect(only!.score).toBeLessThanOrEqual(2)
        expect(Math.abs(only!.score - (1 - scale))).toBeLessThan(1e-14)
      }
    }
  })

  test('a norm of zero puts a row last instead of making it no number', () => {
    expect(scores('cosine', [1, 1], [0, 0], [-1, -1.5], [1, 2])).toMatchObject([{ slot: 2 }, { slot: 1 }, hit(0, 2)])
  })

  test('lanes are added in the order the contract says', () => {
    // 2^60 swallows a 1, so each way of adding these eight components gives another sum.
    const big = 2 ** 60
    expect(scores('dot', [1, 1, 1, 1, 1, 1, 1, 1], [big, 1, 1, big, -big, 1, 1, -big])).toEqual([hit(0, -4)])
    expect(scores('dot', [1, 1, 1, 1], [big, 1, -big, 1])).toEqual([hit(0, -2)])
    expect(scores('dot', [1, 1, 1, 1], [big, -big, 1, 1])).toEqual([hit(0, 0)])
  })
}

function selectionTests(kernel: Current): void {
  test('equal vectors come in order of slot', () => {
    const vectors = Array.from({ length: 37 }, () => Float32Array.of(1, 2, 3))
    for (const metric of METRICS) {
      for (const k of [1, 2, 10, 37, 50]) {
        expectNearest(kernel(), { metric, query: Float32Array.of(1, 2, 3.5), vectors, k, firstSlot: 3 })
      }
    }
  })

  test('a lower slot offered later takes the place of an equal higher one', () => {
    const selection = createSelection(2)
    const one = runOf([Float32Array.of(1)], 0)
    for (const firstSlot of [9, 5, 7, 5000, 1]) kernel().scan(euclidean(0), { ...one, firstSlot }, selection)
    expect(sortedSelection(selection).slots).toEqual(Uint32Array.of(1, 5))
  })

  test('k of 1, 2, 10, 1000 and more than the rows', () => {
    const query = randomVectors(1, 8, 2)[0]!
    const vectors = randomVectors(1203, 8, 3)
    for (const metric of METRICS) {
      for (const k of [1, 2, 10, 1000, 1203, 5000]) {
        expectNearest(kernel(), { metric, query, vectors, k, calls: [1, 500, 702] })
      }
    }
  })

  test('the largest k, and a small one after it', () => {
    const query = Float32Array.of(0.5)
    const vectors = randomVectors(3001, 1, 4)
    for (const k of [MAX_K, 3]) expectNearest(kernel(), { metric: 'dot', query, vectors, k, calls: [1000, 1000, 1001] })
  })

  test('rows that come nearer and nearer replace all that was kept', () => {
    const vectors = Array.from({ length: 400 }, (_, row) => Float32Array.of(400 - row))
    expectNearest(kernel(), { metric: 'euclidean', query: Float32Array.of(0), vectors, k: 50, calls: [200, 200] })
  })

  test('searches that take turns do not see each other', () => {
    const vectors = randomVectors(300, 20, 5)
    const searches = METRICS.map((metric, index) => {
      const vector = randomVectors(1, 20 - index, 50 + index)[0]!
      const rows = vectors.map((row) => row.subarray(0, vector.length))
      return { query: { metric, vector, norm: lengthOf(vector) }, rows, selection: createSelection(7 * index + 3) }
    })
    for (let row = 0; row < 300; row += 25) {
      for (const { query, rows, selection } of searches) {
        kernel().scan(query, runOf(rows.slice(row, row + 25), row), selection)
      }
    }
    for (const { query, rows, selection } of searches) {
      const scenario = { metric: query.metric, query: query.vector, vectors: rows, k: selection.k }
      expectHits(hitsIn(selection), nearestBySort(scenario), query.metric)
    }
  })

  test('what lies past count in a selection is left alone', () => {
    const selection = createSelection(4)
    selection.scores.fill(-7)
    selection.slots.fill(77)
    kernel().scan(euclidean(0), runOf([Float32Array.of(3), Float32Array.of(2)], 10), selection)
    expect(selection.count).toBe(2)
    expect([...selection.scores]).toEqual([9, 4, -7, -7])
    expect([...selection.slots]).toEqual([10, 11, 77, 77])
  })
}

function shapeTests(kernel: Current): void {
  test.each(METRICS)('%s: every number of dimensions from 1 to 130', (metric) => {
    for (let dimensions = 1; dimensions <= 130; dimensions++) {
      const query = randomVectors(1, dimensions, dimensions)[0]!
      const vectors = randomVectors(13, dimensions, 1000 + dimensions)
      expectNearest(kernel(), { metric, query, vectors, k: 13 })
    }
  })

  test.each([768, 1536, 8191, MAX_DIMENSIONS])('%d dimensions', (dimensions) => {
    const query = randomVectors(1, dimensions, 11)[0]!
    const vectors = randomVectors(19, dimensions, 12)
    for (const metric of METRICS) expectNearest(kernel(), { metric, query, vectors, k: 19, calls: [2, 17] })
  })

  test('no rows, one row, odd numbers of rows', () => {
    for (const metric of METRICS) {
      for (const rows of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 17, 63, 65, 127]) {
        const vectors = randomVectors(rows, 6, rows)
        expectNearest(kernel(), { metric, query: Float32Array.of(1, 2, 3, 4, 5, 6), vectors, k: 5 })
      }
    }
  })

  test.each([1, 100, MAX_DIMENSIONS])('as many rows as a call takes, at %d dimensions', (dimensions) => {
    const rows = kernel().rowsPerCall(dimensions)
    const distinct = randomVectors(97, dimensions, 13)
    const vectors = Array.from({ length: rows }, (_, row) => distinct[row % 97]!)
    const query = randomVectors(1, dimensions, 14)[0]!
    expectNearest(kernel(), { metric: 'cosine', query, vectors, k: 300, dead: randomBytes(rows / 8, 15) })
  })

  test('dead: none, all, random, one alone, at any first slot', () => {
    const query = Float32Array.of(0.1, 0.2, 0.3)
    const vectors = randomVectors(75, 3, 16)
    const bitmaps = [new Uint8Array(40), new Uint8Array(40).fill(255), randomBytes(40, 17), randomBytes(40, 18)]
    for (const dead of bitmaps) {
      for (let firstSlot = 0; firstSlot < 20; firstSlot++) {
        for (const metric of METRICS) expectNearest(kernel(), { metric, query, vectors, k: 75, firstSlot, dead })
      }
    }
    for (let slot = 0; slot < 75; slot++) {
      const dead = new Uint8Array(10)
      dead[slot >> 3] = 1 << (slot & 7)
      expectNearest(kernel(), { metric: 'dot', query, vectors, k: 75, dead })
    }
  })

  test('slots past the end of the bitmap are alive', () => {
    const vectors = randomVectors(40, 3, 19)
    for (const bytes of [0, 1, 2, 4, 5]) {
      const dead = new Uint8Array(bytes).fill(255)
      expectNearest(kernel(), { metric: 'dot', query: Float32Array.of(1, 2, 3), vectors, k: 40, dead, firstSlot: 5 })
    }
  })

  test('a bitmap of an earlier call leaves nothing behind', () => {
    const vectors = randomVectors(40, 3, 20)
    const query = Float32Array.of(1, 2, 3)
    expectNearest(kernel(), { metric: 'dot', query, vectors, k: 40, dead: new Uint8Array(5).fill(255) })
    expectNearest(kernel(), { metric: 'dot', query, vectors, k: 40 })
  })

  test('the highest slots', () => {
    const vectors = [...randomVectors(9, 2, 21), ...randomVectors(9, 2, 21)]
    for (const firstSlot of [2 ** 31 - 9, 2 ** 32 - 18]) {
      expectNearest(kernel(), { metric: 'euclidean', query: Float32Array.of(0, 1), vectors, k: 11, firstSlot })
    }
  })

  test('views that do not start at the front of their buffer', () => {
    const memory = Float32Array.from({ length: 33 }, (_, index) => index)
    const run = { ...runOf([], 0), vectors: memory.subarray(3, 33), rows: 10, norms: new Float64Array(0) }
    const selection = createSelection(2)
    kernel().scan({ metric: 'euclidean', vector: memory.subarray(6, 9), norm: 0 }, run, selection)
    expect(hitsIn(selection)).toEqual([hit(1, 0), hit(0, 27)])
  })
}

function extremeTests(kernel: Current): void {
  const values = [0, -0, 1e-45, -1e-45, 1.1754943e-38, 1e-40, 3.4e38, -3.4e38, 3.4028234e38, 1, -1, 1e20, 1e-20]

  test('subnormals, -0 and the largest numbers, mixed', () => {
    const next = randomIntegers(22)
    const draw = (dimensions: number) =>
      Float32Array.from({ length: dimensions }, () => values[next() % values.length]!)
    for (let dimensions = 1; dimensions <= 67; dimensions++) {
      const vectors = Array.from({ length: 61 }, () => draw(dimensions))
      for (const metric of METRICS) {
        for (const k of [1, 3, 21]) expectNearest(kernel(), { metric, query: draw(dimensions), vectors, k })
      }
    }
  })

  test('constants, each against each', () => {
    for (const dimensions of [1, 3, 5, 100, MAX_DIMENSIONS]) {
      const vectors = values.map((value) => new Float32Array(dimensions).fill(value))
      for (const query of vectors) {
        for (const metric of METRICS) expectNearest(kernel(), { metric, query, vectors, k: values.length })
      }
    }
  })

  test('nothing overflows and nothing vanishes', () => {
    const largest = new Float32Array(MAX_DIMENSIONS).fill(-(2 ** 127))
    const smallest = Float32Array.of(1e-45)
    const far = hitsOf(kernel(), { metric: 'euclidean', query: largest.map((x) => -x), vectors: [largest], k: 1 })
    expect(far).toEqual([hit(0, MAX_DIMENSIONS * 2 ** 256)])
    const near = hitsOf(kernel(), { metric: 'dot', query: smallest, vectors: [smallest], k: 1 })
    expect(near).toEqual([hit(0, -(2 ** -298))])
    // The length of 4,096 equal components is 64 times one of them, without rounding.
    const square = largest.subarray(0, 4096)
    expect(hitsOf(kernel(), { metric: 'cosine', query: square, vectors: [square], k: 1 })).toEqual([hit(0, 0)])
    expect(hitsOf(kernel(), { metric: 'cosine', query: smallest, vectors: [smallest], k: 1 })).toEqual([hit(0, 0)])
  })
}

/** Many rows for a small k, so near each other that float32 arithmetic could not tell which are the nearest. */
function closeCallTests(kernel: Current): void {
  const lengths = [1, 2, 3, 5, 31, 100, 101, 768]

  const expectAll = (query: Float32Array, vectors: readonly Float32Array[]) => {
    for (const metric of METRICS) {
      for (const k of [1, 2, 7]) expectNearest(kernel(), { metric, query, vectors, k, calls: [100, 201, 300] })
    }
  }

  test.each([1, 1e-18, 1e-22, 1e-30, 1e-38, 1e17, 1e30])('rows a few units apart, of size %d', (size) => {
    for (const dimensions of lengths) {
      const base = randomVectors(1, dimensions, 41)[0]!.map((component) => component * size)
      const jitter = randomIntegers(dimensions)
      const vectors = Array.from({ length: 601 }, () => base.map((x) => x * (1 + ((jitter() >>> 20) % 5) * 2 ** -23)))
      expectAll(base, vectors)
      expectAll(randomVectors(1, dimensions, 42)[0]!, vectors)
    }
  })

  test('products at the edge of underflow', () => {
    for (const dimensions of lengths) {
      const next = randomIntegers(dimensions + 7)
      const draw = () => Float32Array.from({ length: dimensions }, () => (1 + next() / 2 ** 32) * 2 ** -75)
      expectAll(draw(), Array.from({ length: 601 }, draw))
      expectAll(new Float32Array(dimensions).fill(1e-45), Array.from({ length: 601 }, draw))
    }
  })

  test('sums at the edge of overflow', () => {
    for (const dimensions of lengths) {
      const next = randomIntegers(dimensions + 8)
      const draw = () => Float32Array.from({ length: dimensions }, () => (next() / 2 ** 31 - 1) * 2 ** 64)
      expectAll(draw(), Array.from({ length: 601 }, draw))
    }
  })

  test('dot products that cancel', () => {
    for (const dimensions of [2, 6, 100, 768]) {
      const next = randomIntegers(dimensions + 9)
      const query = new Float32Array(dimensions).fill(1)
      const vectors = Array.from({ length: 601 }, () => {
        const half = Float32Array.from({ length: dimensions / 2 }, () => next() / 2 ** 20)
        const other = half.map((component) => -component * (1 + ((next() >>> 20) % 3) * 2 ** -23))
        return Float32Array.from([...half, ...other])
      })
      expectAll(query, vectors)
    }
  })

  test('the largest dimension', () => {
    const base = randomVectors(1, MAX_DIMENSIONS, 43)[0]!
    const jitter = randomIntegers(44)
    const vectors = Array.from({ length: 91 }, () => base.map((x) => x * (1 + ((jitter() >>> 20) % 3) * 2 ** -23)))
    for (const query of [base, randomVectors(1, MAX_DIMENSIONS, 45)[0]!]) {
      for (const metric of METRICS) expectNearest(kernel(), { metric, query, vectors, k: 3, calls: [45, 46] })
    }
  })
}

function historyTests(kernel: Current): void {
  const component = fc.oneof(
    fc.constantFrom(0, -0, 1, -1, 2, 0.5),
    fc.float({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(...[1e-45, -1e-45, 3.4e38, -3.4e38, 1e-40].map(Math.fround)),
  )

  test('any run of calls gives what a full sort gives', () => {
    const history = fc.integer({ min: 1, max: 13 }).chain((dimensions) => {
      const vector = fc
        .array(component, { minLength: dimensions, maxLength: dimensions })
        .map((a) => Float32Array.from(a))
      return fc.record({
        metric: fc.constantFrom(...METRICS),
        query: vector,
        batches: fc.array(fc.array(vector, { maxLength: 24 }), { maxLength: 8 }),
        k: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 30 })),
        firstSlot: fc.oneof(fc.nat(20), fc.integer({ min: 0, max: 2 ** 32 - 192 })),
        deadBytes: fc.uint8Array({ maxLength: 26 }),
      })
    })
    fc.assert(
      fc.property(history, ({ metric, query, batches, k, firstSlot, deadBytes }) => {
        const near = firstSlot > 1000 ? new Uint8Array(0) : deadBytes
        const calls = batches.map((batch) => batch.length)
        expectNearest(kernel(), { metric, query, vectors: batches.flat(), k, firstSlot, dead: near, calls })
      }),
      { numRuns: 1500 },
    )
  })

  test('two searches that take turns in any order give what two alone give', () => {
    const turn = fc.record({ second: fc.boolean(), rows: fc.nat(9) })
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 25 }), fc.nat(), (turns, seed) => {
        const searches = [0, 1].map((index) => ({
          query: { metric: METRICS[(seed + index) % 3]!, vector: smallVectors(1, seed)[0]!, norm: 1 },
          selection: createSelection(1 + ((seed + index * 5) % 9)),
          offered: [] as Float32Array[],
        }))
        for (const { second, rows } of turns) {
          const { query, selection, offered } = searches[second ? 1 : 0]!
          const vectors = smallVectors(rows, seed + offered.length)
          kernel().scan({ ...query, norm: lengthOf(query.vector) }, runOf(vectors, offered.length), selection)
          offered.push(...vectors)
        }
        for (const { query, selection, offered } of searches) {
          const scenario = { metric: query.metric, query: query.vector, vectors: offered, k: selection.k }
          expectHits(hitsIn(selection), nearestBySort(scenario), `seed ${seed}`)
        }
      }),
      { numRuns: 300 },
    )
  })
}

function argumentTests(kernel: Current): void {
  const query = euclidean(1)
  const run = runOf([Float32Array.of(1), Float32Array.of(2)], 0)
  const selection = createSelection(2)
  const tooLong = new Float32Array(MAX_DIMENSIONS + 1)

  test.each<[string, Partial<ScanQuery>, Partial<ScanRun>, Partial<Selection>]>([
    ['no dimensions', { vector: new Float32Array(0) }, {}, {}],
    ['too many dimensions', { vector: tooLong }, { vectors: tooLong, rows: 1 }, {}],
    ['an unknown metric', { metric: 'manhattan' as Metric }, {}, {}],
    ['k of 0', {}, {}, { k: 0 }],
    ['k over the limit', {}, {}, { k: MAX_K + 1 }],
    ['k that is no integer', {}, {}, { k: 1.5 }],
    ['count over k', {}, {}, { count: 3 }],
    ['a count below 0', {}, {}, { count: -1 }],
    ['scores of another length', {}, {}, { scores: new Float64Array(1) }],
    ['slots of another length', {}, {}, { slots: new Uint32Array(3) }],
    ['vectors of another length', {}, { vectors: new Float32Array(3) }, {}],
    ['norms of another length', { metric: 'cosine' }, { norms: new Float64Array(1) }, {}],
    ['rows below 0', {}, { rows: -1 }, {}],
    ['rows that are no integer', {}, { rows: 1.5, vectors: new Float32Array(1) }, {}],
    ['a first slot below 0', {}, { firstSlot: -1 }, {}],
    ['a first slot that is no integer', {}, { firstSlot: 0.5 }, {}],
    ['a last slot over 32 bits', {}, { firstSlot: 2 ** 32 - 1 }, {}],
  ])('%s is a RangeError', (_, badQuery, badRun, badSelection) => {
    const scan = () =>
      kernel().scan({ ...query, ...badQuery }, { ...run, ...badRun }, { ...selection, ...badSelection })
    expect(scan).toThrow(RangeError)
  })

  test('more rows than a call takes is a RangeError', () => {
    const rows = kernel().rowsPerCall(1) + 1
    const scan = () => kernel().scan(query, { ...run, vectors: new Float32Array(rows), rows }, selection)
    expect(scan).toThrow(RangeError)
    expect(selection.count).toBe(0)
  })

  test('the query and the rows are only read', () => {
    const vectors = randomVectors(10, 5, 31)
    const given = runOf(vectors, 0)
    const copy = structuredClone(given)
    const vector = randomVectors(1, 5, 32)[0]!
    kernel().scan({ metric: 'cosine', vector, norm: lengthOf(vector) }, given, createSelection(3))
    expect(given).toEqual(copy)
    expect(vector).toEqual(randomVectors(1, 5, 32)[0])
  })

  test('rowsPerCall is at least 1 and bounds the bytes of a call', () => {
    for (const dimensions of [1, 100, 768, MAX_DIMENSIONS]) {
      expect(kernel().rowsPerCall(dimensions)).toBeGreaterThanOrEqual(1)
      expect(kernel().rowsPerCall(dimensions) * dimensions * 4).toBeLessThanOrEqual(4 * 1024 * 1024)
    }
    for (const dimensions of [0, -1, 1.5, MAX_DIMENSIONS + 1, Number.NaN]) {
      expect(() => kernel().rowsPerCall(dimensions)).toThrow(RangeError)
    }
  })
}

function hit(slot: number, score: number): Hit {
  return { slot, score }
}

function euclidean(...vector: number[]): ScanQuery {
  return { metric: 'euclidean', vector: Float32Array.from(vector), norm: 0 }
}

function runOf(vectors: readonly Float32Array[], firstSlot: number): ScanRun {
  const dimensions = vectors[0]?.length ?? 0
  return { ...packed(vectors, dimensions), rows: vectors.length, firstSlot, dead: new Uint8Array(0) }
}

function hitsIn(selection: Selection): Hit[] {
  const { slots, scores } = sortedSelection(selection)
  return Array.from(slots, (slot, index) => hit(slot, scores[index]!))
}

/** Components from -1 to 1. */
function randomVectors(count: number, dimensions: number, seed: number): Float32Array[] {
  const next = randomIntegers(seed)
  return Array.from({ length: count }, () => Float32Array.from({ length: dimensions }, () => next() / 2 ** 31 - 1))
}

/** Few distinct values, so that many scores are equal. */
function smallVectors(count: number, seed: number): Float32Array[] {
  const next = randomIntegers(seed)
  return Array.from({ length: count }, () => Float32Array.from({ length: 5 }, () => ((next() >>> 8) % 3) - 1))
}

function randomBytes(count: number, seed: number): Uint8Array {
  const next = randomIntegers(seed)
  return Uint8Array.from({ length: count }, () => next() >>> 24)
}

/** A xorshift generator: the same numbers in every run, so that a failure can be repeated. */
function randomIntegers(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}
