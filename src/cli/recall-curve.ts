import { countRight, type TrueNeighbours, type VectorSource } from './eval-truth.ts'

/** What is asked of a collection to measure it. */
export interface SearchedCollection extends VectorSource {
  search(
    query: Float32Array,
    options: {
      readonly k: number
      readonly listSize?: number
      readonly recall?: number
      readonly rescore?: boolean
      readonly exact?: boolean
      readonly signal?: AbortSignal
    },
  ): Promise<SearchAnswer>
}

interface SearchAnswer {
  readonly hits: readonly { readonly id: string }[]
  readonly exact: boolean
  readonly visited: number
}

/** A query with what is right for it. */
export interface JudgedQuery {
  readonly vector: Float32Array
  readonly truth: TrueNeighbours
}

/** How the searches of a point are made: with a list of some length, or with what a wanted recall takes. */
export type SearchManner = { readonly listSize: number; readonly rescore?: false } | { readonly recall: number }

export interface Measurement {
  readonly k: number
  readonly manner: SearchManner
  /** How often the whole set of queries is timed; every pass finds the same. */
  readonly passes: number
  readonly signal: AbortSignal
  /** Called now and then with the queries done, in all passes. */
  readonly onProgress: (done: number) => void
}

/** One point of a recall curve. */
export interface CurvePoint {
  readonly listSize?: number
  /** What was asked for instead of a list. */
  readonly wantedRecall?: number
  /** Share of the true neighbours that were found. */
  readonly recall: number
  /** One after the other. */
  readonly queriesPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Vectors compared with a query, on the average. */
  readonly meanVisited: number
  /** Queries whose answer the store calls exact. */
  readonly exactAnswers: number
}

/** Code is compiled by use, and caches fill: the first answers say little. */
export const WARM_UP_QUERIES = 50
/** Queries whose answers are kept until they are judged, which is not timed. */
const BATCH_QUERIES = 256

export async function measurePoint(
  collection: SearchedCollection,
  queries: readonly JudgedQuery[],
  measurement: Measurement,
): Promise<CurvePoint> {
  const { k, manner, passes, signal, onProgress } = measurement
  const options = { k, ...manner, signal }
  await warmUp(collection, queries, options)
  const latenciesMs: number[] = []
  let right = 0
  let visited = 0
  let exactAnswers = 0
  for (let pass = 0; pass < passes; pass++) {
    for (let first = 0; first < queries.length; first += BATCH_QUERIES) {
      const batch = queries.slice(first, first + BATCH_QUERIES)
      const answers = await timedAnswers(collection, batch, options, latenciesMs)
      onProgress(latenciesMs.length)
      // A terminal that interrupts has its turn here: searches alone may never let it.
      await new Promise((resolve) => setImmediate(resolve))
      if (pass > 0) continue
      for (const [index, { hits, exact, visited: compared }] of answers.entries()) {
        const { vector, truth } = batch[index] as JudgedQuery
        const ids = hits.map(({ id }) => id)
        right += await countRight(collection, vector, ids, truth)
        visited += compared
        if (exact) exactAnswers += 1
      }
    }
  }
  const wanted = queries.reduce((sum, { truth }) => sum + truth.ids.size, 0)
  return {
    ...('recall' in manner ? { wantedRecall: manner.recall } : { listSize: manner.listSize }),
    recall: right / wanted,
    ...timesOf(latenciesMs),
    meanVisited: visited / queries.length,
    exactAnswers,
  }
}

/** Begins at the end of the queries: what is timed first should not be what was asked last. */
async function warmUp(
  collection: SearchedCollection,
  queries: readonly JudgedQuery[],
  options: SearchManner & { readonly k: number; readonly signal: AbortSignal },
): Promise<void> {
  for (let count = 0; count < WARM_UP_QUERIES; count++) {
    const { vector } = queries.at(-1 - (count % queries.length)) as JudgedQuery
    await collection.search(vector, options)
  }
}

async function timedAnswers(
  collection: SearchedCollection,
  batch: readonly JudgedQuery[],
  options: SearchManner & { readonly k: number; readonly signal: AbortSignal },
  latenciesMs: number[],
): Promise<SearchAnswer[]> {
  const answers: SearchAnswer[] = []
  for (const { vector } of batch) {
    const startMs = performance.now()
    const answer = await collection.search(vector, options)
    latenciesMs.push(performance.now() - startMs)
    answers.push(answer)
  }
  return answers
}

export function timesOf(latenciesMs: readonly number[]): Pick<CurvePoint, 'queriesPerSecond' | 'p50Ms' | 'p99Ms'> {
  const sorted = Float64Array.from(latenciesMs).sort()
  const totalMs = sorted.reduce((sum, latencyMs) => sum + latencyMs, 0)
  return {
    queriesPerSecond: totalMs > 0 ? (sorted.length * 1000) / totalMs : 0,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
  }
}

/** The smallest of the values that this share of them does not exceed. */
function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] as number
}
