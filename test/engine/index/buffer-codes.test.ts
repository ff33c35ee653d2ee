import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CollectionState } from '../../../src/engine/collection-state.ts'
import { searchIndex } from '../../../src/engine/index/index-search.ts'
import type { SearchTools } from '../../../src/engine/index/search-pass.ts'
import { SlotScorer } from '../../../src/engine/index/slot-scorer.ts'
import type { ScanKernel } from '../../../src/engine/kernel/scan-kernel.ts'
import { METRICS, type Metric } from '../../../src/engine/metric.ts'
import { Random } from '../../support/random.ts'
import { EngineFixture, noYield } from '../engine-fixture.ts'
import { hostOf, IndexFixture, kernel, nearestOf, pairsOf } from './index-fixture.ts'

const DIMENSIONS = 40
const COUNT = 3000

/** A kernel that counts the rows it compares, on originals. */
function counting(): { readonly kernel: ScanKernel; compared: number } {
  const counts = {
    compared: 0,
    kernel: {
      rowsPerCall: (dimensions: number) => kernel.rowsPerCall(dimensions),
      memoryBytes: () => kernel.memoryBytes(),
      createCodes: (...given: Parameters<typeof kernel.createCodes>) => kernel.createCodes(...given),
      scan: (...given: Parameters<ScanKernel['scan']>) => {
        counts.compared += given[1].rows
        kernel.scan(...given)
      },
    },
  }
  return counts
}

function rowsOf(count: number, draw: (random: Random) => number, seed = 1): number[][] {
  const random = new Random(seed)
  return Array.from({ length: count }, () => Array.from({ length: DIMENSIONS }, () => draw(random)))
}

const spread = (random: Random) => random.nextUnit() + random.nextUnit() + random.nextUnit() - 1.5

function fill(store: EngineFixture, collection: CollectionState, rows: readonly number[][], first = 0): void {
  for (let from = 0; from < rows.length; from += 500) {
    const some = rows.slice(from, from + 500).map((row, index) => [`e${first + from + index}`, row])
    store.add(collection, Object.fromEntries(some))
  }
}

function toolsWith(given: ScanKernel = kernel, tools: Partial<SearchTools> = {}): SearchTools {
  return { kernel: given, scorer: new SlotScorer(given), yieldToEventLoop: noYield, ...tools }
}

const search = (tools: SearchTools, collection: CollectionState, vector: Float32Array, k = 10) =>
  searchIndex(tools, collection, { vector, k, listSize: 100 })

describe.each(METRICS)('searches of a buffer that is encoded bit by bit: %s', (metric) => {
  const store = new EngineFixture()
  const collection = store.create('c', DIMENSIONS, metric)
  fill(store, collection, rowsOf(COUNT, spread))
  const queries = rowsOf(12, spread, 2).map((row) => Float32Array.from(row))

  test('give what comparing all gives, and compare less and less', async () => {
    const counts = counting()
    const tools = toolsWith(counts.kernel)
    const compared: number[] = []
    for (const query of queries) {
      counts.compared = 0
      const hits = await search(tools, collection, query)
      expect(pairsOf(hits)).toEqual(nearestOf(collection, query, 10))
      expect([hits.exact, hits.visited]).toEqual([true, COUNT])
      compared.push(counts.compared)
    }
    expect(compared[0]).toBe(COUNT)
    expect(compared.at(-1)).toBeLessThan(COUNT / 10)
  })

  test.each([1, 2, 100, 187, 188, 1500, 5000])('give the nearest %d', async (k) => {
    const tools = toolsWith()
    for (const query of queries.slice(0, 5)) {
      expect(pairsOf(await search(tools, collection, query, k))).toEqual(nearestOf(collection, query, k))
    }
  })
})

describe('codes of a buffer', () => {
  const query = Float32Array.from(rowsOf(1, spread, 3)[0]!)

  test('follow writes, deletions and replacements', async () => {
    const store = new EngineFixture()
    const collection = store.create('c', DIMENSIONS, 'euclidean')
    const tools = toolsWith()
    const random = new Random(4)
    fill(store, collection, rowsOf(1500, spread))
    for (let round = 0; round < 40; round++) {
      fill(store, collection, rowsOf(60, spread, 10 + round), random.nextInt(3000))
      store.delete(collection, ...Array.from({ length: 40 }, () => `e${random.nextInt(3000)}`))
      // Those that are nearest of all, so that what was found last is gone.
      const found = await search(tools, collection, query)
      expect(pairsOf(found)).toEqual(nearestOf(collection, query, 10))
      store.delete(collection, collection.idAt(found.slots[0]!))
    }
  })

  test('say nothing of what is not among the allowed, and nothing of the excluded entry', async () => {
    const store = new EngineFixture()
    const collection = store.create('c', DIMENSIONS, 'dot')
    fill(store, collection, rowsOf(COUNT, spread))
    const tools = toolsWith()
    for (let round = 0; round < 12; round++) await search(tools, collection, query)
    const allowed = new Uint8Array(COUNT / 8).fill(0b0101_0011)
    const isAllowed = (slot: number) => ((0b0101_0011 >> (slot % 8)) & 1) === 1
    const [best] = nearestOf(collection, query, 1, isAllowed)
    const asked = { vector: query, k: 10, listSize: 10, allowed, excludedId: collection.idAt(best![0]) }
    const expected = nearestOf(collection, query, 10, (slot) => isAllowed(slot) && slot !== best![0])
    expect(pairsOf(await searchIndex(tools, collection, asked))).toEqual(expected)
  })

  test('are given back when their slots come into the graph, and when the collection is dropped', async () => {
    const store = new IndexFixture(DIMENSIONS)
    const { collection, index } = store
    fill(store, collection, rowsOf(COUNT, spread))
    const tools = toolsWith()
    const own = () => tools.scorer.codes.memoryBytes()
    const searchTimes = async (times: number) => {
      for (let time = 0; time < times; time++) {
        const found = await searchIndex(tools, collection, { vector: query, k: 5, listSize: 400 })
        expect(pairsOf(found)).toEqual(nearestOf(collection, query, 5))
      }
    }
    expect(own()).toBe(0)
    await searchTimes(3)
    expect(own()).toBeGreaterThan(COUNT * DIMENSIONS)
    // They tell their own bytes, which the scorer must not tell again.
    expect(tools.scorer.memoryBytes()).toBeLessThan(COUNT * DIMENSIONS)
    store.start(hostOf())
    store.bulk()
    await index.settled()
    expect(own()).toBe(0)
    await searchTimes(3)
    expect(own()).toBe(0)
    fill(store, collection, rowsOf(1203, spread, 7), COUNT)
    await searchTimes(3)
    expect(own()).toBeGreaterThan(1203 * DIMENSIONS)
    store.insert(COUNT + 101)
    await index.settled()
    await searchTimes(3)
    expect(own()).toBeGreaterThan(1102 * DIMENSIONS)
    store.drop(collection)
    expect(own()).toBe(0)
  })

  test('of few vectors are not made', async () => {
    const store = new EngineFixture()
    const collection = store.create('c', DIMENSIONS)
    fill(store, collection, rowsOf(500, spread))
    const tools = toolsWith()
    for (let time = 0; time < 3; time++) await search(tools, collection, query)
    expect(tools.scorer.codes.memoryBytes()).toBe(0)
  })

  test('are done without where there is no memory for them, and are those of the collections that came last', async () => {
    const store = new EngineFixture()
    const collections = Array.from({ length: 258 }, (_, index) => store.create(`c${index}`, DIMENSIONS))
    for (const collection of [collections[0]!, collections[257]!]) fill(store, collection, rowsOf(1000, spread))
    let isFull = true
    const createCodes = (...shape: Parameters<typeof kernel.createCodes>) => {
      if (isFull) throw new RangeError('no memory')
      return kernel.createCodes(...shape)
    }
    const tools = toolsWith({ ...counting().kernel, createCodes } as ScanKernel)
    const { codes } = tools.scorer
    const searchTimes = async (collection: CollectionState, times: number) => {
      const expected = nearestOf(collection, query, 10)
      for (let time = 0; time < times; time++) expect(pairsOf(await search(tools, collection, query))).toEqual(expected)
    }
    await searchTimes(collections[0]!, 3)
    expect(codes.memoryBytes()).toBe(0)
    isFull = false
    await searchTimes(collections[0]!, 70)
    const held = codes.memoryBytes()
    expect(held).toBeGreaterThan(0)
    for (const collection of collections.slice(1, 257)) codes.of(collection)
    expect(codes.memoryBytes()).toBe(0)
    await searchTimes(collections[257]!, 3)
    expect(codes.memoryBytes()).toBe(held)
  })

  test('are not asked again and again where they tell nothing', async () => {
    const store = new EngineFixture()
    const collection = store.create('c', DIMENSIONS)
    fill(
      store,
      collection,
      rowsOf(COUNT, () => 1),
    )
    let asked = 0
    const given = {
      ...counting().kernel,
      createCodes: (...shape: Parameters<typeof kernel.createCodes>) => {
        const codes = kernel.createCodes(...shape)
        const findNear = codes.findNear.bind(codes)
        return Object.defineProperty(codes, 'findNear', {
          value: (...of: Parameters<typeof findNear>) => {
            asked += 1
            return findNear(...of)
          },
        })
      },
    }
    const tools = toolsWith(given)
    for (let time = 0; time < 100; time++) {
      const hits = await search(tools, collection, query)
      expect([...hits.slots]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    }
    expect(asked).toBeGreaterThan(2)
    expect(asked).toBeLessThan(10)
  })

  test('give the same hits on hostile data, whatever has been encoded', async () => {
    const component = fc.constantFrom(0, 1, -1, 0.1, 1e-45, -1e-38, 1e-20, 1e20, 3.4e38, -3.4e38, 100.25)
    const scenario = fc.record({
      metric: fc.constantFrom<Metric>(...METRICS),
      palette: fc.array(component, { minLength: 1, maxLength: 5 }),
      seed: fc.nat(1e6),
      k: fc.constantFrom(1, 3, 30, 60),
      sliceBytes: fc.constantFrom(undefined, 700 * DIMENSIONS * 4),
    })
    await fc.assert(
      fc.asyncProperty(scenario, async ({ metric, palette, seed, k, sliceBytes }) => {
        const store = new EngineFixture()
        const collection = store.create('c', DIMENSIONS, metric)
        // A last component that is never zero: cosine takes no zero vector.
        const draw = (random: Random) => palette[random.nextInt(palette.length)]!
        const whole = rowsOf(1100, draw, seed + 1).map((row, index) => [...row.slice(1), (index % 9) + 1e-3])
        fill(store, collection, whole)
        const tools = toolsWith(kernel, sliceBytes === undefined ? {} : { sliceBytes })
        for (const row of [whole[7]!, whole[500]!, rowsOf(1, spread, seed + 2)[0]!]) {
          const vector = Float32Array.from(row)
          const expected = nearestOf(collection, vector, k)
          for (let time = 0; time < 2; time++) {
            expect(pairsOf(await search(tools, collection, vector, k))).toEqual(expected)
          }
        }
      }),
      { numRuns: 40, seed: 5 },
    )
  })
})
