import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CollectionState } from '../../../src/engine/collection-state.ts'
import { SlotScorer } from '../../../src/engine/index/slot-scorer.ts'
import { ReferenceKernel } from '../../../src/engine/kernel/reference-kernel.ts'
import { createSelection, type ScanKernel, type ScanQuery } from '../../../src/engine/kernel/scan-kernel.ts'
import { copySelection, sortedSelection } from '../../../src/engine/kernel/selection.ts'
import { loadWasmKernel } from '../../../src/engine/kernel/wasm-kernel.ts'
import { METRICS } from '../../../src/engine/metric.ts'
import { normOf } from '../../../src/engine/vector-math.ts'
import { EngineFixture } from '../engine-fixture.ts'
import { nearestOf } from './index-fixture.ts'

const DIMENSIONS = 3
const component = fc.constantFrom(1, -1, 2, -0, 0.1, 1e-45, 3.4028234663852886e38)
const vector = fc.tuple(component, component, fc.constantFrom(1, 2, -3))
const kernels: [string, ScanKernel][] = [
  ['reference', new ReferenceKernel()],
  ['wasm', await loadWasmKernel()],
]

/** A kernel that takes few rows a call, so that few rows are many calls. */
function inCallsOf(rows: number, kernel: ScanKernel): ScanKernel & { readonly calls: number[] } {
  const calls: number[] = []
  return {
    calls,
    rowsPerCall: () => rows,
    memoryBytes: () => kernel.memoryBytes(),
    scan: (query, run, selection) => {
      calls.push(run.rows)
      kernel.scan(query, run, selection)
    },
  }
}

function queryOf(collection: CollectionState, vector: readonly number[]): ScanQuery {
  return { metric: collection.metric, vector: Float32Array.from(vector), norm: normOf(Float32Array.from(vector)) }
}

function scored(
  scorer: SlotScorer,
  collection: CollectionState,
  query: ScanQuery,
  slots: readonly number[],
  k: number,
) {
  const selection = createSelection(k)
  scorer.offer(collection, query, slots, selection)
  const { slots: found, scores } = sortedSelection(selection)
  const root = collection.metric === 'euclidean' ? Math.sqrt : (score: number) => score
  return Array.from(found, (slot, index) => [slot, root(scores[index]!)])
}

describe.each(kernels)('SlotScorer on the %s kernel', (_, kernel) => {
  test('gives exactly what comparing one by one gives, to the bit, however many calls it takes', () => {
    const scenario = fc.record({
      metric: fc.constantFrom(...METRICS),
      vectors: fc.array(vector, { minLength: 1, maxLength: 40, size: 'max' }),
      taken: fc.array(fc.nat(40)),
      query: vector,
      k: fc.integer({ min: 1, max: 50 }),
      rows: fc.integer({ min: 1, max: 12 }),
    })
    fc.assert(
      fc.property(scenario, ({ metric, vectors, taken, query, k, rows }) => {
        const store = new EngineFixture()
        const collection = store.create('c', DIMENSIONS, metric)
        for (const [index, vector] of vectors.entries()) store.add(collection, { [`e${index}`]: vector })
        const slots = [...collection.liveSlots()].filter((slot) => taken.includes(slot))
        const few = inCallsOf(rows, kernel)
        const found = scored(new SlotScorer(few), collection, queryOf(collection, query), slots, k)
        const isTaken = (slot: number) => slots.includes(slot)
        expect(found).toEqual(nearestOf(collection, Float32Array.from(query), k, isTaken))
        expect(few.calls).toHaveLength(Math.ceil(slots.length / rows))
        expect(few.calls.reduce((sum, rows) => sum + rows, 0)).toBe(slots.length)
      }),
      { numRuns: 200, seed: 1 },
    )
  })

  test('takes the lower of two slots that are equally near, and of what is there already', () => {
    const store = new EngineFixture()
    const collection = store.create('c', DIMENSIONS)
    for (let slot = 0; slot < 6; slot++) store.add(collection, { [`e${slot}`]: [slot % 2, 0, 0] })
    const scorer = new SlotScorer(inCallsOf(2, kernel))
    const query = queryOf(collection, [0, 0, 0])
    const selection = createSelection(2)
    scorer.offer(collection, query, [2, 3, 4, 5], selection)
    expect([...sortedSelection(selection).slots]).toEqual([2, 4])
    scorer.offer(collection, query, [0, 1], selection)
    expect([...sortedSelection(selection).slots]).toEqual([0, 2])
  })

  test('takes more slots than one call of the kernel, and none', () => {
    const store = new EngineFixture()
    const collection = store.create('c', 8192, 'cosine')
    const rowsPerCall = kernel.rowsPerCall(8192)
    const count = rowsPerCall * 2 + 3
    const rows = Array.from({ length: count }, (_, slot) => new Float32Array(8192).fill(1).fill(slot, 0, 1))
    for (const [slot, row] of rows.entries()) store.add(collection, { [`e${slot}`]: [...row] })
    const slots = [...collection.liveSlots()]
    const scorer = new SlotScorer(kernel)
    const query = queryOf(collection, [...rows[count - 1]!])
    const found = scored(scorer, collection, query, slots, 3)
    expect(found).toEqual(nearestOf(collection, rows[count - 1]!, 3))
    expect(scored(scorer, collection, query, [], 3)).toEqual([])
    expect(scorer.memoryBytes()).toBeGreaterThanOrEqual(rowsPerCall * 8192 * 4)
  })

  test('serves collections of different shapes in turn', () => {
    const store = new EngineFixture()
    const narrow = store.create('narrow', 1, 'dot')
    const wide = store.create('wide', 3, 'cosine')
    store.add(narrow, { a: [1], b: [2], c: [3] })
    store.add(wide, { a: [1, 0, 0], b: [0, 1, 0] })
    const scorer = new SlotScorer(kernel)
    for (let time = 0; time < 2; time++) {
      expect(scored(scorer, wide, queryOf(wide, [0, 2, 0]), [0, 1], 2)).toEqual([
        [1, 0],
        [0, 1],
      ])
      expect(scored(scorer, narrow, queryOf(narrow, [2]), [0, 2], 5)).toEqual([
        [2, -6],
        [0, -2],
      ])
    }
  })
})

describe('copySelection', () => {
  test('copies what there is, and what is offered to one is not offered to the other', () => {
    const store = new EngineFixture()
    const collection = store.create('c', DIMENSIONS, 'dot')
    for (let slot = 0; slot < 8; slot++) store.add(collection, { [`e${slot}`]: [slot, 0, 0] })
    const scorer = new SlotScorer(new ReferenceKernel())
    const query = queryOf(collection, [1, 0, 0])
    const first = createSelection(3)
    scorer.offer(collection, query, [1, 2], first)
    const copy = copySelection(first)
    expect([copy.k, copy.count, sortedSelection(copy)]).toEqual([3, 2, sortedSelection(first)])
    scorer.offer(collection, query, [5, 6, 7], first)
    expect([...sortedSelection(copy).slots]).toEqual([2, 1])
    scorer.offer(collection, query, [0, 4], copy)
    expect([...sortedSelection(copy).slots]).toEqual([4, 2, 1])
    expect([...sortedSelection(first).slots]).toEqual([7, 6, 5])
    expect(copySelection(copy, first)).toBe(first)
    expect([...sortedSelection(first).slots]).toEqual([4, 2, 1])
    copySelection(createSelection(3), first)
    expect([...sortedSelection(first).slots]).toEqual([])
  })
})
