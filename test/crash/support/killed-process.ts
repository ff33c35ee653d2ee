import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const CHILD = fileURLToPath(new URL('kill-child.mjs', import.meta.url))

/** When a process is killed: so many ms after it has told something of a kind so many times, beginning to open the store included. */
export interface KillMoment {
  readonly word: 'opening' | 'acknowledged' | 'snapshotting'
  readonly times: number
  readonly afterMs: number
}

/** What a killed process had told before it ended. */
export interface Journal {
  /** LSN at which it opened the store, if it came so far. */
  readonly openedLsn: number | undefined
  /** The last operation that it tried. */
  readonly tried: number
  /** The operations that were acknowledged, with their LSN, or 0 where a call does not tell it. */
  readonly acknowledged: ReadonlyMap<number, number>
  /** LSN of the newest snapshot that was asked for and taken, or 0. */
  readonly snapshotLsn: number
}

/** What a process is told. */
export interface KillOptions {
  readonly seed: number
  readonly durability: string
  /** How many operations are in the store. */
  readonly doneOperations: number
  /** Bytes of log that stay readable. */
  readonly historyBytes: number
}

/** Starts a process that writes to the store in a directory, kills it with SIGKILL, and reads its journal to the end. */
export function runUntilKilled(directory: string, options: KillOptions, moment: KillMoment): Promise<Journal> {
  const { seed, durability, doneOperations, historyBytes } = options
  const told = [directory, seed, durability, doneOperations, historyBytes].map(String)
  const child = spawn(process.execPath, [CHILD, ...told], { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  let errors = ''
  let left = moment.times
  let timer: NodeJS.Timeout | undefined
  const arm = () => {
    if (moment.afterMs === 0) child.kill('SIGKILL')
    else timer ??= setTimeout(() => child.kill('SIGKILL'), moment.afterMs)
  }
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  child.stdout.on('data', (chunk: Buffer) => {
    const news = chunk.toString()
    text += news
    left -= news.split(`${moment.word} `).length - 1
    // What has not come by the end does not come.
    if (left <= 0 || text.includes('\nidle ')) arm()
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
    snapshotLsn: Math.max(0, ...numbers('snapshotted').map(([lsn]) => lsn!)),
    acknowledged: new Map(numbers('acknowledged').map(([number, lsn]) => [number!, lsn!])),
  }
}
