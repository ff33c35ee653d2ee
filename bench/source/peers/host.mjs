// The parent's end of a child process: started on the chosen core, asked one thing at a time.
import { execFileSync, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const CHILD = fileURLToPath(new URL('./child.mjs', import.meta.url))

/** Whether processes can be held on one core here. */
export function canPin(core) {
  try {
    execFileSync('taskset', ['-c', String(core), 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

export function startChild({ core, script = CHILD }) {
  const command = [process.execPath, '--expose-gc', script]
  const [program, ...given] = core === undefined ? command : ['taskset', '-c', String(core), ...command]
  const child = spawn(program, given, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, LANCEDB_LOG: 'error' },
  })
  let waiting
  child.on('message', (message) => {
    if (message.progress !== undefined) return waiting?.onProgress?.(message.progress)
    const { resolve, reject } = waiting
    waiting = undefined
    if (message.error === undefined) resolve(message.result)
    else reject(new Error(message.error))
  })
  child.on('error', (error) => waiting?.reject(error))
  child.on('exit', (code, signal) => {
    waiting?.reject(new Error(`the process ended with ${signal ?? `code ${code}`}`))
    waiting = undefined
  })
  const ask = (call, given = {}, onProgress) =>
    new Promise((resolve, reject) => {
      if (child.exitCode !== null || child.signalCode !== null) return reject(new Error('the process has ended'))
      waiting = { resolve, reject, onProgress }
      child.send({ call, ...given })
    })
  /** Native threads of some engines keep a process alive, so it is ended and not only disconnected. */
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    await ask('close').catch(() => {})
    child.kill('SIGKILL')
    await ended
  }
  return { ask, stop }
}
