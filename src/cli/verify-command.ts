import { type VerifyReport, verifyStore } from '../store/public.ts'
import { type CliContext, type Command, EXIT_FAILURE, EXIT_OK } from './command.ts'
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
  notes: ['Changes nothing, and works beside a running writer. Exits with 1 if it finds damage.'],
  examples: ['annals verify ./data'],
  run: runVerify,
}

async function runVerify(invocation: Invocation, context: CliContext): Promise<number> {
  await requireDirectory(invocation.positional(0))
  const progress = createProgress(context, { silent: invocation.json })
  const report = await verifyStore(invocation.positional(0), {
    onProgress: ({ done, total }) =>
      progress.update(() => ({ label: 'verifying', fraction: total ? done / total : undefined, details: [] })),
  }).finally(() => progress.finish())
  if (invocation.json) await context.out.json(report)
  else await context.out.line(reportText(report))
  return report.ok ? EXIT_OK : EXIT_FAILURE
}

function reportText({ ok, lsn, durableLsn, records, bytes, segments, problems, digest }: VerifyReport): string {
  const lines = pairLines([
    ['LSN', durableLsn === undefined ? countText(lsn) : `${countText(lsn)} (durable ${countText(durableLsn)})`],
    ['log', `${quantityText(records, 'record')}, ${bytesText(bytes)} in ${quantityText(segments.length, 'segment')}`],
    ...(digest === undefined ? [] : [['digest', digest] as [string, string]]),
  ])
  for (const { code, message, segment, offset, lsn: problemLsn } of problems) {
    const places = [
      ...(segment === undefined ? [] : [`segment ${segment}`]),
      ...(offset === undefined ? [] : [`offset ${countText(offset)}`]),
      ...(problemLsn === undefined ? [] : [`LSN ${countText(problemLsn)}`]),
    ]
    lines.push(`damage: ${[printable(message), ...places].join(', ')} (${code})`)
  }
  lines.push(ok ? 'ok: everything checks out' : `damaged: ${quantityText(problems.length, 'problem')}`)
  return lines.join('\n')
}
