import { CHUNK_SLOTS } from '../base/limits.ts'
import type { CollectionView } from '../engine/collection-state.ts'
import { isCompactable } from '../engine/compaction.ts'

export interface PolicySettings {
  /** Entries that the buffer holds before they are moved into the graph. */
  readonly bufferEntries: number
  /** Share of a graph's nodes that may be dead before they are taken out of it. */
  readonly consolidateShare: number
  /** Share of a graph's nodes that may have been taken out since it was built before it is built anew. */
  readonly rebuildShare: number
}

/** What is to be done next for a collection. */
export type Maintenance = 'insert' | 'bulk' | 'consolidate' | 'rebuild' | 'compact'

/** A range of so many buffers is flushed however few of its entries are alive: dead rows cost a scan as much as live ones. */
const MOST_BUFFERS = 4
/**
 * A graph that would be so many times as large as it was made is made anew: neighbours that were far enough from each other
 * for its codes have others between them by now, and may lie where nobody has measured.
 */
const MOST_GROWTH = 4
/** Tombstones that must have come since chunks were looked at last: looking costs a walk over all tombstones. */
const COMPACTION_DEATHS = CHUNK_SLOTS / 4

/**
 * Decides what one collection needs, when nothing of an earlier decision is under way. Only the writer asks; what it decides
 * is logged, so others need not come to the same.
 */
export class IndexPolicy {
  readonly #view: CollectionView
  readonly #settings: PolicySettings
  /** No flush can be due before so many slots are filled. */
  #quietThroughSlot = 0
  #deathsSeen = 0
  /** Chunks whose content cannot be read from the disk. */
  readonly #unreadable = new Set<number>()

  constructor(view: CollectionView, settings: PolicySettings) {
    this.#view = view
    this.#settings = settings
  }

  next(): Maintenance | undefined {
    const { index } = this.#view
    if (this.#view.dropped || index.backlog > 0 || index.failure !== undefined) return undefined
    return this.#cleaning() ?? this.#flush() ?? (this.chunkToCompact() === undefined ? undefined : 'compact')
  }

  /** How the buffer would be moved into the graph now, if anything is in it. */
  flushNow(): 'insert' | 'bulk' | undefined {
    const waiting = this.#countWaiting()
    if (waiting === 0) return undefined
    const { liveCount, index } = this.#view
    const firstEntries = index.served.built?.firstEntries ?? 0
    return liveCount > firstEntries * MOST_GROWTH || waiting * 2 >= liveCount ? 'bulk' : 'insert'
  }

  /** The first chunk that is less than half alive; chunks are looked at only now and then, unless it is `always`. */
  chunkToCompact({ always = false } = {}): number | undefined {
    const view = this.#view
    const deaths = view.slotCount - view.liveCount - view.freedCount * CHUNK_SLOTS
    // A chunk that was freed took its deaths along.
    this.#deathsSeen = Math.min(this.#deathsSeen, deaths)
    if (!always && deaths - this.#deathsSeen < COMPACTION_DEATHS) return undefined
    for (let chunk = 0; chunk < Math.floor(view.slotCount / CHUNK_SLOTS); chunk++) {
      if (isCompactable(view, chunk) && !this.#unreadable.has(chunk)) return chunk
    }
    this.#deathsSeen = deaths
    return undefined
  }

  /** To be called for a chunk that cannot be compacted because it cannot be read: it is not tried again. */
  noteUnreadable(chunk: number): void {
    this.#unreadable.add(chunk)
  }

  /** Dead nodes are taken out first: a flush uses the room again. */
  #cleaning(): Maintenance | undefined {
    const { built } = this.#view.index.served
    if (built === undefined) return undefined
    const { consolidateShare, rebuildShare } = this.#settings
    const nodes = built.graph.linkedCount
    const { deadCount } = built.live
    // As it would be without the dead: cleaning just before a rebuild would be for nothing.
    const left = nodes - deadCount
    if (left > 0 && built.freedCount + deadCount > left * rebuildShare && this.#view.liveCount > 0) return 'rebuild'
    return deadCount > nodes * consolidateShare ? 'consolidate' : undefined
  }

  #flush(): Maintenance | undefined {
    const { slotCount, index } = this.#view
    const { bufferEntries } = this.#settings
    const waitingSlots = slotCount - index.flushedThrough
    if (waitingSlots < bufferEntries || slotCount < this.#quietThroughSlot) return undefined
    const waiting = this.#countWaiting()
    const isDue = waiting >= bufferEntries || (waitingSlots >= bufferEntries * MOST_BUFFERS && waiting > 0)
    if (!isDue) {
      this.#quietThroughSlot = slotCount + Math.min(bufferEntries - waiting, bufferEntries)
      return undefined
    }
    return this.flushNow()
  }

  /** Live entries that no flush has moved out of the buffer. */
  #countWaiting(): number {
    const view = this.#view
    let count = 0
    for (let slot = view.index.flushedThrough; slot < view.slotCount; slot++) {
      if (!view.isDead(slot) && !view.index.served.placed.has(slot)) count += 1
    }
    return count
  }
}
