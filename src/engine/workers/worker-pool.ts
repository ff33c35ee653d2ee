import { type Abortable, throwIfAborted } from '../../base/abort.ts'
import { StoreError } from '../../base/errors.ts'
import type { GraphCore } from '../graph/graph-core.ts'
import { check, isIntegerWithin } from '../graph/graph-parameters.ts'
import type { GraphHits } from '../graph/graph-search.ts'
import type { Job, Phase } from '../graph/job.ts'
import type { WalkCore } from '../graph/walk-core.ts'
import { DroppedMemories } from './dropped-memories.ts'
import { MainThreadHost } from './main-thread-host.ts'
import type { HostMemory, PhaseHost } from './phase-host.ts'
import { PhaseWork, type PoolJob } from './phase-work.ts'
import type { Range } from './saved-rows.ts'
import type { BatchSearchOptions, SearchHost } from './search-host.ts'
import { SearchWork } from './search-work.ts'
import { MOST_WORKERS } from './thread-numbers.ts'
import { WorkerCrew } from './worker-crew.ts'
import { loadNodeWorkers, type StartWorker } from './worker-thread.ts'

export interface WorkerPoolOptions {
  /** Most workers: from 1 to 7. */
  readonly threads: number
  /** Lets others have their turn between two stretches of work on the calling thread. */
  readonly yieldToEventLoop: () => Promise<void>
  /** Where workers come from: Node's, unless it is given. `undefined` means that there are none. */
  readonly loadWorkers?: () => Promise<StartWorker | undefined>
}

/** Deaths of workers after which a job goes on without them. */
const MOST_DEATHS = 3
/** What a worker adds to a process: its heap, stack and code. Measured, from 5.7 to 7.7 MiB by worker; it cannot be asked. */
const WORKER_BYTES = 7 * 1024 * 1024
/**
 * A phase of a small part of a slice is run at once: a message and its answer take 0.1 ms, 0.02 ms of it on the main thread.
 */
const SMALL_SLICES = 1 / 32

/**
 * Workers that any number of graphs share. They are started when there is something to do; parts of jobs that cannot be
 * divided run on the calling thread, and all of a job if workers fail. A search keeps the process alive while it runs; a job
 * does only under {@link hold}.
 */
export class WorkerPool implements PhaseHost, SearchHost, HostMemory {
  readonly #crew: WorkerCrew
  readonly #mainThread: MainThreadHost
  readonly #yieldToEventLoop: () => Promise<void>
  readonly #dropped = new DroppedMemories()
  readonly #underWay = new Set<Promise<unknown>>()
  #isClosed = false

  /** @throws RangeError. */
  constructor({ threads, yieldToEventLoop, loadWorkers = loadNodeWorkers }: WorkerPoolOptions) {
    check(isIntegerWithin(threads, 1, MOST_WORKERS), `threads must be from 1 to ${MOST_WORKERS}: ${threads}`)
    this.#crew = new WorkerCrew(threads, loadWorkers)
    this.#mainThread = new MainThreadHost({ yieldToEventLoop })
    this.#yieldToEventLoop = yieldToEventLoop
  }

  run<Result>(core: GraphCore, job: Job<Result>, signal?: Abortable): Promise<Result> {
    return this.#track(this.#run(core, job, signal))
  }

  search(core: WalkCore, queries: Float32Array, options: BatchSearchOptions): Promise<GraphHits[]> {
    return this.#track(this.#search(core, queries, options))
  }

  /** Lets workers keep the process alive until what it returns is called: for whoever waits for a job. */
  hold(): () => void {
    return this.#crew.hold()
  }

  forget(core: WalkCore): void {
    this.#crew.forget(core)
    const graph = this.#crew.numberOf(core)
    this.#dropped.add(core, () => this.#crew.isKnown(graph))
  }

  droppedBytes(): number {
    return this.#dropped.memoryBytes()
  }

  threadBytes(): number {
    return this.#crew.workerCount * WORKER_BYTES
  }

  /** Ends all workers if nothing is under way; new ones are started when there is something to do again. */
  async releaseIdle(): Promise<void> {
    if (this.#underWay.size === 0) await this.#crew.end()
  }

  /** Ends all workers. What is under way rejects with `ERR_STORE_CLOSED`, as does every later call. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#crew.end()
    await Promise.allSettled(this.#underWay)
  }

  async #run<Result>(core: GraphCore, job: Job<Result>, signal: Abortable | undefined): Promise<Result> {
    const poolJob: PoolJob = {
      core,
      deaths: 0,
      isStopped: () => this.#isStopped(signal) || poolJob.deaths >= MOST_DEATHS,
    }
    try {
      this.#throwIfStopped(signal, 'graph work')
      // Before the job begins: it sets up the lists of all threads that may work for it.
      for (const thread of this.#crew.buildThreads) core.scratch(thread)
      for (;;) {
        const step = job.next()
        if (step.done) return step.value
        await this.#runPhase(poolJob, step.value, signal)
        this.#throwIfStopped(signal, 'graph work')
      }
    } finally {
      // Where the job has not ended by itself, its finally blocks give back what it holds.
      job.return(undefined as never)
    }
  }

  async #runPhase(job: PoolJob, phase: Phase, signal: Abortable | undefined): Promise<void> {
    const { task, items, sliceItems } = phase
    if (task === undefined) return this.#yieldToEventLoop()
    if (items <= sliceItems * SMALL_SLICES) {
      job.core.runTask(phase, 0, 0, items)
      return phase.noteDone?.(items)
    }
    for (const { from, to } of await this.#runOnWorkers(job, phase)) {
      for (let first = from; first < to; first += sliceItems) {
        this.#throwIfStopped(signal, 'graph work')
        const last = Math.min(to, first + sliceItems)
        job.core.runTask(phase, 0, first, last)
        phase.noteDone?.(last - first)
        await this.#yieldToEventLoop()
      }
    }
  }

  /** Returns what workers did not do. */
  async #runOnWorkers(job: PoolJob, phase: Phase): Promise<readonly Range[]> {
    await this.#crew.load()
    const work = new PhaseWork(job, phase, this.#crew.size)
    this.#crew.addPhase(work)
    return work.rest
  }

  async #search(core: WalkCore, queries: Float32Array, options: BatchSearchOptions): Promise<GraphHits[]> {
    const { signal } = options
    const release = this.hold()
    try {
      this.#throwIfStopped(signal, 'search')
      await this.#crew.load()
      const work = new SearchWork(core, queries, options, this.#crew.size, () => this.#isStopped(signal))
      this.#crew.addSearch(work)
      return (await work.hits) ?? (await this.#searchHere(core, queries, options))
    } finally {
      release()
    }
  }

  /** On the threads of workers, of which there are none. */
  async #searchHere(core: WalkCore, queries: Float32Array, options: BatchSearchOptions): Promise<GraphHits[]> {
    const isOver = () => this.#isClosed || options.signal?.aborted === true
    const signal = {
      get aborted() {
        return isOver()
      },
    }
    try {
      return await this.#mainThread.search(core, queries, { ...options, signal })
    } catch (error) {
      this.#throwIfStopped(options.signal, 'search')
      throw error
    }
  }

  async #track<Result>(work: Promise<Result>): Promise<Result> {
    this.#underWay.add(work)
    try {
      return await work
    } finally {
      this.#underWay.delete(work)
    }
  }

  #isStopped(signal: Abortable | undefined): boolean {
    return this.#isClosed || signal?.aborted === true || this.#crew.isUnavailable
  }

  #throwIfStopped(signal: Abortable | undefined, what: string): void {
    throwIfAborted(signal, what)
    if (this.#isClosed) throw new StoreError('ERR_STORE_CLOSED', `${what} ended with the pool of workers`)
  }
}
