import type { Abortable } from '../../base/abort.ts'
import type { MemoryEntry } from '../memory-ledger.ts'
import type { PhaseHost } from '../workers/phase-host.ts'
import { AddedSlots } from './added-slots.ts'
import { type FormHost, GraphForm } from './graph-form.ts'
import type { IndexMoment } from './index-capture.ts'
import { IndexQueue, type IndexTask, type VisitTask } from './index-jobs.ts'
import { indexMemory } from './index-memory.ts'
import { type GraphShape, IndexTaskRunner, NO_GRAPH, type ServedGraph } from './index-task-runner.ts'
import type { LeanCodes, WholeGraphSource } from './lean-graph.ts'

/** Rules by which this release builds graphs. Another number in the log means: scan, do not guess. */
export const INDEX_VERSION = 1

/** What runs the work of indexes, and hears of it. */
export interface IndexHost {
  readonly phases: PhaseHost
  /** Aborted when the store closes. */
  readonly signal: Abortable
  /** A task has ended; by an error if one is given, after which the index builds nothing until a new graph is ordered. */
  readonly onTaskEnd: (error?: unknown) => void
}

/**
 * The index of one collection: a graph over the slots that flushes have moved out of the buffer. Events put tasks into its
 * queue, all of their input fixed; the tasks run in that order, in the background, once there is a host. Until one has run,
 * its slots count as buffer and are scanned. The graph after a task is a function of the log up to its event alone.
 */
export class DiskANNIndex {
  readonly #shape: GraphShape
  readonly #queue = new IndexQueue()
  #added = new AddedSlots()
  readonly #waiting: { resolve: () => void; reject: (error: unknown) => void }[] = []
  readonly #watching: (() => void)[] = []
  readonly #form: GraphForm
  #served: ServedGraph = NO_GRAPH
  #flushedThrough = 0
  #host: IndexHost | undefined
  #runner: IndexTaskRunner | undefined
  /** Whether the queue is being worked off. */
  #isRunning = false
  /** Whether what was taken from it last is not over yet. */
  #isBusy = false
  #failure: unknown
  #stopReason: unknown

  constructor(shape: GraphShape) {
    this.#shape = shape
    this.#form = new GraphForm(shape.isDead)
  }

  /** Slots below it were moved out of the buffer by the events applied so far, whether they are built or not. */
  get flushedThrough(): number {
    return this.#flushedThrough
  }

  get served(): ServedGraph {
    return this.#served
  }

  /** Tasks that wait or run. */
  get backlog(): number {
    return this.#queue.length + (this.#isBusy ? 1 : 0)
  }

  /** How far the task is that runs: an estimate from 0 to 1; `undefined` where none does, or nobody knows. */
  get progress(): number | undefined {
    return this.#runner?.progress
  }

  /** Why nothing is built any more. */
  get failure(): unknown {
    return this.#failure
  }

  /** The LSN up to which every entry is in the graph; `lsn` is that of the state. */
  indexedThroughLsn(lsn: number): number {
    return this.#added.lsnBefore(this.#served.builtThrough) ?? lsn
  }

  /** Notes that a record filled the slots up to, not including, `endSlot`. */
  noteAdded(endSlot: number, lsn: number): void {
    this.#added.push(endSlot, lsn)
  }

  /** Notes that a slot was tombstoned. */
  noteDeath(slot: number): void {
    this.#served.built?.noteDeath(slot)
    this.#runner?.building?.noteDeath(slot)
    this.#form.restoring?.noteDeath(slot)
  }

  /** Notes a flush or rebuild, and queues its task. */
  flush(task: IndexTask & { readonly throughSlot: number }): void {
    this.#flushedThrough = task.throughSlot
    this.push(task)
  }

  /** There is no graph any more, and everything counts as buffer. */
  forget(): void {
    this.#flushedThrough = 0
    this.push({ kind: 'forget' })
  }

  push(task: IndexTask): void {
    if (this.#stopReason !== undefined) return
    this.#queue.push(task)
    if (this.#host !== undefined && !this.#isRunning) void this.#drain(this.#host)
  }

  /** Starts to work off the queue. Work done before is kept. */
  start(host: IndexHost): void {
    this.#host = host
    this.#runner = new IndexTaskRunner(this.#shape, host.phases, this.#signalOf(host))
    if (this.#queue.length > 0 && !this.#isRunning) void this.#drain(host)
  }

  /** Lets go of everything once what runs has ended: the collection was dropped, or the store closes. */
  stop(reason: unknown): void {
    this.#stopReason = reason
    this.#queue.clear(reason)
    this.#added.dropBelow(Number.POSITIVE_INFINITY)
    if (!this.#isRunning) this.#release()
    this.#settle()
  }

  /** Resolves when no task waits or runs; rejects where one has failed, or the index was stopped. */
  settled(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#settle()
    })
  }

  /** Resolves when the next task has ended, one way or another, or none is left. */
  taskEnded(): Promise<void> {
    return new Promise((resolve) => {
      this.#watching.push(resolve)
      this.#settle()
    })
  }

  /**
   * Calls `visit` when all tasks that are queued now have run, and lets none run before it has resolved. Where the graph is
   * lean, `whole` restores it beside the one that is served, for who has to see all of it.
   */
  visit<Result>(visit: (served: ServedGraph, whole: () => Promise<ServedGraph>) => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const look = () => visit(this.#served, () => this.#form.wholeToSee(this.#served)).then(resolve, reject)
      this.#visitOrRefuse(look, reject)
    })
  }

  /** The same with the graph whole. @throws what restoring it throws. */
  visitWhole<Result>(visit: (served: ServedGraph) => Promise<Result>): Promise<Result> {
    return this.visit(async (_, whole) => visit(await whole()))
  }

  /**
   * Lets go of all of the graph but what searches need, once the tasks that are queued now have run; `source` is where the next
   * task has it from again. Resolves with `false`, and `source` is released, where there is no graph, it is not the one of this
   * call any more or lean in this way already, the index has failed, or it was stopped.
   * @throws where memory ran out, and then nothing has changed; where it was lean in the other way, what restoring throws.
   */
  makeLean(codes: LeanCodes, source: WholeGraphSource): Promise<boolean> {
    const version = this.#served.built?.version
    const isWanted = ({ built }: ServedGraph) =>
      built !== undefined && built.version === version && built.leanCodes !== codes
    return this.#changeForm(isWanted, (served, host) => this.#form.lean(served, codes, host), source)
  }

  /**
   * Serves the whole graph again, once the tasks that are queued now have run. Resolves with `false` where it is, or there is
   * none, the index has failed, or it was stopped.
   * @throws what restoring throws: then the index has failed, and searches go on.
   */
  makeWhole(): Promise<boolean> {
    const isWanted = ({ built }: ServedGraph) => built?.leanCodes !== undefined
    return this.#changeForm(isWanted, (served, host) => this.#form.whole(served, host), undefined)
  }

  /** What a capture of the index needs besides a {@link visit} that is asked for in the same turn. */
  moment(): IndexMoment {
    return { flushedThrough: this.#flushedThrough, added: this.#added.parts() }
  }

  /** Takes over what a snapshot held; the index is new, and nothing was ordered from it yet. */
  restore({ flushedThrough, added }: IndexMoment, served: ServedGraph): void {
    this.#flushedThrough = flushedThrough
    this.#added = AddedSlots.restore(added)
    this.#served = served
  }

  memory(): MemoryEntry[] {
    return indexMemory(this.#served.built, this.#runner?.building ?? this.#form.restoring, this.#added)
  }

  async #drain(host: IndexHost): Promise<void> {
    this.#isRunning = true
    for (let task = this.#queue.shift(); task !== undefined; task = this.#queue.shift()) {
      this.#isBusy = true
      if (task.kind === 'visit') await this.#letVisit(task)
      else await this.#run(task, host)
      this.#isBusy = false
      for (const resolve of this.#watching.splice(0)) resolve()
    }
    this.#isRunning = false
    if (this.#stopReason !== undefined) this.#release()
    this.#settle()
  }

  async #letVisit(task: VisitTask): Promise<void> {
    if (this.#failure === undefined) await task.visit()
    else task.refuse(this.#failure)
  }

  /** A task whose predecessor failed would build something else than it builds elsewhere; a new graph starts afresh. */
  async #run(task: Exclude<IndexTask, VisitTask>, host: IndexHost): Promise<void> {
    const startsAfresh = task.kind === 'bulk' || task.kind === 'forget'
    if (this.#failure !== undefined && !startsAfresh) return
    try {
      // Searches go on with the lean graph meanwhile.
      if (!startsAfresh) this.#serve(await this.#form.whole(this.#served, this.#formHost(host)), undefined)
      this.#served = await this.#runner!.run(task, this.#served)
      this.#runner!.noteServed()
      if (startsAfresh) this.#form.useSource(undefined)
      this.#failure = undefined
      this.#added.dropBelow(this.#served.builtThrough)
    } catch (error) {
      if (this.#isOver(host)) return
      this.#failure = error
    } finally {
      this.#form.noteServed()
    }
    if (this.#stopReason !== undefined) return
    // Whoever hears of it may order the next task, and looks at the backlog for that.
    this.#isBusy = false
    host.onTaskEnd(this.#failure)
  }

  #visitOrRefuse(visit: () => Promise<void>, refuse: (reason: unknown) => void): void {
    if (this.#stopReason !== undefined) refuse(this.#stopReason)
    else this.push({ kind: 'visit', visit, refuse })
  }

  #changeForm(
    isWanted: (served: ServedGraph) => boolean,
    change: (served: ServedGraph, host: FormHost) => Promise<ServedGraph>,
    source: WholeGraphSource | undefined,
  ): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        source?.release()
        resolve(false)
      }
      const run = async () => {
        const host = this.#host!
        if (this.#isOver(host) || !isWanted(this.#served)) return giveUp()
        try {
          const served = await change(this.#served, this.#formHost(host))
          if (this.#isOver(host)) return giveUp()
          this.#serve(served, source)
          resolve(true)
        } catch (error) {
          if (this.#isOver(host)) return giveUp()
          source?.release()
          this.#noteFormFailure(error, host)
          reject(error)
        } finally {
          this.#form.noteServed()
        }
      }
      this.#visitOrRefuse(run, giveUp)
    })
  }

  #noteFormFailure(error: unknown, host: IndexHost): void {
    if (error !== this.#form.failure) return
    this.#failure = error
    this.#isBusy = false
    host.onTaskEnd(error)
  }

  /** Serves the same graph in another form, and lets go of the one before. */
  #serve(served: ServedGraph, source: WholeGraphSource | undefined): void {
    const { built } = this.#served
    if (served.built === built) return
    this.#form.takeDeaths(served, this.#served)
    this.#served = served
    this.#form.noteServed()
    this.#form.useSource(source)
    if (built !== undefined) this.#host?.phases.forget(built.graph.walkCore)
  }

  #isOver({ signal }: IndexHost): boolean {
    return this.#stopReason !== undefined || signal.aborted
  }

  #formHost(host: IndexHost): FormHost {
    return { phases: host.phases, signal: this.#signalOf(host) }
  }

  /** Aborted with the host, and when this index is stopped. */
  #signalOf({ signal }: IndexHost): Abortable {
    const isStopped = () => this.#stopReason !== undefined
    return {
      get aborted() {
        return signal.aborted || isStopped()
      },
    }
  }

  #settle(): void {
    if (this.#stopReason === undefined && this.backlog > 0) return
    for (const resolve of this.#watching.splice(0)) resolve()
    const error = this.#stopReason ?? this.#failure
    for (const { resolve, reject } of this.#waiting.splice(0)) error === undefined ? resolve() : reject(error)
  }

  #release(): void {
    const { built } = this.#served
    if (built !== undefined) this.#host?.phases.forget(built.graph.walkCore)
    this.#form.useSource(undefined)
    this.#served = NO_GRAPH
  }
}
