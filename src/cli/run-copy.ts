import type { Progress } from '../store/public.ts'
import { codeOf } from './cli-errors.ts'
import { type CliContext, EXIT_INTERRUPTED, EXIT_OK } from './command.ts'
import type { Invocation } from './invocation.ts'
import { createProgress } from './progress.ts'
import { requireDirectory } from './store-access.ts'
import { printable } from './table.ts'

/** What a copy is told: when to give up, and whom to tell how far it is. */
export interface CopyOptions {
  readonly signal: AbortSignal
  readonly onProgress: (progress: Progress) => void
}

/** How a command that makes a copy of a store does so, and what it says. */
export interface Copying<Report> {
  readonly copy: (directory: string, newDirectory: string, options: CopyOptions) => Promise<Report>
  readonly reportText: (report: Report, newDirectory: string) => string
  /** What stands behind the bar. */
  readonly details: (done: number) => string[]
}

/** Runs a command that copies one directory to another: a bar, an end by SIGINT that leaves no store, a report. */
export async function runCopy<Report>(
  invocation: Invocation,
  context: CliContext,
  { copy, reportText, details }: Copying<Report>,
): Promise<number> {
  const [directory, newDirectory] = [invocation.positional(0), invocation.positional(1)]
  await requireDirectory(directory)
  const interruption = new AbortController()
  const stopListening = context.onSigint(() => interruption.abort())
  const progress = createProgress(context, { silent: invocation.json })
  try {
    const report = await copy(directory, newDirectory, {
      signal: interruption.signal,
      onProgress: ({ phase, done, total }) =>
        progress.update(() => ({ label: phase, fraction: total ? done / total : undefined, details: details(done) })),
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
