import type { Metric } from '../store/public.ts'
import { codeOf, messageOf } from './cli-errors.ts'
import type { CliContext } from './command.ts'
import { vectorsPerSecond } from './import-meter.ts'
import type { Invocation } from './invocation.ts'
import { bytesText, countText, durationText, quantityText } from './number-text.ts'
import { printable } from './table.ts'

/** How an import ended. */
export interface ImportReport {
  readonly collection: string
  readonly dimensions: number
  readonly metric: Metric
  /** Vectors that were acknowledged: they are on disk. */
  readonly vectors: number
  /** Not known when the store itself failed on the way. */
  readonly added?: number
  readonly replaced?: number
  readonly durableLsn: number
  readonly logBytes: number
  readonly durationMs: number
  readonly interrupted: boolean
  /** What ended the import early, unless it was an interruption. */
  readonly problem: unknown
}

export async function printImportReport(
  report: ImportReport,
  { json }: Invocation,
  { out }: CliContext,
): Promise<void> {
  const { vectors, durationMs, problem, ...rest } = report
  const perSecond = vectorsPerSecond(vectors, durationMs)
  if (json) {
    const error = problem === undefined ? undefined : { code: codeOf(problem), message: messageOf(problem) }
    return out.json({ vectors, ...rest, durationMs: Math.round(durationMs), vectorsPerSecond: perSecond, error })
  }
  const { collection, dimensions, metric, interrupted, durableLsn, logBytes } = report
  const verb = interrupted ? 'interrupted: ' : problem === undefined ? 'imported ' : 'stopped: '
  await out.line(
    `${verb}${quantityText(vectors, 'vector')} of ${countText(dimensions)} dimensions into ${printable(collection)} (${metric}${changes(report)})` +
      ` in ${durationText(durationMs)}, ${countText(perSecond)} vectors/s`,
  )
  await out.line(`durable up to LSN ${countText(durableLsn)}, log ${bytesText(logBytes)}`)
}

function changes({ added, replaced }: ImportReport): string {
  return added === undefined || replaced === undefined
    ? ''
    : `, ${countText(added)} added, ${countText(replaced)} replaced`
}
