import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const CHILD = fileURLToPath(new URL('kill-child.mjs', import.meta.url))

/** When a process is killed: so many ms after it began to open the store, or after so many acknowledgements. */
export type KillMoment = { readonly afterMs: number } | { readonly afterAcknowledgements: number }

/** What a killed process had told before it ended. */
export interface Journal {
  /** LSN at which it opened the store, if it came so far. */
  readonly openedLsn: number | undefined
  /** The last operation that it tried. */
  readonly tried: number
  /** The operations that were acknowledged, with their LSN, or 0 where a call does not tell it. */
  readonly acknowledged: ReadonlyMap<number, number>
}

/** What a process is told. */
export interface KillOptions {
  readonly seed: number
  readonly durability: string
  /** How many operations are in the store. */
  readonly doneOperations: number
}

/** Starts a process that writes to the store in a directory, kills it with SIGKILL, and reads its journal to the end. */
export function runUntilKilled(directory: string, options: KillOptions, moment: KillMoment): Promise<Journal> {
  const { seed, durability, doneOperations } = options
  const child = spawn(process.execPath, [CHILD, directory, String(seed), durability, String(doneOperations)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  let errors = ''
  let acknowledgements = 0
  let timer: NodeJS.Timeout | undefined
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  child.stdout.on('data', (chunk: Buffer) => {
    const news = chunk.toString()
    if (text === '' && 'afterMs' in moment) timer = setTimeout(() => child.kill('SIGKILL'), moment.afterMs)
    text += news
    acknowledgements += news.split('acknowledged').length - 1
    if ('afterAcknowledgements' in moment && acknowledgements >= moment.afterAcknowledgements) child.kill('SIGKILL')
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (_code, signal) => {
      clearTimeout(timer)
      if (signal === 'SIGKILL') resolve(readJournal(text))
      else reject(new Error(`the process ended by itself: ${errors}`))
    })
  })
}

function readJournal(text: string): Journal {
  // A line that the kill cut short says nothing.
  const lines = text.split('\n').slice(0, -1)
  const numbers = (word: string) =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.split(' ').slice(1).map(Number))
  const [opened] = numbers('opened')
  return {
    openedLsn: opened?.[0],
    tried: Math.max(0, ...numbers('tried').map(([number]) => number!)),
    acknowledged: new Map(numbers('acknowledged').map(([number, lsn]) => [number!, lsn!])),
  }
}
