import type { Abortable } from '../../base/abort.ts'
import { countBitsBelow } from '../bitmap.ts'
import { VamanaGraph } from '../graph/vamana-graph.ts'
import type { Metric } from '../metric.ts'
import type { PhaseHost } from '../workers/phase-host.ts'
import { BuiltGraph } from './built-graph.ts'
import { planOptions } from './graph-plan.ts'
import type { BulkTask, IndexTask, VisitTask } from './index-jobs.ts'
import { bulkWork, consolidateWork, insertWork, moveWork } from './index-work.ts'
import type { IsDead } from './live-nodes.ts'
import { TaskProgress } from './task-progress.ts'

/** What a search may rely on: a graph, and which slots are in it. Replaced as a whole, never changed. */
export interface ServedGraph {
  readonly built: BuiltGraph | undefined
  /** Slots below it that are live have a node. */
  readonly builtThrough: number
  /** Slots from there on that have one too, because a compaction moved their entries. */
  readonly placed: ReadonlySet<number>
}

export const NO_GRAPH: ServedGraph = { built: undefined, builtThrough: 0, placed: new Set() }

export interface GraphShape {
  readonly dimensions: number
  readonly metric: Metric
  readonly seed: number
  /** Whether a slot is dead as things stand when it is asked. */
  readonly isDead: IsDead
}

/** Runs one task after another on a graph; what it resolves with is to be served from then on. */
export class IndexTaskRunner {
  readonly #shape: GraphShape
  readonly #host: PhaseHost
  readonly #signal: Abortable
  #building: BuiltGraph | undefined
  #progress: TaskProgress | undefined

  constructor(shape: GraphShape, host: PhaseHost, signal: Abortable) {
    this.#shape = shape
    this.#host = host
    this.#signal = signal
  }

  /** A graph that is being built or not served yet. */
  get building(): BuiltGraph | undefined {
    return this.#building
  }

  /** To be called at once when what {@link run} gave is served: until then the new graph hears of deaths here. */
  noteServed(): void {
    this.#building = undefined
  }

  /** How far the task is that runs, from 0 to 1; `undefined` where none does, or nobody knows. */
  get progress(): number | undefined {
    return this.#progress?.share
  }

  async run(task: Exclude<IndexTask, VisitTask>, served: ServedGraph): Promise<ServedGraph> {
    try {
      return await this.#run(task, served)
    } finally {
      this.#progress = undefined
    }
  }

  async #run(task: Exclude<IndexTask, VisitTask>, served: ServedGraph): Promise<ServedGraph> {
    switch (task.kind) {
      case 'bulk':
        return this.#buildAnew(task, served)
      case 'forget':
        this.#forget(served)
        return NO_GRAPH
      default: {
        const { built } = served
        return built === undefined ? withoutGraph(task, served) : this.#change(task, served, built)
      }
    }
  }

  async #buildAnew(task: BulkTask, served: ServedGraph): Promise<ServedGraph> {
    const { dimensions, metric, seed, isDead } = this.#shape
    const graph = await VamanaGraph.create({ dimensions, metric, seed, ...planOptions(task.plan) })
    const built = new BuiltGraph(graph, isDead)
    this.#building = built
    try {
      const progress = TaskProgress.ofBulk(task.throughSlot - countBitsBelow(task.dead, task.throughSlot))
      this.#progress = progress
      await this.#host.run(graph.core, progress.watch(bulkWork(built, task)), this.#signal)
    } catch (error) {
      this.#building = undefined
      this.#host.forget(graph.core)
      throw error
    }
    this.#forget(served)
    return { built, builtThrough: task.throughSlot, placed: NO_GRAPH.placed }
  }

  async #change(
    task: Exclude<IndexTask, VisitTask | BulkTask | { kind: 'forget' }>,
    served: ServedGraph,
    built: BuiltGraph,
  ): Promise<ServedGraph> {
    const { builtThrough, placed } = served
    const { core } = built.graph
    built.noteChange()
    if (task.kind === 'insert') {
      const progress = TaskProgress.ofInsert(task.throughSlot - builtThrough)
      this.#progress = progress
      await this.#host.run(core, progress.watch(insertWork(built, task, builtThrough, placed)), this.#signal)
      const left = [...placed].filter((slot) => slot >= task.throughSlot)
      return { built, builtThrough: task.throughSlot, placed: new Set(left) }
    }
    if (task.kind === 'consolidate') {
      await this.#host.run(core, consolidateWork(built, task), this.#signal)
      return served
    }
    const moved = await this.#host.run(core, moveWork(built, task.moves), this.#signal)
    return { ...served, placed: new Set([...placed, ...moved.filter((slot) => slot >= builtThrough)]) }
  }

  #forget({ built }: ServedGraph): void {
    if (built !== undefined) this.#host.forget(built.graph.walkCore)
  }
}

/** Only a bulk build makes a graph, so this is a log that was written by no release: its slots stay in the buffer. */
function withoutGraph(task: IndexTask, served: ServedGraph): ServedGraph {
  return task.kind === 'insert' ? NO_GRAPH : served
}
