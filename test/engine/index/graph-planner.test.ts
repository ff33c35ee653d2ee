import { describe, expect, test } from 'vitest'
import { planOptions } from '../../../src/engine/index/graph-plan.ts'
import type { PlanReport } from '../../../src/engine/index/graph-planner.ts'
import type { SampledView } from '../../../src/engine/index/plan-sample.ts'
import { METRICS, type Metric } from '../../../src/engine/metric.ts'
import { readGloveFixture } from '../../fixtures/glove.ts'
import { builtGraph, recallOf, type VectorSet } from '../graph/graph-fixture.ts'
import { clusterSet, logNormalSet, normalSet, queriesNear, repeatedSet, scaledSet } from '../graph/vector-sets.ts'
import { endlessView, finish, planOf, planOfSet, startPlan, viewOf } from './plan-fixture.ts'

function codesOf({ plan, narrowRecall, wideRecall }: PlanReport) {
  return { walkCodes: plan.walkCodes, narrowRecall, wideRecall }
}

const ALL_FOUND = { walkCodes: 'narrow', narrowRecall: 1, wideRecall: 1 }

describe('codes', () => {
  test.each(METRICS)('word vectors, %s: narrow codes do', (metric) => {
    const { vectors, dimensions } = readGloveFixture()
    const report = planOfSet({ metric, dimensions, vectors })
    expect(report.sampleCount).toBe(10_000)
    expect(report.plan.walkCodes).toBe('narrow')
    expect(report.narrowRecall).toBeGreaterThanOrEqual(0.999)
    expect(report.wideRecall).toBeGreaterThanOrEqual(0.999)
  })

  test.each(['cosine', 'euclidean'] as const)('30 tight clusters, %s: wide codes tell members apart', (metric) => {
    const report = planOfSet(clusterSet(metric, 6000, 100, 30, 0.05))
    expect(report.plan.walkCodes).toBe('wide')
    expect(report.narrowRecall).toBeGreaterThan(0.4)
    expect(report.narrowRecall).toBeLessThan(0.6)
    expect(report.wideRecall).toBeGreaterThanOrEqual(0.999)
  })

  test('clusters of many are measured as dense as they are', () => {
    // A sample has 28 of each 170 members: fewer than a search rescores.
    const report = planOfSet(clusterSet('euclidean', 60_000, 40, 350, 0.05))
    expect(report.sampleCount).toBe(10_000)
    expect(report.plan.walkCodes).toBe('wide')
    expect(report.narrowRecall).toBeLessThan(0.9)
    expect(report.wideRecall).toBeGreaterThanOrEqual(0.99)
  })

  test('where both kinds lose, the better one', () => {
    const { plan, narrowRecall, wideRecall } = planOfSet(clusterSet('euclidean', 3000, 40, 30, 0.001))
    expect(plan.walkCodes).toBe('wide')
    expect(wideRecall).toBeLessThan(0.9)
    expect(narrowRecall).toBeLessThan(wideRecall - 0.1)
  })

  test('two dimensions thirty times the rest of 768', () => {
    const set = scaledSet(normalSet('euclidean', 2500, 768), (i) => (i < 2 ? 30 : 1))
    const report = planOfSet(set)
    expect(report.plan.walkCodes).toBe('wide')
    expect(report.narrowRecall).toBeLessThan(0.9)
    expect(report.wideRecall).toBeGreaterThanOrEqual(0.99)
  })

  test('up to 32 dimensions there is nothing to choose', () => {
    for (const [metric, dimensions] of [
      ['euclidean', 2],
      ['cosine', 2],
      ['dot', 32],
    ] as const) {
      const report = planOfSet(normalSet(metric, 300, dimensions))
      expect(codesOf(report)).toEqual({ walkCodes: 'wide', narrowRecall: 1, wideRecall: 1 })
      expect(report.sampleCount).toBe(300)
    }
  })

  test.each(METRICS)('equal vectors are equally near, %s', (metric) => {
    const { plan, ...rest } = planOfSet({ metric, dimensions: 40, vectors: new Float32Array(40 * 500).fill(1 / 3) })
    expect(rest).toEqual({ narrowRecall: 1, wideRecall: 1, sampleCount: 500 })
    expect(plan.walkCodes).toBe('narrow')
  })

  test('so are multiples of one vector by cosine', () => {
    const row = normalSet('cosine', 1, 40).vectors
    const vectors = Float32Array.from({ length: 40 * 500 }, (_, i) => row[i % 40]! * 2 ** (i % 7))
    const multiples = Float32Array.from(vectors, (component, i) => component * (1 + Math.floor(i / 40)))
    expect(codesOf(planOfSet({ metric: 'cosine', dimensions: 40, vectors: multiples }))).toEqual(ALL_FOUND)
  })

  test('half of the vectors are one and the same', () => {
    expect(codesOf(planOfSet(repeatedSet(2000, 40, 0.5)))).toEqual(ALL_FOUND)
  })

  test('lengths that differ, by dot', () => {
    const report = planOfSet(logNormalSet(3000, 40))
    expect(report.plan.walkCodes).toBe('narrow')
    expect(report.wideRecall).toBeGreaterThanOrEqual(0.99)
  })

  test.each(METRICS)('few vectors, or none, %s', (metric) => {
    const set = normalSet(metric, 12, 40)
    for (let rows = 0; rows <= 12; rows++) {
      const report = planOf(viewOf(set), rows)
      expect(codesOf(report)).toEqual(ALL_FOUND)
      expect(report.sampleCount).toBe(rows)
    }
    const isDead = () => true
    expect(planOf(viewOf(set, isDead), 12)).toEqual({
      plan: { walkCodes: 'narrow', scale: 1, centre: undefined },
      narrowRecall: 1,
      wideRecall: 1,
      sampleCount: 0,
    })
  })

  test.each(METRICS)('vectors of the largest dimension, huge and tiny at once, %s', (metric) => {
    const set = scaledSet(normalSet(metric, 60, 8192), (i) => (i % 2 === 0 ? 5e37 : 1e-45))
    expect(codesOf(planOfSet(set))).toMatchObject({ wideRecall: 1 })
  })
})

describe('what a plan is measured on', () => {
  const set = normalSet('euclidean', 900, 40)

  test('the same report each time', () => {
    const clusters = clusterSet('euclidean', 1800, 40, 15, 0.02)
    const report = planOfSet(clusters)
    expect(report.narrowRecall).toBeLessThan(1)
    expect(planOfSet(clusters)).toEqual(report)
  })

  test('neither dead slots nor those from throughSlot on', () => {
    const isDead = (slot: number) => slot % 5 === 2
    const others = normalSet('euclidean', 900, 40, 77)
    const vectors = set.vectors.slice()
    const live = Array.from({ length: 900 }, (_, slot) => slot).filter((slot) => slot < 700 && !isDead(slot))
    for (let slot = 0; slot < 900; slot++) {
      if (live.includes(slot)) continue
      vectors.set(others.vectors.subarray(slot * 40, (slot + 1) * 40), slot * 40)
    }
    const report = planOf(viewOf(set, isDead), 700)
    expect(report.sampleCount).toBe(560)
    expect(planOf(viewOf({ ...set, vectors }, isDead), 700)).toEqual(report)
  })

  test('another seed draws others of many', () => {
    const view = endlessView('euclidean', 3, (slot, i) => ((slot * 7919) % 997) / 997 + i)
    const reports = [1, 1, 2].map((seed) => planOf(view, 12_000, seed))
    expect(reports[1]).toEqual(reports[0])
    expect(reports[2]!.plan.centre).not.toEqual(reports[0]!.plan.centre)
  })

  test('in slices', () => {
    expect(sliceCount(viewOf(normalSet('euclidean', 4000, 50)), 4000)).toBeGreaterThan(40)
  })

  test('nothing of a collection once it is dropped', () => {
    const clusters = clusterSet('cosine', 1800, 40, 15, 0.02)
    expect(planOfSet(clusters).narrowRecall).toBeLessThan(0.9)
    const slices = sliceCount(viewOf(clusters), 1800)
    for (let stop = 0; stop < slices; stop += 4) {
      let isDropped = false
      const view = viewOf(clusters, () => isDropped)
      const borrowRun = (slot: number, rows: number) => {
        expect(isDropped).toBe(false)
        return view.borrowRun(slot, rows)
      }
      const work = startPlan({ ...view, borrowRun }, 1800)
      for (let slice = 0; slice < stop; slice++) expect(work.next().done).toBe(false)
      isDropped = true
      expect(finish(work).wideRecall).toBeGreaterThan(0.9)
    }
  })
})

function sliceCount(view: SampledView, throughSlot: number): number {
  const work = startPlan(view, throughSlot)
  let slices = 0
  while (!work.next().done) slices += 1
  return slices
}

describe('graphs that are built by their plan find what is near', () => {
  const sets: [string, VectorSet][] = [
    ['far from zero', scaledSet(normalSet('euclidean', 2000, 48), () => 1, 100)],
    ['subnormal', scaledSet(normalSet('euclidean', 1000, 48), () => 1e-42)],
    ['huge', scaledSet(normalSet('euclidean', 1000, 48), () => 5e37)],
    ['huge, by dot', scaledSet(logNormalSet(1000, 48), () => 1e37)],
    ['with strays', withStrays('euclidean')],
    ['in tight clusters', clusterSet('euclidean', 3000, 48, 30, 0.05)],
    ['far from zero, in two dimensions', scaledSet(normalSet('euclidean', 1000, 2), () => 1, 1000)],
  ]
  test.each(sets)('%s', async (_, set) => {
    const { plan } = planOfSet(set)
    const graph = await builtGraph(set, 'bulk', planOptions(plan))
    const queries = queriesNear(set, 60, 0)
    expect(recallOf(graph, set, queries, { listSize: 100 })).toBeGreaterThanOrEqual(0.98)
  })
})

function withStrays(metric: Metric): VectorSet {
  const set = normalSet(metric, 1000, 48)
  set.vectors.fill(3e38, 48, 96)
  set.vectors.fill(-1e20, 960, 1008)
  return set
}
