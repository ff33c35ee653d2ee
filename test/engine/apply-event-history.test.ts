import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CollectionView } from '../../src/engine/collection-state.ts'
import type { EventOutcome, StoreEvent } from '../../src/engine/events.ts'
import {
  bytesGiven,
  bytesOfComponents,
  componentFor,
  METRICS_OF,
  VECTOR_TYPES,
  type VectorType,
} from '../support/typed-vectors.ts'
import { bitsOf, EngineFixture } from './engine-fixture.ts'
import { type ModelCollection, StoreModel } from './store-model.ts'

/** Of bits there are eight to a byte. */
const MOST_DIMENSIONS = 8
const dimensionsOf = (type: VectorType) => (type === 'binary' ? MOST_DIMENSIONS : 2)
const id = fc.constantFrom('a', 'b', 'c', 'd', 'e', '\ufeff', 'é')
const name = fc.constantFrom('one', 'two', 'three')
const document = fc.option(fc.uint8Array({ maxLength: 6 }), { nil: undefined })
const ordinary = fc.constantFrom(1, -1, 2, -0, 0, 1e-45, -1e-45, 3.4028234663852886e38, 0.1)
const component = fc.oneof(
  { weight: 60, arbitrary: ordinary },
  { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Infinity) },
)
const entry = fc.record({
  id,
  vector: fc.array(component, { minLength: MOST_DIMENSIONS, maxLength: MOST_DIMENSIONS }),
  document,
})

/** An event about a collection by name; what a name stands for is known only when it is applied. */
type Known = (name: string) => { readonly lsn: number; readonly vectorType: VectorType }
type Step = (known: Known) => StoreEvent

const NOT_THERE = { lsn: 999_999, vectorType: 'float32' } as const

const typed = fc
  .constantFrom(...VECTOR_TYPES)
  .chain((type) => fc.record({ type: fc.constant(type), metric: fc.constantFrom(...METRICS_OF[type]) }))

/** The bytes of an event, at an odd offset, because that is where a decoder may leave them. */
function rowBytes(type: VectorType, vectors: readonly (readonly number[])[]): Uint8Array {
  const rows = vectors.map((vector) => vector.slice(0, dimensionsOf(type)).map((number) => componentFor(type, number)))
  const bytes = bytesOfComponents(type, rows.flat())
  const shifted = new Uint8Array(bytes.byteLength + 1).subarray(1)
  shifted.set(bytes)
  return shifted
}

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ name, typed }).map(
      ({ name, typed: { type, metric } }) =>
        (): StoreEvent => ({
          type: 'create',
          name,
          dimensions: dimensionsOf(type),
          metric,
          ...(type === 'float32' ? {} : { vectorType: type }),
        }),
    ),
  },
  {
    weight: 1,
    arbitrary: name.map(
      (name) =>
        (known: Known): StoreEvent => ({ type: 'drop', collection: known(name).lsn }),
    ),
  },
  {
    weight: 8,
    arbitrary: fc.record({ name, entries: fc.array(entry, { maxLength: 5 }) }).map(
      ({ name, entries }) =>
        (known: Known): StoreEvent => ({
          type: 'add',
          collection: known(name).lsn,
          ids: entries.map(({ id }) => id),
          vectors: rowBytes(
            known(name).vectorType,
            entries.map(({ vector }) => vector),
          ),
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
        (known: Known): StoreEvent => ({
          type: 'update',
          collection: known(name).lsn,
          id,
          document,
        }),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.record({ name, ids: fc.array(id, { maxLength: 3 }) }).map(
      ({ name, ids }) =>
        (known: Known): StoreEvent => ({
          type: 'delete',
          collection: known(name).lsn,
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
  'vectorType',
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
          const event = make((name) => model.collections.get(name) ?? NOT_THERE)
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
          for (const [place, name] of ['one', 'two', 'three'].entries()) {
            const vectorType = VECTOR_TYPES[place * 2]!
            const [metric] = METRICS_OF[vectorType]
            store.apply({ type: 'create', name, dimensions: dimensionsOf(vectorType), metric: metric!, vectorType })
          }
          const known: Known = (name) => {
            const found = store.state.collectionByName(name)
            return found === undefined ? NOT_THERE : { lsn: found.creationLsn, vectorType: found.vectorType }
          }
          for (const make of steps) store.apply(make(known))
          for (const thing of odd) {
            const before = await store.digest()
            const outcome = store.applyAnything(isGarbage(thing) ? { ...thing.step(known), ...thing.fields } : thing)
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
  expect([collection.creationLsn, collection.distanceMetric, collection.slotCount, collection.liveCount]).toEqual([
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
    const { bytes } = collection.borrowRows(slot, 1)
    expect(bytes).toEqual(bytesOfComponents(model.vectorType, vector))
    expect(bytesGiven(model.vectorType, collection.copyOriginal(slot))).toEqual(bytes)
    expect(collection.documentAt(slot)).toEqual(document)
  }
  for (const id of ['a', 'b', 'c', 'd', 'e', '\ufeff', 'é']) {
    expect(collection.slotOf(id)).toBe(model.entries.get(id)?.slot)
  }
  const memory = new Map(collection.memory().map(({ component, bytes }) => [component, bytes]))
  expect([...memory.keys()]).toEqual(['originals', 'norms', 'ids', 'identity', 'documents', 'tombstones', 'indexSlots'])
  expect(memory.get('originals')).toBeGreaterThanOrEqual(
    bytesOfComponents(model.vectorType, Array(model.slotCount * model.dimensions).fill(0)).byteLength,
  )
  expect(memory.get('ids')).toBeGreaterThanOrEqual(model.slotCount)
  expect(memory.get('identity')).toBeGreaterThanOrEqual(entries.length * 4)
}
