import { CHUNK_SLOTS } from '../base/limits.ts'
import { hasBit } from './bitmap.ts'
import type { ColdRows, ColdValues } from './cold-sources.ts'
import { CollectionState, createColumns } from './collection-state.ts'
import type { CollectionLsn, CreateEvent } from './events.ts'

/** Ids that are put into the identity table between two pauses: some 2 ms. */
const IDS_A_SLICE = 4096

type Settings = Pick<CreateEvent, 'name' | 'dimensions' | 'metric'>

/**
 * Makes a collection from what a snapshot holds, chunk by chunk in order: first either all columns of a chunk or that it was
 * freed, at last the tombstones. Throws `RangeError` for what no collection can have held.
 */
export class CollectionRestorer {
  readonly #settings: Settings
  readonly #creationLsn: CollectionLsn
  readonly #columns

  constructor(settings: Settings, creationLsn: CollectionLsn) {
    this.#settings = settings
    this.#creationLsn = creationLsn
    this.#columns = createColumns(settings.dimensions)
  }

  /** Bytes of the next rows, at most `maxRows` of them, to be filled by the caller. */
  extendVectors(maxRows: number): Uint8Array {
    return this.#columns.originals.extend(maxRows)
  }

  /** The same of norms; under cosine only. */
  extendNorms(maxRows: number): Uint8Array {
    return this.#columns.norms.extend(maxRows)
  }

  /** Keeps `bytes`. */
  appendIds(lengths: Uint32Array, bytes: Uint8Array): void {
    this.#columns.ids.appendChunk(lengths, bytes)
  }

  /** Keeps `bytes`. */
  appendDocuments(lengths: Uint32Array, bytes: Uint8Array): void {
    this.#columns.documents.appendChunk(lengths, bytes)
  }

  /** A chunk of vectors that stays where it is; its norms follow all the same. */
  appendColdVectors(source: ColdRows): void {
    this.#columns.originals.extendCold(source)
  }

  appendColdDocuments(source: ColdValues): void {
    this.#columns.documents.appendCold(source)
  }

  appendNoDocuments(rows: number): void {
    this.#columns.documents.appendAbsent(rows)
  }

  appendFreedChunk(): void {
    const { originals, norms, ids, documents, freed } = this.#columns
    freed.add(originals.count / CHUNK_SLOTS)
    originals.extendFreed(CHUNK_SLOTS)
    if (this.#settings.metric === 'cosine') norms.extendFreed(CHUNK_SLOTS)
    ids.appendFreedChunk()
    documents.appendFreedChunk()
  }

  /** Sets the tombstones and builds the identity table, stopping after every few milliseconds. */
  *finish(tombstones: Uint8Array): Generator<void, CollectionState, void> {
    const { originals, ids, identity, freed } = this.#columns
    this.#columns.tombstones.restore(tombstones)
    identity.reserve(originals.count - this.#columns.tombstones.countSet)
    for (let slot = 0; slot < originals.count; slot++) {
      if (slot % IDS_A_SLICE === IDS_A_SLICE - 1) yield
      if (hasBit(tombstones, slot)) continue
      if (freed.hasSlot(slot)) throw new RangeError(`slot ${slot} is live, but its chunk was freed`)
      if (identity.set(ids.borrow(slot)!, slot) !== undefined)
        throw new RangeError(`the id of slot ${slot} comes twice`)
    }
    return new CollectionState(this.#settings, this.#creationLsn, this.#columns)
  }
}
