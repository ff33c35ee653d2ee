import type { Command } from './command.ts'
import { COMMON_OPTIONS } from './invocation.ts'

/** The page that `annals help` prints. */
export function overviewText(commands: readonly Command[]): string {
  const usages = commands.map((command) => [usageOf(command), command.summary] as const)
  return [
    'annals: a vector database in a directory. Its log is the truth.',
    '',
    'usage: annals <command> [options]',
    '',
    ...indented([...usages, ['help [command]', 'print this, or how to use a command'] as const]),
    '',
    'Every command takes --json. Exit codes: 0 fine, 1 damage or failure, 2 wrong usage, 130 interrupted.',
    'annals --version prints the version. ANNALS_DEBUG=1 prints the stacks of errors.',
  ].join('\n')
}

/** The page of one command. */
export function commandText(command: Command): string {
  const { summary, options, notes = [], examples } = command
  const optionLines = Object.entries({ ...options, ...COMMON_OPTIONS }).map(
    ([name, { value, help }]) => [value === undefined ? `--${name}` : `--${name} <${value}>`, help] as const,
  )
  return [
    `annals ${command.name}: ${summary}`,
    '',
    `usage: annals ${usageOf(command)} [options]`,
    '',
    ...indented(optionLines),
    ...(notes.length > 0 ? ['', ...notes] : []),
    '',
    ...examples.map((example) => `example: ${example}`),
  ].join('\n')
}

function usageOf({ name, positionals }: Command): string {
  return [name, ...positionals.map((positional) => `<${positional}>`)].join(' ')
}

function indented(pairs: readonly (readonly [string, string])[]): string[] {
  const longest = Math.max(...pairs.map(([left]) => left.length))
  return pairs.map(([left, right]) => `  ${left.padEnd(longest)}  ${right}`)
}
