import { type SalvageReport, salvageStore } from '../store/public.ts'
import { codeOf } from './cli-errors.ts'
import { type CliContext, type Command, EXIT_INTERRUPTED, EXIT_OK } from './command.ts'
import { damageLine } from './damage-text.ts'
import type { Invocation } from './invocation.ts'
import { countText, quantityText } from './number-text.ts'
import { createProgress } from './progress.ts'
import { requireDirectory } from './store-access.ts'
import { pairLines, printable } from './table.ts'

export const salvageCommand: Command = {
  name: 'salvage',
  summary: 'copy what can be proven of a damaged store to a new directory',
  positionals: ['dir', 'new-dir'],
  options: { to: { value: 'lsn', help: 'copy the state as of this LSN instead of the last that can be proven' } },
  notes: [
    'Only reads the old store, and needs not be able to open it. The new one has the same entries and the next epoch; it is read',
    'back before it counts. Entries that cannot be read are left out, and listed, only where nothing makes up for them.',
  ],
  examples: ['annals salvage ./data ./rescued', 'annals salvage ./data ./rescued --to 4711 --json'],
  run: runSalvage,
}

/** Ids that are shown; all of them are in the JSON. */
const SHOWN_IDS = 20

async function runSalvage(invocation: Invocation, context: CliContext): Promise<number> {
  const [directory, newDirectory] = [invocation.positional(0), invocation.positional(1)]
  const to = invocation.positiveInteger('to')
  await requireDirectory(directory)
  const interruption = new AbortController()
  const stopListening = context.onSigint(() => interruption.abort())
  const progress = createProgress(context, { silent: invocation.json })
  try {
    const report = await salvageStore(directory, newDirectory, {
      ...(to === undefined ? {} : { to }),
      signal: interruption.signal,
      onProgress: ({ phase, done, total }) =>
        progress.update(() => ({ label: phase, fraction: total ? done / total : undefined, details: [] })),
    }).finally(() => progress.finish())
    if (invocation.json) await context.out.json(report)
    else await context.out.line(reportText(report, newDirectory))
    return EXIT_OK
  } catch (error) {
    if (codeOf(error) !== 'ERR_ABORTED' || !interruption.signal.aborted) throw error
    await context.error.line(`annals: interrupted; what is in ${printable(newDirectory)} is no store`)
    return EXIT_INTERRUPTED
  } finally {
    stopListening()
  }
}

function reportText(report: SalvageReport, newDirectory: string): string {
  const { lsn, time, epoch, digest, entries, snapshotLsn, records, lost, leftOut, hasIndexes, problems } = report
  const source = snapshotLsn === undefined ? 'the log' : `the snapshot at LSN ${countText(snapshotLsn)}`
  const lines = pairLines([
    ['LSN', time === undefined ? countText(lsn) : `${countText(lsn)}, written ${time.toISOString()}`],
    ['epoch', countText(epoch)],
    ['from', `${source}, and ${quantityText(records, 'record')}`],
    ['entries', countText(entries)],
    ['digest', digest],
    ['indexes', hasIndexes ? 'copied' : 'built when the new store is open'],
  ])
  lines.push(...problems.map(damageLine))
  for (const { collection, ids } of leftOut) {
    const shown = ids.slice(0, SHOWN_IDS).map(printable).join(' ')
    const more = ids.length > SHOWN_IDS ? ` … (--json lists all)` : ''
    lines.push(`left out of ${printable(collection)}: ${quantityText(ids.length, 'entry', 'entries')}: ${shown}${more}`)
  }
  if (lost !== undefined) lines.push(`not copied: LSN ${countText(lost.from)} to ${countText(lost.to)}`)
  lines.push(`${printable(newDirectory)} is a store as of LSN ${countText(lsn)}`)
  return lines.join('\n')
}
