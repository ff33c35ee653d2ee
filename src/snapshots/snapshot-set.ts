import type { Checksum } from '../base/checksum.ts'
import { isStoreError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import { SNAPSHOT_DIRECTORY } from './format.ts'
import type { SnapshotManifest } from './manifest.ts'
import { readManifest } from './manifest-file.ts'
import { manifestPath, partPath } from './names.ts'
import type { PinnedParts } from './pinned-parts.ts'
import { type FoundFile, listFiles, removeIfPresent } from './snapshot-files.ts'

/** A manifest that is there, read or not. */
export type ListedSnapshot =
  | { readonly lsn: number; readonly manifest: SnapshotManifest; readonly problem?: undefined }
  | { readonly lsn: number; readonly manifest?: undefined; readonly problem: unknown }

export interface SnapshotListing {
  /** Newest first. Their parts were not looked at. */
  readonly snapshots: readonly ListedSnapshot[]
  /** Parts that no readable manifest names. They may be an unreadable one's. */
  readonly orphans: readonly string[]
  /** Of {@link orphans} and files that were never published, those that no manifest can need. */
  readonly leftovers: readonly string[]
}

/** What stands in the snapshots' directory. @throws what listing it throws; a manifest that cannot be read is a problem in its place. */
export async function listSnapshots(files: Files, checksum: Checksum): Promise<SnapshotListing> {
  const found = await listFiles(files)
  const snapshots: ListedSnapshot[] = []
  for (const { claim } of found) {
    if (claim?.kind !== 'manifest') continue
    const { lsn } = claim
    try {
      snapshots.push({ lsn, manifest: await readManifest(files, lsn, checksum) })
    } catch (problem) {
      snapshots.push({ lsn, problem })
    }
  }
  snapshots.sort((left, right) => right.lsn - left.lsn)
  return { snapshots, ...unneeded(found, snapshots) }
}

function unneeded(
  found: readonly FoundFile[],
  snapshots: readonly ListedSnapshot[],
): Pick<SnapshotListing, 'orphans' | 'leftovers'> {
  const named = new Set(snapshots.flatMap(({ manifest }) => manifest?.parts.map(partPath) ?? []))
  // A manifest names no part that is newer than itself, so beyond those that cannot be read all are known.
  const unknownLsn = Math.max(-1, ...snapshots.filter(({ manifest }) => manifest === undefined).map(({ lsn }) => lsn))
  const orphans = found.filter(({ path, claim }) => claim?.kind === 'part' && !named.has(path))
  const known = orphans.filter(({ claim }) => claim!.lsn > unknownLsn)
  const temporary = found.filter(({ path, claim }) => claim === undefined && path.endsWith('.manifest.tmp'))
  const pathOf = ({ path }: FoundFile) => path
  return { orphans: orphans.map(pathOf), leftovers: [...known, ...temporary].map(pathOf) }
}

/** Removes what an interrupted run left behind. Not to be called while a snapshot is being written. */
export async function removeLeftovers(files: Files, checksum: Checksum, pinned?: PinnedParts): Promise<string[]> {
  const { leftovers } = await listSnapshots(files, checksum)
  const removed = leftovers.filter((path) => pinned?.has(path) !== true)
  for (const path of removed) await removeIfPresent(files, path)
  return removed
}

/** What goes when some snapshots are kept. */
export interface RetentionPlan {
  readonly manifests: readonly string[]
  /** Parts that no kept manifest names. */
  readonly parts: readonly string[]
}

/**
 * Which files may go so that just the snapshots at `keptLsns` stay. A snapshot to be kept whose manifest cannot be read keeps
 * every part that it may name.
 */
export function planRetention(
  { snapshots, orphans }: SnapshotListing,
  keptLsns: Iterable<number>,
  pinned?: PinnedParts,
): RetentionPlan {
  const kept = new Set(keptLsns)
  const [staying, going] = [snapshots.filter(({ lsn }) => kept.has(lsn)), snapshots.filter(({ lsn }) => !kept.has(lsn))]
  const needed = new Set(staying.flatMap(({ manifest }) => manifest?.parts.map(partPath) ?? []))
  const unknownLsn = Math.max(-1, ...staying.filter(({ manifest }) => manifest === undefined).map(({ lsn }) => lsn))
  const named = going.flatMap(({ manifest }) => manifest?.parts ?? []).filter(({ lsn }) => lsn > unknownLsn)
  const candidates = [...named.map(partPath), ...(unknownLsn < 0 ? orphans : [])]
  return {
    manifests: going.map(({ lsn }) => manifestPath(lsn)),
    parts: [...new Set(candidates)].filter((path) => !needed.has(path) && pinned?.has(path) !== true),
  }
}

/**
 * The LSNs to keep: the `newest` newest whose manifest can be read, and the newest one at or below `boundLsn`, for the
 * history that is promised from there on.
 */
export function lsnsToKeep(
  { snapshots }: Pick<SnapshotListing, 'snapshots'>,
  { newest, boundLsn }: { readonly newest: number; readonly boundLsn?: number | undefined },
): number[] {
  const readable = snapshots.filter(({ manifest }) => manifest !== undefined).map(({ lsn }) => lsn)
  const base = boundLsn === undefined ? undefined : readable.find((lsn) => lsn <= boundLsn)
  return [...new Set([...readable.slice(0, newest), ...(base === undefined ? [] : [base])])]
}

/** Carries out a plan: manifests first, and the directory is synced before any part goes that they named. */
export async function removeFiles(files: Files, { manifests, parts }: RetentionPlan): Promise<void> {
  if (manifests.length > 0) {
    for (const path of manifests) await removeIfPresent(files, path)
    await files.syncDirectory(SNAPSHOT_DIRECTORY)
  }
  if (parts.length === 0) return
  for (const path of parts) await removeIfPresent(files, path)
  await files.syncDirectory(SNAPSHOT_DIRECTORY)
}

/** Removes one snapshot, and the parts that no other one names. */
export async function removeSnapshot(files: Files, lsn: number, checksum: Checksum): Promise<void> {
  const listing = await listSnapshots(files, checksum)
  const others = listing.snapshots.map((snapshot) => snapshot.lsn).filter((other) => other !== lsn)
  await removeFiles(files, planRetention(listing, others))
}

/** Whether a problem with a snapshot is one that an older snapshot may make up for. */
export function isMadeUpForByOlder(error: unknown): boolean {
  return isStoreError(error, 'ERR_SNAPSHOT_CORRUPT') || isStoreError(error, 'ERR_IO')
}
