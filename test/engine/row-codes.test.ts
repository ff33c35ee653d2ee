import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MAX_DIMENSIONS } from '../../src/base/limits.ts'
import { CENTRE_AT, QUERY_CODES_AT, STAGED_AT } from '../../src/engine/kernel/assembly/codes-layout.ts'
import { createSelection, type Selection } from '../../src/engine/kernel/scan-kernel.ts'
import { offer } from '../../src/engine/kernel/selection.ts'
import { loadWasmKernel } from '../../src/engine/kernel/wasm-kernel.ts'
import { METRICS, type Metric } from '../../src/engine/metric.ts'
import { normOf } from '../../src/engine/vector-math.ts'
import { scoreOf } from '../suites/scan-kernel/scan-oracle.ts'
import { Random } from '../support/random.ts'

const kernel = await loadWasmKernel()
const NO_BITS = new Uint8Array(0)

interface Scenario {
  readonly metric: Metric
  readonly rows: readonly Float32Array[]
  readonly query: Float32Array
  readonly k: number
  readonly firstSlot?: number
  readonly centre?: Float32Array
  /** Rows at either end that are not in the range. */
  readonly left?: number
  readonly right?: number
  readonly dead?: Uint8Array
  /** Scores that the selection holds already. */
  readonly held?: readonly number[]
  readonly most?: number
}

function isDead(dead: Uint8Array, slot: number): boolean {
  return (((dead[slot >>> 3] ?? 0) >> (slot & 7)) & 1) === 1
}

function selectionOf(k: number, held: readonly number[]): Selection {
  const selection = createSelection(k)
  for (const [index, score] of held.entries()) offer(selection, score, 1e6 + index)
  return selection
}

function lookedAt({ metric, rows, query, k, ...scenario }: Scenario) {
  const { firstSlot = 0, left = 0, right = 0, dead = NO_BITS, held = [], most = 2048 } = scenario
  const dimensions = query.length
  const centre = scenario.centre ?? new Float32Array(dimensions)
  const codes = kernel.createCodes(metric, { dimensions, firstSlot, centre })
  const vectors = new Float32Array(rows.length * dimensions)
  for (const [row, vector] of rows.entries()) vectors.set(vector, row * dimensions)
  expect(codes.append({ vectors, norms: Float64Array.from(rows, (row) => normOf(row)), rows: rows.length })).toBe(true)
  const range = { fromSlot: firstSlot + left, throughSlot: firstSlot + rows.length - right, dead }
  const selection = selectionOf(k, held)
  const near = codes.findNear({ metric, vector: query, norm: normOf(query) }, range, selection, most)
  return { near: near && [...near], range, selection }
}

/** That every slot which is left out is farther than k others. */
function expectCertain(scenario: Scenario): void {
  const { metric, rows, query, k, firstSlot = 0, dead = NO_BITS } = scenario
  const { near, range, selection } = lookedAt(scenario)
  if (near === undefined) return
  const scored = rows
    .map((row, index) => ({ slot: firstSlot + index, score: scoreOf(metric, query, row) }))
    .filter(({ slot }) => slot >= range.fromSlot && slot < range.throughSlot && !isDead(dead, slot))
  const all = [...scored.map(({ score }) => score), ...selection.scores.slice(0, selection.count)].sort((a, b) => a - b)
  const limit = all[k - 1] ?? Number.POSITIVE_INFINITY
  const needed = scored.filter(({ score }) => score <= limit).map(({ slot }) => slot)
  const found = new Set(near)
  expect(needed.filter((slot) => !found.has(slot))).toEqual([])
  expect(near).toEqual([...found].sort((a, b) => a - b))
  const offered = new Set(scored.map(({ slot }) => slot))
  expect(near.filter((slot) => !offered.has(slot))).toEqual([])
}

function draw(count: number, dimensions: number, component: () => number): Float32Array[] {
  return Array.from({ length: count }, () => {
    const row = Float32Array.from({ length: dimensions }, component)
    // Cosine takes no zero vector.
    if (row.every((value) => value === 0)) row[0] = 1
    return row
  })
}

describe('codes of rows', () => {
  const hostile = [0, -0, 1, -1, 0.1, 127, 128.5, 1e-45, -1e-45, 1.2e-38, 1e-20, 1e20, 3.4e38, -3.4e38, 100, 100.25]

  test('leave out nothing that may be among the nearest, on hostile data', () => {
    const scenario = fc.record({
      metric: fc.constantFrom<Metric>(...METRICS),
      dimensions: fc.constantFrom(1, 2, 3, 7, 8, 9, 16, 31, 100),
      palette: fc.array(fc.constantFrom(...hostile), { minLength: 1, maxLength: 6 }),
      offset: fc.constantFrom(0, 0, 100, 1e30),
      count: fc.integer({ min: 1, max: 90 }),
      seed: fc.nat(1e6),
      k: fc.integer({ min: 1, max: 100 }),
      firstSlot: fc.constantFrom(0, 8, 4096),
      centre: fc.constantFrom('none', 'row', 'far'),
      left: fc.nat(12),
      right: fc.nat(12),
      deadShare: fc.constantFrom(0, 0.3, 0.9),
      held: fc.nat(12),
    })
    fc.assert(
      fc.property(scenario, ({ metric, dimensions, palette, offset, count, seed, k, firstSlot, ...rest }) => {
        const random = new Random(seed)
        const near = () => Math.fround(1 + (random.nextInt(7) - 3) * 2 ** -23)
        const rows = draw(count, dimensions, () => palette[random.nextInt(palette.length)]! * near() + offset)
        const [other] = draw(1, dimensions, () => palette[random.nextInt(palette.length)]! + offset)
        const query = random.nextBoolean() ? rows[random.nextInt(count)]! : other!
        const dead = Uint8Array.from({ length: (firstSlot + count) / 8 + 1 }, () => {
          let bits = 0
          for (let bit = 0; bit < 8; bit++) if (random.nextUnit() < rest.deadShare) bits |= 1 << bit
          return bits
        })
        const centres = {
          none: new Float32Array(dimensions),
          row: rows[0]!,
          far: new Float32Array(dimensions).fill(-3e38),
        }
        const left = Math.min(rest.left, count)
        const held = Array.from({ length: Math.min(rest.held, k) }, (_, index) =>
          scoreOf(metric, query, rows[index % count]!),
        )
        const right = Math.min(rest.right, count - left)
        expectCertain({
          metric,
          rows,
          query,
          k,
          firstSlot,
          centre: centres[rest.centre as 'none'],
          left,
          right,
          dead,
          held,
        })
      }),
      { numRuns: 1500, seed: 3 },
    )
  })

  test.each([1, 5, 96, 768, MAX_DIMENSIONS])(
    'leave out nothing among rows that are a few units apart: %d dimensions',
    (dimensions) => {
      const random = new Random(dimensions)
      for (const size of [1, 1e-30, 1e30]) {
        const [base, other] = draw(2, dimensions, () => (random.nextUnit() - 0.5) * size)
        const rows = Array.from({ length: 70 }, () => base!.map((x) => x * (1 + random.nextInt(5) * 2 ** -23)))
        for (const metric of METRICS) {
          for (const centre of [new Float32Array(dimensions), base!]) {
            for (const query of [base!, other!])
              for (const k of [1, 7, 70]) expectCertain({ metric, rows, query, k, centre })
          }
        }
      }
    },
  )

  test('are as large as sums of the largest dimension allow', () => {
    for (const metric of METRICS) {
      const rows = [1, -1, 0.5].map((value) => new Float32Array(MAX_DIMENSIONS).fill(value))
      rows.push(Float32Array.from({ length: MAX_DIMENSIONS }, (_, i) => (i % 2 === 0 ? 1 : -1)))
      for (const query of rows) expectCertain({ metric, rows, query, k: 1 })
    }
  })

  test.each(METRICS)('pass over nearly everything where vectors are all over the place: %s', (metric) => {
    const random = new Random(9)
    const rows = draw(2000, 64, () => random.nextUnit() + random.nextUnit() + random.nextUnit() - 1.5)
    for (let time = 0; time < 10; time++) {
      const [query] = draw(1, 64, () => random.nextUnit() - 0.5)
      const { near } = lookedAt({ metric, rows, query: query!, k: 10 })
      expect(near!.length).toBeGreaterThanOrEqual(10)
      expect(near!.length).toBeLessThan(100)
      expectCertain({ metric, rows, query: query!, k: 10 })
    }
  })

  test('give up where too many may be near', () => {
    const rows = draw(5000, 9, () => 1)
    for (const metric of METRICS) {
      expect(lookedAt({ metric, rows, query: rows[0]!, k: 3, most: 700 }).near).toBeUndefined()
      // The heap is full of what is certainly nearer.
      const held = [-1e30, -1e30, -1e30]
      expect(lookedAt({ metric, rows, query: rows[0]!, k: 3, most: 700, held }).near).toEqual([])
    }
    expect(lookedAt({ metric: 'dot', rows, query: rows[0]!, k: 1025 }).near).toBeUndefined()
  })

  test('of slots that are left out are never given', () => {
    const codes = kernel.createCodes('euclidean', { dimensions: 2, firstSlot: 16, centre: new Float32Array(2) })
    codes.append({ vectors: Float32Array.of(1, 1, 2, 2, 3, 3), norms: new Float64Array(0), rows: 3 })
    expect(codes.skip(5)).toBe(true)
    codes.append({ vectors: Float32Array.of(9, 9), norms: new Float64Array(0), rows: 1 })
    expect([codes.firstSlot, codes.throughSlot]).toEqual([16, 25])
    const dead = new Uint8Array(4)
    dead[2] = 0b1111_1000
    const query = { metric: 'euclidean', vector: Float32Array.of(9, 9), norm: 0 } as const
    const range = { fromSlot: 16, throughSlot: 25, dead }
    expect([...codes.findNear(query, range, createSelection(1), 99)!]).toEqual([24])
    expect([...codes.findNear(query, range, createSelection(4), 99)!]).toEqual([16, 17, 18, 24])
  })

  test('take memory of their own as they grow, and none without end', () => {
    const codes = kernel.createCodes('dot', { dimensions: 1000, firstSlot: 0, centre: new Float32Array(1000) })
    const before = codes.memoryBytes()
    const run = { vectors: new Float32Array(1000 * 1000), norms: new Float64Array(0), rows: 1000 }
    expect(codes.append(run)).toBe(true)
    expect(codes.memoryBytes() - before).toBeGreaterThan(900_000)
    expect(codes.memoryBytes() - before).toBeLessThan(1_200_000)
    expect(codes.skip(2 ** 24)).toBe(false)
    expect(codes.throughSlot).toBe(1000)
  })
})

describe('the layout of codes', () => {
  test('has room for the largest dimension', () => {
    expect(CENTRE_AT - QUERY_CODES_AT).toBeGreaterThanOrEqual(MAX_DIMENSIONS * 2)
    expect(STAGED_AT - CENTRE_AT).toBeGreaterThanOrEqual(MAX_DIMENSIONS * 4)
  })
})
