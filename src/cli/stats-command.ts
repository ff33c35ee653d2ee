import type {
  CollectionInfo,
  IndexStats,
  MemoryLedger,
  SnapshotInfo,
  StoreStats,
  VectorStore,
} from '../store/public.ts'
import { type CliContext, type Command, EXIT_OK } from './command.ts'
import type { Invocation } from './invocation.ts'
import { bytesText, countText, durationText, quantityText } from './number-text.ts'
import { AT_OPTION, readingAccess } from './point-in-time.ts'
import { requireDirectory, withStore } from './store-access.ts'
import { type Column, pairLines, printable, tableLines } from './table.ts'

export const statsCommand: Command = {
  name: 'stats',
  summary: 'print what a store holds and what it costs',
  positionals: ['dir'],
  options: AT_OPTION,
  notes: ['Memory is what this process needs to hold the store open.'],
  examples: ['annals stats ./data'],
  run: runStats,
}

async function runStats(invocation: Invocation, context: CliContext): Promise<number> {
  const access = readingAccess(invocation)
  await requireDirectory(invocation.positional(0))
  return withStore(invocation, context, access, async (store) => {
    const stats = { ...store.stats(), collections: await collectionsOf(store) }
    const memory = store.memoryUsage()
    if (invocation.json) await context.out.json({ ...stats, memory: { ...stats.memory, ...memory } })
    else await context.out.line(statsText(stats, memory))
    return EXIT_OK
  })
}

interface IndexedCollection extends CollectionInfo {
  readonly index: IndexStats
}

async function collectionsOf(store: VectorStore): Promise<IndexedCollection[]> {
  const collections: IndexedCollection[] = []
  for (const info of store.collections()) {
    const { index } = (await store.collection(info.name)).stats()
    collections.push({ ...info, index })
  }
  return collections
}

interface IndexedStats extends StoreStats {
  readonly collections: readonly IndexedCollection[]
}

function statsText(stats: IndexedStats, memory: MemoryLedger): string {
  const { collections, snapshots } = stats
  const sections = [
    storeLines(stats),
    collectionLines(collections),
    ...(collections.length === 0 ? [] : [indexLines(collections)]),
    ...(snapshots.length === 0 ? [] : [snapshotLines(snapshots)]),
    memoryLines(memory),
  ]
  return sections.map((lines) => lines.join('\n')).join('\n\n')
}

function storeLines({ lsn, durableLsn, epoch, storeId, logBytes, segments, ...rest }: StoreStats): string[] {
  const { snapshotLsn, records, events, bytes, durationMs, problems, quarantined } = rest.recovery
  const from = snapshotLsn === undefined ? '' : `snapshot at LSN ${countText(snapshotLsn)}, then `
  const recovered = `${from}${quantityText(records, 'record')}, ${quantityText(events, 'event')}, ${bytesText(bytes)}`
  const { snapshots, snapshotBytes } = rest
  const kept = snapshots.length === 0 ? 'none' : `${countText(snapshots.length)}, ${bytesText(snapshotBytes)} on disk`
  return pairLines([
    ['store', storeId],
    ['LSN', `${countText(lsn)} (durable ${countText(durableLsn)}), epoch ${countText(epoch)}`],
    ['log', `${bytesText(logBytes)} in ${quantityText(segments, 'segment')}`],
    ['snapshots', kept],
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
    { title: 'type' },
    { title: 'metric' },
    { title: 'quantization' },
    { title: 'created at LSN', align: 'right' },
  ]
  const rows = collections.map(({ name, count, dimensions, type, metric, quantization, createdAtLsn }) => [
    printable(name),
    countText(count),
    countText(dimensions),
    type,
    metric,
    quantization,
    countText(createdAtLsn),
  ])
  return tableLines(columns, rows)
}

function indexLines(collections: readonly IndexedCollection[]): string[] {
  const columns: Column[] = [
    { title: 'index' },
    { title: 'indexed', align: 'right' },
    { title: 'waiting', align: 'right' },
    { title: 'nodes', align: 'right' },
    { title: 'dead nodes', align: 'right' },
    { title: 'codes' },
    { title: 'in memory' },
    { title: 'state' },
  ]
  const rows = collections.map(({ name, index }) => [
    printable(name),
    countText(index.indexed),
    countText(index.waiting),
    countText(index.nodes),
    countText(index.deadNodes),
    index.codes ?? 'none',
    index.form ?? 'nothing',
    indexState(index),
  ])
  return tableLines(columns, rows)
}

function indexState({ backlog, problem }: IndexStats): string {
  if (problem !== undefined) return printable(problem)
  return backlog === 0 ? 'settled' : `${quantityText(backlog, 'piece')} of work ahead`
}

function snapshotLines(snapshots: readonly SnapshotInfo[]): string[] {
  const columns: Column[] = [
    { title: 'snapshot at LSN', align: 'right' },
    { title: 'time' },
    { title: 'entries', align: 'right' },
    { title: 'bytes', align: 'right' },
  ]
  const rows = snapshots.map(({ lsn, time, entries, bytes }) => [
    countText(lsn),
    time.toISOString(),
    countText(entries),
    bytesText(bytes),
  ])
  return tableLines(columns, rows)
}

function memoryLines({ total, components }: MemoryLedger): string[] {
  const rows = Object.entries(components).map(([name, bytes]) => [name, bytesText(bytes)])
  return tableLines([{ title: 'memory' }, { title: '', align: 'right' }], [...rows, ['total', bytesText(total)]])
}
