import './support/forced-walks.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Collection } from '../../src/store/collection.ts'
import type { SearchFilter } from '../../src/store/filter.ts'
import type { Hit } from '../../src/store/search.ts'
import type { VectorStore } from '../../src/store/vector-store.ts'
import { rowsOf } from '../engine/graph/graph-fixture.ts'
import { clusterSet } from '../engine/graph/vector-sets.ts'
import { emptyCollectionFor, entriesOf, gloveSet, indexedCollection } from './support/index-fixture.ts'
import { endingOf, until } from './support/store-fixture.ts'

const ROWS = 6000
const CLUSTERS = 30
/** Row `r` is of topic `r % 30`. */
const TOPICS = clusterSet('cosine', ROWS, 40, CLUSTERS, 0.1)
const WORDS = gloveSet(ROWS)
const words = rowsOf(WORDS)

function idsWhere(holds: (row: number) => boolean): string[] {
  return Array.from({ length: ROWS }, (_, row) => row)
    .filter(holds)
    .map((row) => `e${row}`)
}

function expectDistinct(hits: readonly Hit[], count: number): void {
  expect(hits).toHaveLength(count)
  expect(new Set(hits.map(({ id }) => id)).size).toBe(count)
}

describe('k means k where a whole topic is deleted', () => {
  let store: VectorStore
  let vectors: Collection
  const centre = rowsOf(TOPICS)[7]!

  beforeAll(async () => {
    const opened = await indexedCollection(TOPICS)
    store = opened.store
    vectors = opened.vectors
    await vectors.delete(idsWhere((row) => row % CLUSTERS === 7))
  })

  afterAll(() => store.close())

  test.each([1, 10, 100, 1000, 5799])('before and after it is taken out of the index: k = %d', async (k) => {
    const { hits } = await vectors.search(centre, { k })
    expectDistinct(hits, k)
    expect(hits.filter(({ id }) => Number(id.slice(1)) % CLUSTERS === 7)).toEqual([])
  })

  test('with more asked for than there are', async () => {
    for (const k of [5800, 5801, 10_000]) expectDistinct((await vectors.search(centre, { k })).hits, 5800)
  })

  test('with no less than the nearest: those of the topic that is nearest now', async () => {
    const exact = await vectors.search(centre, { k: 10, exact: true })
    const { hits } = await vectors.search(centre, { k: 10 })
    const found = hits.filter(({ distance }) => distance <= exact.hits[9]!.distance)
    expect(found.length).toBeGreaterThanOrEqual(9)
  })

  test('while it is taken out', async () => {
    const consolidating = vectors.consolidate()
    let isOver = false
    consolidating.then(() => {
      isOver = true
    })
    while (!isOver) expectDistinct((await vectors.search(centre, { k: 50 })).hits, 50)
    expect(vectors.stats().index).toMatchObject({ nodes: 5800, deadNodes: 0, unreachable: 0 })
    for (const k of [10, 1000, 6000]) expectDistinct((await vectors.search(centre, { k })).hits, Math.min(k, 5800))
  })

  test('until nothing is left', async () => {
    const { store: other, vectors: dying } = await indexedCollection(TOPICS)
    for (let left = ROWS; left > 0; left -= 1500) {
      expectDistinct((await dying.search(centre, { k: 40 })).hits, 40)
      await dying.delete(idsWhere((row) => row >= left - 1500 && row < left))
    }
    expect(await dying.search(centre, { k: 40 })).toMatchObject({ hits: [], exact: true, visited: 0 })
    await dying.consolidate()
    expect((await dying.search(centre, { k: 40 })).hits).toEqual([])
    await dying.add([{ id: 'again', vector: centre }])
    expect((await dying.search(centre, { k: 40 })).hits.map(({ id }) => id)).toEqual(['again'])
    await dying.flush()
    expect((await dying.search(centre, { k: 40 })).hits.map(({ id }) => id)).toEqual(['again'])
    await other.close()
  })
})

describe('a filter', () => {
  let store: VectorStore
  let vectors: Collection<{ row: number }>
  const without = 'e17'

  beforeAll(async () => {
    const opened = await emptyCollectionFor(WORDS)
    store = opened.store
    vectors = opened.vectors as unknown as Collection<{ row: number }>
    const entries = entriesOf(WORDS).map((entry, row) => ({ ...entry, metadata: { row } }))
    // Nine in ten are in the index, the others in the buffer.
    await vectors.addAll(entries.slice(0, 5400))
    await vectors.optimize()
    await vectors.addAll(entries.slice(5400))
    await vectors.update(without, { metadata: undefined })
  })

  afterAll(() => store.close())

  describe.each([6, 60, 300, 3000, 5999])('of which %d pass', (passing) => {
    const step = ROWS / passing
    const passes = (row: number) => (passing === 5999 ? row !== 0 : row % step === 0)
    const ids = idsWhere(passes)
    const filters: Record<string, SearchFilter<{ row: number }>> = {
      ids,
      'a Set of ids': new Set(ids),
      'a predicate on metadata': (metadata, id) => (id === without ? passes(17) : passes(metadata!.row)),
      'a predicate on ids': (_, id) => passes(Number(id.slice(1))),
    }

    test.each(Object.entries(filters))('as %s, gives as many as are asked for, of them alone', async (_, filter) => {
      const allowed = new Set(ids)
      for (const k of [1, 10, 100, 1000]) {
        const { hits } = await vectors.search(words[3]!, { k, filter })
        expectDistinct(hits, Math.min(k, passing))
        expect(hits.filter(({ id }) => !allowed.has(id))).toEqual([])
      }
    })

    test('finds nearly all of the nearest among them', async () => {
      let found = 0
      for (const query of words.filter((_, row) => row % 600 === 1)) {
        const exact = await vectors.search(query, { filter: ids, k: 6, exact: true })
        const { hits } = await vectors.search(query, { filter: ids, k: 6 })
        found += hits.filter(({ distance }) => distance <= exact.hits[5]!.distance).length
      }
      expect(found).toBeGreaterThanOrEqual(58)
    })
  })

  test('that nothing passes gives nothing', async () => {
    const nothing = { hits: [], exact: true, rescored: true, visited: 0, indexedThroughLsn: expect.any(Number) }
    for (const filter of [[], new Set<string>(), ['nobody', ''], () => false]) {
      expect(await vectors.search(words[0]!, { filter })).toEqual(nothing)
      expect(await vectors.search(words[0]!, { filter, exact: true })).toEqual(nothing)
    }
  })

  test('of ids passes over those that are not there, and counts none twice', async () => {
    const filter = ['e5', 'nobody', 'e5', 'e5999', '\ud800', '']
    const { hits } = await vectors.search(words[5]!, { k: 10, filter })
    expect(hits.map(({ id }) => id)).toEqual(['e5', 'e5999'])
  })

  test('with a query by id leaves that entry out', async () => {
    const { hits } = await vectors.search({ id: 'e5' }, { k: 10, filter: ['e5', 'e6'] })
    expect(hits.map(({ id }) => id)).toEqual(['e6'])
    expect((await vectors.search({ id: 'e5' }, { filter: ['e5'] })).hits).toEqual([])
  })

  test('asks a predicate about every live entry once, with undefined where there is no metadata', async () => {
    const asked = new Map<string, { row: number } | undefined>()
    const filter = (metadata: { row: number } | undefined, id: string) => {
      expect(asked.has(id)).toBe(false)
      asked.set(id, metadata)
      return true
    }
    expectDistinct((await vectors.search(words[0]!, { filter })).hits, 10)
    expect(asked.size).toBe(ROWS)
    expect([asked.get('e16'), asked.get(without), asked.get('e5999')]).toEqual([{ row: 16 }, undefined, { row: 5999 }])
  })

  test('gives a predicate metadata of its own', async () => {
    const filter = (metadata: { row: number } | undefined) => {
      if (metadata !== undefined) metadata.row = -1
      return true
    }
    await vectors.search(words[0]!, { filter })
    expect((await vectors.get('e16'))?.metadata).toEqual({ row: 16 })
  })

  test('throws what a predicate throws', async () => {
    const error = new Error('not this one')
    const filter = (_: unknown, id: string) => {
      if (id === 'e3000') throw error
      return true
    }
    await expect(vectors.search(words[0]!, { filter })).rejects.toBe(error)
    await expect(vectors.searchMany([words[0]!, words[1]!], { filter })).rejects.toBe(error)
    expectDistinct((await vectors.search(words[0]!)).hits, 10)
  })

  test('that is an async function is refused: each promise would let its entry pass', async () => {
    const filter = (async () => false) as unknown as () => boolean
    expect(await endingOf(() => vectors.search(words[0]!, { filter }))).toBe('TypeError')
  })

  test('lets pass what is true in a condition', async () => {
    const filter = ((_: unknown, id: string) => /^e1?5$/.exec(id)) as unknown as () => boolean
    expect((await vectors.search(words[5]!, { filter })).hits.map(({ id }) => id)).toEqual(['e5', 'e15'])
  })

  test('is copied at the call', async () => {
    const [list, set] = [['e5', 'e6'], new Set(['e5', 'e6'])]
    const searching = [list, set].flatMap((filter) => [
      vectors.search(words[5]!, { filter }),
      vectors.searchMany([words[5]!], { filter }).then(([result]) => result!),
    ])
    list.length = 0
    set.clear()
    for (const { hits } of await Promise.all(searching)) expect(hits.map(({ id }) => id)).toEqual(['e5', 'e6'])
  })

  test('lets the event loop turn, and can be aborted while a predicate is asked', async () => {
    const controller = new AbortController()
    let asked = 0
    const filter = () => {
      asked += 1
      return true
    }
    const searching = endingOf(() => vectors.search(words[0]!, { filter, signal: controller.signal }))
    setImmediate(() => controller.abort())
    expect(await searching).toBe('ERR_ABORTED')
    expect(asked).toBeLessThan(ROWS)
  })

  test('does not let in what is written behind it', async () => {
    const { store: other, vectors: growing } = await indexedCollection(WORDS)
    const searching = growing.search(words[5]!, { filter: (_, id) => id === 'late' || id === 'e9' })
    await growing.add([{ id: 'late', vector: words[5]! }])
    const { hits } = await searching
    expect(hits.map(({ id }) => id).filter((id) => id !== 'late')).toEqual(['e9'])
    expect((await growing.search(words[5]!, { filter: ['late', 'e9'] })).hits.map(({ id }) => id)).toEqual([
      'late',
      'e9',
    ])
    await other.close()
  })
})

describe('while others write', () => {
  test('a search during a bulk build gives as many as asked for', async () => {
    const { store, vectors } = await emptyCollectionFor(WORDS)
    await vectors.addAll(entriesOf(WORDS))
    const building = vectors.optimize()
    await until(() => vectors.stats().index.backlog > 0)
    let searches = 0
    while (vectors.stats().index.backlog > 0) {
      searches += 1
      const { hits } = await vectors.search(words[searches]!, { k: 20, filter: (_, id) => id !== `e${searches}` })
      expectDistinct(hits, 20)
    }
    await building
    expect(searches).toBeGreaterThan(0)
    await store.close()
  })

  test('deletes under a search take nothing from what is asked for', async () => {
    const { store, vectors } = await indexedCollection(WORDS)
    const gone = new Set<string>()
    for (let round = 0; round < 30; round++) {
      const query = words[round * 150]!
      const { hits: nearest } = await vectors.search(query, { k: 30 })
      const searching = vectors.search(query, { k: 30 })
      const ids = nearest.slice(0, 20).map(({ id }) => id)
      const deleting = vectors.delete(ids)
      const { hits } = await searching
      expectDistinct(hits, 30)
      expect(hits.filter(({ id }) => gone.has(id))).toEqual([])
      await deleting
      for (const id of ids) gone.add(id)
      const after = await vectors.search(query, { k: 30 })
      expectDistinct(after.hits, 30)
      expect(after.hits.filter(({ id }) => gone.has(id))).toEqual([])
    }
    await store.close()
  })

  test('deletes that are applied whenever it is', async () => {
    const { store, vectors } = await indexedCollection(gloveSet(2000))
    let next = 0
    for (let delay = 0; delay < 40; delay++) {
      const deleting = vectors.delete([`e${next}`, `e${next + 1}`])
      for (let turn = 0; turn < delay; turn++) await Promise.resolve()
      const { hits } = await vectors.search(words[next]!, { k: 12 })
      expectDistinct(hits, 12)
      await deleting
      next += 2
    }
    await store.close()
  })

  test('replacing entries under a search loses none of them', async () => {
    const { store, vectors } = await indexedCollection(gloveSet(2000))
    for (let delay = 0; delay < 40; delay++) {
      const replacing = vectors.add([{ id: 'e7', vector: words[7]! }])
      for (let turn = 0; turn < delay; turn++) await Promise.resolve()
      const { hits } = await vectors.search(words[7]!, { k: 3 })
      expect(hits[0]?.id).toBe('e7')
      await replacing
    }
    await store.close()
  })
})
