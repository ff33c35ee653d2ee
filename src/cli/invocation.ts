import { parseArgs } from 'node:util'
import { UsageError } from './cli-errors.ts'
import type { Command, OptionDescription } from './command.ts'
import { countText } from './number-text.ts'

/** Options that every command takes. */
export const COMMON_OPTIONS: Readonly<Record<string, OptionDescription>> = {
  json: { help: 'print JSON instead of text' },
  help: { help: 'print how to use this command' },
}

/** The arguments of one command, checked against its description. */
export class Invocation {
  readonly #positionals: readonly string[]
  readonly #values: Readonly<Record<string, unknown>>

  constructor(positionals: readonly string[], values: Readonly<Record<string, unknown>>) {
    this.#positionals = positionals
    this.#values = values
  }

  get json(): boolean {
    return this.flag('json')
  }

  positional(index: number): string {
    return this.#positionals[index] as string
  }

  positionalsFrom(index: number): readonly string[] {
    return this.#positionals.slice(index)
  }

  flag(name: string): boolean {
    return this.#values[name] === true
  }

  string(name: string): string | undefined {
    return this.#values[name] as string | undefined
  }

  oneOf<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const text = this.string(name)
    if (text === undefined || choices.includes(text as T)) return text as T | undefined
    throw new UsageError(`--${name} must be ${choices.join(' or ')}, not '${text}'`)
  }

  positiveInteger(name: string, most = Number.MAX_SAFE_INTEGER): number | undefined {
    const text = this.string(name)
    if (text === undefined) return undefined
    const number = Number(text)
    if (/^\d+$/.test(text) && number >= 1 && number <= most) return number
    const range = most === Number.MAX_SAFE_INTEGER ? 'from 1' : `from 1 to ${countText(most)}`
    throw new UsageError(`--${name} must be a whole number ${range}, not '${text}'`)
  }

  /** Such as `10,20,40`. */
  positiveIntegers(name: string, most: number): number[] | undefined {
    const words = this.string(name)?.split(',')
    const wrong = words?.find((word) => !/^\d+$/.test(word) || Number(word) < 1 || Number(word) > most)
    if (wrong === undefined) return words?.map(Number)
    const range = `from 1 to ${countText(most)}`
    throw new UsageError(`--${name} must be whole numbers ${range} with commas between them, unlike '${wrong}'`)
  }

  /** Above 0 and at most 1. */
  share(name: string): number | undefined {
    const text = this.string(name)
    if (text === undefined || isShare(text)) return text === undefined ? undefined : Number(text)
    throw new UsageError(`--${name} must be a number above 0 and at most 1, not '${text}'`)
  }

  /** Such as `0.9,0.95`. */
  shares(name: string): number[] | undefined {
    const words = this.string(name)?.split(',')
    const wrong = words?.find((word) => !isShare(word))
    if (wrong === undefined) return words?.map(Number)
    throw new UsageError(`--${name} must be numbers above 0 and at most 1 with commas between them, unlike '${wrong}'`)
  }

  number(name: string): number | undefined {
    const text = this.string(name)
    if (text === undefined) return undefined
    const number = Number(text)
    if (text.trim() !== '' && Number.isFinite(number)) return number
    throw new UsageError(`--${name} must be a number, not '${text}'`)
  }
}

function isShare(text: string): boolean {
  const number = Number(text)
  return text.trim() !== '' && number > 0 && number <= 1
}

export function parseInvocation(command: Command, argv: readonly string[]): Invocation {
  const { positionals, values } = parse(command, argv)
  if (values.help !== true) checkPositionals(command, positionals)
  return new Invocation(positionals, values)
}

function parse(command: Command, argv: readonly string[]) {
  const options: Record<string, { type: 'string' | 'boolean'; short?: string }> = {}
  for (const [name, { value }] of Object.entries({ ...command.options, ...COMMON_OPTIONS })) {
    options[name] = { type: value === undefined ? 'boolean' : 'string' }
  }
  options.help = { type: 'boolean', short: 'h' }
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true })
  } catch (error) {
    // Node explains at length and over several lines; the first sentence says what is wrong.
    throw new UsageError((error as Error).message.split('\n')[0])
  }
}

function checkPositionals({ positionals: names }: Command, given: readonly string[]): void {
  const missing = names[given.length]
  if (missing !== undefined) throw new UsageError(`<${missing.replace('…', '')}> is missing`)
  const takesMore = names.at(-1)?.endsWith('…') === true
  if (!takesMore && given.length > names.length) throw new UsageError(`unexpected argument '${given[names.length]}'`)
  const empty = given.indexOf('')
  if (empty !== -1) throw new UsageError(`<${names[Math.min(empty, names.length - 1)]?.replace('…', '')}> is empty`)
}
