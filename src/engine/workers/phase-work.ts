import type { GraphCore } from '../graph/graph-core.ts'
import type { Phase } from '../graph/job.ts'
import type { PoolWork } from './pool-work.ts'
import { type Range, SavedRows } from './saved-rows.ts'
import type { Assignment, WorkerSlot } from './worker-slot.ts'

/** A job of a pool. */
export interface PoolJob {
  readonly core: GraphCore
  /** Workers that have ended while they worked for it. */
  deaths: number
  /** Whether workers are to be given nothing more of it. */
  isStopped(): boolean
}

/** Most slices of a range: a worker is not free for anything else before its end, so that it takes some 20 ms at most. */
const MOST_SLICES = 4
const LEAST_SLICES = 1 / 4
/** Ranges for each worker, unless they would be too long or too short: the last to end should not keep the others waiting. */
const RANGES_A_WORKER = 3

/** The items of a phase, handed out range by range; those of a worker that has ended are handed out again. */
export class PhaseWork implements PoolWork {
  /** Resolves with the ranges that nobody has run and no worker will. */
  readonly rest: Promise<readonly Range[]>
  readonly #job: PoolJob
  readonly #phase: Phase
  readonly #rangeItems: number
  #resolve: (rest: readonly Range[]) => void = () => {}
  #next = 0
  #lost: Range[] = []
  #underWay = 0

  constructor(job: PoolJob, phase: Phase, workers: number) {
    this.#job = job
    this.#phase = phase
    this.#rangeItems = rangeItems(phase, workers)
    this.rest = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  take(slot: WorkerSlot): Assignment | undefined {
    const { task, parameters, sliceItems, noteDone } = this.#phase
    const { core } = this.#job
    const range = this.#nextRange()
    if (range === undefined || task === undefined) return undefined
    const saved = SavedRows.of(core, this.#phase, range)
    this.#underWay++
    return {
      core,
      message: { verb: 'run', thread: slot.buildThread, task, parameters, ...range, sliceItems },
      transfer: [],
      done: () => {
        this.#underWay--
        noteDone?.(range.to - range.from)
      },
      lost: (_, wasUp) => {
        saved?.restore()
        this.#lost.push(range)
        this.#underWay--
        if (wasUp) this.#job.deaths++
      },
    }
  }

  settle(): boolean {
    const isAllTaken = this.#next >= this.#phase.items && this.#lost.length === 0
    if (this.#underWay > 0 || !(isAllTaken || this.#job.isStopped())) return false
    const untaken = { from: this.#next, to: this.#phase.items }
    this.#resolve(untaken.from < untaken.to ? [...this.#lost, untaken] : this.#lost)
    return true
  }

  #nextRange(): Range | undefined {
    if (this.#job.isStopped()) return undefined
    const lost = this.#lost.pop()
    if (lost !== undefined || this.#next >= this.#phase.items) return lost
    const from = this.#next
    this.#next = Math.min(this.#phase.items, from + this.#rangeItems)
    return { from, to: this.#next }
  }
}

function rangeItems({ items, sliceItems }: Phase, workers: number): number {
  const fair = Math.ceil(items / (workers * RANGES_A_WORKER))
  return Math.min(sliceItems * MOST_SLICES, Math.max(Math.ceil(sliceItems * LEAST_SLICES), fair))
}
