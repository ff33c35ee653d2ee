import { StoreError } from '../base/errors.ts'
import type { CollectionView } from '../engine/collection-state.ts'
import { readChunk } from '../engine/compaction.ts'
import type { StoreEvent } from '../engine/events.ts'
import { loadGraphModule } from '../engine/graph/graph-kernel.ts'
import { INDEX_VERSION } from '../engine/index/disk-ann-index.ts'
import { loggedPlan } from '../engine/index/graph-plan.ts'
import { planGraph } from '../engine/index/graph-planner.ts'
import { indexError, rejectAsIndexError } from './index-error.ts'
import { IndexPolicy, type Maintenance } from './index-policy.ts'
import type { IndexThreads } from './index-threads.ts'
import type { ResolvedOptions } from './options.ts'
import type { Writer } from './writer.ts'

/** Entries that are read between two pauses: about a millisecond, where they are on disk. */
const ENTRIES_A_SLICE = 256

export interface KeeperHost {
  readonly options: ResolvedOptions
  readonly threads: IndexThreads
  /** `undefined` in a store that is only read: it builds what its log says and orders nothing. */
  readonly writer: Writer | undefined
  readonly yieldToEventLoop: () => Promise<void>
  /** Called when a task has ended, with the nodes of the graph that it left. */
  readonly onBuilt: (nodes: number) => void
}

/** What a caller may ask for at any time. */
export type OnDemand = 'flush' | 'consolidate' | 'compact' | 'rebuild'

interface Kept {
  readonly policy: IndexPolicy
  /** What is being decided, measured or logged; resolves with why it could not be. */
  ordering: Promise<Refusal | undefined> | undefined
  /** What all writes wait for that found no room, or came behind one that did not. */
  room: Promise<void> | undefined
}

interface Refusal {
  readonly error: unknown
}

/** Keeps the indexes of a store up with its log: runs their tasks, and logs what the policy asks for. */
export class IndexKeeper {
  readonly #host: KeeperHost
  readonly #kept = new Map<CollectionView, Kept>()
  readonly #closing = new AbortController()

  constructor(host: KeeperHost) {
    this.#host = host
  }

  /** To be called for every collection there is, and after every write to one. */
  consider(view: CollectionView): void {
    if (this.#closing.signal.aborted || view.dropped) return
    const kept = this.#keep(view)
    if (kept.ordering !== undefined || this.#host.writer === undefined) return
    const due = kept.policy.next()
    if (due === undefined) return
    void this.#start(view, kept, due).then((refusal) => {
      // A store that is closed says so to its own calls; a collection that was dropped needs no index.
      if (refusal !== undefined && !this.#closing.signal.aborted && !view.dropped) this.#report(view, refusal.error)
    })
  }

  /** To be called for a collection that was dropped. */
  forget(view: CollectionView): void {
    this.#kept.delete(view)
  }

  /** What an add waits for while more entries wait to be indexed than the options allow; `undefined` where there is room. */
  waitForRoom(view: CollectionView): Promise<void> | undefined {
    const kept = this.#kept.get(view)
    if (kept === undefined || kept.room !== undefined || this.#hasRoom(view, kept)) return kept?.room
    kept.room = this.#wait(view, kept)
    // Heard before any of those who wait, and after whoever comes meanwhile: writes keep the order of their calls.
    void kept.room.then(() => {
      kept.room = undefined
    })
    return kept.room
  }

  /** What any other write waits for: the adds before it that wait. */
  waitForAdds(view: CollectionView): Promise<void> | undefined {
    return this.#kept.get(view)?.room
  }

  /**
   * Resolves when everything that the log has ordered is built, and no more is due.
   * @throws what building or logging threw; `ERR_STORE_CLOSED`, `ERR_COLLECTION_NOT_FOUND`.
   */
  async settled(view: CollectionView): Promise<void> {
    await this.#host.threads.whileHeld(async () => {
      for (;;) {
        this.consider(view)
        const refusal = await this.#kept.get(view)?.ordering
        await view.index.settled().catch(rejectAsIndexError)
        if (refusal !== undefined) throw indexError(refusal.error)
        this.consider(view)
        if (this.#kept.get(view)?.ordering === undefined && view.index.backlog === 0) return
      }
    })
  }

  /** Does one thing now, and resolves when it is done, and all that was ordered before as well. */
  async maintain(view: CollectionView, what: OnDemand): Promise<void> {
    this.#keep(view)
    // A new graph needs none before it, and one that could not be built is what it is for.
    if (what !== 'rebuild') await this.settled(view)
    for (;;) {
      const kept = this.#kept.get(view)
      while (kept?.ordering !== undefined) await kept.ordering
      const due = kept && this.#dueFor(view, kept, what)
      const refusal = due && (await this.#start(view, kept, due))
      if (refusal !== undefined) throw indexError(refusal.error)
      await this.settled(view)
      if (due !== 'compact') return
    }
  }

  close(): void {
    const reason = new StoreError('ERR_STORE_CLOSED', 'the store was closed before the index was built')
    this.#closing.abort(reason)
    for (const view of this.#kept.keys()) view.index.stop(reason)
    this.#kept.clear()
  }

  /** What is there to do on demand; nothing, where it would change nothing. */
  #dueFor(view: CollectionView, { policy }: Kept, what: OnDemand): Maintenance | undefined {
    switch (what) {
      case 'flush':
        return policy.flushNow()
      case 'consolidate':
        return (view.index.served.built?.live.deadCount ?? 0) > 0 ? 'consolidate' : undefined
      case 'rebuild':
        return view.liveCount > 0 ? 'rebuild' : undefined
      case 'compact':
        return policy.chunkToCompact({ always: true }) === undefined ? undefined : 'compact'
    }
  }

  #keep(view: CollectionView): Kept {
    const known = this.#kept.get(view)
    if (known !== undefined) return known
    const kept = { policy: new IndexPolicy(view, this.#host.options), ordering: undefined, room: undefined }
    this.#kept.set(view, kept)
    view.index.start({
      phases: this.#host.threads.phases,
      signal: this.#closing.signal,
      onTaskEnd: (error) => this.#taskEnded(view, error),
    })
    return kept
  }

  /** Where nothing is going to be built, waiting would never end. */
  #hasRoom({ slotCount, dropped, index }: CollectionView, { ordering }: Kept): boolean {
    if (slotCount - index.served.builtThrough < this.#host.options.maxUnindexedEntries) return true
    if (this.#closing.signal.aborted || dropped || index.failure !== undefined) return true
    return ordering === undefined && index.backlog === 0
  }

  async #wait(view: CollectionView, kept: Kept): Promise<void> {
    await this.#host.threads.whileHeld(async () => {
      while (!this.#hasRoom(view, kept)) await (view.index.backlog > 0 ? view.index.taskEnded() : kept.ordering)
    })
  }

  #taskEnded(view: CollectionView, error: unknown): void {
    if (error !== undefined) this.#report(view, error)
    else this.#host.onBuilt(view.index.served.built?.graph.linkedCount ?? 0)
    this.#host.threads.noteEnd()
    this.consider(view)
  }

  #start(view: CollectionView, kept: Kept, due: Maintenance): Promise<Refusal | undefined> {
    const done = this.#order(view, kept, due).then(
      () => undefined,
      (error: unknown) => ({ error }),
    )
    kept.ordering = done.then((refusal) => {
      kept.ordering = undefined
      // After a failure only the next write asks again: what cannot be logged now cannot be logged at once either.
      if (refusal === undefined) this.consider(view)
      return refusal
    })
    return kept.ordering
  }

  async #order(view: CollectionView, { policy }: Kept, due: Maintenance): Promise<void> {
    const collection = view.creationLsn
    switch (due) {
      case 'consolidate':
        return this.#log({ type: 'consolidate', collection })
      case 'compact':
        return this.#orderCompaction(view, policy)
      case 'insert': {
        const { slotCount: throughSlot } = view
        return this.#log({ type: 'flush', collection, throughSlot, indexVersion: INDEX_VERSION, method: 'insert' })
      }
      case 'bulk':
      case 'rebuild':
        return this.#orderGraph(view, due)
    }
  }

  /** What is to be moved is read first: a record that cannot be applied would end all writing. */
  async #orderCompaction(view: CollectionView, policy: IndexPolicy): Promise<void> {
    const chunk = policy.chunkToCompact({ always: true })
    if (chunk === undefined) return
    let entries = 0
    try {
      for (const _ of readChunk(view, chunk)) {
        entries += 1
        if (entries % ENTRIES_A_SLICE > 0) continue
        await this.#host.yieldToEventLoop()
        if (view.dropped || this.#closing.signal.aborted) return
      }
    } catch (error) {
      policy.noteUnreadable(chunk)
      throw error
    }
    await this.#log({ type: 'compact', collection: view.creationLsn, chunk })
  }

  /** What was added while the plan was measured is built as well. */
  async #orderGraph(view: CollectionView, due: 'bulk' | 'rebuild'): Promise<void> {
    const collection = view.creationLsn
    const seed = collection % 2 ** 32
    const planning = planGraph(view, view.slotCount, { module: await loadGraphModule(), seed })
    let step = planning.next()
    for (; !step.done; step = planning.next()) {
      await this.#host.yieldToEventLoop()
      if (view.dropped || this.#closing.signal.aborted) return
    }
    const fields = {
      collection,
      throughSlot: view.slotCount,
      indexVersion: INDEX_VERSION,
      ...loggedPlan(step.value.plan),
    }
    await this.#log(due === 'rebuild' ? { type: 'rebuild', ...fields } : { type: 'flush', method: 'bulk', ...fields })
  }

  async #log(event: StoreEvent): Promise<void> {
    await this.#host.writer?.write(event, `a ${event.type} of the index`)
  }

  #report(view: CollectionView, cause: unknown): void {
    const message = `the index of '${view.name}' could not be kept up: ${(cause as Error).message}`
    const { code } = indexError(cause)
    this.#host.options.onProblem?.(new StoreError(code, message, { cause, details: { collection: view.name } }))
  }
}
