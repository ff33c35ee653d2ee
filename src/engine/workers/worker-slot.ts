import type { WalkCore } from '../graph/walk-core.ts'
import { FIRST_BUILD_THREAD, FIRST_SEARCH_THREAD } from './thread-numbers.ts'
import type { RunMessage, SearchMessage } from './worker-source.ts'
import type { StartWorker, WorkerThread } from './worker-thread.ts'

/** A piece of work for one worker. One of `done` and `lost` is called in the end. */
export interface Assignment {
  readonly core: WalkCore
  readonly message: Omit<RunMessage, 'graph'> | Omit<SearchMessage, 'graph'>
  readonly transfer: readonly ArrayBuffer[]
  done(answer: unknown): void
  /** The worker has ended: nobody works on it any more. `wasUp` is false for one that never ran at all. */
  lost(cause: unknown, wasUp: boolean): void
}

/** Who the worker of a slot works for. */
export interface SlotOwner {
  numberOf(core: WalkCore): number
  readonly isHeld: boolean
  /** The slot is idle again. */
  slotIsIdle(): void
  workerCannotStart(): void
}

interface Started {
  thread: WorkerThread
  /** Graphs that it knows. */
  readonly graphs: Set<number>
  isUp: boolean
}

/** The place of one worker, which is started when there is something to do, and again after it has ended. */
export class WorkerSlot {
  readonly buildThread: number
  readonly searchThread: number
  readonly #owner: SlotOwner
  #started: Started | undefined
  #assignment: Assignment | undefined
  #isRetiring = false
  /** The ends of all workers that were sent away. */
  #ends: Promise<unknown> = Promise.resolve()

  constructor(index: number, owner: SlotOwner) {
    this.buildThread = FIRST_BUILD_THREAD + index
    this.searchThread = FIRST_SEARCH_THREAD + index
    this.#owner = owner
  }

  get isIdle(): boolean {
    return this.#assignment === undefined
  }

  get hasWorker(): boolean {
    return this.#started !== undefined
  }

  /** Hands work to the idle worker, which is started if need be. */
  give(assignment: Assignment, start: StartWorker): void {
    const { core, message, transfer } = assignment
    const graph = this.#owner.numberOf(core)
    this.#assignment = assignment
    try {
      this.#started ??= this.#start(start)
      const { thread, graphs } = this.#started
      if (!graphs.has(graph)) {
        thread.post({ verb: 'open', graph, module: core.module, memory: core.memory.memory }, [])
        graphs.add(graph)
      }
      thread.post({ ...message, graph }, transfer)
    } catch (cause) {
      this.#sendAway()
      this.#lose(cause, false)
    }
  }

  setHeld(isHeld: boolean): void {
    this.#started?.thread.setHeld(isHeld)
  }

  /** Whether the worker has the memory of a graph. */
  knows(graph: number): boolean {
    return this.#started?.graphs.has(graph) === true
  }

  /** Ends the worker if it knows a graph, once it is idle: a memory is only freed when its workers have ended. */
  forget(graph: number): void {
    if (!this.#started?.graphs.has(graph)) return
    if (this.isIdle) this.#sendAway()
    else this.#isRetiring = true
  }

  /** Ends the worker, whatever it is doing. */
  async end(): Promise<void> {
    if (this.isIdle) this.#sendAway()
    else await this.#started?.thread.terminate()
    await this.#ends
  }

  #start(start: StartWorker): Started {
    const graphs = new Set<number>()
    const isCurrent = () => this.#started?.graphs === graphs
    const thread = start({
      up: () => {
        if (isCurrent()) this.#started!.isUp = true
      },
      answered: (answer) => {
        if (isCurrent()) this.#finish(answer)
      },
      ended: (cause) => {
        if (isCurrent()) this.#lose(cause, this.#started!.isUp)
      },
    })
    if (this.#owner.isHeld) thread.setHeld(true)
    return { thread, graphs, isUp: false }
  }

  #finish(answer: unknown): void {
    const assignment = this.#assignment
    this.#assignment = undefined
    assignment?.done(answer)
    if (this.#isRetiring) this.#sendAway()
    this.#owner.slotIsIdle()
  }

  #lose(cause: unknown, wasUp: boolean): void {
    const assignment = this.#assignment
    this.#started = undefined
    this.#assignment = undefined
    this.#isRetiring = false
    assignment?.lost(cause, wasUp)
    if (!wasUp) this.#owner.workerCannotStart()
    this.#owner.slotIsIdle()
  }

  /** What the worker still says is nobody's business. */
  #sendAway(): void {
    const { thread } = this.#started ?? {}
    this.#started = undefined
    this.#isRetiring = false
    if (thread !== undefined) this.#ends = Promise.all([this.#ends, thread.terminate()])
  }
}
