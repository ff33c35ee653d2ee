import { type VerifyReport, verifyStore } from '../store/public.ts'
import { type CliContext, type Command, EXIT_FAILURE, EXIT_OK } from './command.ts'
import { damageLine } from './damage-text.ts'
import type { Invocation } from './invocation.ts'
import { bytesText, countText, quantityText } from './number-text.ts'
import { createProgress } from './progress.ts'
import { requireDirectory } from './store-access.ts'
import { pairLines, printable } from './table.ts'

export const verifyCommand: Command = {
  name: 'verify',
  summary: 'read everything, check every checksum, report damage',
  positionals: ['dir'],
  options: {},
  notes: [
    'Reads the log, all snapshots and their graphs, and replays the log over the oldest snapshot. Changes nothing, and works',
    'beside a running writer. Exits with 1 if it finds damage, also where that does no harm, and says what to do.',
  ],
  examples: ['annals verify ./data'],
  run: runVerify,
}

async function runVerify(invocation: Invocation, context: CliContext): Promise<number> {
  const directory = invocation.positional(0)
  await requireDirectory(directory)
  const progress = createProgress(context, { silent: invocation.json })
  const report = await verifyStore(directory, {
    onProgress: ({ done, total }) =>
      progress.update(() => ({ label: 'verifying', fraction: total ? done / total : undefined, details: [] })),
  }).finally(() => progress.finish())
  if (invocation.json) await context.out.json(report)
  else await context.out.line(reportText(report, directory))
  return report.ok ? EXIT_OK : EXIT_FAILURE
}

function reportText(report: VerifyReport, directory: string): string {
  const { ok, lsn, durableLsn, records, bytes, segments, snapshots, log, reachable, problems, digest } = report
  const oldest = log.oldestLsn === undefined || log.oldestLsn === 1 ? '' : ` from LSN ${countText(log.oldestLsn)} on`
  const lines = pairLines([
    ['LSN', durableLsn === undefined ? countText(lsn) : `${countText(lsn)} (durable ${countText(durableLsn)})`],
    [
      'log',
      `${quantityText(records, 'record')}, ${bytesText(bytes)} in ${quantityText(segments.length, 'segment')}${oldest}`,
    ],
    ...snapshots.map((snapshot): [string, string] => ['snapshot', snapshotText(snapshot)]),
    ['opens', reachable.length === 0 ? 'as of no LSN' : `as of LSN ${reachable.map(rangeText).join(', ')}`],
    ['digest', digest],
  ])
  const effects = { loss: '', reserve: ' Nothing is lost by it.', none: ' Nothing needs it.' }
  lines.push(...problems.map((problem) => `${damageLine(problem)}${effects[problem.effect]}`))
  lines.push(ok ? 'ok: everything checks out' : `damaged: ${quantityText(problems.length, 'problem')}`)
  if (!ok) lines.push(`next: ${nextStep(report, printable(directory))}`)
  return lines.join('\n')
}

function snapshotText({ lsn, time, ok, bytes, parts }: VerifyReport['snapshots'][number]): string {
  const written = time === undefined ? '' : `, ${time.toISOString()}`
  return `LSN ${countText(lsn)}${written}, ${bytesText(bytes)} in ${quantityText(parts, 'part')}${ok ? '' : ', damaged'}`
}

function rangeText({ from, to }: VerifyReport['reachable'][number]): string {
  return from === to ? countText(from) : `${countText(from)} to ${countText(to)}`
}

/** What whoever reads this can do now. */
function nextStep({ problems, reachable, lsn, snapshots }: VerifyReport, directory: string): string {
  if (problems.some(({ code }) => code === 'ERR_FORMAT_VERSION')) return 'use the release that wrote this store'
  if (!problems.some(({ effect }) => effect === 'loss')) {
    const isSpare = problems.some(({ effect }) => effect === 'reserve')
    return isSpare
      ? `the store opens with all that was written; annals backup ${directory} <new-dir> copies it, annals snapshot ${directory} makes up for damaged snapshots`
      : 'the store opens with all that was written, and needs nothing of this'
  }
  if (reachable.length === 0 && snapshots.length === 0) return 'restore a backup; nothing here can be proven'
  if (reachable.length === 0) return `annals salvage ${directory} <new-dir> copies the entries that can be read`
  return `annals salvage ${directory} <new-dir> --to ${lsn} copies the state as of LSN ${countText(lsn)}; a backup may hold more`
}
