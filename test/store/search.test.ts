import { describe, expect, test } from 'vitest'
import { yieldToEventLoop } from '../../src/store/event-loop.ts'
import { readGloveFixture } from '../fixtures/glove.ts'
import { errorOf } from '../support/log-fixture.ts'
import { ModelCollection } from '../support/store-model.ts'
import { endingOf, StoreFixture, someEntries } from './support/store-fixture.ts'

const LINE = [1, 2, 3, 4, 5].map((x) => ({ id: `at ${x}`, vector: [x, 0], metadata: { x } }))

/** Bytes of vectors beyond what one slice of a scan takes: such a search yields to the event loop. */
const LARGE_DIMENSIONS = 1024
const LARGE_COUNT = 3000

function largeEntries(): { id: string; vector: Float32Array }[] {
  return Array.from({ length: LARGE_COUNT }, (_, index) => ({
    id: `e${index}`,
    vector: new Float32Array(LARGE_DIMENSIONS).fill(index + 1),
  }))
}

describe('search', () => {
  test('gives the nearest first, with true distances', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    await vectors.add(LINE)
    const { hits, exact, visited } = await vectors.search([2.75, 0], { k: 3 })
    expect(hits).toEqual([
      { id: 'at 3', distance: 0.25 },
      { id: 'at 2', distance: 0.75 },
      { id: 'at 4', distance: 1.25 },
    ])
    expect([exact, visited]).toEqual([true, 5])
    await store.close()
  })

  test.each([
    ['cosine', [1 - Math.SQRT1_2, 1]],
    ['euclidean', [1, Math.SQRT2]],
    ['dot', [-1, 0]],
  ] as const)('measures by the metric of the collection: %s', async (metric, distances) => {
    const { store, vectors } = await StoreFixture.withCollection({ dimensions: 2, metric })
    await vectors.add([
      { id: 'up', vector: [0, 1] },
      { id: 'slanted', vector: [1, 1] },
    ])
    const { hits } = await vectors.search(Float32Array.of(1, 0))
    expect(hits.map(({ id }) => id)).toEqual(['slanted', 'up'])
    for (const [index, { distance }] of hits.entries()) expect(distance).toBeCloseTo(distances[index]!, 12)
    await store.close()
  })

  test('by id leaves that entry out, and only that one', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    await vectors.add([...LINE, { id: 'twin', vector: [3, 0] }])
    const { hits } = await vectors.search({ id: 'at 3' }, { k: 2 })
    expect(hits.map(({ id, distance }) => [id, distance])).toEqual([
      ['twin', 0],
      ['at 2', 1],
    ])
    await store.close()
  })

  test('by an id that is not there says so', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    const error = await errorOf(vectors.search({ id: 'nobody' }))
    expect([error.code, error.details]).toEqual(['ERR_ENTRY_NOT_FOUND', { id: 'nobody' }])
    await store.close()
  })

  test('gives ten unless told otherwise, and all there are where k is more', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    await vectors.add(someEntries(25))
    await vectors.delete(['e7'])
    expect((await vectors.search([1, 2])).hits).toHaveLength(10)
    expect((await vectors.search([1, 2], { k: 65_536 })).hits).toHaveLength(24)
    expect((await vectors.search({ id: 'e3' }, { k: 100 })).hits).toHaveLength(23)
    await store.close()
  })

  test('gives nothing where there is nothing', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    expect(await vectors.search([1, 2])).toEqual({
      hits: [],
      exact: true,
      rescored: true,
      visited: 0,
      indexedThroughLsn: 1,
    })
    await vectors.add([{ id: 'only', vector: [1, 2] }])
    expect((await vectors.search({ id: 'only' })).hits).toEqual([])
    await store.close()
  })

  test.each([
    [1.5, ['at 3', 'at 2', 'at 4']],
    [0.25, ['at 3']],
    [0.2, []],
    [-1, []],
    [Number.POSITIVE_INFINITY, ['at 3', 'at 2', 'at 4', 'at 1', 'at 5']],
  ])('leaves out what is farther than %d', async (maxDistance, ids) => {
    const { store, vectors } = await StoreFixture.withCollection()
    await vectors.add(LINE)
    const { hits } = await vectors.search([2.75, 0], { maxDistance })
    expect(hits.map(({ id }) => id)).toEqual(ids)
    await store.close()
  })

  test('gives metadata and vectors where asked, shared with nobody', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    await vectors.add([...LINE, { id: 'bare', vector: [9, 0] }])
    const options = { k: 6, includeMetadata: true, includeVectors: true }
    const { hits } = await vectors.search([1, 0], options)
    expect(hits[0]).toEqual({ id: 'at 1', distance: 0, metadata: { x: 1 }, vector: Float32Array.of(1, 0) })
    expect(hits[5]).toEqual({ id: 'bare', distance: 8, vector: Float32Array.of(9, 0) })
    hits[0]!.vector?.fill(7)
    Object.assign(hits[0]!.metadata ?? {}, { x: 7 })
    expect((await vectors.search([1, 0], options)).hits[0]).toEqual({
      id: 'at 1',
      distance: 0,
      metadata: { x: 1 },
      vector: Float32Array.of(1, 0),
    })
    await store.close()
  })

  test('copies its query at the call', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    await vectors.add(LINE)
    const query = Float32Array.of(5, 0)
    const searching = vectors.search(query, { k: 1 })
    query.fill(0)
    expect((await searching).hits[0]?.id).toBe('at 5')
    await store.close()
  })

  test('agrees with the model on real vectors under every metric', async () => {
    const { ids, vectors: components, dimensions } = readGloveFixture(2000)
    const rows = ids.map((id, row) => ({ id, vector: components.slice(row * dimensions, (row + 1) * dimensions) }))
    for (const metric of ['cosine', 'euclidean', 'dot'] as const) {
      const { store, vectors } = await StoreFixture.withCollection({ dimensions, metric })
      const model = new ModelCollection('vectors', dimensions, metric, 1)
      await vectors.addAll(rows)
      model.add(rows)
      for (const { id, vector } of rows.filter((_, row) => row % 97 === 0)) {
        const expected = model.ranking(vector, id).slice(0, 10)
        const { hits } = await vectors.search({ id })
        expect(hits.map((hit) => hit.id)).toEqual(expected.map((hit) => hit.id))
      }
      await store.close()
    }
  })
})

describe('a search while others write', () => {
  test('sees every write that resolved before it', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    for (const entry of LINE) {
      await vectors.add([entry])
      expect((await vectors.search(entry.vector, { k: 1 })).hits[0]?.id).toBe(entry.id)
    }
    await vectors.delete(['at 3'])
    expect((await vectors.search([3, 0])).hits.map(({ id }) => id)).not.toContain('at 3')
    await store.close()
  })

  test('gives as many as asked for, none of them deleted, though the nearest go meanwhile', async () => {
    const { store, vectors } = await StoreFixture.withCollection({ dimensions: LARGE_DIMENSIONS, metric: 'euclidean' })
    await vectors.addAll(largeEntries())
    const searching = vectors.search(new Float32Array(LARGE_DIMENSIONS), { k: 5 })
    await vectors.delete(['e0', 'e1', 'e2'])
    const { hits } = await searching
    expect(hits.map(({ id }) => id)).toEqual(['e3', 'e4', 'e5', 'e6', 'e7'])
    await store.close()
  })

  test('by an id that is replaced meanwhile never gives that id', async () => {
    const { store, vectors } = await StoreFixture.withCollection({ dimensions: LARGE_DIMENSIONS, metric: 'euclidean' })
    await vectors.addAll(largeEntries())
    const searching = vectors.search({ id: 'e0' }, { k: 5 })
    await vectors.delete(['e1', 'e2', 'e3'])
    await vectors.add([{ id: 'e0', vector: new Float32Array(LARGE_DIMENSIONS).fill(1) }])
    expect((await searching).hits.map(({ id }) => id)).not.toContain('e0')
    await store.close()
  })

  test('fails when the collection is dropped under it', async () => {
    const { store, vectors } = await StoreFixture.withCollection({ dimensions: LARGE_DIMENSIONS, metric: 'euclidean' })
    await vectors.addAll(largeEntries())
    const searching = endingOf(() => vectors.search(new Float32Array(LARGE_DIMENSIONS)))
    await store.drop('vectors')
    expect(await searching).toBe('ERR_COLLECTION_NOT_FOUND')
    await store.close()
  })

  test('fails, and never stumbles, whenever it is that the drop comes', async () => {
    for (let delay = 0; delay < 30; delay += 1) {
      const { store, vectors } = await StoreFixture.withCollection()
      await vectors.add(LINE)
      const dropping = store.drop('vectors')
      for (let turn = 0; turn < delay; turn += 1) await Promise.resolve()
      const ending = await endingOf(() => vectors.search([1, 0]))
      expect(['ok', 'ERR_COLLECTION_NOT_FOUND']).toContain(ending)
      await dropping
      await store.close()
    }
  })

  test('many at once do not disturb each other', async () => {
    const { store, vectors } = await StoreFixture.withCollection({ dimensions: LARGE_DIMENSIONS, metric: 'euclidean' })
    await vectors.addAll(largeEntries())
    const wanted = [3, 700, 1400, 2999]
    const found = await Promise.all(
      wanted.map((index) => vectors.search(new Float32Array(LARGE_DIMENSIONS).fill(index + 1), { k: 2 })),
    )
    expect(found.map(({ hits }) => hits[0])).toEqual(wanted.map((index) => ({ id: `e${index}`, distance: 0 })))
    await store.close()
  })
})

describe('a search that is aborted', () => {
  test('before it begins, looks at nothing', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    await vectors.add(LINE)
    const reason = new Error('no need any more')
    const error = await errorOf(vectors.search([1, 0], { signal: AbortSignal.abort(reason) }))
    expect([error.code, error.cause]).toEqual(['ERR_ABORTED', reason])
    await store.close()
  })

  test('while it runs, stops at the next slice', async () => {
    const { store, vectors } = await StoreFixture.withCollection({ dimensions: LARGE_DIMENSIONS, metric: 'euclidean' })
    await vectors.addAll(largeEntries())
    const controller = new AbortController()
    const searching = endingOf(() => vectors.search(new Float32Array(LARGE_DIMENSIONS), { signal: controller.signal }))
    await Promise.resolve()
    controller.abort()
    expect(await searching).toBe('ERR_ABORTED')
    await store.close()
  })

  test('after it ended, is not', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    await vectors.add(LINE)
    const controller = new AbortController()
    const result = await vectors.search([1, 0], { k: 1, signal: controller.signal })
    controller.abort()
    await yieldToEventLoop()
    expect(result.hits).toHaveLength(1)
    await store.close()
  })
})
