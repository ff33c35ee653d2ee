import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { graphParameters, LEAST_SCALE, MOST_SCALE } from '../../../src/engine/graph/graph-parameters.ts'
import {
  centreBytes,
  type GraphPlan,
  isGraphPlan,
  loggedPlan,
  planOfEvent,
  planOptions,
} from '../../../src/engine/index/graph-plan.ts'
import { bitsOf, vectorBytes } from '../engine-fixture.ts'

const finiteFloat = fc.float({ noNaN: true, noDefaultInfinity: true })
const anyPlan: fc.Arbitrary<GraphPlan> = fc.record({
  walkCodes: fc.constantFrom('narrow', 'wide'),
  scale: fc.integer({ min: -200, max: 200 }).map((exponent) => 2 ** exponent),
  centre: fc.option(
    fc.array(finiteFloat, { minLength: 3, maxLength: 3 }).map((components) => Float32Array.from(components)),
    { nil: undefined },
  ),
})

describe('a plan and the event that carries it', () => {
  test('every bit comes back', () => {
    fc.assert(
      fc.property(anyPlan, (plan) => {
        const fields = loggedPlan(plan)
        expect(isGraphPlan(fields, 3, 'euclidean')).toBe(true)
        const read = planOfEvent(fields)
        expect(read).toEqual(plan)
        expect(bitsOf(read.centre ?? [])).toEqual(bitsOf(plan.centre ?? []))
      }),
    )
  })

  test('the centre travels as little-endian bytes of its own', () => {
    const centre = Float32Array.of(9, 1, -2.5, 9).subarray(1, 3)
    const plan: GraphPlan = { walkCodes: 'wide', scale: 1, centre }
    const bytes = centreBytes(plan)!
    expect([...bytes]).toEqual([0, 0, 128, 63, 0, 0, 32, 192])
    centre.fill(0)
    expect(planOfEvent({ ...loggedPlan(plan), centre: bytes }).centre).toEqual(Float32Array.of(1, -2.5))
    expect(centreBytes({ ...plan, centre: undefined })).toBeUndefined()
  })

  test('there is no centre where there is none', () => {
    const plan: GraphPlan = { walkCodes: 'narrow', scale: 0.5, centre: undefined }
    expect(loggedPlan(plan)).toStrictEqual({ walkCodes: 'narrow', scale: 0.5 })
    expect(planOptions(plan)).toStrictEqual({ walkCodes: 'narrow', scale: 0.5 })
    expect(planOfEvent({ walkCodes: 'narrow', scale: 0.5 })).toStrictEqual(plan)
  })

  test('bytes may stand at any offset', () => {
    const fields = { walkCodes: 'narrow', scale: 2, centre: vectorBytes([1, 2, 3]) } as const
    expect(fields.centre.byteOffset % 4).not.toBe(0)
    expect(isGraphPlan(fields, 3, 'euclidean')).toBe(true)
    expect(planOfEvent(fields).centre).toEqual(Float32Array.of(1, 2, 3))
  })

  test('a graph takes what is a plan', () => {
    fc.assert(
      fc.property(anyPlan, (plan) => {
        const options = graphParameters({ dimensions: 3, metric: 'euclidean', ...planOptions(plan) })
        expect(options.scale).toBe(plan.scale)
        expect(options.centre).toEqual(Float64Array.from(plan.centre ?? [0, 0, 0]))
      }),
    )
  })
})

describe('what is a plan', () => {
  const plan = { walkCodes: 'narrow', scale: 1 }
  const centre = vectorBytes([1, 2, 3])

  test('with fields that are not its own, as in an event', () => {
    expect(isGraphPlan({ ...plan, type: 'rebuild', throughSlot: 7 }, 3, 'dot')).toBe(true)
    expect(isGraphPlan({ ...plan, centre: undefined }, 3, 'cosine')).toBe(true)
    expect(isGraphPlan({ ...plan, centre: Buffer.from(centre) }, 3, 'euclidean')).toBe(true)
  })

  test.each([undefined, null, 1, 'narrow', [], {}, () => plan])('not %o', (value) => {
    expect(isGraphPlan(value, 3, 'euclidean')).toBe(false)
  })

  test.each([undefined, 'Narrow', 'float', 4, ['narrow']])('no codes %o', (walkCodes) => {
    expect(isGraphPlan({ ...plan, walkCodes }, 3, 'euclidean')).toBe(false)
  })

  test.each([undefined, '1', 1n, 0, -1, 3, 1.5, 0.75, 1 + 2 ** -52, Number.NaN, Infinity])('no scale %o', (scale) => {
    expect(isGraphPlan({ ...plan, scale }, 3, 'euclidean')).toBe(false)
  })

  test('scales as far as those of a graph go', () => {
    for (const [scale, step] of [
      [LEAST_SCALE, 0.5],
      [MOST_SCALE, 2],
    ] as const) {
      expect(isGraphPlan({ ...plan, scale }, 3, 'dot')).toBe(true)
      expect(graphParameters({ dimensions: 3, metric: 'dot', scale }).scale).toBe(scale)
      expect(isGraphPlan({ ...plan, scale: scale * step }, 3, 'dot')).toBe(false)
      expect(() => graphParameters({ dimensions: 3, metric: 'dot', scale: scale * step })).toThrow(RangeError)
    }
  })

  test.each([
    ['under another metric', centre, 'cosine'],
    ['under another metric', centre, 'dot'],
    ['that is too short', centre.subarray(4), 'euclidean'],
    ['that is too long', vectorBytes([1, 2, 3, 4]), 'euclidean'],
    ['of part of a number', centre.subarray(1), 'euclidean'],
    ['that is not finite', vectorBytes([1, Infinity, 3]), 'euclidean'],
    ['that is no number', vectorBytes([Number.NaN, 2, 3]), 'euclidean'],
    ['of numbers', Float32Array.of(1, 2, 3), 'euclidean'],
    ['of 12 numbers', [...centre], 'euclidean'],
    ['that is null', null, 'euclidean'],
    ['that is a buffer', new ArrayBuffer(12), 'euclidean'],
  ] as const)('no centre %s', (_, wrong, metric) => {
    expect(isGraphPlan({ ...plan, centre }, 3, 'euclidean')).toBe(true)
    expect(isGraphPlan({ ...plan, centre: wrong }, 3, metric)).toBe(false)
  })
})
