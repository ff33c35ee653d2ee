import { describe, expect, test } from 'vitest'
import { resolveTruth } from '../../src/cli/eval-truth.ts'
import { computeTruth } from '../../src/cli/exact-truth.ts'
import { type JudgedQuery, type Measurement, measurePoint, timesOf } from '../../src/cli/recall-curve.ts'
import { ROW_NUMBERS } from '../../src/cli/row-ids.ts'
import { TruncatedSearch } from './support/truncated-search.ts'

// Vectors 0, 1, 2 … 9 on a line: what a search for 0 finds first is vector 0.
const line = Array.from({ length: 10 }, (_, position) => [position])

async function judged(collection: TruncatedSearch, queries: readonly number[], k: number): Promise<JudgedQuery[]> {
  const records = queries.map((position) => ({ id: '', vector: Float32Array.of(position), where: `query ${position}` }))
  const { signal } = new AbortController()
  const options = { k, signal, savePath: undefined, rowIds: ROW_NUMBERS, onProgress: () => undefined }
  const rows = await computeTruth(collection, records, options)
  return Promise.all(
    rows.map(async (row, index) => {
      const { vector } = records[index]!
      return { vector, truth: await resolveTruth(collection, vector, row) }
    }),
  )
}

function measurement(fields: Partial<Measurement>): Measurement {
  const { signal } = new AbortController()
  return { k: 2, manner: { listSize: 10 }, passes: 1, signal, onProgress: () => undefined, ...fields }
}

describe('a point of the curve', () => {
  test('is the share of the true neighbours that were found', async () => {
    const collection = new TruncatedSearch('euclidean', line)
    // Their two nearest are 0 and 1, 3 and 4, 9 and 8.
    const queries = await judged(collection, [0.1, 3.1, 8.9], 2)
    const recalls = []
    for (const listSize of [2, 4, 5, 9, 10]) {
      const point = await measurePoint(collection, queries, measurement({ manner: { listSize } }))
      recalls.push(point.recall * 6)
      expect(point).toMatchObject({ listSize, meanVisited: listSize, exactAnswers: listSize === 10 ? 3 : 0 })
    }
    expect(recalls.map((right) => Math.round(right))).toEqual([2, 3, 4, 5, 6])
  })

  test('counts what is there where there is less than k', async () => {
    const collection = new TruncatedSearch('euclidean', line)
    const queries = await judged(collection, [4], 16)
    expect(queries[0]!.truth.ids.size).toBe(10)
    expect(await measurePoint(collection, queries, measurement({ k: 16, manner: { listSize: 5 } }))).toMatchObject({
      recall: 0.5,
    })
  })

  test('is timed behind 50 searches for warming up, once a query and pass', async () => {
    const collection = new TruncatedSearch('euclidean', line)
    const queries = await judged(collection, [1, 2, 3], 2)
    collection.calls.length = 0
    const progress: number[] = []
    await measurePoint(collection, queries, measurement({ passes: 4, onProgress: (done) => progress.push(done) }))
    expect(collection.calls).toHaveLength(50 + 3 * 4)
    expect(progress).toEqual([3, 6, 9, 12])
  })

  test('says how far it is between batches of many queries', async () => {
    const collection = new TruncatedSearch('euclidean', line)
    const queries = await judged(collection, Array(600).fill(1), 2)
    const progress: number[] = []
    const point = await measurePoint(collection, queries, measurement({ onProgress: (done) => progress.push(done) }))
    expect(progress).toEqual([256, 512, 600])
    expect(point).toMatchObject({ recall: 1, exactAnswers: 600 })
  })

  test('is asked for with k, the list size and the signal', async () => {
    const collection = new TruncatedSearch('euclidean', line)
    const queries = await judged(collection, [1], 2)
    const fields = measurement({ manner: { listSize: 7 } })
    await measurePoint(collection, queries, fields)
    expect(collection.calls.at(-1)).toEqual({ k: 2, listSize: 7, signal: fields.signal })
    expect(collection.calls[0]).toMatchObject({ k: 2, exact: true })
  })

  test('is asked for without rescoring, or for a recall, which it names', async () => {
    const collection = new TruncatedSearch('euclidean', line)
    const queries = await judged(collection, [1], 2)
    const coded = measurement({ manner: { listSize: 7, rescore: false } })
    expect(await measurePoint(collection, queries, coded)).toMatchObject({ listSize: 7 })
    expect(collection.calls.at(-1)).toEqual({ k: 2, listSize: 7, rescore: false, signal: coded.signal })
    const wanted = measurement({ manner: { recall: 0.9 } })
    const point = await measurePoint(collection, queries, wanted)
    expect(collection.calls.at(-1)).toEqual({ k: 2, recall: 0.9, signal: wanted.signal })
    expect(point).toMatchObject({ wantedRecall: 0.9, recall: 1 })
    expect(point).not.toHaveProperty('listSize')
  })
})

describe('times', () => {
  test('are quantiles that occurred, and queries one after the other', () => {
    const latenciesMs = Array.from({ length: 200 }, (_, index) => 200 - index)
    expect(timesOf(latenciesMs)).toEqual({ queriesPerSecond: (200 * 1000) / 20_100, p50Ms: 100, p99Ms: 198 })
    expect(timesOf([3])).toEqual({ queriesPerSecond: 1000 / 3, p50Ms: 3, p99Ms: 3 })
  })

  test('too short to tell are no division by zero', () => {
    expect(timesOf([0, 0])).toEqual({ queriesPerSecond: 0, p50Ms: 0, p99Ms: 0 })
  })
})
