import { Bitmap } from './bitmap.ts'
import { BytesColumn } from './bytes-column.ts'
import { CollectionCapture } from './collection-capture.ts'
import type { CollectionLsn, CreateEvent } from './events.ts'
import { borrowIdBytes, idOfBytes, isId } from './id-text.ts'
import { IdentityTable } from './identity-table.ts'
import type { MemoryEntry } from './memory-ledger.ts'
import type { Metric } from './metric.ts'
import { NumbersColumn } from './numbers-column.ts'
import { OriginalsColumn } from './originals-column.ts'

/** Most slots a collection ever takes. Slots are never reused, so it also bounds how many adds a collection sees. */
export const MAX_SLOTS = 2 ** 31

const NO_NORMS = new Float64Array(0)

/** Consecutive rows of a collection, borrowed. */
export interface VectorRun {
  /** `rows * dimensions` components, row by row. */
  readonly vectors: Float32Array
  /** `rows` euclidean lengths under cosine, empty otherwise. */
  readonly norms: Float64Array
  readonly rows: number
}

/**
 * One collection, to be read. Calls that take a slot throw `RangeError` for one that was never filled, except `isDead`; the
 * content of a dead slot stays readable until the collection is dropped.
 */
export interface CollectionView {
  readonly name: string
  readonly dimensions: number
  readonly metric: Metric
  /** LSN of the record that created it: its name in events. */
  readonly creationLsn: CollectionLsn
  /** Whether it was dropped. Then it has no slots, and its memory is free. */
  readonly dropped: boolean
  /** Slots ever filled, dead ones included. */
  readonly slotCount: number
  readonly liveCount: number
  /** The live slot of an id, if it has one. Any string may be asked for. */
  slotOf(id: string): number | undefined
  idAt(slot: number): string
  /** The document of a slot, borrowed, or `undefined` if it has none. */
  documentAt(slot: number): Uint8Array | undefined
  /** The vector of a slot with the bits it was added with, in memory of its own. */
  copyVector(slot: number): Float32Array
  /** Whether a slot is tombstoned or was never filled. */
  isDead(slot: number): boolean
  /** Live slots in ascending order, judged one by one as they are asked for. */
  liveSlots(): IterableIterator<number>
  /** The tombstones of all slots so far: bit `slot & 7` of byte `slot >> 3`, in memory of their own. */
  copyTombstones(): Uint8Array
  /** At most `maxRows` rows from `firstSlot` on, fewer where a block or the collection ends, dead ones included. */
  borrowRun(firstSlot: number, maxRows: number): VectorRun
  /** The content as it is now, whatever happens later. */
  capture(): CollectionCapture
  /** Bytes allocated, by component. */
  memory(): MemoryEntry[]
}

/** One collection. Only `apply-event.ts` may call what changes it; everyone else is handed a {@link CollectionView}. */
export class CollectionState implements CollectionView {
  readonly name: string
  readonly dimensions: number
  readonly metric: Metric
  readonly creationLsn: CollectionLsn
  #columns: Columns
  #dropped = false

  constructor(settings: Pick<CreateEvent, 'name' | 'dimensions' | 'metric'>, creationLsn: CollectionLsn) {
    this.name = settings.name
    this.dimensions = settings.dimensions
    this.metric = settings.metric
    this.creationLsn = creationLsn
    this.#columns = createColumns(settings.dimensions)
  }

  get dropped(): boolean {
    return this.#dropped
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

  isDead(slot: number): boolean {
    return !(slot >= 0 && slot < this.slotCount) || this.#columns.tombstones.has(slot)
  }

  *liveSlots(): IterableIterator<number> {
    for (let slot = 0; slot < this.slotCount; slot++) {
      if (!this.#columns.tombstones.has(slot)) yield slot
    }
  }

  copyTombstones(): Uint8Array {
    return this.#columns.tombstones.copy(this.slotCount)
  }

  borrowRun(firstSlot: number, maxRows: number): VectorRun {
    const { vectors, rows } = this.#columns.originals.borrowRun(firstSlot, maxRows)
    if (this.metric !== 'cosine') return { vectors, norms: NO_NORMS, rows }
    // Blocks of norms are whole multiples of blocks of vectors, so a run of one is within a run of the other.
    return { vectors, norms: this.#columns.norms.borrowRun(firstSlot, rows).numbers, rows }
  }

  capture(): CollectionCapture {
    const { originals, ids, documents } = this.#columns
    return new CollectionCapture(this, {
      originals,
      ids,
      documents: documents.capture(),
      tombstones: this.copyTombstones(),
    })
  }

  memory(): MemoryEntry[] {
    const { originals, norms, ids, identity, documents, tombstones } = this.#columns
    return Object.entries({ originals, norms, ids, identity, documents, tombstones }).map(([component, column]) => ({
      component,
      bytes: column.memoryBytes(),
    }))
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
    const { ids, identity, documents, tombstones } = this.#columns
    const idBytes = borrowIdBytes(id)
    const slot = ids.count
    ids.append(idBytes)
    documents.append(document)
    const earlier = identity.set(idBytes, slot)
    if (earlier !== undefined) tombstones.set(earlier)
    return earlier !== undefined
  }

  /** Tombstones the live slot of an id, and says whether it had one. */
  remove(id: string): boolean {
    const { identity, tombstones } = this.#columns
    const idBytes = borrowIdBytes(id)
    const slot = identity.get(idBytes)
    if (slot === undefined) return false
    tombstones.set(slot)
    identity.delete(idBytes)
    return true
  }

  replaceDocument(slot: number, document: Uint8Array | undefined): void {
    this.#columns.documents.replace(slot, document)
  }

  /** Lets go of everything. Captures keep what they hold. */
  release(): void {
    this.#columns = createColumns(this.dimensions)
    this.#dropped = true
  }
}

interface Columns {
  readonly originals: OriginalsColumn
  /** Filled under cosine only. */
  readonly norms: NumbersColumn
  readonly ids: BytesColumn
  readonly identity: IdentityTable
  readonly documents: BytesColumn
  readonly tombstones: Bitmap
}

function createColumns(dimensions: number): Columns {
  const ids = new BytesColumn()
  return {
    originals: new OriginalsColumn(dimensions),
    norms: new NumbersColumn(),
    ids,
    identity: new IdentityTable(ids),
    documents: new BytesColumn(),
    tombstones: new Bitmap(),
  }
}
