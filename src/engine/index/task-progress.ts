import type { TaskName } from '../graph/graph-kernel.ts'
import type { Job, Phase } from '../graph/job.ts'

/** Part of the time of a task that one kind of its phases takes, from 0 to 1. */
interface Stage {
  readonly begin: number
  readonly end: number
  /** Items of all its phases together, for each node; missing where nobody knows how many will come. */
  readonly itemsANode?: number
}

type Stages = Partial<Record<TaskName, Stage>>

/**
 * Measured on one thread on word vectors, 100,000 and 340,000. What comes more than once, before and after the second look,
 * has no stage: it would look like the end at its first time.
 */
const BULK_STAGES: Stages = {
  encodeNodes: { begin: 0, end: 0.03, itemsANode: 1 },
  assignLeaders: { begin: 0.03, end: 0.1, itemsANode: 1.5 },
  nearestInLeaves: { begin: 0.1, end: 0.37 },
  linkFromEdges: { begin: 0.37, end: 0.44, itemsANode: 1 },
  refineNodes: { begin: 0.45, end: 0.97, itemsANode: 1 },
}
/** Batch by batch, so that nodes that are linked say nearly all. */
const INSERT_STAGES: Stages = {
  encodeNodes: { begin: 0, end: 0.03, itemsANode: 1 },
  linkNodes: { begin: 0.03, end: 0.97, itemsANode: 1 },
}
/** Of a stage whose phases nobody can count, each takes so much of what is left. */
const SHARE_OF_REST = 0.75

/** How far a task is: an estimate from its phases, for people who wait. It never falls. */
export class TaskProgress {
  readonly #stages: Stages
  readonly #nodes: number
  readonly #doneItems = new Map<TaskName, number>()
  #share = 0

  private constructor(stages: Stages, nodes: number) {
    this.#stages = stages
    this.#nodes = nodes
  }

  /** Of a build of so many nodes, more or less. */
  static ofBulk(nodes: number): TaskProgress {
    return new TaskProgress(BULK_STAGES, nodes)
  }

  static ofInsert(nodes: number): TaskProgress {
    return new TaskProgress(INSERT_STAGES, nodes)
  }

  /** From 0 to 1. */
  get share(): number {
    return this.#share
  }

  /** The same job, listened to. */
  *watch<Result>(job: Job<Result>): Job<Result> {
    try {
      for (let step = job.next(); ; step = job.next()) {
        if (step.done) return step.value
        yield this.#watched(step.value)
      }
    } finally {
      // A host that gives up gives up the job within as well.
      job.return(undefined as never)
    }
  }

  #watched(phase: Phase): Phase {
    const { task, items } = phase
    const stage = task && this.#stages[task]
    if (task === undefined || stage === undefined) return phase
    const { begin, end, itemsANode } = stage
    this.#raiseTo(begin)
    const rest = (end - this.#share) * SHARE_OF_REST
    const base = this.#share
    let doneHere = 0
    const noteDone = (count: number): void => {
      doneHere += count
      const done = (this.#doneItems.get(task) ?? 0) + count
      this.#doneItems.set(task, done)
      if (itemsANode === undefined) this.#raiseTo(base + (rest * doneHere) / items)
      else this.#raiseTo(begin + (end - begin) * Math.min(1, done / (itemsANode * this.#nodes)))
    }
    return { ...phase, noteDone }
  }

  #raiseTo(share: number): void {
    this.#share = Math.max(this.#share, share)
  }
}
