import { StoreError } from '../base/errors.ts'
import { CHUNK_SLOTS } from '../base/limits.ts'
import { Bitmap } from './bitmap.ts'
import { BytesColumn } from './bytes-column.ts'
import type { ColdRows, ColdValues } from './cold-sources.ts'
import { CollectionCapture } from './collection-capture.ts'
import type { CollectionLsn, CreationSettings } from './events.ts'
import { FreedChunks, passFreed } from './freed-chunks.ts'
import { borrowIdBytes, idOfBytes, isId } from './id-text.ts'
import { IdentityTable } from './identity-table.ts'
import { DiskANNIndex } from './index/disk-ann-index.ts'
import { AWAITING_COLLECTION, type MemoryEntry } from './memory-ledger.ts'
import { computedMetric, type DistanceMetric, type Metric } from './metric.ts'
import { NumbersColumn } from './numbers-column.ts'
import { OriginalsColumn, type OriginalVector } from './originals-column.ts'
import type { QuantizationMode } from './quantization.ts'
import type { RunScratch } from './run-scratch.ts'
import { runOfVectors, VectorCapture, type VectorRun } from './vector-capture.ts'
import type { VectorType } from './vector-type.ts'

/** Most slots a collection ever takes. Slots are never reused, so it also bounds how many adds a collection sees. */
export const MAX_SLOTS = 2 ** 31

const NO_NORMS = new Float64Array(0)

/**
 * One collection, to be read. Calls that take a slot throw `RangeError` for one that was never filled, except `isDead` and
 * `isFreed`. The content of a dead slot stays readable until a compaction frees its chunk, or the collection is dropped;
 * then they throw `RangeError` as well.
 *
 * Chunks may be cold: out of memory. Calls that give their vectors or documents read them, verified, and throw
 * `ERR_CHUNK_CORRUPT` where what was kept is damaged, or what the files say.
 *
 * A compaction moves live entries to new slots, so a slot stands for its entry within one turn of the event loop only: who
 * awaited something asks `isDead` again, finds the entry by its id, or works on a capture.
 */
export interface CollectionView {
  readonly name: string
  readonly dimensions: number
  /** What its vectors are, as they are kept. */
  readonly vectorType: VectorType
  /** How vectors are compared by what computes. */
  readonly metric: Metric
  /** How that is called, and what distances it gives. */
  readonly distanceMetric: DistanceMetric
  /** LSN of the record that created it: its name in events. */
  readonly creationLsn: CollectionLsn
  readonly quantization: QuantizationMode
  /** Whether it was dropped. Then it has no slots, and its memory is free. */
  readonly dropped: boolean
  /** Slots ever filled, dead and freed ones included. */
  readonly slotCount: number
  readonly liveCount: number
  /** The live slot of an id, if it has one. Any string may be asked for. */
  slotOf(id: string): number | undefined
  idAt(slot: number): string
  /** The document of a slot, borrowed, or `undefined` if it has none. */
  documentAt(slot: number): Uint8Array | undefined
  /** The components of a slot, to be computed with, in memory of its own. */
  copyVector(slot: number): Float32Array
  /** The vector of a slot in its own type, with the bits it was added with, in memory of its own. */
  copyOriginal(slot: number): OriginalVector
  /** Whether a slot is tombstoned or was never filled. */
  isDead(slot: number): boolean
  /** Whether a slot's chunk was freed. Then the slot is dead, and its content is gone. */
  isFreed(slot: number): boolean
  /** Chunks that were freed, ascending: chunk c is the slots from `c * CHUNK_SLOTS` up to `(c + 1) * CHUNK_SLOTS`. */
  freedChunks(): number[]
  /** How many those are. It rises whenever entries may have moved. */
  readonly freedCount: number
  /** Live slots in ascending order, judged one by one as they are asked for. */
  liveSlots(): IterableIterator<number>
  /** The tombstones of all slots so far: bit `slot & 7` of byte `slot >> 3`, in memory of their own. */
  copyTombstones(): Uint8Array
  /**
   * At most `maxRows` rows from `firstSlot` on, fewer where a block, a chunk or the collection ends, or so many are widened, dead
   * ones included. What is not in memory as float32 is put into `scratch`, and without one into memory of its own.
   */
  borrowRun(firstSlot: number, maxRows: number, scratch?: RunScratch): VectorRun
  /** At most `maxRows` rows from `firstSlot` on as the bytes they are, fewer where a block, a chunk or the collection ends. */
  borrowRows(firstSlot: number, maxRows: number): { readonly bytes: Uint8Array; readonly rows: number }
  /** Writes the vector of a slot from `at` on, to be computed with, and gives its norm under cosine, else 0. */
  copyRow(slot: number, target: Float32Array, at: number): number
  /** The content as it is now, whatever happens later. */
  capture(): CollectionCapture
  /** The vectors as they are now, whatever happens later. */
  captureVectors(): VectorCapture
  /** The graph over those of its slots that flushes have moved out of the buffer. */
  readonly index: DiskANNIndex
  /** Full chunks that were not freed, and those of them whose vectors are cold. */
  vectorChunks(): { readonly full: number; readonly cold: number }
  /** Bytes allocated, by component. */
  memory(): MemoryEntry[]
}

/**
 * One collection. Only `apply-event.ts` and `compaction.ts` may call what changes it; everyone else is handed a
 * {@link CollectionView}. Where its content is, in memory or not, is not part of the state: `makeVectorsCold` and
 * `makeDocumentsCold` are for who has kept a copy.
 */
export class CollectionState implements CollectionView {
  readonly name: string
  readonly dimensions: number
  readonly vectorType: VectorType
  readonly metric: Metric
  readonly distanceMetric: DistanceMetric
  readonly creationLsn: CollectionLsn
  readonly index: DiskANNIndex
  #columns: Columns
  #quantization: QuantizationMode
  #dropped = false

  /** `columns` are those of a collection that is restored. */
  constructor(settings: CreationSettings, creationLsn: CollectionLsn, columns = createColumns(settings)) {
    this.name = settings.name
    this.dimensions = settings.dimensions
    this.vectorType = settings.vectorType ?? 'float32'
    this.metric = computedMetric(settings.metric)
    this.distanceMetric = this.vectorType === 'binary' ? 'hamming' : this.metric
    this.creationLsn = creationLsn
    this.#quantization = settings.quantization ?? 'none'
    this.index = new DiskANNIndex({
      dimensions: settings.dimensions,
      metric: this.metric,
      seed: creationLsn % 2 ** 32,
      isDead: (slot) => this.isDead(slot),
    })
    this.#columns = columns
  }

  get dropped(): boolean {
    return this.#dropped
  }

  get quantization(): QuantizationMode {
    return this.#quantization
  }

  get slotCount(): number {
    return this.#columns.originals.count
  }

  get liveCount(): number {
    return this.#columns.originals.count - this.#columns.tombstones.countSet
  }

  slotOf(id: string): number | undefined {
    return isId(id) ? this.#columns.identity.get(borrowIdBytes(id)) : undefined
  }

  idAt(slot: number): string {
    return idOfBytes(this.#columns.ids.borrow(slot)!)
  }

  documentAt(slot: number): Uint8Array | undefined {
    return this.#columns.documents.borrow(slot)
  }

  copyVector(slot: number): Float32Array {
    return this.#columns.originals.copyVector(slot)
  }

  copyOriginal(slot: number): OriginalVector {
    return this.#columns.originals.copyOriginal(slot)
  }

  isDead(slot: number): boolean {
    return !(slot >= 0 && slot < this.slotCount) || this.#columns.tombstones.has(slot)
  }

  isFreed(slot: number): boolean {
    return this.#columns.freed.hasSlot(slot)
  }

  freedChunks(): number[] {
    return this.#columns.freed.list(Math.floor(this.slotCount / CHUNK_SLOTS))
  }

  get freedCount(): number {
    return this.#columns.freed.count
  }

  *liveSlots(): IterableIterator<number> {
    for (let slot = passFreed(this, 0); slot < this.slotCount; slot = passFreed(this, slot + 1)) {
      if (!this.#columns.tombstones.has(slot)) yield slot
    }
  }

  copyTombstones(): Uint8Array {
    return this.#columns.tombstones.copy(this.slotCount)
  }

  borrowRun(firstSlot: number, maxRows: number, scratch?: RunScratch): VectorRun {
    const { originals, norms } = this.#columns
    return runOfVectors(originals.vectors, this.metric === 'cosine' ? norms : undefined, firstSlot, maxRows, scratch)
  }

  borrowRows(firstSlot: number, maxRows: number): { bytes: Uint8Array; rows: number } {
    return this.#columns.originals.vectors.borrowBytes(firstSlot, maxRows)
  }

  copyRow(slot: number, target: Float32Array, at: number): number {
    const { originals, norms } = this.#columns
    originals.copyComponents(slot, target, at)
    return this.metric === 'cosine' ? norms.get(slot) : 0
  }

  capture(): CollectionCapture {
    const { ids, documents } = this.#columns
    return new CollectionCapture(this, {
      vectors: this.captureVectors(),
      ids: ids.capture(),
      documents: documents.capture(),
      tombstones: this.copyTombstones(),
    })
  }

  captureVectors(): VectorCapture {
    const { originals, norms, freed } = this.#columns
    return new VectorCapture(this.dimensions, {
      originals: originals.captureVectors(),
      norms: this.metric === 'cosine' ? norms.capture() : undefined,
      isFreed: freed.capture(Math.floor(this.slotCount / CHUNK_SLOTS)),
    })
  }

  memory(): MemoryEntry[] {
    const { originals, norms, ids, identity, documents, tombstones } = this.#columns
    const columns = Object.entries({ originals, norms, ids, identity, documents, tombstones })
    const released = originals.releasedBytes()
    return [
      ...columns.map(([component, column]) => ({ component, bytes: column.memoryBytes() })),
      ...this.index.memory(),
      ...(released === 0 ? [] : [{ component: AWAITING_COLLECTION, bytes: released }]),
    ]
  }

  vectorChunks(): { full: number; cold: number } {
    const { originals, freed } = this.#columns
    const all = Math.floor(this.slotCount / CHUNK_SLOTS)
    let cold = 0
    for (let chunk = 0; chunk < all; chunk++) if (originals.coldChunk(chunk) !== undefined) cold += 1
    return { full: all - freed.count, cold }
  }

  /** Fills the next slots with whole rows of vectors, and their norms under cosine. Ids follow one by one. */
  appendVectors(rows: Uint8Array, norms: Float64Array): void {
    this.#columns.originals.append(rows)
    if (this.metric !== 'cosine') return
    for (const norm of norms) this.#columns.norms.append(norm)
  }

  /**
   * Gives the next filled slot its id and document, and tombstones the slot that the id had. Says whether it had one.
   * To be called once for each vector appended, in order of slots.
   */
  appendEntry(id: string, document: Uint8Array | undefined): boolean {
    return this.#appendEntry(borrowIdBytes(id), document)
  }

  /** Tombstones the live slot of an id, and says whether it had one. */
  remove(id: string): boolean {
    const { identity } = this.#columns
    const idBytes = borrowIdBytes(id)
    const slot = identity.get(idBytes)
    if (slot === undefined) return false
    this.#bury(slot)
    identity.delete(idBytes)
    return true
  }

  replaceDocument(slot: number, document: Uint8Array | undefined): void {
    this.#columns.documents.replace(slot, document)
  }

  /** Moves a live entry to the next slot, bit for bit, and tombstones the slot it had. Returns the new one. */
  moveEntry(slot: number, { vector, document }: MovedContent): number {
    const { ids, norms } = this.#columns
    const newSlot = this.slotCount
    this.appendVectors(vector, this.metric === 'cosine' ? norms.borrowRun(slot, 1).elements : NO_NORMS)
    this.#appendEntry(ids.borrow(slot)!, document)
    return newSlot
  }

  quantize(mode: QuantizationMode): void {
    this.#quantization = mode
  }

  /**
   * Lets go of the vectors of a full chunk that was not freed: they are read from `source` from now on, which gives the same
   * bits. Captures and borrowed runs keep theirs.
   */
  makeVectorsCold(chunk: number, source: ColdRows): void {
    this.#columns.originals.makeCold(chunk, source)
  }

  /**
   * Reads the vectors of a cold chunk back into memory, a block at a time, which is served from then on; yields after each. The
   * chunk is cold until all are there, and `makeVectorsCold` takes back what is. Ends where the chunk is not cold, or not from
   * the same source, any more. Throws what the source throws.
   */
  warmVectors(chunk: number): Generator<void, void, void> {
    return this.#columns.originals.warm(chunk)
  }

  /** The same of documents, if none was replaced since `capture` was made. Says whether that is so. */
  makeDocumentsCold(chunk: number, source: ColdValues, capture: CollectionCapture): boolean {
    return this.#columns.documents.makeCold(chunk, source, capture.documents)
  }

  /** Whether the documents of a full chunk are as `capture` has them. */
  hasDocumentsOf(chunk: number, capture: CollectionCapture): boolean {
    return this.#columns.documents.isAsIn(chunk, capture.documents)
  }

  /** Where the vectors of a chunk are read from, if they are cold. */
  coldVectors(chunk: number): ColdRows | undefined {
    return this.#columns.originals.coldChunk(chunk)
  }

  /** Where the documents of a chunk are read from, but those that were replaced since, if they are cold. */
  coldDocuments(chunk: number): ColdValues | undefined {
    return this.#columns.documents.coldChunk(chunk)
  }

  /** Frees what a full chunk without live slots holds; its tombstones stay. Captures keep what they hold. */
  freeChunk(chunk: number): void {
    const { originals, norms, ids, documents, freed } = this.#columns
    const [from, end] = [chunk * CHUNK_SLOTS, (chunk + 1) * CHUNK_SLOTS]
    originals.free(from, end)
    if (this.metric === 'cosine') norms.free(from, end)
    ids.freeChunk(chunk)
    documents.freeChunk(chunk)
    freed.add(chunk)
  }

  /** Lets go of everything. Captures keep what they hold. */
  release(): void {
    this.#columns = { ...createColumns(this), originals: this.#columns.originals.emptied() }
    this.#dropped = true
    this.index.stop(new StoreError('ERR_COLLECTION_NOT_FOUND', `the collection '${this.name}' was dropped`))
  }

  #bury(slot: number): void {
    this.#columns.tombstones.set(slot)
    this.index.noteDeath(slot)
  }

  #appendEntry(idBytes: Uint8Array, document: Uint8Array | undefined): boolean {
    const { ids, identity, documents } = this.#columns
    const slot = ids.count
    ids.append(idBytes)
    documents.append(document)
    const earlier = identity.set(idBytes, slot)
    if (earlier !== undefined) this.#bury(earlier)
    return earlier !== undefined
  }
}

/** What a move takes along, beside the id and the norm: they are always in memory. */
export interface MovedContent {
  readonly vector: Uint8Array
  readonly document: Uint8Array | undefined
}

export interface Columns {
  readonly originals: OriginalsColumn
  /** Filled under cosine only. */
  readonly norms: NumbersColumn
  readonly ids: BytesColumn
  readonly identity: IdentityTable
  readonly documents: BytesColumn
  readonly tombstones: Bitmap
  /** One bit for 16,384 slots: not in the ledger. */
  readonly freed: FreedChunks
}

export function createColumns({
  dimensions,
  vectorType,
}: Pick<CreationSettings, 'dimensions' | 'vectorType'>): Columns {
  const ids = new BytesColumn()
  return {
    originals: new OriginalsColumn(dimensions, vectorType),
    norms: new NumbersColumn(),
    ids,
    identity: new IdentityTable(ids),
    documents: new BytesColumn(),
    tombstones: new Bitmap(),
    freed: new FreedChunks(),
  }
}
