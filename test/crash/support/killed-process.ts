import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const CHILD = fileURLToPath(new URL('kill-child.mjs', import.meta.url))

/** When a process is killed: so many ms after it began to open the store, or after so many acknowledgements. */
export type KillMoment = { readonly afterMs: number } | { readonly afterAcknowledgements: number }

/** What a killed process had told before it ended. */
export interface Journal {
  /** LSN at which it opened the store, if it came so far. */
  readonly openedLsn: number | undefined
  readonly triedLsn: number
  readonly acknowledgedLsn: number
}

/** Starts a process that writes to the store in a directory, kills it with SIGKILL, and reads its journal to the end. */
export function runUntilKilled(
  directory: string,
  seed: number,
  durability: string,
  moment: KillMoment,
): Promise<Journal> {
  const child = spawn(process.execPath, [CHILD, directory, String(seed), durability], {
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
  const lsns = (word: string) =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => Number(line.split(' ')[1]))
  const [openedLsn] = lsns('opened')
  return { openedLsn, triedLsn: Math.max(0, ...lsns('tried')), acknowledgedLsn: Math.max(0, ...lsns('acknowledged')) }
}
