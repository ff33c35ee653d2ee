import { describe, expect, test, vi } from 'vitest'
import { setBit } from '../../../src/engine/bitmap.ts'
import { walkMany } from '../../../src/engine/index/batch-walk.ts'
import type { IndexHits } from '../../../src/engine/index/index-search.ts'
import { METRICS } from '../../../src/engine/metric.ts'
import { MainThreadHost } from '../../../src/engine/workers/main-thread-host.ts'
import { Random } from '../../support/random.ts'
import { noYield } from '../engine-fixture.ts'
import { expectSound, IndexFixture, LONG_LIST, nearestOf, pairsOf } from './index-fixture.ts'

// Chunks of 16 slots, and walks where a scan would be quicker: what takes many thousands of entries else takes a few.
vi.mock('../../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 16,
}))
vi.mock('../../../src/engine/index/scan-or-walk.ts', () => ({
  isScanQuicker: (_: unknown, { exact }: { exact?: boolean }) => exact === true,
}))

const DIMENSIONS = 4
const host = new MainThreadHost({ yieldToEventLoop: noYield })

function randomRows(count: number, seed = 1): number[][] {
  const random = new Random(seed)
  return Array.from({ length: count }, () => Array.from({ length: DIMENSIONS }, () => random.nextUnit() - 0.3))
}

/** A collection of which all but the last `buffered` are in its graph. */
async function builtStore(count: number, { buffered = 0, metric = METRICS[1]! } = {}): Promise<IndexFixture> {
  const store = new IndexFixture(DIMENSIONS, metric)
  store.addRows(randomRows(count))
  store.start()
  store.bulk(count - buffered)
  await store.index.settled()
  return store
}

const query = new Float32Array(DIMENSIONS).fill(0.2)

function expectNearest(store: IndexFixture, hits: IndexHits, k: number, isCandidate?: (slot: number) => boolean): void {
  expect(pairsOf(hits)).toEqual(nearestOf(store.collection, query, k, isCandidate))
}

describe('searchIndex', () => {
  test.each(METRICS)('finds each entry by its own vector, in the graph and in the buffer: %s', async (metric) => {
    const store = await builtStore(300, { buffered: 50, metric })
    const { collection } = store
    for (const slot of collection.liveSlots()) {
      const vector = collection.copyVector(slot)
      const hits = await store.search({ vector, k: 1, listSize: 40 })
      expect([hits.exact, pairsOf(hits)]).toEqual([false, nearestOf(collection, vector, 1)])
    }
  })

  test('gives the same distances to the bit, walked or compared', async () => {
    const store = await builtStore(300)
    const walked = await store.search({ vector: query, k: 20 })
    const compared = await store.search({ vector: query, k: 20, exact: true })
    expect([walked.exact, compared.exact, compared.visited]).toEqual([false, true, 300])
    expect(pairsOf(walked)).toEqual(pairsOf(compared))
  })

  test('finds k where nearly everything is dead, and everything where that is less than k', async () => {
    const store = await builtStore(600)
    const { collection } = store
    const nearest = nearestOf(collection, query, 570).map(([slot]) => `e${slot}`)
    store.delete(collection, ...nearest)
    const alive = nearestOf(collection, query, 30)
    for (const k of [1, 10, 29, 30, 65_536]) {
      // With the shortest list there is they need not be the nearest, but they are as many.
      const found = pairsOf(await store.search({ vector: query, k, listSize: 1 }))
      expect(alive.filter(([slot]) => found.some(([other]) => other === slot))).toEqual(found)
      expect(found).toHaveLength(Math.min(k, 30))
      expectNearest(store, await store.search({ vector: query, k }), k)
    }
    store.delete(collection, ...Array.from({ length: 600 }, (_, number) => `e${number}`))
    expect((await store.search({ vector: query })).slots).toHaveLength(0)
    store.consolidate()
    await store.index.settled()
    expectSound(collection)
    expect((await store.search({ vector: query })).slots).toHaveLength(0)
    store.addRows(randomRows(3, 9), 900)
    expectNearest(store, await store.search({ vector: query }), 10)
    store.insert()
    await store.index.settled()
    expectNearest(store, await store.search({ vector: query }), 10)
    expectSound(collection)
  })

  test('finds k of few that are allowed, wherever they are', async () => {
    const store = await builtStore(600, { buffered: 100 })
    for (const share of [300, 37, 5]) {
      const allowed = new Uint8Array(75)
      const isAllowed = (slot: number) => slot % share === 3
      for (let slot = 0; slot < 600; slot++) if (isAllowed(slot)) setBit(allowed, slot)
      const hits = await store.search({ vector: query, k: 12, listSize: 10, allowed })
      expectNearest(store, hits, 12, isAllowed)
    }
    expect((await store.search({ vector: query, allowed: new Uint8Array(0) })).slots).toHaveLength(0)
    expect((await store.search({ vector: query, allowed: new Uint8Array(75) })).slots).toHaveLength(0)
  })

  test('keeps spare hits for entries that go on dying while it runs', async () => {
    const store = await builtStore(200, { buffered: 60 })
    const { collection } = store
    const nearest = nearestOf(collection, query, 100).map(([slot]) => `e${slot}`)
    const yieldToEventLoop = async () => {
      const victim = nearest.shift()
      if (victim !== undefined) store.delete(collection, victim)
    }
    const hits = await store.search({ vector: query, k: 20 }, { yieldToEventLoop, sliceBytes: 64 })
    // More than a first look found have died, and they went on dying to the end.
    expect(nearest.length).toBeGreaterThan(0)
    expect(nearest.length).toBeLessThan(80)
    expectNearest(store, hits, 20)
  })

  test('follows the entry whose neighbours are asked for, and all others, to where a compaction moves them', async () => {
    const store = await builtStore(96, { buffered: 32 })
    const { collection, index } = store
    const dying = Array.from({ length: 96 }, (_, slot) => slot).filter((slot) => slot % 3 !== 0)
    store.delete(collection, ...dying.map((slot) => `e${slot}`))
    let chunk = 0
    const yieldToEventLoop = async () => {
      if (chunk < 6) expect(store.compact(chunk++).code).toBeUndefined()
    }
    const search = { vector: query, k: 40, excludedId: 'e30' }
    const hits = await store.search(search, { yieldToEventLoop, sliceBytes: 16 })
    expect([chunk, collection.freedCount, collection.slotOf('e30')]).toEqual([6, 6, 106])
    expectNearest(store, hits, 40, (slot) => slot !== 106)
    expect(hits.slots).toHaveLength(31)
    await index.settled()
    expectSound(collection)
    // Entries of the graph have stayed in it, those of the buffer have not come to it.
    expect([index.served.placed.size, store.built.graph.linkedCount]).toEqual([22, 64])
    expectNearest(store, await store.search(search), 40, (slot) => slot !== 106)
    store.insert()
    store.consolidate()
    await index.settled()
    expectSound(collection)
    expect([index.served.placed.size, store.built.graph.linkedCount]).toEqual([0, 32])
    expectNearest(store, await store.search(search), 40, (slot) => slot !== 106)
  })

  test('gives up when it is told to', async () => {
    const store = await builtStore(100, { buffered: 50 })
    const controller = new AbortController()
    const { signal } = controller
    const yieldToEventLoop = async () => controller.abort('enough')
    const search = store.search({ vector: query }, { yieldToEventLoop, signal, sliceBytes: 16 })
    await expect(search).rejects.toMatchObject({ code: 'ERR_ABORTED', cause: 'enough' })
    await expect(store.search({ vector: query }, { signal })).rejects.toMatchObject({ code: 'ERR_ABORTED' })
  })

  test('refuses what is no query', async () => {
    const store = await builtStore(10)
    await expect(store.search({ vector: new Float32Array(3) })).rejects.toThrow(RangeError)
    for (const k of [0, 1.5, 65_537]) await expect(store.search({ vector: query, k })).rejects.toThrow(RangeError)
    const vector = new Float32Array(DIMENSIONS).fill(Number.NaN)
    await expect(store.search({ vector })).rejects.toMatchObject({ code: 'ERR_VECTOR_NOT_FINITE' })
  })
})

describe('walkMany', () => {
  const queries = randomRows(8, 5).map((row) => Float32Array.from(row))
  const batch = { k: 5, listSize: LONG_LIST }

  async function walksOf(store: IndexFixture) {
    const flat = Float32Array.from(queries.flatMap((vector) => [...vector]))
    return (await walkMany(host, store.collection, flat, batch))!
  }

  test('spares searches their walk', async () => {
    const store = await builtStore(300, { buffered: 20 })
    const walks = await walksOf(store)
    store.delete(store.collection, ...walks.map(({ hits }) => `e${hits.nodes[0]}`))
    for (const [place, vector] of queries.entries()) {
      const hits = await store.search({ vector, ...batch, walked: walks[place]! })
      expect(pairsOf(hits)).toEqual(nearestOf(store.collection, vector, 5))
    }
  })

  test('finds what lives and is allowed', async () => {
    const store = await builtStore(300)
    const { collection } = store
    const nodesOf = async (allowed?: Uint8Array) => {
      const walks = await walkMany(host, collection, query, { ...batch, ...(allowed && { allowed }) })
      return [...walks![0]!.hits.nodes].sort((a, b) => a - b)
    }
    const numbers = Array.from({ length: 300 }, (_, number) => number)
    // Every vector has a node of its own, in the order of the slots.
    expect(await nodesOf()).toEqual(numbers)
    store.delete(collection, 'e7', 'e8')
    expect(await nodesOf()).toEqual(numbers.filter((number) => number !== 7 && number !== 8))
    const allowed = new Uint8Array(38)
    for (const slot of [3, 8, 9, 290, 301]) setBit(allowed, slot)
    expect(await nodesOf(allowed)).toEqual([3, 9, 290])
  })

  test.each(['insert', 'rebuild', 'compact'] as const)(
    'is of no use after what changes the graph: %s',
    async (change) => {
      const store = await builtStore(300)
      const { collection, index } = store
      store.delete(collection, ...Array.from({ length: 12 }, (_, slot) => `e${slot}`))
      const walks = await walksOf(store)
      // As near as can be, and in the graph before the search begins.
      store.addRows(
        queries.map((vector) => [...vector]),
        300,
      )
      if (change === 'compact') store.compact(0)
      else store[change]()
      await index.settled()
      for (const [place, vector] of queries.entries()) {
        const hits = await store.search({ vector, ...batch, walked: walks[place]! })
        expect(hits.slots[0]).toBe(300 + place)
        expect(pairsOf(hits)).toEqual(nearestOf(collection, vector, 5))
      }
    },
  )

  test('leaves it to searches where there is no graph, or everything is to be compared', async () => {
    const store = new IndexFixture(DIMENSIONS)
    store.addRows(randomRows(10))
    expect(await walkMany(host, store.collection, query, batch)).toBeUndefined()
    const built = await builtStore(10)
    expect(await walkMany(host, built.collection, query, { ...batch, exact: true })).toBeUndefined()
  })
})

describe('equal vectors', () => {
  test('share a node, -0 and 0 do not', async () => {
    const store = new IndexFixture(2)
    const { collection, index } = store
    store.addRows([
      [1, 0],
      [1, -0],
      [1, 0],
      [2, 0],
      [1, 0],
      [1, -0],
    ])
    store.start()
    store.bulk(3)
    store.insert(6)
    await index.settled()
    const { slots, graph } = store.built
    expect(graph.nodeCount).toBe(3)
    expect([0, 1, 2].map((node) => slots.borrowSlots(node))).toEqual([[0, 2, 4], [1, 5], [3]])
    const near = { vector: Float32Array.of(1, 0), k: 4 }
    expect([...(await store.search(near)).slots]).toEqual([0, 1, 2, 4])
    store.delete(collection, 'e0', 'e1', 'e3')
    expect([...(await store.search(near)).slots]).toEqual([2, 4, 5])
    store.consolidate()
    await index.settled()
    expect([0, 1, 2].map((node) => slots.borrowSlots(node))).toEqual([[2, 4], [5], []])
    // The node of [2, 0] is given out again; a vector that was there before finds its node.
    store.addRows(
      [
        [3, 3],
        [1, -0],
      ],
      6,
    )
    store.insert()
    await index.settled()
    expect([graph.nodeCount, slots.borrowSlots(2), slots.borrowSlots(1)]).toEqual([3, [6], [5, 7]])
    expectSound(collection)
  })

  test('find the node of one whose entries are dead, also when the first of them was freed', async () => {
    const store = new IndexFixture(2)
    const { collection, index } = store
    const same = Array.from({ length: 20 }, () => [1, 1])
    store.addRows(same)
    store.start()
    store.bulk()
    store.delete(collection, ...Array.from({ length: 16 }, (_, number) => `e${number}`))
    store.compact(0)
    store.addRows(same, 100)
    store.insert()
    await index.settled()
    expectSound(collection)
    expect(store.built.graph.nodeCount).toBe(1)
    store.delete(collection, ...[...collection.liveSlots()].map((slot) => collection.idAt(slot)))
    expect(store.built.live.deadCount).toBe(1)
    store.addRows(same, 200)
    store.insert()
    await index.settled()
    expect([store.built.graph.nodeCount, store.built.live.deadCount]).toEqual([1, 0])
    expectSound(collection)
  })

  test('whose node was freed with all their chunks get a new node', async () => {
    const store = new IndexFixture(2)
    const { collection, index } = store
    store.addRows(Array.from({ length: 16 }, () => [1, 1]))
    store.addRows([[5, 5]], 16)
    store.start()
    store.bulk()
    store.delete(collection, ...Array.from({ length: 16 }, (_, number) => `e${number}`))
    store.compact(0)
    store.addRows([[1, 1]], 20)
    store.insert()
    await index.settled()
    expect(store.built.graph.nodeCount).toBe(3)
    store.consolidate()
    await index.settled()
    expect([store.built.graph.linkedCount, store.built.slots.borrowSlots(2)]).toEqual([2, [17]])
    expectSound(collection)
    expect([...(await store.search({ vector: Float32Array.of(1, 1) })).slots]).toEqual([17, 16])
  })
})
