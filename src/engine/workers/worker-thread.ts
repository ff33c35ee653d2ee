import { WORKER_SOURCE, type WorkerMessage } from './worker-source.ts'

/** What a worker tells about itself. After `ended` it says nothing more, and no longer touches any memory. */
export interface WorkerListener {
  /** It has begun to run its program. */
  up(): void
  answered(answer: unknown): void
  ended(cause: unknown): void
}

/** A thread that runs the program of workers. */
export interface WorkerThread {
  post(message: WorkerMessage, transfer: readonly ArrayBuffer[]): void
  /** Whether it keeps the process alive; at first it does not. */
  setHeld(isHeld: boolean): void
  /** Resolves when it has ended. */
  terminate(): Promise<unknown>
}

/** @throws what the system says where it cannot start one. */
export type StartWorker = (listener: WorkerListener) => WorkerThread

/** `undefined` where there are no workers, as in a browser. */
export async function loadNodeWorkers(): Promise<StartWorker | undefined> {
  try {
    const { Worker } = await import('node:worker_threads')
    return (listener) => {
      // Neither options nor environment of the process are handed on: they may load things into every thread, such as the
      // loaders of a test runner.
      const worker = new Worker(WORKER_SOURCE, { eval: true, execArgv: [], env: {}, name: 'annals' })
      let cause: unknown
      worker.on('online', () => listener.up())
      worker.on('message', (answer) => listener.answered(answer))
      worker.on('error', (error) => {
        cause = error
      })
      worker.on('messageerror', (error) => {
        cause = error
        void worker.terminate()
      })
      worker.on('exit', () => listener.ended(cause))
      worker.unref()
      return {
        post: (message, transfer) => worker.postMessage(message, [...transfer]),
        setHeld: (isHeld) => (isHeld ? worker.ref() : worker.unref()),
        terminate: () => worker.terminate(),
      }
    }
  } catch {
    return undefined
  }
}
