// Processor time of the calling thread, where Linux tells it: on a busy machine a long wait is not a long piece of work.
import { openSync, readSync } from 'node:fs'

const FILE = '/proc/thread-self/sched'
const buffer = Buffer.alloc(4096)
const file = open()

/** Milliseconds, brought up to date by the system every 4 or less; `undefined` where nobody tells. Takes some 15 microseconds. */
export function threadMs() {
  if (file === undefined) return undefined
  const text = buffer.latin1Slice(0, readSync(file, buffer, 0, buffer.length, 0))
  const found = /sum_exec_runtime\s*:\s*([\d.]+)/.exec(text)
  return found === null ? undefined : Number(found[1])
}

function open() {
  try {
    return openSync(FILE, 'r')
  } catch {
    return undefined
  }
}
