import type { CollectionStats, Metric } from '../store/public.ts'
import type { CliContext } from './command.ts'
import type { Invocation } from './invocation.ts'
import { bytesText, countText, durationText, quantityText } from './number-text.ts'
import { type Column, printable, tableLines } from './table.ts'

/** What a collection has and costs. */
export interface Figures {
  readonly entries: number
  /** Places taken by entries, live or dead. */
  readonly slots: number
  readonly nodes: number
  readonly deadNodes: number
  readonly codes?: string
  /** Bytes by component, and their sum. */
  readonly memory: { readonly total: number; readonly components: Readonly<Record<string, number>> }
}

/** What an optimization did. */
export interface OptimizeReport {
  readonly collection: string
  readonly dimensions: number
  readonly metric: Metric
  /** Waiting for what the log had ordered before. */
  readonly catchUpMs: number
  readonly compactMs: number
  readonly buildMs: number
  readonly before: Figures
  readonly after: Figures
}

export function figuresOf(collection: { stats(): CollectionStats }): Figures {
  const { count, slots, index, memory } = collection.stats()
  const { nodes, deadNodes, codes } = index
  const base = { entries: count, slots, nodes, deadNodes, memory: sumOf(memory) }
  return codes === undefined ? base : { ...base, codes }
}

/** The index only comes when a store that was opened has caught up, and by then chunks may have been compacted. */
export function figuresBefore(opened: Figures, caughtUp: Figures): Figures {
  const ofColumns = Object.entries(opened.memory.components).filter(([name]) => !name.startsWith('index'))
  const memory = sumOf({ ...caughtUp.memory.components, ...Object.fromEntries(ofColumns) })
  return { ...caughtUp, slots: opened.slots, memory }
}

function sumOf(components: Readonly<Record<string, number>>): Figures['memory'] {
  return { total: Object.values(components).reduce((sum, bytes) => sum + bytes, 0), components }
}

export function printOptimizeReport(report: OptimizeReport, { json }: Invocation, { out }: CliContext): Promise<void> {
  const { catchUpMs, compactMs, buildMs, ...rest } = report
  if (!json) return out.line([headLine(report), '', ...figureLines(report)].join('\n'))
  const times = { catchUpMs, compactMs, buildMs }
  return out.json({ ...rest, ...Object.fromEntries(Object.entries(times).map(([name, ms]) => [name, Math.round(ms)])) })
}

function headLine({ collection, dimensions, metric, catchUpMs, compactMs, buildMs, after }: OptimizeReport): string {
  const shape = `${quantityText(after.entries, 'entry', 'entries')} of ${quantityText(dimensions, 'dimension')}, ${metric}`
  const times = `${durationText(buildMs)}, compacted in ${durationText(compactMs)}`
  return `indexed ${printable(collection)} (${shape}) in ${times}, after ${durationText(catchUpMs)} of catching up`
}

function figureLines({ before, after }: OptimizeReport): string[] {
  const columns: Column[] = [{ title: '' }, { title: 'before', align: 'right' }, { title: 'after', align: 'right' }]
  const row = (name: string, textOf: (figures: Figures) => string): string[] => [name, textOf(before), textOf(after)]
  const components = new Set([before, after].flatMap(({ memory }) => Object.keys(memory.components)))
  return tableLines(columns, [
    row('entries', ({ entries }) => countText(entries)),
    row('slots', ({ slots }) => countText(slots)),
    row('nodes', ({ nodes }) => countText(nodes)),
    row('dead nodes', ({ deadNodes }) => countText(deadNodes)),
    row('codes', ({ codes = 'none' }) => codes),
    ...[...components].map((name) => row(name, ({ memory }) => bytesText(memory.components[name] ?? 0))),
    row('memory', ({ memory }) => bytesText(memory.total)),
  ])
}
