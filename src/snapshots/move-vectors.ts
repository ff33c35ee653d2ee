import type { Abortable } from '../base/abort.ts'
import type { Files } from '../base/files.ts'
import { CHUNK_SLOTS } from '../base/limits.ts'
import type { CollectionState } from '../engine/collection-state.ts'
import { rowBytesOf } from '../engine/vector-type.ts'
import type { Eviction, EvictTools } from './evict-chunks.ts'
import { ORIGINALS } from './format.ts'
import type { SnapshotManifest } from './manifest.ts'
import type { PartEntry } from './part.ts'
import { rowsOfChunk } from './part-plan.ts'
import { usePart } from './verify-parts.ts'

// A switch of a collection's mode moves its vectors, chunk by chunk, while it is searched and written.

export interface MoveOptions {
  /** Called after each chunk, with how many of how many are done. */
  readonly onChunk?: ((done: number, total: number) => void) | undefined
}

/** Parts of a snapshot that hold full chunks of a collection's vectors. */
function vectorParts(manifest: SnapshotManifest, { creationLsn }: CollectionState): PartEntry[] {
  const record = manifest.collections.find((found) => found.creationLsn === creationLsn)
  const isFull = ({ chunk }: PartEntry) => rowsOfChunk(record!.slotCount, chunk) === CHUNK_SLOTS
  return manifest.parts.filter((part) => part.creationLsn === creationLsn && part.kind === ORIGINALS && isFull(part))
}

/** Whether a snapshot holds all full chunks of a collection's vectors that are there now. */
export function holdsAllVectors(manifest: SnapshotManifest, collection: CollectionState): boolean {
  const held = new Set(vectorParts(manifest, collection).map(({ chunk }) => chunk))
  for (let chunk = 0; (chunk + 1) * CHUNK_SLOTS <= collection.slotCount; chunk++) {
    if (!held.has(chunk) && !collection.isFreed(chunk * CHUNK_SLOTS)) return false
  }
  return true
}

/**
 * Takes the vectors of one collection out of memory that a snapshot holds: full chunks, for as long as its mode and residency
 * want them on disk. Vectors never change, so the snapshot may be an old one; each part is read back first.
 */
export async function evictVectors(
  files: Files,
  collection: CollectionState,
  manifest: SnapshotManifest,
  tools: EvictTools & MoveOptions,
): Promise<Eviction> {
  const { cold, yieldToEventLoop, signal, onChunk } = tools
  const isToLeave = ({ chunk }: PartEntry) =>
    cold.leaves(ORIGINALS, CHUNK_SLOTS, collection.quantization) &&
    (chunk + 1) * CHUNK_SLOTS <= collection.slotCount &&
    !collection.isFreed(chunk * CHUNK_SLOTS) &&
    collection.coldVectors(chunk) === undefined
  const parts = vectorParts(manifest, collection)
  const rowBytes = rowBytesOf(collection.vectorType, collection.dimensions)
  const problems: unknown[] = []
  let chunks = 0
  for (const [index, part] of parts.entries()) {
    if (signal?.aborted) break
    if (!isToLeave(part)) continue
    try {
      await usePart(files, manifest.storeId, part, tools, (reader) => reader.skipRest())
      const source = await cold.openRows(manifest.storeId, part, rowBytes)
      if (isToLeave(part)) {
        collection.makeVectorsCold(part.chunk, source)
        chunks += 1
      }
    } catch (problem) {
      if (signal?.aborted) break
      problems.push(problem)
    }
    onChunk?.(index + 1, parts.length)
    await yieldToEventLoop()
  }
  return { chunks, problems }
}

export interface LoadTools extends MoveOptions {
  readonly yieldToEventLoop: () => Promise<void>
  readonly signal?: Abortable | undefined
  /** Whether they are still wanted in memory. */
  readonly isWanted: () => boolean
}

/** Reads the vectors of one collection that are on disk back into memory, a block of at most 1 MiB between two pauses. */
export async function loadVectors(collection: CollectionState, tools: LoadTools): Promise<Eviction> {
  const total = collection.vectorChunks().cold
  const problems: unknown[] = []
  let chunks = 0
  for (let chunk = 0; (chunk + 1) * CHUNK_SLOTS <= collection.slotCount; chunk++) {
    if (tools.signal?.aborted || !tools.isWanted()) break
    if (collection.coldVectors(chunk) === undefined) continue
    try {
      if (await loadChunk(collection, chunk, tools)) chunks += 1
    } catch (problem) {
      problems.push(problem)
    }
    tools.onChunk?.(chunks, total)
    await tools.yieldToEventLoop()
  }
  return { chunks, problems }
}

/** All of a chunk, or nothing of it. */
async function loadChunk(
  collection: CollectionState,
  chunk: number,
  { yieldToEventLoop, signal, isWanted }: LoadTools,
): Promise<boolean> {
  const source = collection.coldVectors(chunk)!
  try {
    for (const _ of collection.warmVectors(chunk)) {
      await yieldToEventLoop()
      if (signal?.aborted || !isWanted()) break
    }
    return collection.coldVectors(chunk) === undefined
  } finally {
    // What was read so far goes again. A chunk that was freed meanwhile, or is read from elsewhere, is another's business.
    if (collection.coldVectors(chunk) === source) collection.makeVectorsCold(chunk, source)
  }
}
