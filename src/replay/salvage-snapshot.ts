import { type Abortable, throwIfAborted } from '../base/abort.ts'
import { checksumText } from '../base/checksum.ts'
import type { Files } from '../base/files.ts'
import { CHUNK_SLOTS } from '../base/limits.ts'
import { hasBit, setBit } from '../engine/bitmap.ts'
import { CollectionRestorer } from '../engine/collection-restorer.ts'
import type { CollectionState } from '../engine/collection-state.ts'
import { NO_GRAPH } from '../engine/index/index-task-runner.ts'
import { StoreState } from '../engine/store-state.ts'
import { DOCUMENTS, IDS, ORIGINALS, TOMBSTONES } from '../snapshots/format.ts'
import { inSlices } from '../snapshots/in-slices.ts'
import type { CollectionRecord, SnapshotManifest } from '../snapshots/manifest.ts'
import { partPath } from '../snapshots/names.ts'
import type { PartEntry } from '../snapshots/part.ts'
import { readTombstones, readValues } from '../snapshots/part-decoders.ts'
import { rowsOfChunk } from '../snapshots/part-plan.ts'
import { asCorrupt } from '../snapshots/snapshot-error.ts'
import { usePart } from '../snapshots/verify-parts.ts'
import { type CheckTools, digestHex } from './check-collection.ts'
import { takeDocuments, takeVectors } from './salvage-columns.ts'
import { type ReadablePart, readReadable } from './salvage-pages.ts'
import { type FoundProblem, snapshotProblem } from './verify-report.ts'

/** Entries of a collection that cannot be read. */
export interface LeftOut {
  readonly collection: string
  readonly ids: readonly string[]
}

export interface Contents {
  /** Without graphs, and without {@link leftOut}. */
  readonly state: StoreState
  readonly leftOut: readonly LeftOut[]
  readonly damage: readonly FoundProblem[]
}

export interface ContentTools extends CheckTools {
  readonly signal?: Abortable | undefined
}

/**
 * Reads the entries of a snapshot without its graphs, which may be damaged, and without the entries whose vector or document
 * cannot be read. Where none is left out, the data has the digest that the manifest says.
 * @throws StoreError `ERR_SNAPSHOT_CORRUPT` where ids or tombstones do not hold, `ERR_ABORTED`, or what the files say.
 */
export async function readContents(files: Files, manifest: SnapshotManifest, tools: ContentTools): Promise<Contents> {
  const { position, lastCreationLsn, collections } = manifest
  const reader = new ContentReader(files, manifest, tools)
  const states: CollectionState[] = []
  for (const record of collections) states.push(await reader.read(record))
  const state = StoreState.restore(position.lsn, lastCreationLsn, states)
  const { leftOut, damage } = reader
  if (leftOut.length > 0) return { state, leftOut, damage }
  const digest = await digestHex(state, tools)
  if (digest === checksumText(manifest.dataDigest)) return { state, leftOut, damage }
  throw asCorrupt(snapshotProblem(position.lsn, '').path!, new RangeError(`its data has the digest ${digest}`))
}

class ContentReader {
  readonly leftOut: LeftOut[] = []
  readonly damage: FoundProblem[] = []
  readonly #files: Files
  readonly #manifest: SnapshotManifest
  readonly #tools: ContentTools
  readonly #parts: ReadonlyMap<string, PartEntry>

  constructor(files: Files, manifest: SnapshotManifest, tools: ContentTools) {
    this.#files = files
    this.#manifest = manifest
    this.#tools = tools
    this.#parts = new Map(manifest.parts.map((part) => [keyOf(part.creationLsn, part.kind, part.chunk), part]))
  }

  async read(record: CollectionRecord): Promise<CollectionState> {
    const { storeId } = this.#manifest
    const restorer = new CollectionRestorer(record, record.creationLsn)
    const freed = new Set(record.freedChunks)
    const lost: number[] = []
    for (let chunk = 0; chunk * CHUNK_SLOTS < record.slotCount; chunk++) {
      if (freed.has(chunk)) restorer.appendFreedChunk()
      else lost.push(...(await this.#readChunk(restorer, record, chunk)))
      await this.#tools.yieldToEventLoop()
    }
    const part = this.#part(record, TOMBSTONES, 0)!
    const { tombstones, ends, lsns } = await usePart(this.#files, storeId, part, this.#tools, (reader) =>
      readTombstones(reader, record),
    )
    const lostLive = [...new Set(lost)].filter((slot) => !hasBit(tombstones, slot)).sort((a, b) => a - b)
    if (lostLive.length > 0) this.leftOut.push({ collection: record.name, ids: await this.#idsOf(record, lostLive) })
    for (const slot of lostLive) setBit(tombstones, slot)
    const collection = await orCorrupt(
      partPath(part),
      inSlices(restorer.finish(tombstones), this.#tools.yieldToEventLoop),
    )
    const { forgottenThrough } = record
    const firstLsn = record.firstLsn === 0 ? undefined : record.firstLsn
    collection.index.restore({ flushedThrough: 0, added: { firstLsn, forgottenThrough, ends, lsns } }, NO_GRAPH)
    return collection
  }

  /** Slots of which something cannot be read. */
  async #readChunk(restorer: CollectionRestorer, record: CollectionRecord, chunk: number): Promise<number[]> {
    const rows = rowsOfChunk(record.slotCount, chunk)
    const lost = takeVectors(restorer, record, rows, await this.#readable(this.#part(record, ORIGINALS, chunk)!))
    const { lengths, bytes } = await this.#readIds(record, chunk)
    restorer.appendIds(lengths, bytes)
    const documents = this.#part(record, DOCUMENTS, chunk)
    if (documents === undefined) restorer.appendNoDocuments(rows)
    else lost.push(...takeDocuments(restorer, rows, await this.#readable(documents)))
    return lost.map((row) => chunk * CHUNK_SLOTS + row)
  }

  async #readable(part: PartEntry): Promise<ReadablePart> {
    throwIfAborted(this.#tools.signal, 'the salvage')
    const found = await readReadable(this.#files, this.#manifest.storeId, part, this.#tools.checksum)
    if (found.firstOffset !== undefined) {
      const path = partPath(part)
      const bytes = found.damaged.reduce((sum, { from, to }) => sum + to - from, 0)
      const message = `${path} is damaged: ${bytes} of ${part.contentBytes} bytes cannot be read`
      const place = { path, offset: found.firstOffset, snapshots: [this.#manifest.position.lsn] }
      this.damage.push({ code: 'ERR_SNAPSHOT_CORRUPT', message, ...place })
    }
    return found
  }

  #readIds(record: CollectionRecord, chunk: number) {
    const part = this.#part(record, IDS, chunk)!
    const rows = rowsOfChunk(record.slotCount, chunk)
    return usePart(this.#files, this.#manifest.storeId, part, this.#tools, (reader) => readValues(reader, IDS, rows))
  }

  /** The ids of slots, which rise. */
  async #idsOf(record: CollectionRecord, slots: readonly number[]): Promise<string[]> {
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
    const ids: string[] = []
    for (const chunk of new Set(slots.map((slot) => Math.floor(slot / CHUNK_SLOTS)))) {
      const { lengths, bytes } = await this.#readIds(record, chunk)
      const wanted = new Set(slots)
      let at = 0
      for (const [row, length] of lengths.entries()) {
        if (wanted.has(chunk * CHUNK_SLOTS + row)) ids.push(decoder.decode(bytes.subarray(at, at + length)))
        at += length
      }
    }
    return ids
  }

  #part({ creationLsn }: CollectionRecord, kind: number, chunk: number): PartEntry | undefined {
    return this.#parts.get(keyOf(creationLsn, kind, chunk))
  }
}

function keyOf(creationLsn: number, kind: number, chunk: number): string {
  return `${creationLsn}.${kind}.${chunk}`
}

async function orCorrupt<Result>(path: string, work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (error) {
    throw asCorrupt(path, error)
  }
}
