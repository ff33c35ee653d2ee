import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { GraphPlan } from '../../../src/engine/index/graph-plan.ts'
import type { VectorSet } from '../graph/graph-fixture.ts'
import { clusterSet, normalSet, scaledSet } from '../graph/vector-sets.ts'
import { planOfSet } from './plan-fixture.ts'

/** Few dimensions, so that codes are not measured. */
const DIMENSIONS = 12

function frame(set: VectorSet): Pick<GraphPlan, 'scale' | 'centre'> {
  const { scale, centre } = planOfSet(set).plan
  return { scale, centre }
}

/** Mean distance from the centre, in the units of the graph. */
function meanLength(
  { vectors, dimensions }: VectorSet,
  { scale, centre }: Pick<GraphPlan, 'scale' | 'centre'>,
): number {
  const rows = vectors.length / dimensions
  let sum = 0
  for (let row = 0; row < rows; row++) {
    let square = 0
    for (let i = 0; i < dimensions; i++) {
      square += ((vectors[row * dimensions + i]! - (centre?.[i] ?? 0)) * scale) ** 2
    }
    sum += Math.sqrt(square)
  }
  return sum / rows
}

function expectNearOne(length: number): void {
  expect(length).toBeGreaterThanOrEqual(0.75 * (1 - 1e-9))
  expect(length).toBeLessThan(1.5 * (1 + 1e-9))
}

describe('where vectors are moved to', () => {
  test('cosine: nowhere', () => {
    expect(frame(scaledSet(normalSet('cosine', 50, DIMENSIONS), () => 1000, 3))).toEqual({
      scale: 1,
      centre: undefined,
    })
  })

  test('lengths near 1, whatever they were', () => {
    const scenario = fc.record({
      metric: fc.constantFrom('euclidean' as const, 'dot' as const),
      factor: fc.integer({ min: -140, max: 120 }).map((exponent) => 2 ** exponent),
      shift: fc.constantFrom(0, 0, 100, -1e30),
      rows: fc.integer({ min: 2, max: 40 }),
    })
    fc.assert(
      fc.property(scenario, ({ metric, factor, shift, rows }) => {
        const set = scaledSet(normalSet(metric, rows, DIMENSIONS), () => factor, shift)
        const found = frame(set)
        expect(found.centre === undefined).toBe(metric === 'dot')
        const length = meanLength(set, found)
        // A shift may take all differences away.
        if (length === 0) expect(found.scale).toBe(1)
        else expectNearOne(length)
      }),
    )
  })

  test('the centre is the mean, in float32', () => {
    const vectors = Float32Array.of(1, 2, 3, 4, 6, 11)
    expect(frame({ metric: 'euclidean', dimensions: 2, vectors }).centre).toEqual(Float32Array.of(10 / 3, 17 / 3))
    const far = scaledSet(normalSet('euclidean', 2000, DIMENSIONS), () => 1, 100)
    const { centre, scale } = frame(far)
    for (const component of centre!) expect(Math.abs(component - 100)).toBeLessThan(0.1)
    // The mean length of 12 normal components is about 3.4.
    expect(scale).toBe(0.25)
  })

  test.each([1 / 3, 0, -0, 1e-45, 1.2e-38, 3.4028234663852886e38, -7e30])('all components %f', (component) => {
    const vectors = new Float32Array(700 * DIMENSIONS).fill(component)
    const centre = new Float32Array(DIMENSIONS).fill(component === 0 ? 0 : component)
    expect(frame({ metric: 'euclidean', dimensions: DIMENSIONS, vectors })).toEqual({ scale: 1, centre })
    const dot: VectorSet = { metric: 'dot', dimensions: DIMENSIONS, vectors }
    if (component === 0) expect(frame(dot)).toEqual({ scale: 1, centre: undefined })
    else expectNearOne(meanLength(dot, frame(dot)))
  })

  test('the greatest components there are, of both signs', () => {
    const vectors = Float32Array.from({ length: 400 }, (_, i) => (i % 3 === 0 ? 3.4028234663852886e38 : -3.4e38))
    const set: VectorSet = { metric: 'euclidean', dimensions: 8, vectors }
    const found = frame(set)
    expect(found.centre!.every(Number.isFinite)).toBe(true)
    expectNearOne(meanLength(set, found))
  })

  test('the least difference that there is', () => {
    const vectors = new Float32Array(9000 * 2)
    vectors[7] = 1e-45
    const { scale, centre } = frame({ metric: 'euclidean', dimensions: 2, vectors })
    expect(centre).toEqual(Float32Array.of(0, 0))
    expect(scale).toBe(2 ** 162)
  })
})

describe('strays', () => {
  test.each(['euclidean', 'dot'] as const)('do not count, %s', (metric) => {
    const set = normalSet(metric, 500, DIMENSIONS)
    const expected = frame(set)
    const strays = Float32Array.from({ length: 3 * DIMENSIONS }, (_, i) => (i < DIMENSIONS ? 3e38 : i % 2 ? 1e20 : 1e9))
    const vectors = Float32Array.from([...strays, ...set.vectors])
    expect(frame({ ...set, vectors })).toEqual(expected)
  })

  test('a small cluster far away is one', () => {
    const set = normalSet('euclidean', 500, DIMENSIONS)
    const expected = frame(set)
    const far = scaledSet(normalSet('euclidean', 5, DIMENSIONS, 2), () => 1, 1e6)
    expect(frame({ ...set, vectors: Float32Array.from([...set.vectors, ...far.vectors]) })).toEqual(expected)
  })

  test('half of the vectors are none, wherever they are', () => {
    const set = clusterSet('euclidean', 500, DIMENSIONS, 2, 1e-6)
    expectNearOne(meanLength(set, frame(set)))
  })

  test('where most vectors are one and the same, the others are none', () => {
    const vectors = Float32Array.from({ length: 600 }, (_, i) => (i % 6 === 5 ? (i % 12 === 5 ? 8 : -8) : 0))
    const set: VectorSet = { metric: 'euclidean', dimensions: 2, vectors }
    const found = frame(set)
    expect(found.centre).toEqual(Float32Array.of(0, 0))
    expect(found.scale).toBe(0.5)
  })
})
