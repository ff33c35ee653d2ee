import type { QuantizeFigures, QuantizeReport } from '../store/public.ts'
import type { CliContext } from './command.ts'
import type { Invocation } from './invocation.ts'
import { bytesText, countText, durationText, quantityText } from './number-text.ts'
import { type Column, printable, tableLines } from './table.ts'

export function printQuantizeReport(report: QuantizeReport, { json }: Invocation, { out }: CliContext): Promise<void> {
  if (json) return out.json({ ...report, durationMs: Math.round(report.durationMs) })
  const { warning } = report
  const warned = warning === undefined ? [] : [`warning: ${printable(warning)}`]
  const lines = [headLine(report), placeLine(report), ...formLines(report), ...warned, '', ...figureLines(report)]
  return out.line(lines.join('\n'))
}

function headLine({ collection, lsn, before, after, durationMs }: QuantizeReport): string {
  const switched = `${printable(collection)} is ${after.mode} since LSN ${countText(lsn)}, and was ${before.mode}`
  return `${switched}; switched in ${durationText(durationMs)}`
}

function placeLine({ originals: { chunks, chunksOnDisk, problem } }: QuantizeReport): string {
  const places = `${countText(chunksOnDisk)} of ${quantityText(chunks, 'full chunk')} of vectors on disk only`
  return problem === undefined ? places : `${places}: ${printable(problem)}`
}

function formLines({ index: { form, formProblem } }: QuantizeReport): string[] {
  if (form === undefined) return []
  const held = form === 'lean' ? 'what searches need of the index in memory' : 'the whole index in memory'
  return [formProblem === undefined ? held : `${held}: ${printable(formProblem)}`]
}

function figureLines({ before, after, queries }: QuantizeReport): string[] {
  const columns: Column[] = [{ title: '' }, { title: 'before', align: 'right' }, { title: 'after', align: 'right' }]
  const row = (name: string, textOf: (figures: QuantizeFigures) => string): string[] => [
    name,
    textOf(before),
    textOf(after),
  ]
  const components = new Set([before, after].flatMap(({ memory }) => Object.keys(memory.components)))
  const msText = (ms: number | undefined) => (ms === undefined ? '-' : `${ms.toFixed(2)} ms`)
  return tableLines(columns, [
    row(`recall@10 of ${quantityText(queries, 'query', 'queries')}`, ({ recall }) => recall?.toFixed(4) ?? '-'),
    row('median search', ({ latencyMs }) => msText(latencyMs?.median)),
    row('95th percentile', ({ latencyMs }) => msText(latencyMs?.p95)),
    ...[...components].map((name) => row(name, ({ memory }) => bytesText(memory.components[name] ?? 0))),
    row('memory', ({ memory }) => bytesText(memory.total)),
  ])
}
