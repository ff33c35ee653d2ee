import fc from 'fast-check'
import { CHUNK_SLOTS } from '../../../src/base/limits.ts'
import { isCompactable } from '../../../src/engine/compaction.ts'
import { type IndexFixture, PLAN } from './index-fixture.ts'

export const DIMENSIONS = 2
const IDS = 40

/** Few components, so that there are many equal vectors, and vectors that differ in the sign of a zero only. */
const component = fc.constantFrom(1, -1, 2, 3, -0, 0, 0.1, 1e-45, 7, 3e38)
export const vector = fc.tuple(component, fc.constantFrom(1, 2, -3, 5))
const id = fc.nat(IDS - 1).map((number) => `id-${number}`)

export type Step =
  | { readonly type: 'add'; readonly entries: readonly { id: string; vector: readonly number[] }[] }
  | { readonly type: 'delete'; readonly ids: readonly string[] }
  | { readonly type: 'insert' | 'bulk' | 'rebuild'; readonly share: number }
  | { readonly type: 'consolidate' }
  | { readonly type: 'compact'; readonly place: number }
  | { readonly type: 'forget' }

const share = fc.constantFrom(1, 1, 1, 0.9, 0.5, 0)
const constant = <Type extends string>(type: Type) => fc.constant(type)
const entries = fc.array(fc.record({ id, vector }), { minLength: 1, maxLength: 14, size: 'max' })

export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 16, arbitrary: fc.record({ type: constant('add'), entries }) },
  { weight: 8, arbitrary: fc.record({ type: constant('delete'), ids: fc.array(id, { maxLength: 12, size: 'max' }) }) },
  { weight: 8, arbitrary: fc.record({ type: constant('insert'), share }) },
  { weight: 5, arbitrary: fc.record({ type: constant('bulk'), share }) },
  { weight: 1, arbitrary: fc.record({ type: constant('rebuild'), share }) },
  { weight: 5, arbitrary: fc.record({ type: constant('consolidate') }) },
  { weight: 6, arbitrary: fc.record({ type: constant('compact'), place: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ type: constant('forget') }) },
)

/** Vectors by id, as they should be. */
export type IndexModel = Map<string, readonly number[]>

/** Applies a step to a collection, and to a model if one is given. */
export function take(store: IndexFixture, step: Step, model: IndexModel = new Map()): void {
  const { collection } = store
  const { slotCount } = collection
  switch (step.type) {
    case 'add':
      for (const { id, vector } of step.entries) {
        store.add(collection, { [id]: vector })
        model.set(id, vector)
      }
      break
    case 'delete':
      store.delete(collection, ...step.ids)
      for (const id of step.ids) model.delete(id)
      break
    case 'insert':
    case 'bulk':
    case 'rebuild':
      store[step.type](Math.floor(slotCount * step.share), PLAN)
      break
    case 'compact':
      compactSome(store, step.place)
      break
    default:
      store[step.type]()
  }
}

/** A chunk that can be compacted if there is one. */
function compactSome(store: IndexFixture, place: number): void {
  const { collection } = store
  const chunks = Array.from({ length: Math.floor(collection.slotCount / CHUNK_SLOTS) }, (_, chunk) => chunk)
  const fitting = chunks.filter((chunk) => isCompactable(collection, chunk))
  store.compact(fitting[place % Math.max(1, fitting.length)] ?? place)
}
