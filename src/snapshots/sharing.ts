import type { Files } from '../base/files.ts'
import { CHUNK_SLOTS } from '../base/limits.ts'
import { equalBytes } from './bytes.ts'
import type { CapturedCollection, StoreCapture } from './capture.ts'
import { PartValues } from './cold-parts.ts'
import { DOCUMENTS, IDS, NODES, ORIGINALS } from './format.ts'
import { holdsGraph } from './held-graphs.ts'
import { inSlices } from './in-slices.ts'
import type { SnapshotManifest } from './manifest.ts'
import type { PartName } from './names.ts'
import type { PartEntry, PartKey } from './part.ts'
import { contentBytesOf, contentOf, hasDocuments } from './part-contents.ts'
import { plannedParts, rowsOfChunk } from './part-plan.ts'
import { probePart } from './part-reader.ts'
import { measurePart } from './part-writer.ts'
import { recordOf } from './record-of-capture.ts'
import type { WriteOptions } from './writer.ts'

/** What becomes of a part: it is written under a new name, or an earlier file is named again. */
export interface PartChoice {
  readonly collection: CapturedCollection
  readonly part: PartKey & PartName
  readonly shared: PartEntry | undefined
  readonly contentBytes: number
}

/** The parts of a capture, in the order of manifests; nothing, and a chance to pause, where a chunk has no documents. */
export function* plannedOfCapture(
  capture: StoreCapture,
): Generator<{ readonly collection: CapturedCollection; readonly key: PartKey } | undefined> {
  for (const collection of capture.collections) {
    for (const { creationLsn, kind, chunk } of plannedParts(recordOf(collection))) {
      const isThere = kind !== DOCUMENTS || hasDocuments(collection.content, chunk)
      yield isThere ? { collection, key: { creationLsn, kind, chunk } } : undefined
    }
  }
}

/** Parts that may be shared, by what they hold. */
export type EarlierParts = ReadonlyMap<string, EarlierPart>

interface EarlierPart {
  readonly manifest: SnapshotManifest
  readonly entry: PartEntry
  /** Slots that its collection had then. */
  readonly slotCount: number
}

/** The parts of an earlier snapshot of the same store; none if it is no such. */
export function earlierParts(lsn: number, { previous, storeId }: WriteOptions): EarlierParts {
  const isUsable = previous !== undefined && previous.position.lsn <= lsn && equalBytes(previous.storeId, storeId)
  if (!isUsable) return new Map()
  const slotCounts = new Map(previous.collections.map(({ creationLsn, slotCount }) => [creationLsn, slotCount]))
  return new Map(
    previous.parts.map((entry) => {
      const slotCount = slotCounts.get(entry.creationLsn) ?? 0
      return [keyText(entry), { manifest: previous, entry, slotCount }]
    }),
  )
}

function keyText({ creationLsn, kind, chunk }: PartKey): string {
  return `${creationLsn}.${kind}.${chunk}`
}

/**
 * Decides whether a part is shared. Full chunks of originals and ids never change, cold documents are on disk as they are, and
 * a graph to which nothing was done is what it was, so they are not even read; of everything else the checksum says whether it
 * changed. A file that is not there any more, or not whole, is written anew.
 */
export async function choosePart(
  files: Files,
  collection: CapturedCollection,
  part: PartKey & PartName,
  earlierParts: EarlierParts,
  options: WriteOptions,
): Promise<PartChoice> {
  const known = earlierParts.get(keyText(part))
  const earlier = known?.entry
  if (known !== undefined && isForGood(collection, part, known) && (await probePart(files, known.entry))) {
    return { collection, part, shared: earlier, contentBytes: known.entry.contentBytes }
  }
  const contentBytes = await inSlices(contentBytesOf(collection, part), options.yieldToEventLoop)
  const isEqual = earlier?.contentBytes === contentBytes && (await isSame(collection, earlier, options))
  const isShared = isEqual && (await probePart(files, earlier))
  return { collection, part, shared: isShared ? earlier : undefined, contentBytes }
}

/** Whether a part holds what an earlier one of the same key does: it can hold nothing else, or it is read from there. */
function isForGood({ content, index }: CapturedCollection, { kind, chunk }: PartKey, earlier: EarlierPart): boolean {
  if (kind >= NODES) return holdsGraph(earlier.manifest, content.creationLsn, index.graph!.version)
  if (kind === ORIGINALS || kind === IDS) {
    // Full now is not enough: the earlier part may have been written when the chunk was not.
    const rows = Math.min(content.slotCount, earlier.slotCount)
    return rowsOfChunk(rows, chunk) === CHUNK_SLOTS
  }
  const { lsn, number } = earlier.entry
  const source = kind === DOCUMENTS ? content.documents.chunk(chunk)?.coldSource : undefined
  return source instanceof PartValues && source.part.lsn === lsn && source.part.number === number
}

async function isSame(collection: CapturedCollection, earlier: PartEntry, options: WriteOptions): Promise<boolean> {
  const identity = { ...earlier, storeId: options.storeId }
  const { checksum } = await measurePart(identity, contentOf(collection, earlier), options)
  return checksum === earlier.checksum
}
