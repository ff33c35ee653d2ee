import { expect, test } from 'vitest'
import { MAX_DIMENSIONS, MAX_K } from '../../../src/base/limits.ts'
import type { ScanQuery, ScanRun, Selection } from '../../../src/engine/kernel/scan-kernel.ts'
import { createSelection } from '../../../src/engine/kernel/scan-kernel.ts'
import type { Metric } from '../../../src/engine/metric.ts'
import { type Current, euclidean, randomVectors, runOf } from './scan-inputs.ts'
import { lengthOf } from './scan-oracle.ts'

export function argumentTests(kernel: Current): void {
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
