import { CHUNK_SLOTS } from '../base/limits.ts'
import { hasBit } from './bitmap.ts'
import type { ColdRows, ColdValues } from './cold-sources.ts'
import { CollectionState, createColumns } from './collection-state.ts'
import type { CollectionLsn, CreationSettings } from './events.ts'
import { hashBytes } from './identity-table.ts'

/**
 * Makes a collection from what a snapshot holds, chunk by chunk in order: first either all columns of a chunk or that it was
 * freed, at last the tombstones. Throws `RangeError` for what no collection can have held.
 */
export class CollectionRestorer {
  readonly #settings: CreationSettings
  readonly #creationLsn: CollectionLsn
  readonly #columns
  /** Of the ids of each chunk, by its first slot: they are hashed one behind the other, as they come. */
  readonly #hashes: { readonly firstSlot: number; readonly hashes: Uint32Array }[] = []

  constructor(settings: CreationSettings, creationLsn: CollectionLsn) {
    this.#settings = settings
    this.#creationLsn = creationLsn
    this.#columns = createColumns(settings)
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
    const { ids } = this.#columns
    const hashes = new Uint32Array(lengths.length)
    let from = 0
    for (let row = 0; row < lengths.length; row++) {
      const end = from + lengths[row]!
      hashes[row] = hashBytes(bytes, from, end)
      from = end
    }
    this.#hashes.push({ firstSlot: ids.count, hashes })
    ids.appendChunk(lengths, bytes)
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
    const { originals, ids, identity } = this.#columns
    this.#columns.tombstones.restore(tombstones)
    this.#checkFreed(tombstones)
    const dead = this.#columns.tombstones.copy(originals.count)
    const hashes = new Uint32Array(originals.count)
    for (const chunk of this.#hashes) hashes.set(chunk.hashes, chunk.firstSlot)
    const isEqual = (slot: number, other: number) => ids.equals(slot, ids.borrow(other)!)
    const twice = yield* identity.fill(hashes, dead, isEqual)
    if (twice !== undefined) throw new RangeError(`the id of slot ${twice} comes twice`)
    return new CollectionState(this.#settings, this.#creationLsn, this.#columns)
  }

  #checkFreed(tombstones: Uint8Array): void {
    const { originals, freed } = this.#columns
    for (const chunk of freed.list(Math.floor(originals.count / CHUNK_SLOTS))) {
      const first = chunk * CHUNK_SLOTS
      for (let slot = first; slot < first + CHUNK_SLOTS; slot++) {
        if (!hasBit(tombstones, slot)) throw new RangeError(`slot ${slot} is live, but its chunk was freed`)
      }
    }
  }
}
