import type { Invocation } from './invocation.ts'
import type { Printer } from './printer.ts'

/** One command of `annals`, as data: help, argument checks and dispatch are made from this. */
export interface Command {
  readonly name: string
  readonly summary: string
  /** Names of the positional arguments in order. A last name that ends in `…` takes one or more. */
  readonly positionals: readonly string[]
  readonly options: Readonly<Record<string, OptionDescription>>
  /** Further sentences for `annals help <command>`. */
  readonly notes?: readonly string[]
  readonly examples: readonly string[]
  run(invocation: Invocation, context: CliContext): Promise<number>
}

export interface OptionDescription {
  /** What stands for the value in help, such as `n`; an option without one is a flag. */
  readonly value?: string
  readonly help: string
}

/** What a command may touch of the process it runs in. */
export interface CliContext {
  readonly out: Printer
  readonly error: Printer
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Calls the listener when the user interrupts, instead of ending the process. Returns what takes the listener off. */
  onSigint(listener: () => void): () => void
}

export const EXIT_OK = 0
/** Damage was found, or the command failed. */
export const EXIT_FAILURE = 1
export const EXIT_USAGE = 2
/** 128 + the number of SIGINT, as shells report it. */
export const EXIT_INTERRUPTED = 130
