import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MAX_K } from '../../../src/base/limits.ts'
import type { CollectionState, CollectionView } from '../../../src/engine/collection-state.ts'
import { searchIndex } from '../../../src/engine/index/index-search.ts'
import type { SearchTools } from '../../../src/engine/index/search-pass.ts'
import { SlotScorer } from '../../../src/engine/index/slot-scorer.ts'
import { ReferenceKernel } from '../../../src/engine/kernel/reference-kernel.ts'
import type { ScanKernel } from '../../../src/engine/kernel/scan-kernel.ts'
import { loadWasmKernel } from '../../../src/engine/kernel/wasm-kernel.ts'
import { METRICS } from '../../../src/engine/metric.ts'
import { EngineFixture, noYield } from '../engine-fixture.ts'

const kernels: [string, ScanKernel][] = [
  ['reference', new ReferenceKernel()],
  ['wasm', await loadWasmKernel()],
]
const component = fc.constantFrom(1, -1, 2, 3, -0, 1e-45, 3.4028234663852886e38)
const vector = fc.tuple(component, component, fc.constantFrom(1, 2, -3))

describe.each(kernels)('searchIndex comparing all, on the %s kernel', (_, kernel) => {
  test('gives exactly what comparing with each entry gives, to the bit', async () => {
    const scenario = fc.record({
      metric: fc.constantFrom(...METRICS),
      vectors: fc.array(vector, { maxLength: 40, size: 'max' }),
      deleted: fc.array(fc.nat(45), { maxLength: 15 }),
      query: vector,
      k: fc.integer({ min: 1, max: 50 }),
      sliceBytes: fc.constantFrom(1, 12, 30, 100, undefined),
      excludeSlot: fc.option(fc.nat(45), { nil: undefined }),
    })
    await fc.assert(
      fc.asyncProperty(scenario, async ({ metric, vectors, deleted, query, k, sliceBytes, excludeSlot }) => {
        const store = new EngineFixture()
        const collection = store.create('c', 3, metric)
        for (const [index, vector] of vectors.entries()) store.add(collection, { [`e${index}`]: vector })
        store.delete(collection, ...deleted.map((index) => `e${index}`))
        const vectorOfQuery = Float32Array.from(query)
        const hits = await scan(
          kernel,
          collection,
          { vector: vectorOfQuery, k, ...(excludeSlot === undefined ? {} : { excludeSlot }) },
          sliceBytes === undefined ? {} : { sliceBytes },
        )
        const candidates = [...collection.liveSlots()].filter((slot) => slot !== excludeSlot)
        expect([...hits.slots].map((slot, index) => [slot, hits.scores[index]])).toEqual(
          nearestOf(collection, candidates, vectorOfQuery, k),
        )
        expect(hits.visited).toBe(candidates.length)
      }),
      { numRuns: 200 },
    )
  })

  test('under writes between slices, gives live entries, and none that lived throughout is passed over', async () => {
    const write = fc.record({ type: fc.constantFrom('add', 'delete'), index: fc.nat(30), vector })
    const scenario = fc.record({
      metric: fc.constantFrom(...METRICS),
      vectors: fc.array(vector, { minLength: 1, maxLength: 25, size: 'max' }),
      writes: fc.array(write, { maxLength: 12 }),
      query: vector,
      k: fc.integer({ min: 1, max: 30 }),
      rowsPerSlice: fc.integer({ min: 1, max: 6 }),
    })
    await fc.assert(
      fc.asyncProperty(scenario, async ({ metric, vectors, writes, query, k, rowsPerSlice }) => {
        const store = new EngineFixture()
        const collection = store.create('c', 3, metric)
        for (const [index, vector] of vectors.entries()) store.add(collection, { [`e${index}`]: vector })
        const before = [...collection.liveSlots()]
        // Writes end by the third pass at the latest, so that the last one is undisturbed.
        let yields = 0
        const most = Math.ceil(vectors.length / rowsPerSlice) * 2
        const yieldToEventLoop = async () => {
          const next = yields++ < most ? writes.shift() : undefined
          if (next?.type === 'add') store.add(collection, { [`e${next.index}`]: next.vector })
          else if (next?.type === 'delete') store.delete(collection, `e${next.index}`)
        }
        const vectorOfQuery = Float32Array.from(query)
        const options = { yieldToEventLoop, sliceBytes: rowsPerSlice * 12 }
        const hits = await scan(kernel, collection, { vector: vectorOfQuery, k }, options)
        const found = [...hits.slots]
        expect(found.filter((slot) => collection.isDead(slot))).toEqual([])
        expect(found.map((slot, index) => [slot, hits.scores[index]])).toEqual(
          nearestOf(collection, found, vectorOfQuery, k),
        )
        const throughout = before.filter((slot) => !collection.isDead(slot))
        expect(found.length).toBeGreaterThanOrEqual(Math.min(k, throughout.length))
        const merged = nearestOf(collection, [...new Set([...throughout, ...found])], vectorOfQuery, k)
        expect(merged).toEqual(found.map((slot, index) => [slot, hits.scores[index]]))
      }),
      { numRuns: 300 },
    )
  })
})

describe('searchIndex comparing all', () => {
  const kernel = new ReferenceKernel()

  test('starts over when hits died, and then finds what they had displaced', async () => {
    const { store, line } = lineOf(10)
    const deletions = ['e0', 'e1', 'e2']
    const yieldToEventLoop = async () => {
      if (deletions.length > 0) store.delete(line, deletions.shift()!)
    }
    const hits = await scan(kernel, line, { vector: Float32Array.of(0), k: 2 }, { yieldToEventLoop, sliceBytes: 4 })
    expect([...hits.slots]).toEqual([3, 4])
    expect([...hits.scores]).toEqual([3, 4])
    expect(hits.visited).toBe(10 + 7)
  })

  test('keeps spares in the second pass, so that further deaths need no third', async () => {
    const { store, line } = lineOf(10)
    let yields = 0
    const yieldToEventLoop = async () => {
      yields += 1
      if (yields === 1) store.delete(line, 'e0')
      if (yields === 10) store.delete(line, 'e1')
    }
    const hits = await scan(kernel, line, { vector: Float32Array.of(0), k: 2 }, { yieldToEventLoop, sliceBytes: 4 })
    expect([...hits.slots]).toEqual([2, 3])
    expect(hits.visited).toBe(10 + 9)
  })

  test('gives up after three repeats when the nearest go on dying', async () => {
    const { store, line } = lineOf(4000)
    let next = 0
    const yieldToEventLoop = async () => {
      const ids = Array.from({ length: 200 }, () => `e${next++}`)
      store.delete(line, ...ids)
    }
    const options = { yieldToEventLoop, sliceBytes: 1000 * 4 }
    const hits = await scan(kernel, line, { vector: Float32Array.of(0), k: 5 }, options)
    expect([hits.slots.length, next]).toEqual([0, 4 * 3 * 200])
  })

  test('an entry replaced meanwhile is found at its new place when the scan starts over', async () => {
    const { store, line } = lineOf(4)
    const additions = [{ e0: [50] }]
    const yieldToEventLoop = async () => {
      if (additions.length > 0) store.add(line, additions.shift()!)
    }
    const hits = await scan(kernel, line, { vector: Float32Array.of(0), k: 9 }, { yieldToEventLoop, sliceBytes: 4 })
    expect([...hits.slots].map((slot) => line.idAt(slot))).toEqual(['e1', 'e2', 'e3', 'e0'])
  })

  test('a collection dropped meanwhile has no hits', async () => {
    const { store, line } = lineOf(4)
    const yieldToEventLoop = async () => {
      store.drop(line)
    }
    const hits = await scan(kernel, line, { vector: Float32Array.of(0), k: 3 }, { yieldToEventLoop, sliceBytes: 4 })
    expect([hits.slots.length, hits.scores.length]).toEqual([0, 0])
  })

  test('yields before it has scanned more than a slice, and holds no view over it', async () => {
    const { line } = lineOf(50)
    const slices: number[] = [0]
    const held: Float32Array[] = []
    const recording: ScanKernel = {
      rowsPerCall: () => 3,
      memoryBytes: () => 0,
      scan(query, run, selection) {
        expect(run.rows).toBeLessThanOrEqual(3)
        slices[slices.length - 1]! += run.rows
        held.push(run.vectors)
        kernel.scan(query, run, selection)
      },
    }
    const yieldToEventLoop = async () => {
      slices.push(0)
    }
    await scan(recording, line, { vector: Float32Array.of(0), k: 1 }, { yieldToEventLoop, sliceBytes: 8 * 4 + 3 })
    expect(slices).toEqual([8, 8, 8, 8, 8, 8, 2])
    slices.length = 1
    slices[0] = 0
    await scan(recording, line, { vector: Float32Array.of(0), k: 1 }, { yieldToEventLoop, sliceBytes: 0 })
    expect(slices).toEqual(new Array(50).fill(1))
    slices.length = 1
    slices[0] = 0
    await scan(recording, line, { vector: Float32Array.of(0), k: 1 }, { yieldToEventLoop })
    expect(slices).toEqual([50])
  })

  test('does not look at the query again after the call', async () => {
    const { line } = lineOf(4)
    const vector = Float32Array.of(3)
    const scanning = scan(kernel, line, { vector, k: 1 }, { sliceBytes: 4 })
    vector[0] = 1
    expect([...(await scanning).slots]).toEqual([3])
  })

  test('stops at the next slice when it is aborted', async () => {
    const { line } = lineOf(10)
    const controller = new AbortController()
    let yields = 0
    const yieldToEventLoop = async () => {
      yields += 1
      if (yields === 3) controller.abort('enough')
    }
    const query = { vector: Float32Array.of(0), k: 1 }
    const options = { yieldToEventLoop, sliceBytes: 4, signal: controller.signal }
    await expect(scan(kernel, line, query, options)).rejects.toMatchObject({ code: 'ERR_ABORTED', cause: 'enough' })
    expect(yields).toBe(3)
    const empty = new EngineFixture().create('c', 1)
    await expect(scan(kernel, empty, query, options)).rejects.toMatchObject({ code: 'ERR_ABORTED' })
  })

  test('an empty collection, and one of the excluded entry alone, have no hits', async () => {
    const empty = new EngineFixture().create('c', 1)
    expect((await scan(kernel, empty, { vector: Float32Array.of(0), k: 3 })).slots).toHaveLength(0)
    const { line } = lineOf(1)
    expect((await scan(kernel, line, { vector: Float32Array.of(0), k: 3, excludeSlot: 0 })).slots).toHaveLength(0)
  })

  test.each([0, 1.5, MAX_K + 1, Number.NaN])('refuses k = %d', async (k) => {
    await expect(scan(kernel, lineOf(1).line, { vector: Float32Array.of(0), k })).rejects.toThrow(RangeError)
  })

  test('refuses queries that do not fit', async () => {
    const { line } = lineOf(1)
    await expect(scan(kernel, line, { vector: new Float32Array(2), k: 1 })).rejects.toThrow(RangeError)
    const notFinite = { vector: Float32Array.of(Number.NaN), k: 1 }
    await expect(scan(kernel, line, notFinite)).rejects.toMatchObject({ code: 'ERR_VECTOR_NOT_FINITE' })
    const cosine = new EngineFixture().create('c', 1, 'cosine')
    const zero = { vector: Float32Array.of(-0), k: 1 }
    await expect(scan(kernel, cosine, zero)).rejects.toMatchObject({ code: 'ERR_VECTOR_ZERO' })
  })
})

/** Entries e0, e1, … at 0, 1, … on a line. */
function lineOf(count: number): { store: EngineFixture; line: CollectionState } {
  const store = new EngineFixture()
  const line = store.create('line', 1)
  store.add(line, Object.fromEntries(Array.from({ length: count }, (_, at) => [`e${at}`, [at]])))
  return { store, line }
}

/** Where the entry in `excludeSlot` goes, it is no hit. */
interface Query {
  readonly vector: Float32Array
  readonly k: number
  readonly excludeSlot?: number
}

function scan(
  kernel: ScanKernel,
  collection: CollectionView,
  { vector, k, excludeSlot }: Query,
  options: Partial<SearchTools> = {},
) {
  const tools = { kernel, scorer: new SlotScorer(kernel), yieldToEventLoop: noYield, ...options }
  const isExcluded = excludeSlot !== undefined && !collection.isDead(excludeSlot)
  const excluded = isExcluded ? { excludedId: collection.idAt(excludeSlot) } : {}
  return searchIndex(tools, collection, { vector, k, listSize: 1, exact: true, ...excluded })
}

/** The `k` nearest of some slots, as the comment of the kernel port defines scores and order; distances at the end. */
function nearestOf(
  collection: CollectionView,
  slots: readonly number[],
  query: Float32Array,
  k: number,
): [number, number][] {
  return slots
    .map((slot): [number, number] => [slot, scoreOf(collection, query, collection.copyVector(slot))])
    .sort(([slot, score], [otherSlot, otherScore]) => score - otherScore || slot - otherSlot)
    .slice(0, k)
    .map(([slot, score]) => [slot, collection.metric === 'euclidean' ? Math.sqrt(score) : score])
}

/** Three components, so every lane has at most one and the order of sums is (0 + 2) + 1. */
function scoreOf({ metric }: CollectionView, [q0, q1, q2]: Float32Array, [v0, v1, v2]: Float32Array): number {
  const sum = (at0: number, at1: number, at2: number) => at0 + at2 + at1
  const dot = sum(q0! * v0!, q1! * v1!, q2! * v2!)
  if (metric === 'dot') return 0 - dot
  if (metric === 'euclidean') return sum((q0! - v0!) ** 2, (q1! - v1!) ** 2, (q2! - v2!) ** 2)
  const queryNorm = Math.sqrt(sum(q0! * q0!, q1! * q1!, q2! * q2!))
  const norm = Math.sqrt(sum(v0! * v0!, v1! * v1!, v2! * v2!))
  return Math.max(0, Math.min(2, 1 - dot / (queryNorm * norm)))
}
