import type { WorkerMessage } from '../../../src/engine/workers/worker-source.ts'
import { loadNodeWorkers, type StartWorker, type WorkerThread } from '../../../src/engine/workers/worker-thread.ts'

export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

export interface WatchedWorker {
  readonly thread: WorkerThread
  readonly messages: WorkerMessage[]
  /** Resolves when it has begun to run. */
  readonly up: Promise<void>
  isHeld: boolean
  hasEnded: boolean
}

/** Node's workers, and what became of each. */
export class WatchedWorkers {
  readonly started: WatchedWorker[] = []
  /** Is told of each message just after it was posted. */
  onPost: (message: WorkerMessage, worker: WatchedWorker) => void = () => {}
  /** Whether a worker ends instead of receiving a message. */
  isDeadly: (message: WorkerMessage, worker: WatchedWorker) => boolean = () => false

  get living(): WatchedWorker[] {
    return this.started.filter(({ hasEnded }) => !hasEnded)
  }

  get messages(): WorkerMessage[] {
    return this.started.flatMap(({ messages }) => messages)
  }

  readonly load = async (): Promise<StartWorker> => {
    const start = await loadNodeWorkers()
    return (listener) => {
      let isUp = () => {}
      const up = new Promise<void>((resolve) => {
        isUp = resolve
      })
      const thread = start!({
        answered: listener.answered,
        up: () => {
          listener.up()
          isUp()
        },
        ended: (cause) => {
          worker.hasEnded = true
          listener.ended(cause)
        },
      })
      const worker: WatchedWorker = { thread, messages: [], up, isHeld: false, hasEnded: false }
      this.started.push(worker)
      return { ...this.#watched(worker), terminate: () => thread.terminate() }
    }
  }

  #watched(worker: WatchedWorker): Pick<WorkerThread, 'post' | 'setHeld'> {
    const { thread, messages } = worker
    return {
      post: (message, transfer) => {
        if (this.isDeadly(message, worker)) void terminateWhenUp(worker)
        else thread.post(message, transfer)
        messages.push(message)
        this.onPost(message, worker)
      },
      setHeld: (isHeld) => {
        worker.isHeld = isHeld
        thread.setHeld(isHeld)
      },
    }
  }
}

/** A worker that has not begun to run counts as one that cannot be started. */
export async function terminateWhenUp({ up, thread }: WatchedWorker): Promise<void> {
  await up
  await thread.terminate()
}
