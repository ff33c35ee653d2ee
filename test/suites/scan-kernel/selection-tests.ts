import { expect, test } from 'vitest'
import { MAX_K } from '../../../src/base/limits.ts'
import { createSelection } from '../../../src/engine/kernel/scan-kernel.ts'
import { sortedSelection } from '../../../src/engine/kernel/selection.ts'
import { METRICS } from '../../../src/engine/metric.ts'
import { type Current, euclidean, hitsIn, randomVectors, runOf } from './scan-inputs.ts'
import { expectHits, expectNearest, lengthOf, nearestBySort } from './scan-oracle.ts'

export function selectionTests(kernel: Current): void {
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
