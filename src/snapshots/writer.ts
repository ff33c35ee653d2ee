import { type Abortable, throwIfAborted } from '../base/abort.ts'
import type { Checksum } from '../base/checksum.ts'
import type { Files } from '../base/files.ts'
import { INDEX_VERSION } from '../engine/index/disk-ann-index.ts'
import { digestCapture, graphVersions, type StoreCapture } from './capture.ts'
import { SNAPSHOT_DIRECTORY, STORE_ID_BYTES } from './format.ts'
import { noteHeldGraphs } from './held-graphs.ts'
import { withLeftOut } from './left-out.ts'
import type { SnapshotManifest, SnapshotPosition } from './manifest.ts'
import { temporaryManifestPath, verifyWrittenManifest, writeManifest } from './manifest-file.ts'
import { manifestPath, partPath } from './names.ts'
import { PageBuffers } from './page-buffers.ts'
import { type PartEntry, partFileBytes } from './part.ts'
import { contentOf } from './part-contents.ts'
import { writePart } from './part-writer.ts'
import type { PinnedParts } from './pinned-parts.ts'
import { recordOf } from './record-of-capture.ts'
import { choosePart, earlierParts, type PartChoice, plannedOfCapture } from './sharing.ts'
import { listFiles, makeSnapshotDirectory, removeIfPresent } from './snapshot-files.ts'
import { removeLeftovers } from './snapshot-set.ts'
import { SyncQueue } from './sync-queue.ts'
import { verifyParts } from './verify-parts.ts'

export interface WriteOptions {
  readonly checksum: Checksum
  readonly storeId: Uint8Array
  /** Of the record whose state was captured. The log must be durable up to it before the snapshot is published. */
  readonly position: SnapshotPosition
  /** Time of that record. */
  readonly timeMs: number
  /** A snapshot of the same history, of which unchanged parts are shared. */
  readonly previous?: SnapshotManifest | undefined
  /** What stays though no snapshot names it. */
  readonly pinned?: PinnedParts | undefined
  readonly yieldToEventLoop: () => Promise<void>
  readonly signal?: Abortable | undefined
  /** @internal */
  readonly buffers?: PageBuffers | undefined
  /** Bytes written or read back so far, and in all. */
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined
}

export interface WrittenSnapshot {
  readonly manifest: SnapshotManifest
  readonly writtenParts: number
  readonly writtenBytes: number
  readonly sharedParts: number
  readonly sharedBytes: number
}

/**
 * Writes a snapshot and publishes it: once this resolves it is on disk, was read back, and holds. At most one may be written
 * at a time. If it rejects there is no new snapshot, and what may be left is removed by the next run.
 * @throws StoreError `ERR_ABORTED`, `ERR_SNAPSHOT_CORRUPT` where what was read back is not what was written, or what the
 * files say.
 */
export async function writeSnapshot(
  files: Files,
  captured: StoreCapture,
  given: WriteOptions,
): Promise<WrittenSnapshot> {
  const options = { ...given, buffers: new PageBuffers() }
  checkOptions(captured, options)
  await makeSnapshotDirectory(files)
  const capture = await withLeftOut(files, captured, options)
  // New files have names that nobody had, so what cannot be removed is in nobody's way.
  await removeLeftovers(files, options.checksum, options.pinned).catch(() => {})
  const wasThere = await isPublished(files, capture.lsn)
  const choices = await choosePartsOf(files, capture, options)
  const digests = await digestCapture(capture, options.checksum, options.yieldToEventLoop)
  const made: string[] = []
  try {
    const parts = await writeParts(files, choices, options, made)
    const manifest = manifestOf(capture, parts, digests, options)
    made.push(temporaryManifestPath(capture.lsn))
    await publish(files, manifest, choices, options)
    noteHeldGraphs(manifest, graphVersions(capture))
    return { manifest, ...sizesOf(choices, parts) }
  } catch (error) {
    // Whether this can be done changes nothing; the next run does it.
    if (!wasThere) await withdraw(files, capture.lsn, made).catch(() => {})
    throw error
  }
}

function checkOptions({ lsn }: StoreCapture, { storeId, position }: WriteOptions): void {
  if (storeId.byteLength !== STORE_ID_BYTES) throw new RangeError(`a store id has ${STORE_ID_BYTES} bytes`)
  if (position.lsn !== lsn) throw new RangeError(`the state is that of LSN ${lsn}, not ${position.lsn}`)
}

async function choosePartsOf(files: Files, capture: StoreCapture, options: WriteOptions): Promise<PartChoice[]> {
  const found = await listFiles(files)
  const taken = found.map(({ claim }) => (claim?.kind === 'part' && claim.lsn === capture.lsn ? claim.number : 0))
  let number = taken.reduce((most, one) => Math.max(most, one), 0)
  const earlier = earlierParts(capture.lsn, options)
  const choices: PartChoice[] = []
  for (const planned of plannedOfCapture(capture)) {
    throwIfAborted(options.signal, 'the snapshot')
    if (planned === undefined) {
      await options.yieldToEventLoop()
      continue
    }
    const part = { ...planned.key, lsn: capture.lsn, number: number + 1 }
    const choice = await choosePart(files, planned.collection, part, earlier, options)
    if (choice.shared === undefined) number += 1
    choices.push(choice)
  }
  return choices
}

async function writeParts(
  files: Files,
  choices: readonly PartChoice[],
  options: WriteOptions,
  made: string[],
): Promise<PartEntry[]> {
  const parts: PartEntry[] = []
  const syncs = new SyncQueue()
  const totalBytes = totalOf(choices)
  let doneBytes = 0
  try {
    for (const { collection, part, shared, contentBytes } of choices) {
      if (shared !== undefined) {
        parts.push(shared)
        continue
      }
      made.push(partPath(part))
      const identity = { ...part, contentBytes, storeId: options.storeId }
      parts.push(await writePart(files, identity, contentOf(collection, part), syncs, options))
      doneBytes += contentBytes
      options.onProgress?.(doneBytes, totalBytes)
    }
    await syncs.drain()
  } finally {
    await syncs.settle()
  }
  await files.syncDirectory(SNAPSHOT_DIRECTORY)
  return parts
}

/** The manifest gets its name only when all that is new was read back from the disk and found to be what it should be. */
async function publish(
  files: Files,
  manifest: SnapshotManifest,
  choices: readonly PartChoice[],
  options: WriteOptions,
): Promise<void> {
  const { checksum } = options
  const temporary = await writeManifest(files, manifest, checksum)
  await verifyWrittenManifest(files, manifest, checksum)
  const written = new Set(choices.filter(({ shared }) => shared === undefined).map(({ part }) => part.number))
  const totalBytes = totalOf(choices)
  let doneBytes = totalBytes / 2
  const onBytes = (bytes: number) => {
    doneBytes = Math.min(totalBytes, doneBytes + bytes)
    options.onProgress?.(doneBytes, totalBytes)
  }
  const isWritten = (part: PartEntry) => part.lsn === manifest.position.lsn && written.has(part.number)
  await verifyParts(files, manifest, { ...options, onBytes }, isWritten)
  throwIfAborted(options.signal, 'the snapshot')
  await files.rename(temporary, manifestPath(manifest.position.lsn))
  await files.syncDirectory(SNAPSHOT_DIRECTORY)
}

/**
 * Removes what a failed run made: on a full disk it would only be in the way. A manifest that has its name, though nobody knows
 * whether it keeps it, goes without its parts, which it needs should it come back.
 */
async function withdraw(files: Files, lsn: number, made: readonly string[]): Promise<void> {
  if (await isPublished(files, lsn)) return removeIfPresent(files, manifestPath(lsn))
  for (const path of made) await removeIfPresent(files, path)
}

async function isPublished(files: Files, lsn: number): Promise<boolean> {
  const found = await listFiles(files)
  return found.some(({ claim }) => claim?.kind === 'manifest' && claim.lsn === lsn)
}

function manifestOf(
  { lsn: _, lastCreationLsn, collections }: StoreCapture,
  parts: readonly PartEntry[],
  digests: { readonly data: bigint; readonly index: bigint },
  { storeId, position, timeMs }: WriteOptions,
): SnapshotManifest {
  return {
    storeId,
    position,
    timeMs,
    dataDigest: digests.data,
    indexDigest: digests.index,
    lastCreationLsn,
    indexVersion: INDEX_VERSION,
    collections: collections.map(recordOf),
    parts,
  }
}

/** Bytes to be written, and the same read back. */
function totalOf(choices: readonly PartChoice[]): number {
  return choices.reduce((sum, { shared, contentBytes }) => sum + (shared === undefined ? contentBytes * 2 : 0), 0)
}

function sizesOf(choices: readonly PartChoice[], parts: readonly PartEntry[]): Omit<WrittenSnapshot, 'manifest'> {
  const isShared = (index: number) => choices[index]!.shared !== undefined
  const [shared, written] = [parts.filter((_, index) => isShared(index)), parts.filter((_, index) => !isShared(index))]
  const bytesOf = (some: readonly PartEntry[]) => some.reduce((sum, part) => sum + partFileBytes(part), 0)
  return {
    writtenParts: written.length,
    writtenBytes: bytesOf(written),
    sharedParts: shared.length,
    sharedBytes: bytesOf(shared),
  }
}
