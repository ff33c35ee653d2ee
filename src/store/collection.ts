import type { StoreError } from '../base/errors.ts'
import { CHUNK_SLOTS } from '../base/limits.ts'
import type { CollectionView } from '../engine/collection-state.ts'
import type { StoreEvent } from '../engine/events.ts'
import { idOfBytes } from '../engine/id-text.ts'
import { ledgerOf } from '../engine/memory-ledger.ts'
import type { DistanceMetric } from '../engine/metric.ts'
import type { QuantizationMode } from '../engine/quantization.ts'
import type { VectorType } from '../engine/vector-type.ts'
import { type AddAllOptions, type AddResult, addAll } from './add-all.ts'
import { collectionDropped } from './admission.ts'
import type { OnDemand } from './index-keeper.ts'
import { type IndexStats, indexStatsOf } from './index-stats.ts'
import { type AddFields, checkId, checkIds, copyEntries, type EntryInput } from './inputs.ts'
import { type Addition, additionOf } from './memory-needs.ts'
import { decodeMetadata, encodeMetadata } from './metadata.ts'
import type { OriginalsStats } from './originals-keeper.ts'
import { type QuantizeOptions, quantizeCollection } from './quantize.ts'
import type { QuantizeReport } from './quantize-report.ts'
import type { RecallCalibrationStats } from './recall-calibration.ts'
import type { SearchOptions, SearchQuery, SearchResult } from './search.ts'
import { searchMany } from './search-many.ts'
import { searchCollection } from './search-one.ts'
import type { StoreCore } from './store-core.ts'
import type { VectorOf } from './vector-types.ts'
import type { Writer, Written } from './writer.ts'

/** An entry as the store gives it back: the vector has the bits it was added with, and shares nothing with the store. */
export interface Entry<M = object, T extends VectorType = 'float32'> {
  readonly id: string
  readonly vector: VectorOf<T>
  readonly metadata?: M
}

export interface CollectionInfo {
  readonly name: string
  readonly dimensions: number
  readonly metric: DistanceMetric
  /** What its vectors are. */
  readonly type: VectorType
  /** What of its vectors is to be in memory. */
  readonly quantization: QuantizationMode
  /** Live entries. */
  readonly count: number
  /** LSN of the record that created it. */
  readonly createdAtLsn: number
}

export interface CollectionStats extends CollectionInfo {
  /** Places taken by entries, live or dead. */
  readonly slots: number
  /** Entries that were deleted or replaced and whose place is not free yet. */
  readonly dead: number
  readonly index: IndexStats
  /** Where the vectors are. */
  readonly originals: OriginalsStats
  /** How long lists must be, by `k`, for searches that asked for a `recall`; those measurements that hold still. */
  readonly recall: readonly RecallCalibrationStats[]
  /** Bytes of memory by component. */
  readonly memory: Readonly<Record<string, number>>
}

/** What a handle needs of the store that gave it. */
export interface CollectionHost {
  readonly core: StoreCore
  /** @throws StoreError `ERR_STORE_CLOSED`. */
  requireOpen(): void
}

/** Slots walked between two turns of the event loop. */
const SLICE_SLOTS = 1024

/**
 * A named set of vectors of one dimension, type and metric. Calls reject with `ERR_STORE_CLOSED` after the store's `close()`, and with
 * `ERR_COLLECTION_NOT_FOUND` after a `drop`. `M` is the type of the metadata; nothing checks it at run time. `T` is that of the vectors.
 */
export class Collection<M extends object = object, T extends VectorType = 'float32'> {
  readonly #host: CollectionHost
  readonly #view: CollectionView

  /** @internal Use `store.collection()`. */
  constructor(host: CollectionHost, view: CollectionView) {
    this.#host = host
    this.#view = view
  }

  get name(): string {
    return this.#view.name
  }

  get dimensions(): number {
    return this.#view.dimensions
  }

  get metric(): DistanceMetric {
    return this.#view.distanceMetric
  }

  get type(): VectorType {
    return this.#view.vectorType
  }

  /**
   * Adds entries as one atomic batch; an id that is there already is replaced, metadata included, and within the batch the
   * last of equal ids wins. Everything is copied before this returns. Resolves when the batch is on disk.
   * @throws StoreError for entries that do not fit (nothing is logged then) and for writes that fail.
   */
  async add(entries: readonly EntryInput<M, T>[]): Promise<AddResult> {
    this.#writer()
    const fields = copyEntries(entries as readonly EntryInput<object, T>[], this.#view)
    const room = this.#host.core.waitForRoom(this.#view, additionOf(fields))
    // Only where there is something to wait for: a write takes its place in the log within the call.
    if (room !== undefined) await room
    return this.#addFields(fields)
  }

  /**
   * Adds entries from any iterable or async iterable, in records of `batchSize`. Each record is atomic; the whole is not.
   * @throws as `add` does; `ERR_ABORTED`. What was stored before stays.
   */
  async addAll(
    entries: Iterable<EntryInput<M, T>> | AsyncIterable<EntryInput<M, T>>,
    options: AddAllOptions = {},
  ): Promise<AddResult> {
    this.#writer()
    const { core } = this.#host
    const target = {
      shape: this.#view,
      lsn: core.state.lsn,
      waitForRoom: (addition: Addition) => core.waitForRoom(this.#view, addition),
      add: (fields: AddFields) => this.#addFields(fields),
      durableBytes: () => core.recovered.log?.sizeBytes ?? 0,
    }
    return addAll(target, entries, options)
  }

  /** Replaces the metadata of one entry, or takes it away. Its vector stays. */
  async update(id: string, change: { readonly metadata: M | undefined }): Promise<{ lsn: number; updated: boolean }> {
    this.#writer()
    checkId(id)
    if (typeof change !== 'object' || change === null || !('metadata' in change)) {
      throw new TypeError('update takes { metadata }; undefined takes it away')
    }
    const document = change.metadata === undefined ? undefined : encodeMetadata(change.metadata, id)
    const event = { type: 'update', collection: this.#view.creationLsn, id, document } as const
    const textBytes = document?.byteLength ?? 0
    const applied = textBytes === 0 ? undefined : this.#host.core.limit.admit(this.#view, { entries: 0, textBytes })
    try {
      const { lsn } = await this.#write(event, `the update of '${id}'`)
      return { lsn, updated: true }
    } catch (error) {
      // Whether the id is there is known for certain only when the event is applied, behind all that is queued.
      const { code, details } = error as StoreError
      if (code === 'ERR_ENTRY_NOT_FOUND') return { lsn: Number(details.lsn), updated: false }
      throw error
    } finally {
      applied?.()
    }
  }

  /** Deletes entries as one atomic batch. Ids that are not there are passed over. */
  async delete(ids: readonly string[]): Promise<{ lsn: number; deleted: number }> {
    this.#writer()
    checkIds(ids)
    if (ids.length === 0) return { lsn: this.#host.core.state.lsn, deleted: 0 }
    const event = { type: 'delete', collection: this.#view.creationLsn, ids: [...ids] } as const
    const { lsn, removed } = await this.#write(event, `a delete of ${ids.length} from '${this.name}'`)
    this.#host.core.keeper.consider(this.#view)
    return { lsn, deleted: removed }
  }

  /** The entry of an id, or `undefined`. */
  async get(id: string): Promise<Entry<M, T> | undefined> {
    const view = this.#readable()
    checkId(id)
    return this.#entryOf(view, id)
  }

  /** The entries of some ids in their order, `undefined` where there is none. */
  async getMany(ids: readonly string[]): Promise<(Entry<M, T> | undefined)[]> {
    const view = this.#readable()
    checkIds(ids)
    return ids.map((id) => this.#entryOf(view, id))
  }

  async has(id: string): Promise<boolean> {
    const view = this.#readable()
    checkId(id)
    return view.slotOf(id) !== undefined
  }

  /** Live entries. */
  count(): number {
    return this.#readable().liveCount
  }

  stats(): CollectionStats {
    const view = this.#readable()
    const { components: memory } = ledgerOf(view.memory())
    const { state, originals, graphs, recall } = this.#host.core
    const index = indexStatsOf(view, state.lsn, graphs.statsOf(view))
    // The place of what a compaction has freed is taken by nobody.
    const slots = view.slotCount - view.freedCount * CHUNK_SLOTS
    const counts = { slots, dead: slots - view.liveCount }
    const measured = { originals: originals.statsOf(view), recall: recall.statsOf(view) }
    return { ...infoOf(view), ...counts, index, ...measured, memory }
  }

  /**
   * The ids, in the order in which they were added, but those that a compaction has moved come later. Those that were live
   * when it began and still are when it comes to them, each once, whatever is written meanwhile.
   */
  async *ids(): AsyncGenerator<string, void, void> {
    yield* this.#walk((id) => id)
  }

  /** The entries, as {@link ids} gives their ids, each as it is when it is come to. */
  async *entries(): AsyncGenerator<Entry<M, T>, void, void> {
    yield* this.#walk((id, slot) => this.#entryAt(id, slot))
  }

  [Symbol.asyncIterator](): AsyncGenerator<Entry<M, T>, void, void> {
    return this.entries()
  }

  /**
   * The nearest entries. Every write that resolved before is seen.
   * @throws StoreError `ERR_DIMENSIONS`, `ERR_VECTOR_NOT_FINITE`, `ERR_VECTOR_ZERO`, `ERR_ENTRY_NOT_FOUND`, `ERR_ABORTED`; TypeError, RangeError.
   */
  async search(query: SearchQuery<T>, options: SearchOptions<M> = {}): Promise<SearchResult<M, T>> {
    return searchCollection<M, T>(this.#host.core, this.#readable(), query, options)
  }

  /**
   * Searches for many queries at once, on the store's threads; results come in the order of the queries. What goes wrong with
   * one rejects the whole.
   * @throws as `search` does; `ERR_WORKER`.
   */
  async searchMany(queries: readonly SearchQuery<T>[], options: SearchOptions<M> = {}): Promise<SearchResult<M, T>[]> {
    const { core } = this.#host
    const view = this.#readable()
    return core.threads.whileHeld(() => searchMany<M, T>(core, view, queries, options))
  }

  /**
   * Switches the mode of all vectors, those that are there and those to come: `'int8'` leaves of the index what searches need in
   * memory, edges and codes of at most 8 bits a dimension, and reads the vectors from disk that they give their final order by;
   * `'binary'` leaves codes of one bit, which is enough for many dimensions; `'none'` brings all back. What the index is stays,
   * `get` stays exact, searches and writes go on meanwhile. The switch is in the log before anything moves, and holds from there
   * on; so where moving is given up or fails, it goes on with the next snapshot or opening. Resolves with what it brought,
   * measured before and after.
   * @throws StoreError `ERR_ABORTED`, `ERR_READ_ONLY`, or what writing says; TypeError.
   */
  async quantize(mode: QuantizationMode, options: QuantizeOptions = {}): Promise<QuantizeReport> {
    this.#writer()
    const write = () =>
      this.#write({ type: 'quantize', collection: this.#view.creationLsn, mode }, `the switch of '${this.name}'`)
    return quantizeCollection(this.#host.core, this.#view, { mode, write }, options)
  }

  /**
   * Resolves when the index has caught up with the log: all that was ordered is built, and no more is due. Up to
   * `bufferEntries` of the newest entries stay in the buffer, where every search compares them one by one.
   * @throws StoreError what building failed with: `ERR_COLLECTION_FULL`, `ERR_WORKER`.
   */
  async settled(): Promise<void> {
    return this.#host.core.keeper.settled(this.#readable())
  }

  /** Moves the buffer into the index now, however little is in it, and resolves when that is done. */
  async flush(): Promise<void> {
    return this.#maintain('flush')
  }

  /** Takes deleted entries out of the index now, however few there are, and resolves when that is done. */
  async consolidate(): Promise<void> {
    return this.#maintain('consolidate')
  }

  /**
   * Frees the memory of deleted entries now: chunks of 16,384 that are less than half alive give up their live entries to new
   * ones. Resolves when there is none left.
   */
  async compact(): Promise<void> {
    return this.#maintain('compact')
  }

  /**
   * Builds a new index of all entries, those in the buffer included, and resolves when it is in use. Searches and writes go
   * on meanwhile. Like the three above it waits for what was ordered before.
   * @throws as {@link settled} does; `ERR_READ_ONLY`, and what writing says.
   */
  async optimize(): Promise<void> {
    return this.#maintain('rebuild')
  }

  async *#walk<Value>(pick: (id: string, slot: number) => Value): AsyncGenerator<Value, void, void> {
    // Ids as they are now: a compaction may move entries meanwhile, and free what they leave.
    const atStart = this.#readable().capture()
    for (let slot = 0; slot < atStart.slotCount; slot += 1) {
      if (slot % SLICE_SLOTS === SLICE_SLOTS - 1) await this.#host.core.surroundings.yieldToEventLoop()
      if (atStart.isDead(slot)) continue
      const id = idOfBytes(atStart.borrowId(slot))
      const current = this.#readable().slotOf(id)
      if (current !== undefined) yield pick(id, current)
    }
  }

  async #addFields(fields: AddFields): Promise<AddResult> {
    const writer = this.#writer()
    const count = fields.ids.length
    if (count === 0) return { lsn: this.#host.core.state.lsn, added: 0, replaced: 0 }
    const { keeper, limit } = this.#host.core
    const applied = limit.admit(this.#view, additionOf(fields))
    try {
      const event = { type: 'add', collection: this.#view.creationLsn, ...fields } as const
      const { lsn, added, replaced } = await writer.write(event, `an add of ${count} to '${this.name}'`)
      return { lsn, added, replaced }
    } finally {
      applied()
      keeper.consider(this.#view)
    }
  }

  /** Writes behind the adds that wait for room, so that writes keep the order of their calls. */
  async #write(event: StoreEvent, what: string): Promise<Written> {
    const adds = this.#host.core.waitForAdds(this.#view)
    if (adds !== undefined) await adds
    return this.#writer().write(event, what)
  }

  #entryOf(view: CollectionView, id: string): Entry<M, T> | undefined {
    const slot = view.slotOf(id)
    return slot === undefined ? undefined : this.#entryAt(id, slot)
  }

  #entryAt(id: string, slot: number): Entry<M, T> {
    const document = this.#view.documentAt(slot)
    const vector = this.#view.copyOriginal(slot) as VectorOf<T>
    return document === undefined ? { id, vector } : { id, vector, metadata: decodeMetadata<M>(document) }
  }

  async #maintain(what: OnDemand): Promise<void> {
    this.#writer()
    return this.#host.core.keeper.maintain(this.#view, what)
  }

  #readable(): CollectionView {
    this.#host.requireOpen()
    if (!this.#view.dropped) return this.#view
    throw collectionDropped(this.name)
  }

  #writer(): Writer {
    this.#host.requireOpen()
    return this.#host.core.writerFor(this.#view)
  }
}

export function infoOf(view: CollectionView): CollectionInfo {
  const { name, dimensions, distanceMetric: metric, vectorType: type, quantization, liveCount, creationLsn } = view
  return { name, dimensions, metric, type, quantization, count: liveCount, createdAtLsn: creationLsn }
}
