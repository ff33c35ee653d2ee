import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Collection } from '../../src/store/collection.ts'
import type { SearchOptions } from '../../src/store/search.ts'
import type { VectorStore } from '../../src/store/vector-store.ts'
import { rowsOf } from '../engine/graph/graph-fixture.ts'
import { normalSet } from '../engine/graph/vector-sets.ts'
import { emptyCollectionFor, entriesOf, gloveSet, indexedCollection } from './support/index-fixture.ts'
import { endingOf } from './support/store-fixture.ts'

const STORED = 6000
/** Far from easy: all are about as far from each other. */
const HARD = normalSet('cosine', 10_000, 100)
const ROWS = rowsOf(HARD)
/** Vectors that are not in the collection. */
const HELD_OUT = ROWS.slice(STORED).filter((_, row) => row % 8 === 0)
const GROWN = STORED * 1.5 + 1

let store: VectorStore
let words: Collection

beforeAll(async () => {
  const opened = await indexedCollection({ ...HARD, vectors: HARD.vectors.slice(0, STORED * HARD.dimensions) })
  store = opened.store
  words = opened.vectors
})

afterAll(() => store.close())

async function achieved(k: number, options: SearchOptions): Promise<{ recall: number; visited: number }> {
  let found = 0
  let visited = 0
  for (const query of HELD_OUT) {
    const truth = await words.search(query, { k, exact: true })
    const result = await words.search(query, { k, ...options })
    found += result.hits.filter(({ distance }) => distance <= truth.hits.at(-1)!.distance).length
    visited += result.visited
  }
  return { recall: found / (HELD_OUT.length * k), visited: visited / HELD_OUT.length }
}

describe('a search with recall', () => {
  test.each([
    [10, 0.8],
    [10, 0.9],
    [10, 0.95],
    [10, 0.99],
    [3, 0.95],
    [50, 0.95],
  ])('of the %i nearest finds %d on queries that were never stored, within a point', async (k, recall) => {
    const reached = await achieved(k, { recall })
    expect(reached.recall).toBeGreaterThanOrEqual(recall - 0.01)
    // And does not just compare everything, or many more than it takes.
    expect(reached.recall).toBeLessThan(Math.min(1, recall + 0.1))
    expect(reached.visited).toBeLessThan(STORED)
  })

  test('says in stats what it goes by', async () => {
    await words.search(HELD_OUT[0]!, { recall: 0.9 })
    const { recall } = words.stats()
    const ten = recall.find(({ k }) => k === 10)!
    expect([ten.queries, ten.lsn]).toEqual([400, store.stats().lsn])
    expect(ten.points[0]!.listSize).toBe(20)
    for (const [place, point] of ten.points.entries()) {
      expect(point.recall).toBeGreaterThanOrEqual(ten.points[place - 1]?.recall ?? 0)
      expect(point.hardest).toBeLessThanOrEqual(point.recall)
      expect(point.hardest).toBeGreaterThanOrEqual(ten.points[place - 1]?.hardest ?? 0)
      expect(point.listSize).toBeGreaterThan(ten.points[place - 1]?.listSize ?? 0)
    }
    expect(ten.points.at(-1)!.recall).toBeGreaterThanOrEqual(0.99)
  })

  test('asks for longer lists where more is to be found, the same ones every time', async () => {
    const visited = async (recall: number) => (await words.search(HELD_OUT[1]!, { recall })).visited
    const [low, high] = [await visited(0.7), await visited(0.99)]
    expect(low).toBeLessThan(high)
    expect([await visited(0.7), await visited(0.99)]).toEqual([low, high])
    const [many] = await words.searchMany([HELD_OUT[1]!], { recall: 0.7 })
    expect(many!.visited).toBe(low)
  })

  test('compares everything for all of the nearest', async () => {
    expect(await words.search(HELD_OUT[0]!, { recall: 1 })).toMatchObject({ exact: true, visited: STORED })
  })

  test('measures again once the collection has grown by half, or has a new index', async () => {
    await words.search(HELD_OUT[0]!, { recall: 0.9 })
    const before = words.stats().recall.find(({ k }) => k === 10)!
    const more = rowsOf(normalSet('cosine', GROWN - STORED, HARD.dimensions, 2))
    const others = more.map((vector, row) => ({ id: `more${row}`, vector }))
    await words.addAll(others.slice(0, -2))
    expect(words.stats().recall.find(({ k }) => k === 10)).toEqual(before)
    await words.addAll(others.slice(-2))
    expect(words.stats().recall).toEqual([])
    await words.search(HELD_OUT[0]!, { recall: 0.9 })
    const grown = words.stats().recall
    expect(grown.map(({ k, lsn }) => [k, lsn])).toEqual([[10, store.stats().lsn]])
    await words.optimize()
    expect(words.stats().recall).toEqual([])
    expect((await achieved(10, { recall: 0.95 })).recall).toBeGreaterThanOrEqual(0.94)
  })

  test.each<[string, SearchOptions]>([
    ['RangeError', { recall: 0 }],
    ['RangeError', { recall: 1.01 }],
    ['TypeError', { recall: '0.9' as never }],
    ['TypeError', { recall: 0.9, listSize: 50 }],
    ['TypeError', { recall: 0.9, exact: true }],
    ['TypeError', { recall: 0.9, rescore: false }],
    ['TypeError', { exact: true, rescore: false }],
    ['TypeError', { rescore: 1 as never }],
  ])('is refused with a %s: %j', async (ending, options) => {
    expect(await endingOf(() => words.search(HELD_OUT[0]!, options))).toBe(ending)
  })
})

/** Of words, those that are rare have other neighbourhoods than those that are not. */
describe('words that are not stored', () => {
  const { length } = rowsOf(gloveSet(10_000))
  const isHeldOut = (row: number) => row >= length - 300 || row % 33 === 7
  const rows = rowsOf(gloveSet(10_000))
  const rare = rows.slice(-300)
  const any = rows.slice(0, -300).filter((_, row) => isHeldOut(row))
  const stored = rows.flatMap((vector, row) => (isHeldOut(row) ? [] : [{ id: `e${row}`, vector }]))
  const nearest = new Map<Float32Array, number>()
  let glove: VectorStore
  let vectors: Collection

  beforeAll(async () => {
    const opened = await emptyCollectionFor(gloveSet(1))
    glove = opened.store
    vectors = opened.vectors
    await vectors.addAll(stored)
    await vectors.optimize()
    for (const query of [...rare, ...any]) {
      nearest.set(query, (await vectors.search(query, { exact: true })).hits.at(-1)!.distance)
    }
  })

  afterAll(() => glove.close())

  async function reached(queries: readonly Float32Array[], recall: number) {
    let found = 0
    let visited = 0
    for (const query of queries) {
      const result = await vectors.search(query, { recall })
      found += result.hits.filter(({ distance }) => distance <= nearest.get(query)!).length
      visited += result.visited
    }
    return { recall: found / (queries.length * 10), visited: visited / queries.length }
  }

  test.each([0.9, 0.95, 0.98])(
    'find %d of the nearest, within a point, whether they are rare or not',
    async (recall) => {
      const [ofRare, ofAny] = [await reached(rare, recall), await reached(any, recall)]
      expect(ofRare.recall).toBeGreaterThanOrEqual(recall - 0.01)
      expect(ofAny.recall).toBeGreaterThanOrEqual(recall - 0.01)
      expect(Math.max(ofRare.visited, ofAny.visited)).toBeLessThan(stored.length / 4)
    },
  )

  test('ask for longer lists only where a query is hard', async () => {
    const visited: number[] = []
    for (const query of any) visited.push((await vectors.search(query, { recall: 0.995 })).visited)
    visited.sort((a, b) => a - b)
    const median = visited[visited.length >> 1]!
    expect(visited.at(-1)!).toBeGreaterThan(median * 1.5)
  })

  test('search the neighbours of an entry as those of its vector', async () => {
    const own = await vectors.search({ id: 'e100' }, { recall: 0.95 })
    expect(own.hits.some(({ id }) => id === 'e100')).toBe(false)
    const exact = await vectors.search({ id: 'e100' }, { exact: true })
    const far = exact.hits.at(-1)!.distance
    expect(own.hits.filter(({ distance }) => distance <= far).length).toBeGreaterThanOrEqual(9)
  })

  test('leave out what is too far after the probe', async () => {
    const query = any[3]!
    const maxDistance = nearest.get(query)! * 0.9
    const near = await vectors.search(query, { recall: 0.98, maxDistance })
    const all = await vectors.search(query, { recall: 0.98 })
    expect(near.hits).toEqual(all.hits.filter(({ distance }) => distance <= maxDistance))
    expect(near.visited).toBe(all.visited)
  })
})

describe('a search with rescore: false', () => {
  test.each(['cosine', 'euclidean', 'dot'] as const)('gives k hits by the distances of codes (%s)', async (metric) => {
    const opened = await indexedCollection(gloveSet(6000, metric))
    const { vectors } = opened
    await vectors.add(entriesOf(gloveSet(6010, metric), 6000))
    let shared = 0
    let off = 0
    const queries = rowsOf(gloveSet(200))
    for (const query of queries) {
      const exact = await vectors.search(query, { k: 15, exact: true })
      const coded = await vectors.search(query, { k: 15, rescore: false })
      expect([coded.hits.length, coded.rescored, coded.exact, exact.rescored]).toEqual([15, false, false, true])
      const distances = coded.hits.map(({ distance }) => distance)
      expect(distances).toEqual(distances.toSorted((a, b) => a - b))
      const byId = new Map(exact.hits.map(({ id, distance }) => [id, distance]))
      const spread = Math.abs(exact.hits[14]!.distance) + 1e-9
      for (const { id, distance } of coded.hits) {
        const truth = byId.get(id)
        if (truth === undefined) continue
        shared += 1
        off = Math.max(off, Math.abs(distance - truth) / spread)
      }
    }
    expect(shared / (queries.length * 15)).toBeGreaterThan(0.75)
    expect(off).toBeLessThan(0.35)
    await opened.store.close()
  })
})
