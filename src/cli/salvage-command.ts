import { type SalvageReport, salvageStore } from '../store/public.ts'
import type { CliContext, Command } from './command.ts'
import { damageLine } from './damage-text.ts'
import type { Invocation } from './invocation.ts'
import { countText, quantityText } from './number-text.ts'
import { runCopy } from './run-copy.ts'
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
  const to = invocation.positiveInteger('to')
  return runCopy(invocation, context, {
    copy: (directory, newDirectory, options) =>
      salvageStore(directory, newDirectory, { ...(to === undefined ? {} : { to }), ...options }),
    reportText,
    details: () => [],
  })
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
