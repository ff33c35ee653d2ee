import { StoreError } from '../base/errors.ts'
import type { CollectionView } from '../engine/collection-state.ts'
import { AWAITING_COLLECTION, type MemoryLedger } from '../engine/memory-ledger.ts'
import { type Addition, additionBytes, type IndexSettings, maintenanceBytes } from './memory-needs.ts'

export interface MemoryLimitHost {
  readonly limitBytes: number
  readonly settings: IndexSettings
  readonly collections: () => readonly CollectionView[]
  readonly usage: () => MemoryLedger
  /** Bytes of what a snapshot has copied already. */
  readonly snapshotBytes: () => number
  /** Whether vectors are in memory that could be on disk. */
  readonly canMove: () => boolean
  /** Brings them there. Never rejects; resolves with why some stayed. */
  readonly move: () => Promise<unknown>
}

/** How a store stands to its limit. */
export interface MemoryStats {
  /** What {@link VectorStore.memoryUsage} adds up to, but for what awaits collection. */
  readonly usedBytes: number
  /** The most that building, rebuilding and a snapshot may take besides, as things stand. */
  readonly reservedBytes: number
  readonly limitBytes?: number
}

/**
 * Judges new entries against the memory that a store may take: what it holds, what is under way, and what keeping its indexes
 * up will need. Vectors go to disk before anything is refused. What awaits collection does not count: it goes when more is asked
 * for, and nobody can tell when.
 */
export class MemoryLimit {
  readonly #host: MemoryLimitHost
  /** Bytes of what was admitted and is not applied yet. */
  #underWayBytes = 0
  #moving: Promise<void> | undefined
  #problem: unknown

  constructor(host: MemoryLimitHost) {
    this.#host = host
  }

  /** What writes wait for, so that they keep the order of their calls. */
  get moving(): Promise<void> | undefined {
    return this.#moving
  }

  /** What an addition waits for: until vectors have moved to disk. `undefined` where there is room, or nothing to move. */
  waitForRoom(view: CollectionView, addition: Addition): Promise<void> | undefined {
    if (this.#moving !== undefined || this.#missingBytes(view, addition) <= 0 || !this.#host.canMove())
      return this.#moving
    this.#moving = this.move().finally(() => {
      this.#moving = undefined
    })
    return this.#moving
  }

  /** Brings to disk what can be there. Never rejects. */
  async move(): Promise<void> {
    this.#problem = await this.#host.move()
  }

  /**
   * Admits an addition, until what it returns is called.
   * @throws StoreError `ERR_MEMORY_LIMIT`: nothing was logged.
   */
  admit(view: CollectionView, addition: Addition): () => void {
    if (this.#missingBytes(view, addition) > 0) throw this.#refusal(view, addition)
    const bytes = this.isSet ? additionBytes(view, addition) : 0
    this.#underWayBytes += bytes
    return () => {
      this.#underWayBytes -= bytes
    }
  }

  /** @throws StoreError `ERR_MEMORY_LIMIT` where what is there already is more than may be. */
  requireWithin(name: string): void {
    const { usedBytes } = this.stats()
    const { limitBytes } = this.#host
    if (usedBytes <= limitBytes) return
    const message = `${name} takes ${usedBytes} bytes of memory with its vectors on disk as far as they can be, more than memoryLimitBytes (${limitBytes})`
    throw new StoreError('ERR_MEMORY_LIMIT', message, { details: { usedBytes, limitBytes }, cause: this.#problem })
  }

  get isSet(): boolean {
    return this.#host.limitBytes < Number.POSITIVE_INFINITY
  }

  get isExceeded(): boolean {
    return this.isSet && this.stats().usedBytes > this.#host.limitBytes
  }

  stats(): MemoryStats {
    const { limitBytes } = this.#host
    const needs = { usedBytes: this.#usedBytes(), reservedBytes: this.#reservedBytes() }
    return this.isSet ? { ...needs, limitBytes } : needs
  }

  #missingBytes(view: CollectionView, addition: Addition): number {
    if (!this.isSet) return 0
    const held = this.#usedBytes() + this.#underWayBytes + additionBytes(view, addition)
    return held + this.#reservedBytes(view, addition) - this.#host.limitBytes
  }

  #usedBytes(): number {
    const { total, components } = this.#host.usage()
    return total - (components[AWAITING_COLLECTION] ?? 0)
  }

  #reservedBytes(grown?: CollectionView, addition?: Addition): number {
    const { settings, collections, snapshotBytes } = this.#host
    const needs = collections().reduce((sum, view) => {
      const added = view === grown ? (addition?.entries ?? 0) : 0
      return sum + maintenanceBytes(view, added, settings)
    }, 0)
    return Math.max(0, needs - snapshotBytes())
  }

  #refusal(view: CollectionView, addition: Addition): StoreError {
    const { limitBytes } = this.#host
    const usedBytes = this.#usedBytes() + this.#underWayBytes
    const bytes = additionBytes(view, addition)
    const reservedBytes = this.#reservedBytes(view, addition)
    const message = `${addition.entries} more in '${view.name}' would take ${bytes} bytes of memory beside the ${usedBytes} in use and ${reservedBytes} that the indexes may need, which is over memoryLimitBytes (${limitBytes})`
    const details = { collection: view.name, limitBytes, usedBytes, bytes, reservedBytes }
    return new StoreError('ERR_MEMORY_LIMIT', message, { details, cause: this.#problem })
  }
}
