import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CollectionView } from '../../src/engine/collection-state.ts'
import type { EventOutcome, StoreEvent } from '../../src/engine/events.ts'
import { METRICS } from '../../src/engine/metric.ts'
import { bitsOf, EngineFixture, vectorBytes } from './engine-fixture.ts'
import { type ModelCollection, StoreModel } from './store-model.ts'

const DIMENSIONS = 2
const id = fc.constantFrom('a', 'b', 'c', 'd', 'e', '\ufeff', 'é')
const name = fc.constantFrom('one', 'two', 'three')
const document = fc.option(fc.uint8Array({ maxLength: 6 }), { nil: undefined })
const ordinary = fc.constantFrom(1, -1, 2, -0, 0, 1e-45, -1e-45, 3.4028234663852886e38, 0.1)
const component = fc.oneof(
  { weight: 60, arbitrary: ordinary },
  { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Infinity) },
)
const entry = fc.record({ id, vector: fc.array(component, { minLength: DIMENSIONS, maxLength: DIMENSIONS }), document })

/** An event about a collection by name; the LSN that a name stands for is known only when it is applied. */
type LsnOf = (name: string) => number
type Step = (lsnOf: LsnOf) => StoreEvent

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ name, metric: fc.constantFrom(...METRICS) }).map(
      ({ name, metric }) =>
        (): StoreEvent => ({
          type: 'create',
          name,
          dimensions: DIMENSIONS,
          metric,
        }),
    ),
  },
  {
    weight: 1,
    arbitrary: name.map(
      (name) =>
        (lsnOf: LsnOf): StoreEvent => ({ type: 'drop', collection: lsnOf(name) }),
    ),
  },
  {
    weight: 8,
    arbitrary: fc.record({ name, entries: fc.array(entry, { maxLength: 5 }) }).map(
      ({ name, entries }) =>
        (lsnOf: LsnOf): StoreEvent => ({
          type: 'add',
          collection: lsnOf(name),
          ids: entries.map(({ id }) => id),
          vectors: vectorBytes(...entries.map(({ vector }) => vector)),
          ...(entries.some(({ document }) => document !== undefined)
            ? { documents: entries.map(({ document }) => document) }
            : {}),
        }),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.record({ name, id, document }).map(
      ({ name, id, document }) =>
        (lsnOf: LsnOf): StoreEvent => ({
          type: 'update',
          collection: lsnOf(name),
          id,
          document,
        }),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.record({ name, ids: fc.array(id, { maxLength: 3 }) }).map(
      ({ name, ids }) =>
        (lsnOf: LsnOf): StoreEvent => ({
          type: 'delete',
          collection: lsnOf(name),
          ids,
        }),
    ),
  },
)

/** An event of which some fields are something else altogether. */
const fieldNames = [
  'type',
  'name',
  'dimensions',
  'metric',
  'collection',
  'ids',
  'vectors',
  'documents',
  'id',
  'document',
]
const garbage = fc.record({
  step,
  fields: fc.dictionary(fc.constantFrom(...fieldNames), fc.anything({ withTypedArray: true, withSparseArray: true }), {
    minKeys: 1,
    maxKeys: 3,
  }),
})

describe('applyEvent over random histories', () => {
  test('agrees with a model of plain maps, and equal histories have equal digests', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
        const store = new EngineFixture()
        const twin = new EngineFixture()
        const model = new StoreModel()
        for (const make of steps) {
          const event = make((name) => model.collections.get(name)?.lsn ?? 999_999)
          const expected = model.apply(event, store.state.lsn + 1)
          expect(store.apply(event)).toEqual(expected)
          twin.apply(event)
        }
        expectSame(store, model)
        expect(await twin.digest()).toBe(await store.digest())
      }),
      { numRuns: 300 },
    )
  })

  test('garbage never throws, and what is refused changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 12 }),
        fc.array(fc.oneof(garbage, fc.anything()), { minLength: 1, maxLength: 6 }),
        async (steps, odd) => {
          const store = new EngineFixture()
          for (const name of ['one', 'two', 'three']) store.create(name, DIMENSIONS)
          const lsnOf = (name: string) => store.state.collectionByName(name)?.creationLsn ?? 999_999
          for (const make of steps) store.apply(make(lsnOf))
          for (const thing of odd) {
            const before = await store.digest()
            const outcome = store.applyAnything(isGarbage(thing) ? { ...thing.step(lsnOf), ...thing.fields } : thing)
            if (outcome.code === undefined) continue
            expect(outcome).toEqual({ code: outcome.code, added: 0, replaced: 0, removed: 0 } satisfies EventOutcome)
            expect(await store.digest()).toBe(before)
          }
        },
      ),
      { numRuns: 300 },
    )
  })
})

function isGarbage(thing: unknown): thing is { step: Step; fields: object } {
  return typeof (thing as { step?: unknown } | null)?.step === 'function'
}

function expectSame(store: EngineFixture, model: StoreModel): void {
  const collections = store.state.collections()
  expect(collections.map(({ name }) => name)).toEqual([...model.collections.keys()])
  for (const collection of collections) {
    expect(store.state.collectionByName(collection.name)).toBe(collection)
    expect(store.state.collectionByLsn(collection.creationLsn)).toBe(collection)
    expectSameCollection(collection, model.collections.get(collection.name)!)
  }
}

function expectSameCollection(collection: CollectionView, model: ModelCollection): void {
  expect([collection.creationLsn, collection.metric, collection.slotCount, collection.liveCount]).toEqual([
    model.lsn,
    model.metric,
    model.slotCount,
    model.entries.size,
  ])
  const entries = [...model.entries].sort(([, left], [, right]) => left.slot - right.slot)
  expect([...collection.liveSlots()]).toEqual(entries.map(([, { slot }]) => slot))
  for (const [id, { slot, vector, document }] of entries) {
    expect([collection.slotOf(id), collection.idAt(slot), collection.isDead(slot)]).toEqual([slot, id, false])
    expect(bitsOf(collection.copyVector(slot))).toEqual(bitsOf(vector))
    expect(collection.documentAt(slot)).toEqual(document)
  }
  for (const id of ['a', 'b', 'c', 'd', 'e', '\ufeff', 'é']) {
    expect(collection.slotOf(id)).toBe(model.entries.get(id)?.slot)
  }
  const memory = new Map(collection.memory().map(({ component, bytes }) => [component, bytes]))
  expect([...memory.keys()]).toEqual(['originals', 'norms', 'ids', 'identity', 'documents', 'tombstones', 'indexSlots'])
  expect(memory.get('originals')).toBeGreaterThanOrEqual(model.slotCount * DIMENSIONS * 4)
  expect(memory.get('ids')).toBeGreaterThanOrEqual(model.slotCount)
  expect(memory.get('identity')).toBeGreaterThanOrEqual(entries.length * 4)
}
