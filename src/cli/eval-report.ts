import type { Metric } from '../store/public.ts'
import type { CliContext } from './command.ts'
import { type IndexReport, indexText } from './index-wait.ts'
import type { Invocation } from './invocation.ts'
import { countText, durationText, quantityText } from './number-text.ts'
import { type CurvePoint, WARM_UP_QUERIES } from './recall-curve.ts'
import { type Column, printable, tableLines } from './table.ts'

/** What an evaluation found. */
export interface EvalReport {
  readonly collection: string
  readonly entries: number
  readonly dimensions: number
  readonly metric: Metric
  readonly queries: number
  readonly k: number
  readonly passes: number
  readonly index: IndexReport
  readonly truth: TruthReport
  readonly points: readonly CurvePoint[]
}

export interface TruthReport {
  /** File it was read from, unless it was computed. */
  readonly path?: string
  readonly computedMs?: number
  readonly savedTo?: string
  /** Queries along whose true neighbours the distances of this collection do not rise. */
  readonly disordered: number
}

export function printEvalReport(report: EvalReport, { json }: Invocation, { out }: CliContext): Promise<void> {
  if (json) return out.json({ ...report, warmUpQueries: WARM_UP_QUERIES })
  return out.line([...headLines(report), '', ...curveLines(report), ...remarkLines(report)].join('\n'))
}

function headLines({ collection, entries, dimensions, metric, queries, k, index, truth }: EvalReport): string[] {
  const shape = `${quantityText(entries, 'entry', 'entries')} of ${quantityText(dimensions, 'dimension')}, ${metric}`
  const waited = index.awaited === 0 ? '' : `, after ${durationText(index.waitedMs)} of waiting for it to catch up`
  return [
    `${quantityText(queries, 'query', 'queries')} near ${printable(collection)} (${shape}), k ${countText(k)}`,
    `index: ${indexText(index)}${waited}`,
    `truth: ${truthText(truth)}`,
  ]
}

function truthText({ path, computedMs, savedTo }: TruthReport): string {
  if (path !== undefined) return printable(path)
  const saved = savedTo === undefined ? '' : `, saved to ${printable(savedTo)}`
  return `exact search, ${durationText(computedMs ?? 0)}${saved}`
}

function curveLines({ k, points }: EvalReport): string[] {
  const asked = points.some(({ wantedRecall }) => wantedRecall !== undefined) ? 'asked for' : 'list size'
  const titles = [asked, `recall@${k}`, 'QPS', 'p50 ms', 'p99 ms', 'visited']
  const columns = titles.map((title): Column => ({ title, align: 'right' }))
  const rows = points.map(({ listSize = 0, wantedRecall, recall, queriesPerSecond, p50Ms, p99Ms, meanVisited }) => [
    wantedRecall === undefined ? countText(listSize) : String(wantedRecall),
    recallText(recall),
    countText(queriesPerSecond),
    p50Ms.toFixed(3),
    p99Ms.toFixed(3),
    countText(meanVisited),
  ])
  return tableLines(columns, rows)
}

/** Cut, not rounded: only what is whole is called 1. */
export function recallText(recall: number): string {
  return (Math.floor(recall * 10_000) / 10_000).toFixed(4)
}

function remarkLines({ queries, truth, points }: EvalReport): string[] {
  const remarks: string[] = []
  if (points.every(({ exactAnswers }) => exactAnswers === queries)) {
    remarks.push('Every answer was exact: all vectors were compared, and the list size changes nothing.')
  }
  if (truth.disordered > 0) {
    const share = `${countText(truth.disordered)} of ${quantityText(queries, 'query', 'queries')}`
    remarks.push(
      `For ${share} distances do not rise along the truth: was it made with another metric, or other vectors?`,
    )
  }
  return remarks.length === 0 ? [] : ['', ...remarks]
}
