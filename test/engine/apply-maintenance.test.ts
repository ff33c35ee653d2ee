import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { EventOutcome, StoreEvent } from '../../src/engine/events.ts'
import { INDEX_VERSION } from '../../src/engine/index/disk-ann-index.ts'
import type { Metric } from '../../src/engine/metric.ts'
import { expectSound, IndexFixture, nearestOf, PLAN, pairsOf } from './index/index-fixture.ts'

const DONE = { added: 0, replaced: 0, removed: 0 }
const SLOTS = 12
const CENTRE = new Uint8Array(Float32Array.of(1, -2).buffer)

/** Some slots of a collection, 5 of which are moved out of the buffer if it is to have a graph. */
function storeOf({ metric = 'euclidean', hasGraph = true }: { metric?: Metric; hasGraph?: boolean } = {}) {
  const store = new IndexFixture(2, metric)
  store.addRows(Array.from({ length: SLOTS }, (_, slot) => [slot + 1, 1]))
  store.delete(store.collection, 'e3', 'e8')
  if (hasGraph) store.bulk(5)
  return store
}

type Fields = Record<string, unknown>
const insert = { type: 'flush', method: 'insert', collection: 1, throughSlot: 9, indexVersion: INDEX_VERSION }
const bulk = { ...insert, ...PLAN, method: 'bulk' }
const rebuild = { ...PLAN, type: 'rebuild', collection: 1, throughSlot: 9, indexVersion: INDEX_VERSION }
const consolidate = { type: 'consolidate', collection: 1 }
const compact = { type: 'compact', collection: 1, chunk: 0 }

/** All that an event could change. */
async function snapshotOf(store: IndexFixture) {
  const { index, slotCount, freedCount } = store.collection
  const { served, flushedThrough, backlog, failure } = index
  const through = index.indexedThroughLsn(1000)
  return { data: await store.digest(), served, flushedThrough, backlog, failure, through, slotCount, freedCount }
}

async function expectRefused(store: IndexFixture, event: unknown, code: EventOutcome['code']): Promise<void> {
  const before = await snapshotOf(store)
  expect(store.applyAnything(event)).toEqual({ ...DONE, code })
  expect(await snapshotOf(store)).toEqual(before)
}

const badSlots: unknown[] = [-1, SLOTS + 1, 2.5, Number.NaN, Infinity, 2 ** 53, '9', 9n, null, undefined, [9], {}, true]
const badVersions: unknown[] = [0, -1, 1.5, Number.NaN, Infinity, '1', 1n, null, undefined, [1], {}]

describe('events that order graph work', () => {
  test.each([
    ['insert', insert],
    ['bulk', bulk],
    ['rebuild', rebuild],
  ])('with a slot or a version that cannot be change nothing: %s', async (_, event) => {
    const store = storeOf()
    for (const throughSlot of badSlots) await expectRefused(store, { ...event, throughSlot }, 'ERR_RECORD_INVALID')
    for (const indexVersion of badVersions) await expectRefused(store, { ...event, indexVersion }, 'ERR_RECORD_INVALID')
    const newer = { ...event, indexVersion: INDEX_VERSION + 1 }
    await expectRefused(store, { ...newer, throughSlot: SLOTS + 1 }, 'ERR_RECORD_INVALID')
  })

  test.each([
    ['bulk', bulk],
    ['rebuild', rebuild],
  ])('with a plan that cannot be change nothing: %s', async (_, event) => {
    const store = storeOf()
    const plans: Fields[] = [
      { walkCodes: 'Wide' },
      { walkCodes: undefined },
      { walkCodes: 4 },
      { scale: 0 },
      { scale: 3 },
      { scale: -2 },
      { scale: 2 ** 201 },
      { scale: 2 ** -201 },
      { scale: Infinity },
      { scale: Number.NaN },
      { scale: '1' },
      { scale: undefined },
      { centre: CENTRE.subarray(1) },
      { centre: new Uint8Array(12) },
      { centre: new Uint8Array(Float32Array.of(1, Number.NaN).buffer) },
      { centre: new Uint8Array(Float32Array.of(-Infinity, 1).buffer) },
      { centre: Float32Array.of(1, 2) },
      { centre: [1, 2] },
      { centre: null },
      { centre: 'ab' },
    ]
    for (const plan of plans) await expectRefused(store, { ...event, ...plan }, 'ERR_RECORD_INVALID')
    for (const metric of ['cosine', 'dot'] as const) {
      await expectRefused(storeOf({ metric }), { ...event, centre: CENTRE }, 'ERR_RECORD_INVALID')
    }
  })

  test('that insert need a graph, and slots that no flush has taken', async () => {
    await expectRefused(storeOf({ hasGraph: false }), insert, 'ERR_RECORD_INVALID')
    const store = storeOf()
    for (const throughSlot of [0, 4, 5]) await expectRefused(store, { ...insert, throughSlot }, 'ERR_RECORD_INVALID')
    const newer = { ...insert, throughSlot: 5, indexVersion: INDEX_VERSION + 1 }
    await expectRefused(store, newer, 'ERR_RECORD_INVALID')
    expect(store.applyAnything(insert)).toEqual(DONE)
    await expectRefused(store, insert, 'ERR_RECORD_INVALID')
  })

  test.each<unknown>(['Insert', '', 'bulk ', undefined, null, 1, ['bulk'], {}])(
    'with an unknown method change nothing: %s',
    (method) => expectRefused(storeOf(), { ...bulk, method }, 'ERR_RECORD_INVALID'),
  )

  test.each([
    ['insert', insert],
    ['bulk', bulk],
    ['rebuild', rebuild],
    ['consolidate', consolidate],
    ['compact', compact],
  ])('of a collection that is not there change nothing: %s', async (_, event) => {
    const store = storeOf()
    for (const collection of [0, 2, 99, '1', null, undefined, {}, Number.NaN]) {
      await expectRefused(store, { ...event, collection }, 'ERR_COLLECTION_NOT_FOUND')
    }
    store.drop(store.collection)
    expect(store.applyAnything(event)).toEqual({ ...DONE, code: 'ERR_COLLECTION_NOT_FOUND' })
  })

  test('of a chunk that cannot be compacted change nothing', async () => {
    for (const chunk of [0, 1, -1, 0.5, '0', null, undefined, Number.NaN, Infinity]) {
      await expectRefused(storeOf(), { ...compact, chunk }, 'ERR_RECORD_INVALID')
    }
  })

  test('fix what their tasks see', async () => {
    const store = storeOf()
    const { collection, index } = store
    expect([index.flushedThrough, index.backlog]).toEqual([5, 1])
    expect(store.insert(9)).toEqual(DONE)
    expect([index.flushedThrough, index.backlog]).toEqual([9, 2])
    store.delete(collection, 'e0', 'e5')
    store.addRows([[50, 50]], 100)
    store.start()
    await index.settled()
    expect(index.served.builtThrough).toBe(9)
    // e3 and e8 were dead when the events were applied, e0 and e5 were not.
    expect(store.built.graph.linkedCount).toBe(7)
    expect([3, 8, 9].map((slot) => store.built.slots.nodeOf(slot))).toEqual([undefined, undefined, undefined])
    expect([store.built.live.deadCount, store.consolidate()]).toEqual([2, DONE])
    await index.settled()
    expect([store.built.live.deadCount, store.built.graph.linkedCount]).toEqual([0, 5])
    expectSound(collection)
  })

  test('may build a graph of nothing, and of less than before', async () => {
    const store = storeOf({ hasGraph: false })
    store.start()
    expect(store.bulk(0)).toEqual(DONE)
    await store.index.settled()
    expect([store.index.flushedThrough, store.built.graph.nodeCount]).toEqual([0, 0])
    expectSound(store.collection)
    await expectRefused(store, insert, 'ERR_RECORD_INVALID')
    expect([store.rebuild(9), store.insert(12), store.bulk(4)]).toEqual([DONE, DONE, DONE])
    await store.index.settled()
    expect([store.index.flushedThrough, store.index.served.builtThrough]).toEqual([4, 4])
    expectSound(store.collection)
    expect(store.insert(9)).toEqual(DONE)
    await store.index.settled()
    expect(store.built.graph.linkedCount).toBe(7)
  })

  test('take the centre and the scale of their plan', async () => {
    const store = storeOf()
    store.bulk(9, { walkCodes: 'narrow', scale: 0.25, centre: CENTRE })
    store.start()
    await store.index.settled()
    const { scale, centre } = store.built.graph.parameters
    expect([scale, [...centre]]).toEqual([0.25, [1, -2]])
  })

  test.each([
    ['insert', insert],
    ['bulk', { ...bulk, walkCodes: 'of tomorrow' }],
    ['rebuild', { ...rebuild, scale: undefined, other: 1 }],
  ])('by rules of a newer release leave no graph, and everything is scanned: %s', async (_, event) => {
    const store = storeOf()
    store.start()
    await store.index.settled()
    expect(store.index.served.builtThrough).toBe(5)
    expect(store.applyAnything({ ...event, indexVersion: INDEX_VERSION + 1 })).toEqual(DONE)
    expect(store.index.flushedThrough).toBe(0)
    await store.index.settled()
    expectSound(store.collection)
    expect([store.index.served.built, store.index.indexedThroughLsn(9)]).toEqual([undefined, 1])
    const vector = Float32Array.of(4, 2)
    const hits = await store.search({ vector })
    expect(hits.exact).toBe(true)
    expect(pairsOf(hits)).toEqual(nearestOf(store.collection, vector, 10))
    // What the newer release inserts next cannot be told from what it built.
    expect(store.applyAnything({ ...insert, throughSlot: 12, indexVersion: INDEX_VERSION + 1 })).toEqual(DONE)
    await store.index.settled()
    await expectRefused(store, insert, 'ERR_RECORD_INVALID')
    expect(store.rebuild()).toEqual(DONE)
    await store.index.settled()
    expect(store.built.graph.linkedCount).toBe(10)
  })

  test('with fields of any kind never throw, and what is refused changes nothing', async () => {
    const anything = fc.oneof(
      fc.anything({ withTypedArray: true, withBigInt: true }),
      fc.constantFrom<unknown>(0, 1, 5, 6, 12, 13, -0, 2, 'insert', 'bulk', 'wide', CENTRE, new Uint8Array(8)),
    )
    const names = ['collection', 'throughSlot', 'indexVersion', 'method', 'walkCodes', 'scale', 'centre', 'chunk']
    const event = fc.record({
      base: fc.constantFrom<Fields>(insert, bulk, rebuild, consolidate, compact),
      fields: fc.dictionary(fc.constantFrom(...names), anything, { minKeys: 1, maxKeys: 3 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 8 }), async (events) => {
        const store = storeOf()
        for (const { base, fields } of events) {
          const before = await snapshotOf(store)
          const outcome = store.applyAnything({ ...base, ...fields } as unknown as StoreEvent)
          if (outcome.code === undefined) continue
          expect(outcome).toEqual({ ...DONE, code: outcome.code })
          expect(await snapshotOf(store)).toEqual(before)
        }
        store.start()
        await store.index.settled()
        expectSound(store.collection)
      }),
      { numRuns: 150, seed: 1 },
    )
  })
})
