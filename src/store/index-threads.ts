import { MainThreadHost } from '../engine/workers/main-thread-host.ts'
import type { HostMemory, PhaseHost } from '../engine/workers/phase-host.ts'
import type { SearchHost } from '../engine/workers/search-host.ts'
import { WorkerPool } from '../engine/workers/worker-pool.ts'
import { QuietTurns } from './quiet-turns.ts'

/** Workers without work end after so long: each holds the memory of every graph it has worked on. */
const IDLE_MS = 5000

/** The threads of one store, and whether they keep its process alive. */
export class IndexThreads {
  readonly #pool: WorkerPool | undefined
  readonly #mainThread: MainThreadHost
  readonly #turns = new QuietTurns()
  #holders = 0
  #idleTimer: NodeJS.Timeout | undefined
  #closed = false

  /** With 0 threads all work is done on the calling one. */
  constructor(threads: number) {
    const yieldToEventLoop = () => this.#turns.turn()
    this.#mainThread = new MainThreadHost({ yieldToEventLoop })
    this.#pool = threads === 0 ? undefined : new WorkerPool({ threads, yieldToEventLoop })
  }

  get phases(): PhaseHost {
    return this.#pool ?? this.#mainThread
  }

  get searches(): SearchHost {
    return this.#pool ?? this.#mainThread
  }

  /** What threads take, and graphs that they have had and nobody needs any more. */
  get memory(): HostMemory {
    return this.#pool ?? this.#mainThread
  }

  /** Keeps the process alive while somebody waits for work: without that, an open store never does. */
  async whileHeld<Result>(work: () => Promise<Result>): Promise<Result> {
    const release = this.#pool?.hold()
    this.#holders += 1
    this.#turns.hold()
    try {
      return await work()
    } finally {
      this.#holders -= 1
      if (this.#holders === 0) this.#turns.release()
      release?.()
    }
  }

  /** To be called when a piece of work has ended. */
  noteEnd(): void {
    if (this.#pool === undefined || this.#closed) return
    clearTimeout(this.#idleTimer)
    // Where other work is under way then, its end sets the next one.
    this.#idleTimer = setTimeout(() => void this.#pool?.releaseIdle(), IDLE_MS)
    this.#idleTimer.unref?.()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#idleTimer)
    // Closing waits for work to notice its end, and must not be cut short by the end of the process.
    this.#turns.hold()
    await this.#pool?.close()
    this.#turns.close()
  }
}
