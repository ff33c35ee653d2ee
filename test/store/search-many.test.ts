import './support/forced-walks.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Collection } from '../../src/store/collection.ts'
import type { SearchOptions, SearchQuery, SearchResult } from '../../src/store/search.ts'
import type { VectorStore } from '../../src/store/vector-store.ts'
import { rowsOf } from '../engine/graph/graph-fixture.ts'
import { errorOf } from '../support/log-fixture.ts'
import { emptyCollectionFor, entriesOf, gloveSet, indexedCollection } from './support/index-fixture.ts'
import { endingOf, StoreFixture, someEntries, until } from './support/store-fixture.ts'

const SET = gloveSet(5000)
const ROWS = rowsOf(SET)
/** More than one block of queries, the last one not full. */
const QUERIES = ROWS.filter((_, row) => row % 17 === 0)

/** What searches for each query by itself give. */
async function oneByOne<M extends object>(
  vectors: Collection<M>,
  queries: readonly SearchQuery[],
  options: SearchOptions<M> = {},
): Promise<SearchResult<M>[]> {
  const results: SearchResult<M>[] = []
  for (const query of queries) results.push(await vectors.search(query, options))
  return results
}

describe.each([0, 1, 2])('searchMany with %d threads', (threads) => {
  let store: VectorStore
  let vectors: Collection<{ row: number }>

  beforeAll(async () => {
    const opened = await emptyCollectionFor(SET, { threads })
    store = opened.store
    vectors = opened.vectors as unknown as Collection<{ row: number }>
    const entries = entriesOf(SET).map((entry, row) => ({ ...entry, metadata: { row } }))
    await vectors.addAll(entries.slice(0, 4500))
    await vectors.optimize()
    await vectors.addAll(entries.slice(4500))
    await vectors.delete(ROWS.map((_, row) => `e${row}`).filter((_, row) => row % 9 === 1))
  })

  afterAll(() => store.close())

  const OPTIONS: Record<string, SearchOptions<{ row: number }>> = {
    'no options': {},
    'a long list': { listSize: 400 },
    'a large k': { k: 1000, listSize: 10 },
    'a recall': { recall: 0.97 },
    'a recall of few': { recall: 0.9, k: 2, maxDistance: 0.4 },
    'a recall and a filter': { recall: 0.95, filter: (metadata) => metadata!.row % 2 === 0 },
    'exact search': { exact: true, k: 3 },
    'metadata, vectors and a greatest distance': { includeMetadata: true, includeVectors: true, maxDistance: 0.6 },
    'a filter of ids': { filter: ROWS.map((_, row) => `e${row}`).filter((_, row) => row % 3 === 0) },
    'a filter of few': { filter: new Set(['e5', 'e6', 'e4999']) },
    'a predicate': { filter: (metadata, id) => metadata!.row % 2 === 0 && id !== 'e0', k: 25 },
    'a filter that nothing passes': { filter: [] },
  }

  test.each(Object.entries(OPTIONS))('gives what search gives query by query, with %s', async (_, options) => {
    const queries = options.k === 1000 ? QUERIES.slice(0, 20) : QUERIES
    expect(await vectors.searchMany(queries, options)).toEqual(await oneByOne(vectors, queries, options))
  })

  test('takes ids and arrays of numbers as queries, and leaves out each id from its own hits', async () => {
    const queries = [{ id: 'e3' }, [...ROWS[4]!], ROWS[5]!, { id: 'e4999' }, { id: 'e3' }]
    const results = await vectors.searchMany(queries)
    expect(results).toEqual(await oneByOne(vectors, queries))
    expect(results[0]!.hits.map(({ id }) => id)).not.toContain('e3')
  })

  test('asks a predicate about every entry once for some hundreds of queries', async () => {
    let asked = 0
    const filter = () => {
      asked += 1
      return true
    }
    await vectors.searchMany(QUERIES.slice(0, 200), { filter })
    expect(asked).toBe(vectors.count())
  })

  test('of no queries gives nothing', async () => {
    expect(await vectors.searchMany([])).toEqual([])
  })

  test('copies its queries at the call', async () => {
    const query = ROWS[5]!.slice()
    const list: SearchQuery[] = [query, { id: 'e7' }]
    const expected = await oneByOne(vectors, list)
    const searching = vectors.searchMany(list)
    query.fill(1)
    list.length = 0
    expect(await searching).toEqual(expected)
  })

  test('sees every write that resolved before it', async () => {
    await vectors.add([{ id: 'new', vector: ROWS[42]!.map((x) => -x) }])
    const query = ROWS[42]!.map((x) => -x)
    const results = await vectors.searchMany(
      QUERIES.map(() => query),
      { k: 1 },
    )
    expect(new Set(results.map(({ hits }) => hits[0]?.id))).toEqual(new Set(['new']))
    await vectors.delete(['new'])
    const after = await vectors.searchMany([query], { k: 1 })
    expect(after[0]?.hits[0]?.id).not.toBe('new')
  })

  test('many at once do not disturb each other, nor single searches', async () => {
    const parts = [0, 1, 2, 3].map((part) => QUERIES.filter((_, place) => place % 4 === part))
    const expected = await oneByOne(vectors, QUERIES.slice(0, 40))
    const [alone, ...together] = await Promise.all([
      oneByOne(vectors, QUERIES.slice(0, 40)),
      ...parts.map((part) => vectors.searchMany(part)),
    ])
    expect(alone).toEqual(expected)
    expect(together).toEqual([...(await Promise.all(parts.map((part) => oneByOne(vectors, part))))])
  })

  test('lets the event loop turn', async () => {
    let turns = 0
    const interval = setInterval(() => {
      turns += 1
    }, 1)
    await vectors.searchMany([...QUERIES, ...QUERIES, ...QUERIES])
    clearInterval(interval)
    expect(turns).toBeGreaterThan(2)
  })

  test('rejects as a whole for one query that is wrong, before it looks at anything', async () => {
    const wrong: [unknown, string][] = [
      [[1, 2], 'ERR_DIMENSIONS'],
      [new Float32Array(100), 'ERR_VECTOR_ZERO'],
      [new Float32Array(100).fill(Number.NaN), 'ERR_VECTOR_NOT_FINITE'],
      [{ id: 'nobody' }, 'ERR_ENTRY_NOT_FOUND'],
      [{ id: '' }, 'ERR_ID_INVALID'],
      [{ id: 7 }, 'TypeError'],
      [undefined, 'TypeError'],
      ['e7', 'TypeError'],
    ]
    for (const [query, ending] of wrong) {
      expect(await endingOf(() => vectors.searchMany([ROWS[0]!, query as SearchQuery]))).toBe(ending)
    }
    for (const queries of [undefined, ROWS[0], { id: 'e0' }, new Set([ROWS[0]])]) {
      expect(await endingOf(() => vectors.searchMany(queries as never))).toBe('TypeError')
    }
  })

  test('is ended by its signal, before and while it runs', async () => {
    const reason = new Error('no need any more')
    const before = await errorOf(vectors.searchMany(QUERIES, { signal: AbortSignal.abort(reason) }))
    expect([before.code, before.cause]).toEqual(['ERR_ABORTED', reason])
    const controller = new AbortController()
    const many = Array.from({ length: 20 }, () => QUERIES).flat()
    const searching = errorOf(vectors.searchMany(many, { signal: controller.signal }))
    setTimeout(() => controller.abort(reason), 10)
    const error = await searching
    expect([error.code, error.cause]).toEqual(['ERR_ABORTED', reason])
    expect(await vectors.searchMany(QUERIES.slice(0, 3))).toEqual(await oneByOne(vectors, QUERIES.slice(0, 3)))
  })
})

describe.each([0, 1, 2])('searchMany with %d threads, while others write,', (threads) => {
  test('gives k for k and finds every entry while the index is built, inserted into and built anew', async () => {
    const { store, vectors } = await emptyCollectionFor(SET, { threads })
    await vectors.addAll(entriesOf(SET, 0, 2000))
    const tasks = [
      () => vectors.optimize(),
      () => vectors.flush(),
      () => vectors.consolidate(),
      () => vectors.optimize(),
    ]
    let added = 2000
    for (const task of tasks) {
      await vectors.addAll(entriesOf(SET, added, added + 700))
      added += 700
      let isOver = false
      const working = task().finally(() => {
        isOver = true
      })
      do {
        const rows = Array.from({ length: 100 }, (_, place) => (place * 31) % added)
        const results = await vectors.searchMany(
          rows.map((row) => ROWS[row]!),
          { k: 5 },
        )
        for (const [place, { hits }] of results.entries()) {
          expect(hits).toHaveLength(5)
          expect(hits[0]).toEqual({ id: `e${rows[place]}`, distance: expect.closeTo(0, 9) })
        }
      } while (!isOver)
      await working
    }
    expect(vectors.stats().index).toMatchObject({ indexed: added, unreachable: 0 })
    await store.close()
  })

  test('gives k for k though many are deleted and taken out of the index', async () => {
    const { store, vectors } = await indexedCollection(SET, { threads })
    const many = Array.from({ length: 3 }, () => QUERIES).flat()
    const searching = vectors.searchMany(many, { k: 30 })
    for (let first = 0; first < 4000; first += 500) {
      await vectors.delete(ROWS.slice(first, first + 500).map((_, row) => `e${first + row}`))
      await vectors.consolidate()
    }
    for (const { hits } of await searching) expect(new Set(hits.map(({ id }) => id)).size).toBe(30)
    for (const { hits } of await vectors.searchMany(QUERIES, { k: 30 })) {
      expect(hits.every(({ id }) => Number(id.slice(1)) >= 4000)).toBe(true)
      expect(hits).toHaveLength(30)
    }
    await store.close()
  })

  test('fails when the collection is dropped under it', async () => {
    const { store, vectors } = await indexedCollection(SET, { threads })
    const many = Array.from({ length: 10 }, () => QUERIES).flat()
    const searching = endingOf(() => vectors.searchMany(many))
    await store.drop('vectors')
    expect(await searching).toBe('ERR_COLLECTION_NOT_FOUND')
    await store.close()
  })

  test('ends when the store is closed under it', async () => {
    const { store, vectors } = await indexedCollection(SET, { threads })
    const many = Array.from({ length: 10 }, () => QUERIES).flat()
    const searching = endingOf(() => vectors.searchMany(many))
    await store.close()
    expect(['ok', 'ERR_STORE_CLOSED']).toContain(await searching)
  })
})

test('searchMany works where there is no index', async () => {
  const { store, vectors } = await StoreFixture.withCollection({ dimensions: 2, metric: 'euclidean' })
  expect(await vectors.searchMany([[1, 2]])).toEqual([
    { hits: [], exact: true, rescored: true, visited: 0, indexedThroughLsn: 1 },
  ])
  await vectors.add(someEntries(5))
  const results = await vectors.searchMany([[1, 2], { id: 'e0' }], { k: 1 })
  expect(results.map(({ hits }) => hits[0]?.id)).toEqual(['e0', 'e1'])
  await store.close()
})

test('a search that was walked for before more was inserted finds what was inserted', async () => {
  const { store, vectors } = await emptyCollectionFor(SET, { threads: 1 })
  await vectors.addAll(entriesOf(SET, 0, 4000))
  await vectors.optimize()
  const late = { id: 'late', vector: ROWS[4321]! }
  await vectors.add([late])
  const flushing = vectors.flush()
  await until(() => vectors.stats().index.backlog > 0)
  const queries = Array.from({ length: 2000 }, () => late.vector)
  const results = await vectors.searchMany(queries, { k: 1 })
  expect(results.filter(({ hits }) => hits[0]?.id !== 'late')).toEqual([])
  await flushing
  await store.close()
})
