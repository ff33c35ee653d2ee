import { type BackupReport, backupStore } from '../store/public.ts'
import { codeOf } from './cli-errors.ts'
import { type CliContext, type Command, EXIT_INTERRUPTED, EXIT_OK } from './command.ts'
import type { Invocation } from './invocation.ts'
import { bytesText, countText, quantityText } from './number-text.ts'
import { createProgress } from './progress.ts'
import { requireDirectory } from './store-access.ts'
import { printable } from './table.ts'

export const backupCommand: Command = {
  name: 'backup',
  summary: 'copy a store to a new directory, while it is written to or not',
  positionals: ['dir', 'new-dir'],
  options: {},
  notes: [
    'Copies the newest snapshot and the log behind it, up to what is known to be on disk, and reads the copy back. The new',
    'directory must be empty, and is a store only when all of it is there.',
  ],
  examples: ['annals backup ./data /mnt/backups/data-monday'],
  run: runBackup,
}

async function runBackup(invocation: Invocation, context: CliContext): Promise<number> {
  const [directory, newDirectory] = [invocation.positional(0), invocation.positional(1)]
  await requireDirectory(directory)
  const interruption = new AbortController()
  const stopListening = context.onSigint(() => interruption.abort())
  const progress = createProgress(context, { silent: invocation.json })
  try {
    const report = await backupStore(directory, newDirectory, {
      signal: interruption.signal,
      onProgress: ({ phase, done, total }) =>
        progress.update(() => ({
          label: phase,
          fraction: total ? done / total : undefined,
          details: [bytesText(done)],
        })),
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

function reportText({ lsn, snapshotLsn, records, bytes, problems }: BackupReport, newDirectory: string): string {
  const parts = [
    ...(snapshotLsn === undefined ? [] : [`snapshot at LSN ${countText(snapshotLsn)}`]),
    quantityText(records, 'record'),
    bytesText(bytes),
  ]
  return [
    ...problems.map((problem) => `problem: ${printable(problem)}`),
    `${printable(newDirectory)} is a copy as of LSN ${countText(lsn)}: ${parts.join(', ')}`,
  ].join('\n')
}
