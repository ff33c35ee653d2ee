import { type Abortable, throwIfAborted } from '../../base/abort.ts'
import type { GraphCore } from '../graph/graph-core.ts'
import { check } from '../graph/graph-parameters.ts'
import { beginSearch, type GraphHits, readResults } from '../graph/graph-search.ts'
import type { Job } from '../graph/job.ts'
import type { WalkCore } from '../graph/walk-core.ts'
import { DroppedMemories } from './dropped-memories.ts'
import type { HostMemory, PhaseHost } from './phase-host.ts'
import type { BatchSearchOptions, SearchHost } from './search-host.ts'
import { FIRST_SEARCH_THREAD } from './thread-numbers.ts'

export interface MainThreadHostOptions {
  /** Lets others have their turn. Whether waiting in it keeps a process alive is its own affair. */
  readonly yieldToEventLoop: () => Promise<void>
}

/** Slices are made for threads of their own, some 5 ms; here others have their turn after half of one. */
const SHARE_OF_SLICE = 2

/** Does all work on the calling thread, and lets the event loop turn after each slice of it. */
export class MainThreadHost implements PhaseHost, SearchHost, HostMemory {
  readonly #yieldToEventLoop: () => Promise<void>
  readonly #dropped = new DroppedMemories()
  /** The end of the last search that was asked for: searches of a graph share one set of lists. */
  readonly #lastSearches = new WeakMap<WalkCore, Promise<void>>()

  constructor({ yieldToEventLoop }: MainThreadHostOptions) {
    this.#yieldToEventLoop = yieldToEventLoop
  }

  async run<Result>(core: GraphCore, job: Job<Result>, signal?: Abortable): Promise<Result> {
    try {
      for (;;) {
        throwIfAborted(signal, 'graph work')
        const step = job.next()
        if (step.done) return step.value
        const { items, sliceItems } = step.value
        if (items === 0) await this.#yieldToEventLoop()
        const mostItems = Math.max(1, Math.floor(sliceItems / SHARE_OF_SLICE))
        for (let from = 0; from < items; from += mostItems) {
          throwIfAborted(signal, 'graph work')
          const to = Math.min(items, from + mostItems)
          core.runTask(step.value, 0, from, to)
          step.value.noteDone?.(to - from)
          await this.#yieldToEventLoop()
        }
      }
    } finally {
      // Where the job has not ended by itself, its finally blocks give back what it holds.
      job.return(undefined as never)
    }
  }

  search(core: WalkCore, queries: Float32Array, options: BatchSearchOptions): Promise<GraphHits[]> {
    const before = this.#lastSearches.get(core) ?? Promise.resolve()
    const hits = before.then(() => this.#searchAll(core, queries, options))
    const end = () => {}
    this.#lastSearches.set(core, hits.then(end, end))
    return hits
  }

  forget(core: WalkCore): void {
    this.#dropped.add(core)
  }

  droppedBytes(): number {
    return this.#dropped.memoryBytes()
  }

  threadBytes(): number {
    return 0
  }

  async #searchAll(core: WalkCore, queries: Float32Array, options: BatchSearchOptions): Promise<GraphHits[]> {
    const { dimensions } = core.parameters
    check(queries.length % dimensions === 0, `queries must hold ${dimensions} components each: ${queries.length}`)
    const ofThread = { ...options, thread: FIRST_SEARCH_THREAD }
    const hits: GraphHits[] = []
    for (let at = 0; at < queries.length; at += dimensions) {
      const steps = beginSearch(core, queries.subarray(at, at + dimensions), ofThread)
      do {
        await this.#yieldToEventLoop()
        throwIfAborted(options.signal, 'search')
      } while (!steps.next().done)
      hits.push(readResults(core, ofThread))
    }
    return hits
  }
}
