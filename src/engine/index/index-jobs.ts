import type { VectorCapture } from '../vector-capture.ts'
import type { GraphPlan } from './graph-plan.ts'

/** Fixed when its event was applied: what happens to the collection afterwards is not for this job to see. */
interface FixedInput {
  readonly vectors: VectorCapture
  /** Tombstones as of the event, bit `slot & 7` of byte `slot >> 3`. */
  readonly dead: Uint8Array
}

export interface InsertTask extends FixedInput {
  readonly kind: 'insert'
  readonly throughSlot: number
}

export interface BulkTask extends FixedInput {
  readonly kind: 'bulk'
  readonly throughSlot: number
  readonly plan: GraphPlan
}

export interface ConsolidateTask extends FixedInput {
  readonly kind: 'consolidate'
}

/** Nodes of entries that a compaction moved stand for their new slots. */
export interface MoveTask {
  readonly kind: 'move'
  /** Pairs: old slot, new slot; old slots rise. */
  readonly moves: Uint32Array
}

/** The graph is of a version that this release does not know: there is none. */
export interface ForgetTask {
  readonly kind: 'forget'
}

/** Somebody looks at the index between two jobs; the next one waits until the look is over. */
export interface VisitTask {
  readonly kind: 'visit'
  readonly visit: () => Promise<void>
  readonly refuse: (reason: unknown) => void
}

export type IndexTask = InsertTask | BulkTask | ConsolidateTask | MoveTask | ForgetTask | VisitTask

/** Tasks in the order of the log. */
export class IndexQueue {
  readonly #tasks: IndexTask[] = []

  get length(): number {
    return this.#tasks.length
  }

  /**
   * Appends a task. A new graph makes everything before it needless, down to the last visit: a store that is reopened
   * builds only from the last bulk build on.
   */
  push(task: IndexTask): void {
    if (task.kind === 'bulk' || task.kind === 'forget') {
      while (this.#tasks.length > 0 && this.#tasks.at(-1)!.kind !== 'visit') this.#tasks.pop()
    }
    this.#tasks.push(task)
  }

  shift(): IndexTask | undefined {
    return this.#tasks.shift()
  }

  /** Empties the queue; visits are refused. */
  clear(reason: unknown): void {
    for (const task of this.#tasks.splice(0)) if (task.kind === 'visit') task.refuse(reason)
  }
}
