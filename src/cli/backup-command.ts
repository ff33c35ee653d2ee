import { type BackupReport, backupStore } from '../store/public.ts'
import type { Command } from './command.ts'
import { bytesText, countText, quantityText } from './number-text.ts'
import { runCopy } from './run-copy.ts'
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
  run: (invocation, context) =>
    runCopy(invocation, context, { copy: backupStore, reportText, details: (done) => [bytesText(done)] }),
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
