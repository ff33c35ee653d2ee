import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SeededRandom } from '../../../src/engine/graph/seeded-random.ts'
import { drawSample, type SampledView } from '../../../src/engine/index/plan-sample.ts'
import { EngineFixture } from '../engine-fixture.ts'
import { endlessView, finish } from './plan-fixture.ts'

function sampleOf(view: SampledView, throughSlot: number, seed = 1) {
  return finish(drawSample(view, throughSlot, new SeededRandom(seed)))
}

/** Slots whose vectors say which slot they are. */
const numbered = endlessView('euclidean', 1, (slot) => slot)

test('all live slots where they are few, in order', () => {
  const anySlots = fc.record({ deleted: fc.array(fc.nat(60)), throughSlot: fc.nat(70), seed: fc.nat() })
  fc.assert(
    fc.property(anySlots, ({ deleted, throughSlot, seed }) => {
      const view = { ...numbered, isDead: (slot: number) => slot >= 60 || deleted.includes(slot) }
      const live = Array.from({ length: throughSlot }, (_, slot) => slot).filter((slot) => !view.isDead(slot))
      expect(sampleOf(view, throughSlot, seed)).toEqual({
        dimensions: 1,
        rows: live.length,
        slots: Uint32Array.from(live),
        vectors: Float32Array.from(live),
        liveCount: live.length,
      })
    }),
  )
})

test('10,000 of many: none twice, none dead, from everywhere', () => {
  const isDead = (slot: number) => slot % 3 === 0
  const { rows, slots, vectors, liveCount } = sampleOf({ ...numbered, isDead }, 300_000)
  expect({ rows, liveCount }).toEqual({ rows: 10_000, liveCount: 200_000 })
  expect([...slots]).toEqual([...vectors])
  expect(new Set(vectors).size).toBe(10_000)
  expect(vectors.some((slot) => isDead(slot) || slot >= 300_000)).toBe(false)
  expect(vectors).toEqual(vectors.slice().sort())
  for (let tenth = 0; tenth < 10; tenth++) {
    const drawn = vectors.filter((slot) => Math.floor(slot / 30_000) === tenth).length
    // 1,000 are expected, with a standard deviation of 29.
    expect(Math.abs(drawn - 1000)).toBeLessThan(120)
  }
})

test('the seed decides which', () => {
  expect(sampleOf(numbered, 20_000, 5)).toEqual(sampleOf(numbered, 20_000, 5))
  expect(sampleOf(numbered, 20_000, 6).vectors).not.toEqual(sampleOf(numbered, 20_000, 5).vectors)
})

test.each([
  [768, 10_000],
  [1536, 5461],
  [8192, 1024],
])('at most 32 MiB of %i dimensions', (dimensions, rows) => {
  const row = new Float32Array(dimensions)
  const view: SampledView = { ...endlessView('dot', dimensions, () => 0), borrowRun: () => runOf(row) }
  expect(sampleOf(view, 11_000).rows).toBe(rows)
})

function runOf(vectors: Float32Array) {
  return { vectors, norms: new Float64Array(0), rows: 1 }
}

test('the vectors of a collection, copied', () => {
  const store = new EngineFixture()
  const collection = store.create('c', 2, 'cosine')
  store.add(collection, { a: [1, 2], b: [3, 4], c: [5, 6], d: [7, 8] })
  store.delete(collection, 'b')
  store.add(collection, { e: [9, 9] })
  const sample = sampleOf(collection, 4)
  store.drop(collection)
  expect(sample).toEqual({
    dimensions: 2,
    rows: 3,
    slots: Uint32Array.of(0, 2, 3),
    vectors: Float32Array.of(1, 2, 5, 6, 7, 8),
    liveCount: 3,
  })
  expect(sampleOf(collection, 4).rows).toBe(0)
})

test('entries that die after they were drawn are left out', () => {
  let read = 0
  const isDead = (slot: number) => read > 0 && slot !== 6000
  const borrowRun = (slot: number, rows: number) => {
    read += 1
    return numbered.borrowRun(slot, rows)
  }
  const { rows, slots, vectors, liveCount } = sampleOf({ ...numbered, isDead, borrowRun }, 8000)
  expect({ rows, liveCount }).toEqual({ rows: 2, liveCount: 8000 })
  expect([...slots]).toEqual([0, 6000])
  expect([...vectors]).toEqual([0, 6000])
})
