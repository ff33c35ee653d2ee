import { expect } from 'vitest'
import type { Collection } from '../../../src/store/collection.ts'
import type { Hit } from '../../../src/store/search.ts'
import type { VectorStore } from '../../../src/store/vector-store.ts'
import { distanceOf, type ModelCollection, type StoreModel, toleranceOf } from '../../support/store-model.ts'
import { bitsOf, collect } from './store-fixture.ts'

/** Compares a store with the model by everything that its public calls can say. */
export async function expectContent(store: VectorStore, model: StoreModel, query: readonly number[]): Promise<void> {
  const expected = [...model.collections.values()]
  expect(store.stats().lsn).toBe(model.lsn)
  expect(store.collections()).toEqual(
    expected.map(({ name, dimensions, metric, createdAtLsn, entries }) => ({
      name,
      dimensions,
      metric,
      quantization: 'none',
      createdAtLsn,
      count: entries.size,
    })),
  )
  for (const collection of expected) await expectEntries(await store.collection(collection.name), collection, query)
}

async function expectEntries(
  collection: Collection,
  model: ModelCollection,
  components: readonly number[],
): Promise<void> {
  const ids = [...model.entries.keys()]
  const shown = ids.map((id) => {
    const { vector, metadata } = model.entries.get(id)!
    return { id, bits: bitsOf(vector), metadata }
  })
  const show = (entry: Awaited<ReturnType<Collection['get']>>) =>
    entry && { id: entry.id, bits: bitsOf(entry.vector), metadata: entry.metadata }
  expect(collection.count()).toBe(ids.length)
  expect(await collect(collection.ids())).toEqual(ids)
  expect((await collect(collection.entries())).map(show)).toEqual(shown)
  expect((await collection.getMany([...ids, 'nobody'])).map(show)).toEqual([...shown, undefined])
  const query = queryFor(model, components)
  for (const k of [2, 100]) {
    const { hits } = await collection.search(query, { k, includeMetadata: true })
    expectHits(hits, model, query, Math.min(k, ids.length))
  }
  const first = ids[0]
  if (first === undefined) return
  const { hits } = await collection.search({ id: first }, { k: 3 })
  expectHits(hits, model, model.entries.get(first)!.vector, Math.min(3, ids.length - 1), first)
}

/** The number of hits, their order, each distance, and that none is missing that is nearer than the last. */
function expectHits(
  hits: readonly Hit[],
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

/** The components a collection's metric and dimensions can take. */
export function queryFor(model: ModelCollection, components: readonly number[]): Float32Array {
  const vector = Float32Array.from(components.slice(0, model.dimensions))
  if (model.metric === 'cosine' && vector.every((component) => component === 0)) vector[0] = 1
  return vector
}
