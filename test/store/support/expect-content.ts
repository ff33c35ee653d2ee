import { expect } from 'vitest'
import type { Collection, Entry } from '../../../src/store/collection.ts'
import type { Hit } from '../../../src/store/search.ts'
import type { VectorStore } from '../../../src/store/vector-store.ts'
import { distanceOf, type ModelCollection, type StoreModel, toleranceOf } from '../../support/store-model.ts'
import { bytesGiven, bytesOfComponents, componentFor, handedIn, type VectorType } from '../../support/typed-vectors.ts'
import { collect } from './store-fixture.ts'

/** Compares a store with the model by everything that its public calls can say. */
export async function expectContent(store: VectorStore, model: StoreModel, query: readonly number[]): Promise<void> {
  const expected = [...model.collections.values()]
  expect(store.stats().lsn).toBe(model.lsn)
  expect(store.collections()).toEqual(
    expected.map(({ name, dimensions, metric, type, createdAtLsn, entries }) => ({
      name,
      dimensions,
      metric,
      type,
      quantization: 'none',
      createdAtLsn,
      count: entries.size,
    })),
  )
  for (const collection of expected) await expectEntries(await store.collection(collection.name), collection, query)
}

async function expectEntries(
  collection: Collection<object, VectorType>,
  model: ModelCollection,
  components: readonly number[],
): Promise<void> {
  const { type } = model
  const ids = [...model.entries.keys()]
  const shown = ids.map((id) => {
    const { vector, metadata } = model.entries.get(id)!
    return { id, bytes: bytesOfComponents(type, [...vector]), metadata }
  })
  const show = (entry: Entry<object, VectorType> | undefined) =>
    entry && { id: entry.id, bytes: bytesGiven(type, entry.vector), metadata: entry.metadata }
  expect(collection.count()).toBe(ids.length)
  expect(await collect(collection.ids())).toEqual(ids)
  expect((await collect(collection.entries())).map(show)).toEqual(shown)
  expect((await collection.getMany([...ids, 'nobody'])).map(show)).toEqual([...shown, undefined])
  const query = type === 'binary' ? vectorFor(model, components) : queryFor(model, components)
  for (const k of [2, 100]) {
    const asked = type === 'binary' ? handedIn(type, [...query]) : query
    const { hits } = await collection.search(asked, { k, includeMetadata: true })
    expectHits(hits, model, query, Math.min(k, ids.length))
  }
  const first = ids[0]
  if (first === undefined) return
  const { hits } = await collection.search({ id: first }, { k: 3 })
  expectHits(hits, model, model.entries.get(first)!.vector, Math.min(3, ids.length - 1), first)
}

/** The number of hits, their order, each distance, and that none is missing that is nearer than the last. */
function expectHits(
  hits: readonly Hit<object, VectorType>[],
  model: ModelCollection,
  query: Float32Array,
  count: number,
  excludedId?: string,
): void {
  const ranking = model.ranking(query, excludedId)
  expect(hits.length).toBe(count)
  expect(new Set(hits.map(({ id }) => id)).size).toBe(count)
  for (const [rank, { id, distance }] of hits.entries()) {
    const { vector } = model.entries.get(id)!
    const tolerance = toleranceOf(model.metric, query, vector)
    const context = `'${id}' at rank ${rank} under ${model.metric}`
    expect(id, context).not.toBe(excludedId)
    expect(Math.abs(distance - distanceOf(model.metric, query, vector)), context).toBeLessThanOrEqual(tolerance)
    const atRank = model.entries.get(ranking[rank]!.id)!.vector
    const spread = tolerance + toleranceOf(model.metric, query, atRank)
    expect(Math.abs(distance - ranking[rank]!.distance), context).toBeLessThanOrEqual(spread)
    if (rank > 0) expect(distance, context).toBeGreaterThanOrEqual(hits[rank - 1]!.distance)
  }
}

/** Any numbers that the metric of a collection can take. */
function queryFor(model: ModelCollection, components: readonly number[]): Float32Array {
  const vector = Float32Array.from(components.slice(0, model.dimensions))
  if (model.metric === 'cosine' && vector.every((component) => component === 0)) vector[0] = 1
  return vector
}

/** The components that a collection's type, metric and dimensions can take. */
export function vectorFor(model: ModelCollection, components: readonly number[]): Float32Array {
  const vector = Float32Array.from({ length: model.dimensions }, (_, i) =>
    componentFor(model.type, components[i % components.length]!),
  )
  if (model.metric === 'cosine' && vector.every((component) => component === 0)) vector[0] = 1
  return vector
}
