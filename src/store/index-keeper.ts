import { StoreError } from '../base/errors.ts'
import type { CollectionView } from '../engine/collection-state.ts'
import type { StoreEvent } from '../engine/events.ts'
import { loadGraphModule } from '../engine/graph/graph-kernel.ts'
import { INDEX_VERSION } from '../engine/index/disk-ann-index.ts'
import { loggedPlan } from '../engine/index/graph-plan.ts'
import { planGraph } from '../engine/index/graph-planner.ts'
import { IndexPolicy, type Maintenance } from './index-policy.ts'
import type { IndexThreads } from './index-threads.ts'
import type { ResolvedOptions } from './options.ts'
import type { Writer } from './writer.ts'

export interface KeeperHost {
  readonly options: ResolvedOptions
  readonly threads: IndexThreads
  /** `undefined` in a store that is only read: it builds what its log says and orders nothing. */
  readonly writer: Writer | undefined
  readonly yieldToEventLoop: () => Promise<void>
}

/** What a caller may ask for at any time. */
export type OnDemand = 'flush' | 'consolidate' | 'compact' | 'rebuild'

interface Kept {
  readonly policy: IndexPolicy
  /** What is being decided, measured or logged. */
  ordering: Promise<void> | undefined
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
    if (this.#closing.signal.aborted) return
    const kept = this.#keep(view)
    if (kept.ordering !== undefined || this.#host.writer === undefined) return
    const due = kept.policy.next()
    if (due !== undefined) void this.#start(view, kept, () => this.#order(view, kept, due))
  }

  /** What to wait for while more entries wait to be indexed than the options allow; `undefined` where there is room. */
  waitForRoom(view: CollectionView): Promise<void> | undefined {
    return this.#hasRoom(view) ? undefined : this.#wait(view)
  }

  /**
   * Resolves when everything that the log has ordered is built, and no more is due.
   * @throws what building threw; `ERR_STORE_CLOSED`, `ERR_COLLECTION_NOT_FOUND`.
   */
  async settled(view: CollectionView): Promise<void> {
    await this.#host.threads.whileHeld(async () => {
      for (;;) {
        this.consider(view)
        await this.#kept.get(view)?.ordering
        await view.index.settled()
        this.consider(view)
        if (this.#kept.get(view)?.ordering === undefined && view.index.backlog === 0) return
      }
    })
  }

  /** Does one thing now, after all that was ordered before, and resolves when it is done. */
  async maintain(view: CollectionView, what: OnDemand): Promise<void> {
    await this.settled(view).catch((error: unknown) => {
      // A graph that could not be built is what a new one is for.
      if (view.index.failure === undefined) throw error
    })
    const kept = this.#keep(view)
    while (kept.ordering !== undefined) await kept.ordering
    for (let due = this.#dueFor(view, kept, what); due !== undefined; due = this.#dueFor(view, kept, what)) {
      await this.#orderNow(view, kept, due)
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
    if (view.dropped) return undefined
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

  /** Orders something for a caller, who hears of a failure. */
  async #orderNow(view: CollectionView, kept: Kept, due: Maintenance): Promise<void> {
    const ordering = this.#order(view, kept, due)
    kept.ordering = ordering.then(
      () => {},
      () => {},
    )
    try {
      await ordering
    } finally {
      kept.ordering = undefined
    }
  }

  #keep(view: CollectionView): Kept {
    const known = this.#kept.get(view)
    if (known !== undefined) return known
    const kept = { policy: new IndexPolicy(view, this.#host.options), ordering: undefined }
    this.#kept.set(view, kept)
    view.index.start({
      phases: this.#host.threads.phases,
      signal: this.#closing.signal,
      onTaskEnd: (error) => this.#taskEnded(view, error),
    })
    return kept
  }

  #hasRoom({ slotCount, index }: CollectionView): boolean {
    const isStuck = index.backlog === 0 || index.failure !== undefined
    return isStuck || slotCount - index.served.builtThrough < this.#host.options.maxUnindexedEntries
  }

  async #wait(view: CollectionView): Promise<void> {
    await this.#host.threads.whileHeld(async () => {
      while (!this.#hasRoom(view)) await view.index.taskEnded()
    })
  }

  #taskEnded(view: CollectionView, error: unknown): void {
    if (error !== undefined) this.#report(view, error)
    this.consider(view)
  }

  async #start(view: CollectionView, kept: Kept, order: () => Promise<void>): Promise<void> {
    // After a failure only the next write asks again: what cannot be logged now cannot be logged at once either.
    const done = order().then(
      () => true,
      (error: unknown) => this.#orderFailed(view, error),
    )
    kept.ordering = done.then((isDone) => {
      kept.ordering = undefined
      if (view.dropped) this.#kept.delete(view)
      else if (isDone) this.consider(view)
    })
    await kept.ordering
  }

  async #order(view: CollectionView, { policy }: Kept, due: Maintenance): Promise<void> {
    const collection = view.creationLsn
    switch (due) {
      case 'consolidate':
        return this.#log({ type: 'consolidate', collection })
      case 'compact': {
        const chunk = policy.chunkToCompact({ always: true })
        return chunk === undefined ? undefined : this.#log({ type: 'compact', collection, chunk })
      }
      case 'insert': {
        const { slotCount: throughSlot } = view
        return this.#log({ type: 'flush', collection, throughSlot, indexVersion: INDEX_VERSION, method: 'insert' })
      }
      case 'bulk':
      case 'rebuild':
        return this.#orderGraph(view, due)
    }
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
    const fields = { collection, throughSlot: view.slotCount, indexVersion: INDEX_VERSION, ...loggedPlan(step.value.plan) }
    await this.#log(due === 'rebuild' ? { type: 'rebuild', ...fields } : { type: 'flush', method: 'bulk', ...fields })
  }

  async #log(event: StoreEvent): Promise<void> {
    await this.#host.writer?.write(event, `a ${event.type} of the index`)
  }

  /** A store that is closed or poisoned says so to its own calls; a collection that was dropped needs no index. */
  #orderFailed(view: CollectionView, error: unknown): false {
    if (!this.#closing.signal.aborted && !view.dropped) this.#report(view, error)
    return false
  }

  #report(view: CollectionView, cause: unknown): void {
    const message = `the index of '${view.name}' could not be kept up: ${(cause as Error).message}`
    const code = cause instanceof StoreError ? cause.code : 'ERR_WORKER'
    this.#host.options.onProblem?.(new StoreError(code, message, { cause, details: { collection: view.name } }))
  }
}
