import { describe, expect, test } from 'vitest'
import { MAX_DIMENSIONS, MAX_K } from '../../src/base/limits.ts'
import { PIECE_BYTES, QUERY_DIMENSIONS } from '../../src/engine/kernel/assembly/layout.ts'
import { ReferenceKernel } from '../../src/engine/kernel/reference-kernel.ts'
import type { ScanKernel, ScanQuery, ScanRun, Selection } from '../../src/engine/kernel/scan-kernel.ts'
import { createSelection } from '../../src/engine/kernel/scan-kernel.ts'
import { sortedSelection } from '../../src/engine/kernel/selection.ts'
import { loadWasmKernel } from '../../src/engine/kernel/wasm-kernel.ts'
import { expectNearest } from '../suites/scan-kernel/scan-oracle.ts'
import { scanKernelSuite } from '../suites/scan-kernel-suite.ts'

scanKernelSuite('reference kernel', async () => new ReferenceKernel())
scanKernelSuite('wasm kernel', loadWasmKernel)

describe('both kernels', () => {
  test('keep the same heap, not only the same set', async () => {
    const heaps = [new ReferenceKernel(), await loadWasmKernel()].map((kernel) => {
      const selection = createSelection(40)
      const vectors = Float32Array.from({ length: 999 }, (_, index) => (index * 7919) % 101)
      kernel.scan(queryOf(3, 1, 4), runOf(vectors, 333), selection)
      return selection
    })
    expect(heaps[0]).toEqual(heaps[1])
  })

  test('agree on how many rows a call takes', async () => {
    const wasm = await loadWasmKernel()
    for (const dimensions of [1, 31, 32, 33, 100, 768, MAX_DIMENSIONS]) {
      expect(wasm.rowsPerCall(dimensions)).toBe(new ReferenceKernel().rowsPerCall(dimensions))
    }
  })
})

describe('memory of the wasm kernel', () => {
  test('has room for the limits', () => {
    expect(QUERY_DIMENSIONS).toBeGreaterThanOrEqual(MAX_DIMENSIONS)
    expect(PIECE_BYTES).toBeGreaterThanOrEqual(MAX_DIMENSIONS * 4)
  })

  test('grows for a large k, and is its own', async () => {
    const [first, second] = [await loadWasmKernel(), await loadWasmKernel()]
    const before = first.memoryBytes()
    first.scan(queryOf(1), runOf(Float32Array.of(1, 2, 3), 3), createSelection(MAX_K))
    expect(first.memoryBytes()).toBeGreaterThanOrEqual(before + MAX_K * 12 - 65_536 * 2)
    expect(first.memoryBytes()).toBeLessThan(2 * 1024 * 1024)
    expect(second.memoryBytes()).toBe(before)
  })
})

describe('sortedSelection', () => {
  test('puts the nearest first, equal scores by slot, and leaves the heap as it is', () => {
    const selection = createSelection(6)
    new ReferenceKernel().scan(queryOf(0), runOf(Float32Array.of(3, -1, 2, 1, 5), 5), selection)
    const before = structuredClone(selection)
    const { slots, scores } = sortedSelection(selection)
    expect([...slots]).toEqual([1, 3, 2, 0, 4])
    expect([...scores]).toEqual([1, 1, 4, 9, 25])
    expect(selection).toEqual(before)
  })

  test('of nothing is nothing', () => {
    expect(sortedSelection(createSelection(3))).toEqual({ slots: new Uint32Array(0), scores: new Float64Array(0) })
  })
})

describe('the suite can fail', () => {
  const scenario = {
    metric: 'euclidean',
    query: Float32Array.of(0.1, 0.2),
    vectors: [3, 1, 2, 1, 1, 3].map((value) => Float32Array.of(value, value)),
    k: 4,
    firstSlot: 2,
    dead: Uint8Array.of(0b1000),
  } as const

  test('a right kernel passes', () => {
    expectNearest(new ReferenceKernel(), scenario)
  })

  test.each<[string, (kernel: ScanKernel, query: ScanQuery, run: ScanRun, selection: Selection) => void]>([
    ['ties reversed', scanWithTiesReversed],
    [
      'the dead come back',
      (kernel, query, run, selection) => kernel.scan(query, { ...run, dead: new Uint8Array(1) }, selection),
    ],
    [
      'slots are one off',
      (kernel, query, run, selection) => kernel.scan(query, { ...run, firstSlot: run.firstSlot + 1 }, selection),
    ],
    [
      'scores lose bits',
      (kernel, query, run, selection) => {
        kernel.scan(query, run, selection)
        selection.scores.set(selection.scores.map(Math.fround))
      },
    ],
    [
      'the last is lost',
      (kernel, query, run, selection) => {
        kernel.scan(query, run, selection)
        selection.count--
      },
    ],
  ])('a kernel is rejected in which %s', (_, mistake) => {
    const reference = new ReferenceKernel()
    const wrong: ScanKernel = {
      rowsPerCall: (dimensions) => reference.rowsPerCall(dimensions),
      memoryBytes: () => 0,
      scan: (query, run, selection) => mistake(reference, query, run, selection),
    }
    expect(() => expectNearest(wrong, scenario)).toThrow(/euclidean, 2 dimensions/)
  })
})

/** Offers every row under the complement of its slot, so that among equal scores the highest slot wins. */
function scanWithTiesReversed(kernel: ScanKernel, query: ScanQuery, run: ScanRun, selection: Selection): void {
  const complement = (slot: number) => 2 ** 32 - 1 - slot
  const dimensions = query.vector.length
  for (let row = 0; row < run.rows; row++) {
    const slot = run.firstSlot + row
    if ((run.dead[slot >> 3]! >> (slot & 7)) & 1) continue
    const vectors = run.vectors.subarray(row * dimensions, (row + 1) * dimensions)
    kernel.scan(query, { ...runOf(vectors, 1), firstSlot: complement(slot) }, selection)
  }
  selection.slots.set(selection.slots.map(complement))
}

function queryOf(...vector: number[]): ScanQuery {
  return { metric: 'euclidean', vector: Float32Array.from(vector), norm: 0 }
}

function runOf(vectors: Float32Array, rows: number): ScanRun {
  return { vectors, norms: new Float64Array(0), rows, firstSlot: 0, dead: new Uint8Array(0) }
}
