import { readFile } from 'node:fs/promises'
import { UsageError } from './cli-errors.ts'
import { type CliContext, type Command, EXIT_FAILURE, EXIT_OK, EXIT_USAGE } from './command.ts'
import { COMMANDS, findCommand } from './commands.ts'
import { parseInvocation } from './invocation.ts'
import { printError } from './print-error.ts'
import { Printer, type PrintStream } from './printer.ts'
import { commandText, overviewText } from './usage.ts'

/** Everything that `annals` takes from the process it runs in. */
interface CliProcess {
  readonly stdout: PrintStream
  readonly stderr: PrintStream
  readonly env: Readonly<Record<string, string | undefined>>
  /** Registers a listener for an interrupt and returns what takes it off. */
  readonly onSigint: (listener: () => void) => () => void
}

/** Runs one command line and resolves to its exit code. Never rejects. */
export async function runCli(argv: readonly string[], process: CliProcess): Promise<number> {
  const out = new Printer(process.stdout)
  const error = new Printer(process.stderr)
  const context: CliContext = { out, error, environment: process.env, onSigint: process.onSigint }
  const exitCode = await dispatch(argv, context)
  if (out.failure === undefined) return exitCode
  // A full disk behind `annals … > file`: what was asked for is not there.
  await printError(out.failure, context)
  return EXIT_FAILURE
}

async function dispatch([name, ...rest]: readonly string[], context: CliContext): Promise<number> {
  try {
    if (name === undefined) throw new UsageError('no command given')
    if (name === '--version' || name === '-v') return await printVersion(context)
    if (name === 'help' || name === '--help' || name === '-h') return await printHelp(rest[0], context)
    return await runCommand(commandNamed(name), rest, context)
  } catch (error) {
    // Whoever closed our output wanted no more of it; a command that stopped for that reason has not failed.
    if (context.out.signal.aborted && context.out.failure === undefined) return EXIT_OK
    await printError(error, context)
    if (!(error instanceof UsageError)) return EXIT_FAILURE
    const topic = name === undefined || findCommand(name) === undefined ? '' : ` ${name}`
    await context.error.line(`Try: annals help${topic}`)
    return EXIT_USAGE
  }
}

async function runCommand(command: Command, argv: readonly string[], context: CliContext): Promise<number> {
  const invocation = parseInvocation(command, argv)
  if (!invocation.flag('help')) return command.run(invocation, context)
  await context.out.line(commandText(command))
  return EXIT_OK
}

function commandNamed(name: string): Command {
  const command = findCommand(name)
  if (command === undefined) throw new UsageError(`there is no command '${name}'`)
  return command
}

async function printHelp(topic: string | undefined, { out }: CliContext): Promise<number> {
  const known = topic === undefined || topic === 'help' || topic.startsWith('-')
  await out.line(known ? overviewText(COMMANDS) : commandText(commandNamed(topic)))
  return EXIT_OK
}

async function printVersion({ out }: CliContext): Promise<number> {
  const description = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  await out.line(description.version)
  return EXIT_OK
}
