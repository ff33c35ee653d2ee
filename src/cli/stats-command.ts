import type { CollectionInfo, MemoryLedger, StoreStats } from '../store/public.ts'
import { type CliContext, type Command, EXIT_OK } from './command.ts'
import type { Invocation } from './invocation.ts'
import { bytesText, countText, durationText, quantityText } from './number-text.ts'
import { requireDirectory, withStore } from './store-access.ts'
import { type Column, pairLines, printable, tableLines } from './table.ts'

export const statsCommand: Command = {
  name: 'stats',
  summary: 'print what a store holds and what it costs',
  positionals: ['dir'],
  options: {},
  notes: ['Memory is what this process needs to hold the store open.'],
  examples: ['annals stats ./data'],
  run: runStats,
}

async function runStats(invocation: Invocation, context: CliContext): Promise<number> {
  await requireDirectory(invocation.positional(0))
  return withStore(invocation, context, { readOnly: true }, async (store) => {
    const stats = store.stats()
    const memory = store.memoryUsage()
    if (invocation.json) await context.out.json({ ...stats, memory })
    else await context.out.line(statsText(stats, memory))
    return EXIT_OK
  })
}

function statsText(stats: StoreStats, memory: MemoryLedger): string {
  const sections = [storeLines(stats), collectionLines(stats.collections), memoryLines(memory)]
  return sections.map((lines) => lines.join('\n')).join('\n\n')
}

function storeLines({ lsn, durableLsn, epoch, storeId, logBytes, segments, recovery }: StoreStats): string[] {
  const { records, events, bytes, durationMs, problems, quarantined } = recovery
  const recovered = `${quantityText(records, 'record')}, ${quantityText(events, 'event')}, ${bytesText(bytes)}`
  return pairLines([
    ['store', storeId],
    ['LSN', `${countText(lsn)} (durable ${countText(durableLsn)}), epoch ${countText(epoch)}`],
    ['log', `${bytesText(logBytes)} in ${quantityText(segments, 'segment')}`],
    ['recovery', `${recovered} in ${durationText(durationMs)}`],
    ...problems.map((problem): [string, string] => ['problem', printable(problem)]),
    ...(quarantined === undefined ? [] : [['quarantined', printable(quarantined)] as [string, string]]),
  ])
}

function collectionLines(collections: readonly CollectionInfo[]): string[] {
  if (collections.length === 0) return ['no collections']
  const columns: Column[] = [
    { title: 'collection' },
    { title: 'entries', align: 'right' },
    { title: 'dimensions', align: 'right' },
    { title: 'metric' },
    { title: 'created at LSN', align: 'right' },
  ]
  const rows = collections.map(({ name, count, dimensions, metric, createdAtLsn }) => [
    printable(name),
    countText(count),
    countText(dimensions),
    metric,
    countText(createdAtLsn),
  ])
  return tableLines(columns, rows)
}

function memoryLines({ total, components }: MemoryLedger): string[] {
  const rows = Object.entries(components).map(([name, bytes]) => [name, bytesText(bytes)])
  return tableLines([{ title: 'memory' }, { title: '', align: 'right' }], [...rows, ['total', bytesText(total)]])
}
