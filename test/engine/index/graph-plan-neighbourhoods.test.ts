import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SeededRandom } from '../../../src/engine/graph/seeded-random.ts'
import { findNeighbourhoods, type Neighbourhood } from '../../../src/engine/index/neighbourhoods.ts'
import { drawSample, type SampledView } from '../../../src/engine/index/plan-sample.ts'
import { sortedSelection } from '../../../src/engine/kernel/selection.ts'
import { METRICS } from '../../../src/engine/metric.ts'
import { rowsOf, scoreOf } from '../graph/graph-fixture.ts'
import { normalSet } from '../graph/vector-sets.ts'
import { finish, viewOf } from './plan-fixture.ts'

function neighbourhoodsOf(view: SampledView, throughSlot: number, seed = 1): Neighbourhood[] {
  const random = new SeededRandom(seed)
  const sample = finish(drawSample(view, throughSlot, random))
  return finish(findNeighbourhoods(view, throughSlot, sample, random))
}

test('the nearest live ones of each, without itself', () => {
  const scenario = fc.record({
    metric: fc.constantFrom(...METRICS),
    rows: fc.integer({ min: 0, max: 450 }),
    dimensions: fc.integer({ min: 1, max: 9 }),
    deadEvery: fc.integer({ min: 2, max: 5 }),
    seed: fc.nat(),
  })
  fc.assert(
    fc.property(scenario, ({ metric, rows, dimensions, deadEvery, seed }) => {
      const set = normalSet(metric, rows + 20, dimensions, seed)
      const isDead = (slot: number) => slot % deadEvery === 1
      const vectors = rowsOf(set)
      const live = Array.from({ length: rows }, (_, slot) => slot).filter((slot) => !isDead(slot))
      const found = neighbourhoodsOf(viewOf(set, isDead), rows, seed)
      expect(new Set(found.map(({ slot }) => slot)).size).toBe(Math.min(50, live.length))
      for (const { slot, vector, nearest } of found.slice(0, 8)) {
        expect(live).toContain(slot)
        expect(vector).toEqual(vectors[slot])
        const score = (other: number) => scoreOf(set, vector, other)
        const expected = live.filter((other) => other !== slot).sort((a, b) => score(a) - score(b))
        const sorted = sortedSelection(nearest)
        expect(sorted.slots).toHaveLength(Math.min(400, expected.length))
        expected.slice(0, sorted.slots.length).forEach((other, rank) => {
          expect(sorted.scores[rank]).toBeCloseTo(score(other), 9)
        })
      }
    }),
    { numRuns: 60 },
  )
})

test('of vectors that are many and long, some are compared with some', () => {
  const dimensions = 8192
  const row = new Float32Array(dimensions).fill(1)
  let read = 0
  const view: SampledView = {
    dimensions,
    metric: 'dot',
    isDead: () => false,
    borrowRun: () => {
      read += 1
      return { vectors: row, norms: new Float64Array(0), rows: 1 }
    },
  }
  const random = new SeededRandom(1)
  const sample = finish(drawSample(view, 9000, random))
  expect(read).toBe(1024)
  read = 0
  const found = finish(findNeighbourhoods(view, 9000, sample, random))
  expect(found.map(({ nearest }) => nearest.count)).toEqual(new Array(20).fill(256))
  // 6,103 are expected: a billion products.
  expect(Math.abs(read - 6103)).toBeLessThan(200)
})
