import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Collection } from '../../src/store/collection.ts'
import type { SearchOptions } from '../../src/store/search.ts'
import type { VectorStore } from '../../src/store/vector-store.ts'
import { rowsOf } from '../engine/graph/graph-fixture.ts'
import { errorOf } from '../support/log-fixture.ts'
import { emptyCollectionFor, entriesOf, gloveSet, indexedCollection, recallOf } from './support/index-fixture.ts'
import { endingOf } from './support/store-fixture.ts'

const SET = gloveSet(6000)
const ROWS = rowsOf(SET)

describe('a search through the index', () => {
  let store: VectorStore
  let words: Collection

  beforeAll(async () => {
    const opened = await indexedCollection(gloveSet(6000))
    store = opened.store
    words = opened.vectors
  })

  afterAll(() => store.close())

  test('compares a part of the entries, and finds nearly all of the nearest', async () => {
    const { exact, visited, indexedThroughLsn, hits } = await words.search(ROWS[0]!)
    expect({ exact, indexedThroughLsn, count: hits.length }).toEqual({
      exact: false,
      indexedThroughLsn: store.stats().lsn,
      count: 10,
    })
    expect(visited).toBeGreaterThan(160)
    expect(visited).toBeLessThan(4000)
    const queries = ROWS.filter((_, row) => row % 60 === 0)
    expect(await recallOf(words, queries)).toBeGreaterThanOrEqual(0.98)
  })

  test('with `exact` compares all of them', async () => {
    const { exact, visited, hits } = await words.search(ROWS[0]!, { exact: true })
    expect([exact, visited, hits.length]).toEqual([true, 6000, 10])
  })

  test('gives the distances that exact search gives, to the bit', async () => {
    for (const query of ROWS.filter((_, row) => row % 600 === 0)) {
      const { hits } = await words.search(query, { k: 20 })
      const all = await words.search(query, { k: 6000, exact: true })
      const distances = new Map(all.hits.map(({ id, distance }) => [id, distance]))
      expect(hits.map(({ distance }) => distance)).toEqual(hits.map(({ id }) => distances.get(id)))
      expect(hits.map(({ distance }) => distance)).toEqual(hits.map(({ distance }) => distance).sort((a, b) => a - b))
    }
  })

  test('with a longer list finds more and compares more', async () => {
    const queries = ROWS.filter((_, row) => row % 60 === 0)
    const recalls: number[] = []
    const visits: number[] = []
    for (const listSize of [1, 20, 80, 320]) {
      recalls.push(await recallOf(words, queries, { listSize }))
      visits.push((await words.search(queries[7]!, { listSize })).visited)
    }
    expect(recalls).toEqual([...recalls].sort((a, b) => a - b))
    expect(recalls.at(-1)).toBeGreaterThanOrEqual(0.99)
    expect(visits).toEqual([...visits].sort((a, b) => a - b))
  })

  test('keeps twice as many candidates as hits are wanted, however short the list', async () => {
    const { hits, exact } = await words.search(ROWS[5]!, { k: 200, listSize: 1 })
    expect([hits.length, exact]).toEqual([200, false])
    expect(await recallOf(words, [ROWS[5]!], { k: 200, listSize: 1 })).toBeGreaterThanOrEqual(0.9)
  })

  test('compares all where more than a twentieth is wanted', async () => {
    expect(await words.search(ROWS[5]!, { k: 300 })).toMatchObject({ exact: false })
    expect(await words.search(ROWS[5]!, { k: 301 })).toMatchObject({ exact: true, visited: 6000 })
    expect((await words.search(ROWS[5]!, { k: 65_536 })).hits).toHaveLength(6000)
  })

  test('by id leaves that entry out, and only that one', async () => {
    const byVector = await words.search(ROWS[77]!, { k: 11 })
    const byId = await words.search({ id: 'e77' }, { k: 10 })
    expect(byVector.hits[0]?.id).toBe('e77')
    expect(byId.hits).toEqual(byVector.hits.slice(1))
  })

  test('leaves out what is farther than `maxDistance`', async () => {
    const { hits } = await words.search(ROWS[77]!, { k: 10 })
    const within = await words.search(ROWS[77]!, { k: 10, maxDistance: hits[3]!.distance })
    expect(within.hits).toEqual(hits.slice(0, 4))
  })

  test('ends when it is aborted', async () => {
    const controller = new AbortController()
    const { signal } = controller
    const before = await errorOf(words.search(ROWS[0]!, { signal: AbortSignal.abort() }))
    const filter = () => {
      controller.abort()
      return true
    }
    expect([before.code, await endingOf(() => words.search(ROWS[0]!, { signal, filter }))]).toEqual([
      'ERR_ABORTED',
      'ERR_ABORTED',
    ])
  })

  test.each<[unknown, string]>([
    [{ k: 0, listSize: 10 }, 'RangeError'],
    [{ k: 1.5 }, 'RangeError'],
    [{ k: Number.NaN }, 'RangeError'],
    [{ k: 65_537 }, 'RangeError'],
    [{ k: '10' }, 'TypeError'],
    [{ k: 10n }, 'TypeError'],
    [{ listSize: 0 }, 'RangeError'],
    [{ listSize: -1 }, 'RangeError'],
    [{ listSize: 2.5 }, 'RangeError'],
    [{ listSize: 65_537 }, 'RangeError'],
    [{ listSize: null }, 'TypeError'],
    [{ exact: 1 }, 'TypeError'],
    [{ exact: 'false' }, 'TypeError'],
    [{ k: 0, exact: 1 }, 'TypeError'],
    [{ maxDistance: Number.NaN }, 'TypeError'],
    [{ maxDistance: '1' }, 'TypeError'],
    [{ filter: null }, 'TypeError'],
    [{ filter: 'e1' }, 'TypeError'],
    [{ filter: {} }, 'TypeError'],
    [{ filter: [1] }, 'TypeError'],
    [{ filter: new Set(['e1', undefined]) }, 'TypeError'],
    [{ ef: 100 }, 'TypeError'],
    [{ listsize: 100 }, 'TypeError'],
    [null, 'TypeError'],
  ])('refuses the options %o, as searchMany does', async (options, ending) => {
    expect(await endingOf(() => words.search(ROWS[0]!, options as SearchOptions))).toBe(ending)
    expect(await endingOf(() => words.searchMany([ROWS[0]!], options as SearchOptions))).toBe(ending)
    expect(await endingOf(() => words.searchMany([], options as SearchOptions))).toBe(ending)
  })

  test('takes the greatest options there are', async () => {
    expect((await words.search(ROWS[0]!, { k: 10, listSize: 65_536 })).hits).toHaveLength(10)
    expect((await words.search(ROWS[0]!, { k: 65_536, listSize: 65_536 })).hits).toHaveLength(6000)
  })

  test('takes options that are undefined as left out', async () => {
    const options = { k: undefined, listSize: undefined, exact: undefined, filter: undefined, maxDistance: undefined }
    expect(await words.search(ROWS[0]!, options as object)).toEqual(await words.search(ROWS[0]!))
  })
})

describe('an entry is found as soon as it is written', () => {
  const OTHER = { id: 'other', vector: ROWS[4321]!.map((x, i) => x + (i % 2) * 0.01), metadata: { n: 1 } }

  /** The states that an entry can be in: brings a collection there whose first 5,000 entries are indexed. */
  const STATES: Record<string, (words: Collection) => Promise<unknown>> = {
    'in the buffer': async () => {},
    'flushed and not built yet': async (words) => void words.flush(),
    'inserted into the index': (words) => words.flush(),
    'built in bulk': (words) => words.optimize(),
    'with an index that is being built anew': async (words) => void words.optimize(),
  }

  test.each(Object.entries(STATES))('%s', async (_, bring) => {
    const { store, vectors: words } = await emptyCollectionFor(SET)
    await words.addAll(entriesOf(SET, 0, 5000))
    await words.optimize()
    await words.addAll(entriesOf(SET, 5000))
    await words.add([OTHER])
    const finding = () => words.search(OTHER.vector, { k: 1, includeMetadata: true, includeVectors: true })
    const hit = { id: 'other', distance: expect.closeTo(0, 12), metadata: { n: 1 }, vector: OTHER.vector }
    expect((await finding()).hits).toEqual([hit])
    await bring(words)
    for (let turn = 0; turn < 20; turn++) {
      expect((await finding()).hits).toEqual([hit])
      expect((await words.search(ROWS[5500]!, { k: 1 })).hits[0]?.id).toBe('e5500')
    }
    await words.settled()
    expect((await finding()).hits).toEqual([hit])
    await words.delete(['other'])
    expect((await finding()).hits[0]?.id).toBe('e4321')
    await store.close()
  })

  test('and under its new vector alone when it is replaced', async () => {
    const { store, vectors: words } = await indexedCollection(SET)
    await words.add([{ id: 'e10', vector: ROWS[3000]! }])
    for (const bring of [() => words.flush(), () => words.consolidate(), () => words.optimize()]) {
      const { hits } = await words.search(ROWS[3000]!, { k: 2 })
      expect(hits.map(({ id }) => id)).toEqual(['e3000', 'e10'])
      expect((await words.search(ROWS[10]!, { k: 20 })).hits.map(({ id }) => id)).not.toContain('e10')
      await bring()
    }
    await store.close()
  })

  test('with the LSN through which everything is in the index', async () => {
    const { store, vectors: words } = await emptyCollectionFor(SET)
    const lsns = async () => [(await words.search(ROWS[0]!)).indexedThroughLsn, words.stats().index.indexedThroughLsn]
    expect(await lsns()).toEqual([1, 1])
    await words.add(entriesOf(SET, 0, 5000))
    expect(await lsns()).toEqual([1, 1])
    await words.optimize()
    expect(await lsns()).toEqual([3, 3])
    await words.delete(['e1'])
    await words.update('e2', { metadata: {} })
    expect(await lsns()).toEqual([5, 5])
    await words.add(entriesOf(SET, 5000, 5500))
    await words.add(entriesOf(SET, 5500))
    expect(await lsns()).toEqual([5, 5])
    await words.flush()
    expect(await lsns()).toEqual([8, 8])
    await store.close()
  })
})

describe('entries of equal vectors', () => {
  test('come in the order in which they were added, from the index as from the buffer', async () => {
    const { store, vectors: words } = await indexedCollection(SET)
    const twins = ['z', 'y', 'x', 'w'].map((id) => ({ id, vector: ROWS[42]! }))
    await words.add(twins.slice(0, 2))
    await words.flush()
    await words.add(twins.slice(2))
    const ids = async (k: number) => (await words.search(ROWS[42]!, { k })).hits.map(({ id }) => id)
    expect(await ids(5)).toEqual(['e42', 'z', 'y', 'x', 'w'])
    expect(await ids(3)).toEqual(['e42', 'z', 'y'])
    await words.delete(['z'])
    expect(await ids(3)).toEqual(['e42', 'y', 'x'])
    await words.optimize()
    expect(await ids(3)).toEqual(['e42', 'y', 'x'])
    expect(words.stats().index).toMatchObject({ indexed: 6003, nodes: 6000 })
    await store.close()
  })

  test('are all found, more of them than the list is long', async () => {
    const { store, vectors: words } = await indexedCollection(SET)
    await words.addAll(Array.from({ length: 500 }, (_, index) => ({ id: `twin ${index}`, vector: ROWS[42]! })))
    await words.flush()
    const { hits } = await words.search(ROWS[42]!, { k: 300 })
    const twins = Array.from({ length: 299 }, (_, index) => `twin ${index}`)
    expect(hits.map(({ id }) => id)).toEqual(['e42', ...twins])
    expect(new Set(hits.map(({ distance }) => distance)).size).toBe(1)
    await store.close()
  })
})
