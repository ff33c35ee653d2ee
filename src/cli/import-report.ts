import type { Metric, VectorType } from '../store/public.ts'
import { codeOf, messageOf } from './cli-errors.ts'
import type { CliContext } from './command.ts'
import { vectorsPerSecond } from './import-meter.ts'
import { indexText } from './index-wait.ts'
import type { Invocation } from './invocation.ts'
import { bytesText, countText, durationText, quantityText } from './number-text.ts'
import { printable } from './table.ts'

/** How an import ended. */
export interface ImportReport {
  readonly collection: string
  readonly dimensions: number
  readonly type: VectorType
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
  /** Where it was waited for, which is only behind an import that is complete. */
  readonly index?: ImportedIndex
}

/** How the wait for the index ended. */
export interface ImportedIndex {
  readonly indexed: number
  readonly waiting: number
  readonly codes?: string
  readonly waitedMs: number
  readonly interrupted: boolean
  /** Why it cannot be built. */
  readonly problem: unknown
}

export async function printImportReport(
  report: ImportReport,
  { json }: Invocation,
  { out }: CliContext,
): Promise<void> {
  const { vectors, durationMs, problem, index, ...rest } = report
  const perSecond = vectorsPerSecond(vectors, durationMs)
  if (json) {
    const times = { durationMs: Math.round(durationMs), vectorsPerSecond: perSecond }
    return out.json({ vectors, ...rest, ...times, error: errorJson(problem), index: index && indexJson(index) })
  }
  const { collection, dimensions, type, metric, interrupted, durableLsn, logBytes } = report
  const typed = type === 'float32' ? '' : ` in ${type}`
  const verb = interrupted ? 'interrupted: ' : problem === undefined ? 'imported ' : 'stopped: '
  await out.line(
    `${verb}${quantityText(vectors, 'vector')} of ${countText(dimensions)} dimensions${typed} into ${printable(collection)} (${metric}${changes(report)})` +
      ` in ${durationText(durationMs)}, ${countText(perSecond)} vectors/s`,
  )
  await out.line(`durable up to LSN ${countText(durableLsn)}, log ${bytesText(logBytes)}`)
  for (const line of indexLines(index)) await out.line(line)
}

/** Too few entries have no index, which is nothing to speak of. */
function indexLines(index: ImportedIndex | undefined): string[] {
  if (index === undefined) return []
  const waited = durationText(index.waitedMs)
  if (index.interrupted) {
    const share = `${countText(index.indexed)} of ${quantityText(index.indexed + index.waiting, 'entry', 'entries')}`
    return [`index: interrupted after ${waited} with ${share} in it; the import is complete`]
  }
  return index.codes === undefined ? [] : [`index: ${indexText(index)}, ${waited} after the import`]
}

function indexJson({ waitedMs, problem, ...rest }: ImportedIndex) {
  return { ...rest, waitedMs: Math.round(waitedMs), error: errorJson(problem) }
}

function errorJson(problem: unknown) {
  return problem === undefined ? undefined : { code: codeOf(problem), message: messageOf(problem) }
}

function changes({ added, replaced }: ImportReport): string {
  return added === undefined || replaced === undefined
    ? ''
    : `, ${countText(added)} added, ${countText(replaced)} replaced`
}
