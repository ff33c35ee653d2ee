import { LIMITS } from '../store/public.ts'
import { InputError } from './cli-errors.ts'
import type { CliContext } from './command.ts'
import { checkQueries, readQueries } from './eval-queries.ts'
import type { EvalReport, TruthReport } from './eval-report.ts'
import { readTruth, resolveTruth, type TruthRow } from './eval-truth.ts'
import { computeTruth } from './exact-truth.ts'
import { awaitIndex, type IndexedCollection } from './index-wait.ts'
import type { Invocation } from './invocation.ts'
import { countText } from './number-text.ts'
import { createProgress } from './progress.ts'
import {
  type CurvePoint,
  type JudgedQuery,
  measurePoint,
  type SearchedCollection,
  type SearchManner,
} from './recall-curve.ts'
import { ROW_NUMBERS, type RowIds, readRowIds } from './row-ids.ts'
import type { VectorFormat } from './vector-file.ts'
import type { QueryRecord } from './vector-record.ts'

export interface EvalOptions {
  readonly queriesPath: string
  readonly format: VectorFormat
  readonly truthPath: string | undefined
  readonly savePath: string | undefined
  readonly idsPath: string | undefined
  readonly k: number
  readonly listSizes: readonly number[] | undefined
  /** Shares of the nearest to ask for instead of lists. */
  readonly recalls: readonly number[] | undefined
  readonly rescore: boolean
  readonly passes: number
}

/** What is read before a store is touched. */
interface EvalInputs {
  readonly queries: readonly QueryRecord[]
  readonly rowIds: RowIds
  /** `undefined` where it has to be computed. */
  readonly givenTruth: readonly TruthRow[] | undefined
}

/** One evaluation, with what it may use. */
interface Evaluation extends EvalInputs {
  readonly collection: EvaluatedCollection
  readonly options: EvalOptions
  readonly signal: AbortSignal
  readonly invocation: Invocation
  readonly context: CliContext
}

/** What an evaluation asks of a collection. */
export interface EvaluatedCollection extends SearchedCollection, IndexedCollection {
  readonly dimensions: number
  count(): number
}

const SMALLEST_DEFAULT_LIST = 20
const DEFAULT_MULTIPLES = [1, 2, 3, 4, 6, 8, 16, 32]

export async function readInputs({ queriesPath, format, truthPath, idsPath, k }: EvalOptions): Promise<EvalInputs> {
  const queries = await readQueries(queriesPath, format)
  const rowIds = idsPath === undefined ? ROW_NUMBERS : await readRowIds(idsPath)
  const givenTruth = truthPath === undefined ? undefined : await readTruth(truthPath, rowIds, k, queries.length)
  return { queries, rowIds, givenTruth }
}

export async function evaluate(evaluation: Evaluation): Promise<EvalReport> {
  const { collection, queries, options, signal, invocation, context } = evaluation
  const { name, dimensions, metric } = collection
  const { k, passes } = options
  const entries = collection.count()
  if (entries === 0) throw new InputError(`the collection '${name}' is empty`)
  checkQueries(queries, collection)
  const manners = mannersOf(options, entries)
  const index = await awaitIndex(collection, invocation, context, signal)
  const { judged, truth } = await judgeQueries(evaluation)
  const points = await measureCurve(evaluation, judged, manners)
  const { length } = queries
  return { collection: name, entries, dimensions, metric, queries: length, k, passes, index, truth, points }
}

async function judgeQueries(evaluation: Evaluation): Promise<{ judged: JudgedQuery[]; truth: TruthReport }> {
  const { collection, queries, givenTruth, options } = evaluation
  const startMs = performance.now()
  const rows = givenTruth ?? (await computeWithProgress(evaluation))
  const computedMs = performance.now() - startMs
  const judged: JudgedQuery[] = []
  for (const [index, { vector }] of queries.entries()) {
    judged.push({ vector, truth: await resolveTruth(collection, vector, rows[index] as TruthRow) })
  }
  const disordered = judged.filter(({ truth }) => !truth.ordered).length
  const { truthPath, savePath } = options
  if (truthPath !== undefined) return { judged, truth: { path: truthPath, disordered } }
  const saved = savePath === undefined ? {} : { savedTo: savePath }
  return { judged, truth: { computedMs, ...saved, disordered } }
}

function computeWithProgress(evaluation: Evaluation): Promise<TruthRow[]> {
  const { collection, queries, options, rowIds, signal, invocation, context } = evaluation
  const progress = createProgress(context, { silent: invocation.json })
  const { length } = queries
  const onProgress = (done: number): void =>
    progress.update(() => ({ label: 'exact search', fraction: done / length, details: [queriesText(done, length)] }))
  const { k, savePath } = options
  return computeTruth(collection, queries, { k, signal, savePath, rowIds, onProgress }).finally(() => progress.finish())
}

async function measureCurve(
  { collection, options, signal, invocation, context }: Evaluation,
  judged: readonly JudgedQuery[],
  manners: readonly SearchManner[],
): Promise<CurvePoint[]> {
  const { k, passes } = options
  const progress = createProgress(context, { silent: invocation.json })
  const timedQueries = judged.length * passes
  try {
    const points: CurvePoint[] = []
    for (const manner of manners) {
      const label = 'recall' in manner ? `recall ${manner.recall}` : `list size ${countText(manner.listSize)}`
      const onProgress = (done: number): void => {
        const fraction = (points.length + done / timedQueries) / manners.length
        progress.update(() => ({ label, fraction, details: [queriesText(done, timedQueries)] }))
      }
      points.push(await measurePoint(collection, judged, { k, manner, passes, signal, onProgress }))
    }
    return points
  } finally {
    progress.finish()
  }
}

function queriesText(done: number, total: number): string {
  return `${countText(done)} of ${countText(total)} queries`
}

function mannersOf({ listSizes, recalls, rescore, k }: EvalOptions, entries: number): SearchManner[] {
  if (recalls !== undefined) return recalls.map((recall) => ({ recall }))
  const lists = listSizes ?? defaultListSizes(k, entries)
  return lists.map((listSize) => (rescore ? { listSize } : { listSize, rescore }))
}

/** A walk keeps twice k at least, and a list longer than the collection finds no more. */
function defaultListSizes(k: number, entries: number): number[] {
  const smallest = Math.min(LIMITS.k, Math.max(2 * k, SMALLEST_DEFAULT_LIST))
  const most = Math.max(smallest, Math.min(entries, LIMITS.k))
  return DEFAULT_MULTIPLES.map((multiple) => multiple * smallest).filter((listSize) => listSize <= most)
}
