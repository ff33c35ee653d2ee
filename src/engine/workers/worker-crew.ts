import type { WalkCore } from '../graph/walk-core.ts'
import type { PoolWork } from './pool-work.ts'
import { type Assignment, type SlotOwner, WorkerSlot } from './worker-slot.ts'
import type { StartWorker } from './worker-thread.ts'

/** Pieces of searches that go before the phases of jobs, before one of these has its turn. */
const MOST_SEARCHES_IN_A_ROW = 8

/** Hands work out to workers, whoever is idle next: searches first, and each work in turn. */
export class WorkerCrew implements SlotOwner {
  readonly #slots: readonly WorkerSlot[]
  readonly #loadWorkers: () => Promise<StartWorker | undefined>
  readonly #searches: PoolWork[] = []
  readonly #phases: PoolWork[] = []
  readonly #numbers = new WeakMap<WalkCore, number>()
  #numbered = 0
  #loaded: Promise<StartWorker | undefined> | undefined
  #start: StartWorker | undefined
  #canStart = true
  #holds = 0
  #searchesInARow = 0
  #isHandingOut = false

  constructor(workers: number, loadWorkers: () => Promise<StartWorker | undefined>) {
    this.#slots = Array.from({ length: workers }, (_, index) => new WorkerSlot(index, this))
    this.#loadWorkers = loadWorkers
  }

  get size(): number {
    return this.#slots.length
  }

  get buildThreads(): number[] {
    return this.#slots.map(({ buildThread }) => buildThread)
  }

  /** No worker lives and none can be started: this stays so. */
  get isUnavailable(): boolean {
    return !this.#canStart && !this.#slots.some(({ hasWorker }) => hasWorker)
  }

  /** Workers that live. */
  get workerCount(): number {
    return this.#slots.filter(({ hasWorker }) => hasWorker).length
  }

  get isHeld(): boolean {
    return this.#holds > 0
  }

  /** Must come before any work. */
  async load(): Promise<void> {
    this.#loaded ??= this.#loadWorkers()
    this.#start = await this.#loaded
    if (this.#start === undefined) this.#canStart = false
  }

  addSearch(work: PoolWork): void {
    this.#searches.push(work)
    this.#handOut()
  }

  addPhase(work: PoolWork): void {
    this.#phases.push(work)
    this.#handOut()
  }

  hold(): () => void {
    this.#holds++
    if (this.#holds === 1) for (const slot of this.#slots) slot.setHeld(true)
    let isReleased = false
    return () => {
      if (isReleased) return
      isReleased = true
      this.#holds--
      if (this.#holds === 0) for (const slot of this.#slots) slot.setHeld(false)
    }
  }

  forget(core: WalkCore): void {
    const graph = this.#numbers.get(core)
    if (graph !== undefined) for (const slot of this.#slots) slot.forget(graph)
  }

  /** Whether a worker that lives has the memory of a graph, by its number. */
  isKnown(graph: number): boolean {
    return this.#slots.some((slot) => slot.knows(graph))
  }

  /** Ends all workers, whatever they are doing. */
  async end(): Promise<void> {
    this.#handOut()
    await Promise.all(this.#slots.map((slot) => slot.end()))
  }

  numberOf(core: WalkCore): number {
    const known = this.#numbers.get(core)
    if (known !== undefined) return known
    this.#numbered++
    this.#numbers.set(core, this.#numbered)
    return this.#numbered
  }

  slotIsIdle(): void {
    this.#handOut()
  }

  workerCannotStart(): void {
    this.#canStart = false
  }

  #handOut(): void {
    // A worker that cannot be started becomes idle while it is given something.
    if (this.#isHandingOut) return
    this.#isHandingOut = true
    const idle = this.#slots.filter(({ isIdle }) => isIdle)
    for (const slot of [...idle.filter(({ hasWorker }) => hasWorker), ...idle.filter(({ hasWorker }) => !hasWorker)]) {
      if (this.#start === undefined || !(slot.hasWorker || this.#canStart)) continue
      const assignment = this.#nextFor(slot)
      if (assignment === undefined) break
      slot.give(assignment, this.#start)
    }
    settle(this.#searches)
    settle(this.#phases)
    this.#isHandingOut = false
  }

  #nextFor(slot: WorkerSlot): Assignment | undefined {
    const queues = [this.#searches, this.#phases]
    if (this.#searchesInARow >= MOST_SEARCHES_IN_A_ROW) queues.reverse()
    for (const queue of queues) {
      for (const [index, work] of queue.entries()) {
        const assignment = work.take(slot)
        if (assignment === undefined) continue
        queue.push(...queue.splice(index, 1))
        this.#searchesInARow = queue === this.#searches ? this.#searchesInARow + 1 : 0
        return assignment
      }
    }
    return undefined
  }
}

function settle(queue: PoolWork[]): void {
  const left = queue.filter((work) => !work.settle())
  queue.splice(0, queue.length, ...left)
}
