import { describe, expect, test, vi } from 'vitest'
import { StoreError } from '../../../src/base/errors.ts'
import type { LeanCodes } from '../../../src/engine/index/lean-graph.ts'
import { METRICS, type Metric } from '../../../src/engine/metric.ts'
import { Random } from '../../support/random.ts'
import { expectSound, Gate, hostOf, IndexFixture, LONG_LIST, turn } from './index-fixture.ts'
import { ScriptedPhases } from './scripted-phases.ts'
import { WholeCopy } from './whole-source.ts'

// Walks where a scan would be quicker.
vi.mock('../../../src/engine/index/scan-or-walk.ts', () => ({
  isScanQuicker: (_: unknown, { exact }: { exact?: boolean }) => exact === true,
}))

const DIMENSIONS = 40
const COUNT = 300

function rowsOf(count: number, seed: number, dimensions = DIMENSIONS): number[][] {
  const random = new Random(seed)
  return Array.from({ length: count }, () =>
    Array.from({ length: dimensions }, () => Math.fround(random.nextUnit() - 0.5)),
  )
}

/** A collection with a whole graph of all of its entries, some of them equal. */
async function built(metric: Metric = 'euclidean', dimensions = DIMENSIONS, host = hostOf()): Promise<IndexFixture> {
  const store = new IndexFixture(dimensions, metric)
  const rows = rowsOf(COUNT, 1, dimensions)
  store.addRows([...rows, ...rows.slice(0, 9)])
  store.bulk(undefined, { walkCodes: 'narrow', scale: 1 })
  store.start(host)
  await store.index.settled()
  return store
}

async function copyOf(store: IndexFixture): Promise<WholeCopy> {
  return WholeCopy.of(store.index, store.collection.slotCount)
}

async function makeLean(store: IndexFixture, codes: LeanCodes = 'walk'): Promise<WholeCopy> {
  const source = await copyOf(store)
  expect(await store.index.makeLean(codes, source)).toBe(true)
  expect(store.built.leanCodes).toBe(codes)
  return source
}

const query = (seed: number, dimensions = DIMENSIONS) => Float32Array.from(rowsOf(1, seed, dimensions)[0]!)

/** What some searches find, on originals and on codes. */
async function hitsOf(store: IndexFixture) {
  const { dimensions } = store.collection
  const hits = []
  for (let seed = 50; seed < 56; seed++) {
    const allowed = Uint8Array.from({ length: 40 }, (_, byte) => (byte % 3 === 0 ? 0 : 0b1011_0110))
    const vector = query(seed, dimensions)
    const own = { excludedId: `e${seed}`, vector: store.collection.copyVector(seed) }
    for (const search of [
      { vector, k: 10, listSize: 12 },
      { vector, k: 5, listSize: 30, allowed },
      { ...own, k: 5, listSize: 12, leaveOut: true },
      { vector, k: 7, listSize: 12, rescore: false },
      { vector, k: COUNT * 2, listSize: 12 },
    ])
      hits.push(await store.search(search))
  }
  return hits
}

describe('a lean graph on the codes of walks', () => {
  for (const metric of METRICS) {
    test.each([1, 17, 32, DIMENSIONS])(
      `finds what the whole graph finds: ${metric}, %i dimensions`,
      async (dimensions) => {
        const store = await built(metric, dimensions)
        store.delete(store.collection, 'e5', 'e60')
        const before = await hitsOf(store)
        await makeLean(store)
        expect(await hitsOf(store)).toEqual(before)
        store.delete(store.collection, 'e6', 'e61', 'e0')
        const twin = await built(metric, dimensions)
        twin.delete(twin.collection, 'e5', 'e60', 'e6', 'e61', 'e0')
        expect(await hitsOf(store)).toEqual(await hitsOf(twin))
      },
    )
  }

  test('takes less memory, and says so', async () => {
    const store = await built()
    const bytesOf = () => Object.fromEntries(store.index.memory().map(({ component, bytes }) => [component, bytes]))
    const before = bytesOf()
    const { nodeCount } = store.built.graph
    const edges = store.built.graph.exportEdges().nodes.length
    await makeLean(store)
    await hitsOf(store)
    const after = bytesOf()
    expect([after.indexCodes, after.indexFactors]).toEqual([nodeCount * 24, nodeCount * 8])
    expect(after.indexGraph).toBe((edges + nodeCount + 1) * 4)
    expect(after.indexScratch).toBeLessThan(before.indexScratch! / 10)
    const sum = (bytes: Record<string, number>) => Object.values(bytes).reduce((all, part) => all + part, 0)
    expect(sum(after)).toBeLessThan(sum(before) / 4)
    expect(store.built.graph.memory().total).toBeLessThan(150 * 1024)
  })
})

describe('a lean graph on codes of one bit', () => {
  test.each(METRICS)('finds everything with lists that hold it: %s', async (metric) => {
    const store = await built(metric, 100)
    store.delete(store.collection, 'e5', 'e60')
    const vector = query(3, 100)
    const expected = await store.search({ vector, k: 10, exact: true })
    await makeLean(store, 'binary')
    const found = await store.search({ vector, k: 10, listSize: LONG_LIST })
    expect([found.exact, found.slots, found.scores]).toEqual([false, expected.slots, expected.scores])
  })

  /** Squared lengths are about 64. */
  test.each<[Metric, number]>([
    ['euclidean', 0.6],
    ['cosine', 0.08],
    ['dot', 5],
  ])('gives distances of codes where nothing is to be rescored: %s', async (metric, most) => {
    const store = await built(metric, 768)
    await makeLean(store, 'binary')
    const vector = query(3, 768)
    const exact = await store.search({ vector, k: COUNT, exact: true })
    const byCode = await store.search({ vector, k: 100, listSize: LONG_LIST, rescore: false })
    const distanceOf = new Map([...exact.slots].map((slot, place) => [slot, exact.scores[place]!]))
    const errors = Array.from(byCode.slots, (slot, place) => byCode.scores[place]! - distanceOf.get(slot)!)
    expect(Math.max(...errors.map(Math.abs))).toBeLessThan(most)
    expect(errors.some((error) => error !== 0)).toBe(true)
  })
})

describe('an index whose graph is lean', () => {
  test.each(['walk', 'binary'] as const)('restores it before a task changes it: %s', async (codes) => {
    const [store, twin] = [await built(), await built()]
    const digest = await store.indexDigest()
    const { version } = store.built
    const source = await makeLean(store, codes)
    expect([store.built.version === version, source.restores, source.releases]).toEqual([true, 0, 0])
    expect(await store.indexDigest()).toBe(digest)
    expect([source.restores, store.built.leanCodes]).toEqual([1, codes])
    for (const one of [store, twin]) {
      one.delete(one.collection, 'e3', 'e4', 'e290')
      one.addRows(rowsOf(40, 9), COUNT + 20)
      one.insert()
      await one.index.settled()
      one.consolidate()
      await one.index.settled()
    }
    expect([source.restores, source.releases, store.built.leanCodes]).toEqual([2, 1, undefined])
    expectSound(store.collection)
    expect(await store.indexDigest()).toBe(await twin.indexDigest())
    expect(await hitsOf(store)).toEqual(await hitsOf(twin))
  })

  test('becomes whole again when it is asked to, with all that it heard of', async () => {
    const [store, twin] = [await built(), await built()]
    const source = await makeLean(store)
    for (const one of [store, twin]) one.delete(one.collection, 'e3', 'e4')
    expect(await store.index.makeWhole()).toBe(true)
    expect([source.restores, source.releases]).toEqual([1, 1])
    expect(await store.index.makeWhole()).toBe(false)
    expectSound(store.collection)
    expect(await hitsOf(store)).toEqual(await hitsOf(twin))
    expect(await store.indexDigest()).toBe(await twin.indexDigest())
  })

  test('hears of deaths while it becomes lean or whole', async () => {
    const gate = new Gate()
    const store = await built('euclidean', DIMENSIONS)
    const source = await copyOf(store)
    source.beforeRestore = gate.pass
    await store.index.makeLean('walk', source)
    const whole = store.index.makeWhole()
    await turn()
    store.delete(store.collection, 'e1', 'e2')
    await gate.allow(1)
    store.delete(store.collection, 'e100')
    expect(await whole).toBe(true)
    expectSound(store.collection)
    const lean = store.index.makeLean('binary', await copyOf(store))
    for (let death = 200; death < 220; death++) {
      store.delete(store.collection, `e${death}`)
      await Promise.resolve()
    }
    expect(await lean).toBe(true)
    const twin = await built()
    twin.delete(twin.collection, 'e1', 'e2', 'e100', ...Array.from({ length: 20 }, (_, at) => `e${at + 200}`))
    expect(store.built.live.deadCount).toBe(twin.built.live.deadCount)
  })

  test('may have lost all of its nodes', async () => {
    const [store, twin] = [await built(), await built()]
    const all = Array.from({ length: COUNT + 9 }, (_, at) => `e${at}`)
    for (const one of [store, twin]) {
      one.delete(one.collection, ...all)
      one.consolidate()
      await one.index.settled()
    }
    for (const codes of ['walk', 'binary'] as const) {
      await makeLean(store, codes)
      expect((await store.search({ vector: query(1), k: 3 })).slots.length).toBe(0)
    }
    for (const one of [store, twin]) {
      one.addRows(rowsOf(40, 9), COUNT + 20)
      one.insert()
      await one.index.settled()
    }
    expect(await store.indexDigest()).toBe(await twin.indexDigest())
  })

  test('goes from one kind of codes to the other through the whole graph', async () => {
    const store = await built()
    const first = await makeLean(store)
    const second = await copyOf(store)
    expect(first.restores).toBe(1)
    expect(await store.index.makeLean('binary', second)).toBe(true)
    expect([first.restores, first.releases, second.restores, second.releases]).toEqual([2, 1, 0, 0])
    expect(store.built.graph.codes).toBe('1-bit')
  })

  test('lets go of a source that is of no use', async () => {
    const store = await built()
    const source = await copyOf(store)
    store.addRows(rowsOf(9, 4), COUNT + 20)
    store.insert()
    // What comes before it in the queue makes another graph of it.
    expect(await store.index.makeLean('walk', source)).toBe(false)
    expect([source.releases, store.built.leanCodes]).toEqual([1, undefined])
    await makeLean(store)
    const again = await copyOf(store)
    expect([await store.index.makeLean('walk', again), again.releases]).toEqual([false, 1])
    store.index.stop(new StoreError('ERR_STORE_CLOSED', 'closed'))
    const late = await copyOf(await built())
    expect([await store.index.makeLean('walk', late), late.releases]).toEqual([false, 1])
    expect(await store.index.makeWhole()).toBe(false)
  })

  test('lets go of its source with the graph: a new one, none, the end', async () => {
    for (const end of ['bulk', 'forget', 'stop'] as const) {
      const store = await built()
      const source = await makeLean(store)
      if (end === 'stop') store.index.stop(new StoreError('ERR_STORE_CLOSED', 'closed'))
      else store[end]()
      await turn()
      if (end !== 'stop') await store.index.settled()
      expect([source.restores, source.releases]).toEqual([0, 1])
      expect(store.index.served.built?.leanCodes).toBe(undefined)
    }
  })

  test('has failed where it cannot be restored, and goes on being searched', async () => {
    const store = await built()
    const before = await hitsOf(store)
    const damage = new StoreError('ERR_SNAPSHOT_CORRUPT', 'a part is damaged')
    const source = await makeLean(store)
    source.beforeRestore = () => Promise.reject(damage)
    await expect(store.indexDigest()).rejects.toBe(damage)
    expect(store.index.failure).toBe(undefined)
    store.addRows(rowsOf(9, 4), COUNT + 20)
    store.insert()
    await expect(store.index.settled()).rejects.toBe(damage)
    expect([store.index.failure, store.built.leanCodes, source.releases]).toEqual([damage, 'walk', 0])
    expect((await hitsOf(store)).length).toBe(before.length)
    expect((await store.search({ vector: Float32Array.from(rowsOf(9, 4)[2]!), k: 1 })).scores[0]).toBe(0)
    expect(await store.index.makeWhole()).toBe(false)
    store.bulk(undefined, { walkCodes: 'narrow', scale: 1 })
    await store.index.settled()
    expect([store.index.failure, store.built.leanCodes, source.releases]).toEqual([undefined, undefined, 1])
    expectSound(store.collection)
  })

  test('has failed where it is to be whole and cannot', async () => {
    const backlogs: number[] = []
    const host = hostOf({ onTaskEnd: (error) => error && backlogs.push(store.index.backlog) })
    const store = await built('euclidean', DIMENSIONS, host)
    const damage = new StoreError('ERR_SNAPSHOT_CORRUPT', 'a part is damaged')
    const source = await makeLean(store)
    source.beforeRestore = () => Promise.reject(damage)
    const other = await WholeCopy.of((await built()).index, store.collection.slotCount)
    await expect(store.index.makeWhole()).rejects.toBe(damage)
    expect([await store.index.makeLean('binary', other), other.releases]).toEqual([false, 1])
    expect([store.index.failure, host.ends.at(-1), store.built.leanCodes]).toEqual([damage, damage, 'walk'])
    expect(backlogs).toEqual([0])
  })

  test('is as it was where there is no memory for another form', async () => {
    const phases = new ScriptedPhases()
    const store = await built('euclidean', DIMENSIONS, hostOf({ phases }))
    const full = new StoreError('ERR_COLLECTION_FULL', 'no memory')
    const source = await copyOf(store)
    phases.failNext(full)
    await expect(store.index.makeLean('walk', source)).rejects.toBe(full)
    expect([store.index.failure, store.built.leanCodes, source.releases]).toEqual([undefined, undefined, 1])
    await makeLean(store)
    expect(phases.log.slice(-2)).toEqual(['end 0', 'forget 0'])
    expectSound((await built()).collection)
  })

  test('gives up where it is stopped while it is restored', async () => {
    const store = await built()
    const gate = new Gate()
    const source = await makeLean(store)
    source.beforeRestore = gate.pass
    const whole = store.index.makeWhole()
    await turn()
    store.index.stop(new StoreError('ERR_STORE_CLOSED', 'closed'))
    await gate.allow(1)
    expect([await whole, source.releases, store.index.served.built]).toEqual([false, 1, undefined])
  })

  test('refuses what needs all of it', async () => {
    const store = await built()
    await makeLean(store)
    const { graph } = store.built
    const message = 'a lean graph can be searched and nothing else'
    for (const use of [
      () => graph.checkInvariants(),
      () => graph.exportEdges(),
      () => [...graph.digestBytes()],
      () => graph.add(query(1)),
      () => graph.run(graph.insert(new Uint32Array(0))),
      () => graph.core,
    ])
      expect(use).toThrow(new RangeError(message))
  })
})
