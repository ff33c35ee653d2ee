import { type Abortable, throwIfAborted } from '../base/abort.ts'
import type { Checksum } from '../base/checksum.ts'
import type { Files } from '../base/files.ts'
import type { CollectionState } from '../engine/collection-state.ts'
import { INDEX_VERSION } from '../engine/index/disk-ann-index.ts'
import { StoreState } from '../engine/store-state.ts'
import type { ColdChunks } from './cold-chunks.ts'
import { CollectionParts } from './collection-parts.ts'
import { type GraphVersions, noteHeldGraphs } from './held-graphs.ts'
import type { CollectionRecord, SnapshotManifest } from './manifest.ts'
import { readManifest } from './manifest-file.ts'
import { manifestPath } from './names.ts'
import { PageBuffers } from './page-buffers.ts'
import { type PartEntry, partFileBytes } from './part.ts'
import { rowsOfChunk } from './part-plan.ts'
import { restoreCollection } from './restore-collection.ts'
import { asCorrupt } from './snapshot-error.ts'
import { isMadeUpForByOlder, listSnapshots } from './snapshot-set.ts'

export interface OpenOptions {
  readonly checksum: Checksum
  /** The store that the snapshot must be of, where that is known. */
  readonly storeId?: Uint8Array | undefined
  readonly yieldToEventLoop: () => Promise<void>
  /**
   * Where full chunks of originals or documents stay, if not all are to be in memory. They are not read: damage in them is
   * found when they are.
   */
  readonly cold?: ColdChunks | undefined
  readonly signal?: Abortable | undefined
  /** Bytes read so far, and in all. */
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined
}

export interface OpenedSnapshot {
  readonly manifest: SnapshotManifest
  /** As it was at the manifest's LSN; digests included. */
  readonly state: StoreState
  /** Whether this release knows the rules of the graphs. If not, they were left out, and all slots count as buffer. */
  readonly hasKnownGraphs: boolean
}

/**
 * Reads a whole snapshot back into a state. Nothing is believed before its checksum holds, and nothing is returned of one that
 * does not hold throughout, but for what is to stay on disk: that is only opened.
 * @throws StoreError `ERR_SNAPSHOT_CORRUPT` with `details.path` and `details.reason`, `ERR_FORMAT_VERSION`, `ERR_ABORTED`, or
 * what the files say.
 */
export async function openSnapshot(files: Files, lsn: number, options: OpenOptions): Promise<OpenedSnapshot> {
  const { checksum, signal, onProgress, yieldToEventLoop, cold } = options
  const manifest = await readManifest(files, lsn, checksum, options.storeId)
  const hasKnownGraphs = manifest.indexVersion === INDEX_VERSION
  const totalBytes = bytesToRead(manifest, cold)
  let doneBytes = 0
  const onBytes = (bytes: number) => {
    doneBytes += bytes
    onProgress?.(doneBytes, totalBytes)
  }
  const tools = { checksum, signal, yieldToEventLoop, onBytes, cold, buffers: new PageBuffers() }
  const partsByCollection = groupParts(manifest)
  const collections: CollectionState[] = []
  for (const record of manifest.collections) {
    throwIfAborted(signal, 'opening a snapshot')
    const known = hasKnownGraphs ? record : withoutGraph(record)
    const entries = partsByCollection.get(record.creationLsn) ?? []
    const parts = new CollectionParts(files, manifest.storeId, known, entries, tools)
    collections.push(await orOfManifest(lsn, restoreCollection(known, parts)).finally(() => parts.close()))
  }
  noteHeldGraphs(manifest, graphsIn(collections))
  return { manifest, hasKnownGraphs, state: StoreState.restore(lsn, manifest.lastCreationLsn, collections) }
}

function graphsIn(collections: readonly CollectionState[]): GraphVersions {
  const graphs = collections.map(({ creationLsn, index }) => [creationLsn, index.served.built?.version] as const)
  return new Map(graphs.flatMap(([lsn, version]) => (version === undefined ? [] : [[lsn, version]])))
}

/** Bytes of a snapshot that opening it reads: all but what stays on disk. About as many are in memory then, or more. */
export function bytesToRead({ collections, parts }: SnapshotManifest, cold: ColdChunks | undefined): number {
  const records = new Map(collections.map((record) => [record.creationLsn, record]))
  const isLeft = ({ creationLsn, kind, chunk }: PartEntry) => {
    const { slotCount, quantization } = records.get(creationLsn)!
    return cold?.leaves(kind, rowsOfChunk(slotCount, chunk), quantization) === true
  }
  return parts.reduce((sum, part) => sum + (isLeft(part) ? 0 : partFileBytes(part)), 0)
}

/** As if its flushes had named a version that this release does not know. */
function withoutGraph(record: CollectionRecord): CollectionRecord {
  return { ...record, graph: undefined, flushedThrough: 0, builtThrough: 0 }
}

function groupParts({ parts }: SnapshotManifest): Map<number, PartEntry[]> {
  const groups = new Map<number, PartEntry[]>()
  for (const part of parts) {
    const group = groups.get(part.creationLsn)
    if (group === undefined) groups.set(part.creationLsn, [part])
    else group.push(part)
  }
  return groups
}

/** What contradicts between parts is nobody's in particular. */
async function orOfManifest<Result>(lsn: number, work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (error) {
    throw asCorrupt(manifestPath(lsn), error)
  }
}

export interface NewestSnapshot {
  /** `undefined` where none holds. */
  readonly opened: OpenedSnapshot | undefined
  /** Newer ones that were passed over, newest first, and why. */
  readonly problems: readonly { readonly lsn: number; readonly error: unknown }[]
}

/**
 * Opens the newest snapshot that holds, at or below `throughLsn` if that is given. One that is damaged, or that the disk
 * cannot read, is passed over and reported.
 * @throws StoreError `ERR_FORMAT_VERSION` where the newest was written by a newer release, which is not passed over;
 * `ERR_ABORTED`; what listing the directory throws.
 */
export async function newestValidSnapshot(
  files: Files,
  { throughLsn = Number.POSITIVE_INFINITY, ...options }: OpenOptions & { readonly throughLsn?: number | undefined },
): Promise<NewestSnapshot> {
  const problems: { lsn: number; error: unknown }[] = []
  const { snapshots } = await listSnapshots(files, options.checksum)
  for (const { lsn } of snapshots) {
    if (lsn > throughLsn) continue
    try {
      return { opened: await openSnapshot(files, lsn, options), problems }
    } catch (error) {
      if (!isMadeUpForByOlder(error)) throw error
      problems.push({ lsn, error })
    }
  }
  return { opened: undefined, problems }
}
