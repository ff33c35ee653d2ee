import { codeOf, messageOf, UsageError } from './cli-errors.ts'
import type { CliContext } from './command.ts'
import { printable } from './table.ts'

/** `annals: <message> (CODE)` on stderr; with ANNALS_DEBUG set also the stacks, which is also where a defect shows itself. */
export async function printError(error: unknown, { error: printer, environment }: CliContext): Promise<void> {
  const code = codeOf(error)
  await printer.line(`annals: ${printable(messageOf(error))} (${code ?? 'ERR_UNEXPECTED'})`)
  if (environment.ANNALS_DEBUG || (code === undefined && !(error instanceof UsageError)))
    await printStacks(error, printer)
}

async function printStacks(error: unknown, printer: CliContext['error']): Promise<void> {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    await printer.line(cause === error ? `${cause.stack}` : `caused by ${cause.stack}`)
  }
}
