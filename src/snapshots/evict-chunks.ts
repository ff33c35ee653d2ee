import type { Abortable } from '../base/abort.ts'
import type { Checksum } from '../base/checksum.ts'
import type { Files } from '../base/files.ts'
import { CHUNK_SLOTS } from '../base/limits.ts'
import type { CollectionState } from '../engine/collection-state.ts'
import type { StoreState } from '../engine/store-state.ts'
import { rowBytesOf } from '../engine/vector-type.ts'
import type { StoreCapture } from './capture.ts'
import type { ColdChunks } from './cold-chunks.ts'
import { PartRows, PartValues } from './cold-parts.ts'
import { ORIGINALS } from './format.ts'
import type { CollectionRecord, SnapshotManifest } from './manifest.ts'
import type { PartEntry } from './part.ts'
import { rowsOfChunk } from './part-plan.ts'
import { usePart } from './verify-parts.ts'

export interface EvictTools {
  readonly cold: ColdChunks
  readonly checksum: Checksum
  readonly yieldToEventLoop: () => Promise<void>
  readonly signal?: Abortable | undefined
}

export interface Eviction {
  /** Chunks of vectors or documents that left memory, or are read from a newer part now. */
  readonly chunks: number
  /** Why others stayed, one for each. */
  readonly problems: readonly unknown[]
}

/**
 * Takes out of memory what a snapshot holds that was just published: full chunks of vectors and documents, as residency says.
 * `capture` is what it was written from: documents that were replaced since stay in memory, their whole chunk does. What
 * another snapshot wrote is read back first.
 */
export async function evictChunks(
  files: Files,
  state: StoreState,
  capture: StoreCapture,
  manifest: SnapshotManifest,
  tools: EvictTools,
): Promise<Eviction> {
  const records = new Map(manifest.collections.map((record) => [record.creationLsn, record]))
  const problems: unknown[] = []
  let chunks = 0
  for (const part of manifest.parts) {
    if (tools.signal?.aborted) break
    const record = records.get(part.creationLsn)!
    if (!isToLeave(state, part, record, tools) || isReadFrom(state, part)) continue
    try {
      if (part.lsn !== manifest.position.lsn) {
        await usePart(files, manifest.storeId, part, tools, (reader) => reader.skipRest())
      }
      if (await evict(state, capture, manifest, { part, record }, tools)) chunks += 1
    } catch (problem) {
      if (tools.signal?.aborted) break
      problems.push(problem)
    }
    await tools.yieldToEventLoop()
  }
  return { chunks, problems }
}

/** The collection of a part, unless it was dropped or the chunk freed. */
function collectionOf(state: StoreState, { creationLsn, chunk }: PartEntry): CollectionState | undefined {
  const collection = state.collectionByLsn(creationLsn)
  return collection?.isFreed(chunk * CHUNK_SLOTS) ? undefined : collection
}

/** Whether a part's content is to be on disk as things stand: a collection may be switched to another mode meanwhile. */
function isToLeave(state: StoreState, part: PartEntry, { slotCount }: CollectionRecord, { cold }: EvictTools): boolean {
  const collection = collectionOf(state, part)
  if (collection === undefined) return false
  return cold.leaves(part.kind, rowsOfChunk(slotCount, part.chunk), collection.quantization)
}

/** Whether the chunk is read from this part already. */
function isReadFrom(state: StoreState, part: PartEntry): boolean {
  const collection = collectionOf(state, part)
  const source = part.kind === ORIGINALS ? collection?.coldVectors(part.chunk) : collection?.coldDocuments(part.chunk)
  const isPart = source instanceof PartRows || source instanceof PartValues
  return isPart && source.part.lsn === part.lsn && source.part.number === part.number
}

/** Asks for the chunk again once its part is open: it may be gone by then. */
async function evict(
  state: StoreState,
  capture: StoreCapture,
  { storeId }: SnapshotManifest,
  { part, record }: { part: PartEntry; record: CollectionRecord },
  tools: EvictTools,
): Promise<boolean> {
  const { cold } = tools
  if (part.kind === ORIGINALS) {
    const source = await cold.openRows(storeId, part, rowBytesOf(record.vectorType, record.dimensions))
    if (!isToLeave(state, part, record, tools)) return false
    collectionOf(state, part)!.makeVectorsCold(part.chunk, source)
    return true
  }
  const { content } = capture.collections.find(({ content }) => content.creationLsn === part.creationLsn)!
  if (collectionOf(state, part)?.hasDocumentsOf(part.chunk, content) !== true) return false
  const source = await cold.openValues(storeId, part)
  return collectionOf(state, part)?.makeDocumentsCold(part.chunk, source, content) === true
}
