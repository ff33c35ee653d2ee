import type { SnapshotResult } from '../store/public.ts'
import { codeOf } from './cli-errors.ts'
import { type CliContext, type Command, EXIT_INTERRUPTED, EXIT_OK } from './command.ts'
import type { Invocation } from './invocation.ts'
import { bytesText, countText, durationText } from './number-text.ts'
import { createProgress } from './progress.ts'
import { KEEP_LOG, NO_UPKEEP, requireStore, withStore } from './store-access.ts'

export const snapshotCommand: Command = {
  name: 'snapshot',
  summary: 'write down the state of a store, so that it opens without reading its whole log',
  positionals: ['dir'],
  options: {
    'drop-log': { help: 'remove the log that the last two snapshots do not need, and with it the past for --at' },
  },
  notes: [
    'Writes what has changed since the last snapshot, reads it back, and only then counts it. Waits for the index that the log',
    'has ordered. Ctrl-C gives up and leaves the store as it was.',
  ],
  examples: ['annals snapshot ./data', 'annals snapshot ./data --drop-log --json'],
  run: runSnapshot,
}

const NONE_UNASKED = { snapshotBytes: Number.POSITIVE_INFINITY, snapshotRecords: Number.POSITIVE_INFINITY }

async function runSnapshot(invocation: Invocation, context: CliContext): Promise<number> {
  await requireStore(invocation.positional(0))
  const interruption = new AbortController()
  const stopListening = context.onSigint(() => interruption.abort())
  const history = invocation.flag('drop-log') ? {} : KEEP_LOG
  const progress = createProgress(context, { silent: invocation.json })
  try {
    const access = { readOnly: false, ...NO_UPKEEP, ...NONE_UNASKED, history }
    const result = await withStore(invocation, context, access, (store) =>
      store
        .snapshot({
          signal: interruption.signal,
          onProgress: ({ done, total }) =>
            progress.update(() => ({ label: 'snapshot', ...progressOf(done, total ?? 0) })),
        })
        .finally(() => progress.finish()),
    )
    if (invocation.json) await context.out.json({ ...result, durationMs: Math.round(result.durationMs) })
    else await context.out.line(resultText(result))
    return EXIT_OK
  } catch (error) {
    if (codeOf(error) !== 'ERR_ABORTED' || !interruption.signal.aborted) throw error
    await context.error.line('annals: interrupted before there was a snapshot; the store is as it was')
    return EXIT_INTERRUPTED
  } finally {
    stopListening()
  }
}

function progressOf(done: number, total: number) {
  return { fraction: total === 0 ? undefined : done / total, details: [`${bytesText(done)} of ${bytesText(total)}`] }
}

function resultText({ lsn, writtenBytes, sharedBytes, durationMs, droppedLogBytes }: SnapshotResult): string {
  if (lsn === 0) return 'nothing to write down: the log is empty'
  const sizes =
    writtenBytes === 0
      ? 'nothing has changed since'
      : `wrote ${bytesText(writtenBytes)}, shares ${bytesText(sharedBytes)}`
  const dropped = droppedLogBytes === 0 ? '' : `, removed ${bytesText(droppedLogBytes)} of log`
  return `snapshot at LSN ${countText(lsn)}: ${sizes}${dropped}, in ${durationText(durationMs)}`
}
