import { describe, expect, test } from 'vitest'
import {
  averageList,
  contrastOf,
  hardestRecall,
  listSizeFor,
  type MeasuredList,
  planLists,
  type Trial,
} from '../../src/store/recall-lists.ts'

const LIST_SIZES = [20, 40, 80, 160, 320]
const VISITED = [100, 160, 280, 520, 1000]

/** Queries of rising contrast, each of which finds a share with each list. */
function measured(sharesOf: (query: number) => readonly number[], queries = 10): MeasuredList[] {
  return LIST_SIZES.map((listSize, place) => {
    const trial = (query: number): Trial => ({
      share: sharesOf(query)[place]!,
      visited: VISITED[place]!,
      contrast: query / queries,
    })
    return { listSize, trials: Array.from({ length: queries }, (_, query) => trial(query)) }
  })
}

/** The hardest fifth finds little, the next one more, and the rest everything. */
const UNEVEN = measured((query) => {
  if (query < 2) return [0.2, 0.4, 0.6, 0.8, 1]
  return query < 4 ? [0.6, 0.8, 0.9, 1, 1] : [1, 1, 1, 1, 1]
})

describe('contrast', () => {
  test('is how far the last lies behind the mean of the nearest k, as a share of that', () => {
    expect(contrastOf([1, 2, 3, 6], 3)).toBe(2)
    expect(contrastOf([4, 4, 4, 5], 2)).toBe(0.25)
  })

  test('does not change with the scale of distances, and takes negative ones', () => {
    expect(contrastOf([10, 20, 30, 60], 3)).toBe(2)
    expect(contrastOf([-6, -4, -2, -1], 2)).toBe(0.8)
  })

  test('is none where nothing tells what was found apart, or nothing was', () => {
    expect([contrastOf([], 3), contrastOf([2, 2, 2], 1), contrastOf([0, 0], 1)]).toEqual([0, 0, 0])
    expect(contrastOf([0, 0, 1], 2)).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('lists for a recall', () => {
  test('are longer for strata of less contrast, so that each finds it', () => {
    const lists = planLists(UNEVEN, 0.9, 10_000)
    expect(lists.bounds).toEqual([0.2, 0.4, 0.7])
    expect(lists.listSizes).toEqual([240, 80, 20, 20])
    expect(lists.probe).toBe(20)
    expect([0, 0.19, 0.2, 0.4, 5].map((contrast) => listSizeFor(lists, contrast))).toEqual([240, 240, 80, 20, 20])
  })

  test('are probed for with a longer one where most would walk twice', () => {
    const alike = measured(() => [0.1, 0.5, 0.95, 1, 1])
    expect(planLists(alike, 0.95, 10_000).probe).toBe(80)
    const lists = planLists(alike, 0.9, 10_000)
    expect([lists.probe, listSizeFor(lists, 0)]).toEqual([80, 80])
  })

  test('lie between those that were measured', () => {
    const alike = measured(() => [0.5, 0.7, 0.9, 1, 1])
    expect(averageList(alike, 0.8)).toBe(60)
    expect(averageList(alike, 0.5)).toBe(20)
    expect(averageList(alike, 0.95)).toBe(120)
  })

  test('are none where no list finds it: everything is compared', () => {
    const poor = measured((query) => (query < 2 ? [0, 0, 0, 0, 0.5] : [1, 1, 1, 1, 1]))
    const lists = planLists(poor, 0.9, 10_000)
    expect([0, 0.5].map((contrast) => listSizeFor(lists, contrast))).toEqual([undefined, 20])
    expect(averageList(poor, 0.95)).toBeUndefined()
    expect(listSizeFor(planLists([], 0.9, 10), 0)).toBeUndefined()
  })

  test('allow for chance: what a few queries found says less than what many did', () => {
    const shares = (query: number) => (query % 10 === 0 ? [0, 0, 0.8, 1, 1] : [1, 1, 1, 1, 1])
    const few = averageList(measured(shares, 10), 0.85)!
    const many = averageList(measured(shares, 1000), 0.85)!
    expect(many).toBe(20)
    expect(few).toBeGreaterThan(many)
  })

  test('pool strata in which more contrast found less, and longer lists that found less', () => {
    const odd = measured((query) => (query < 2 ? [0.9, 0.9, 0.9, 0.9, 0.9] : [0.7, 0.8, 0.7, 0.8, 1]))
    // Pooled, all of them found (2 x 0.9 + 8 x 0.7) / 10 with the first list.
    expect(hardestRecall(odd.slice(0, 1))).toBeCloseTo(0.74, 12)
    expect(hardestRecall(odd.slice(0, 2))).toBeCloseTo(0.82, 12)
    expect(hardestRecall(odd.slice(0, 3))).toBeCloseTo(0.82, 12)
  })

  test('know one stratum where all contrasts are equal', () => {
    const equal = measured(() => [0.5, 0.9, 1, 1, 1]).map(({ listSize, trials }) => ({
      listSize,
      trials: trials.map((trial) => ({ ...trial, contrast: 0.25 })),
    }))
    expect(planLists(equal, 0.9, 10_000)).toEqual({ probe: 40, bounds: [], listSizes: [40] })
  })
})
