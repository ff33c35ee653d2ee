import type { Checksum } from '../base/checksum.ts'
import { isStoreError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import type { SnapshotManifest } from '../snapshots/manifest.ts'
import { partPath } from '../snapshots/names.ts'
import { type PartEntry, partFileBytes } from '../snapshots/part.ts'
import { listSnapshots } from '../snapshots/snapshot-set.ts'
import { listSegments } from '../wal/segment-list.ts'

/** A snapshot that is on disk. */
export interface SnapshotInfo {
  /** LSN of the state that it holds. */
  readonly lsn: number
  /** When the record at that LSN was written. */
  readonly time: Date
  /** Entries that it holds. */
  readonly entries: number
  /** Bytes of its files, those that it shares with others included. */
  readonly bytes: number
}

export function snapshotInfoOf(manifest: SnapshotManifest): SnapshotInfo {
  return {
    lsn: manifest.position.lsn,
    time: new Date(manifest.timeMs),
    entries: manifest.collections.reduce((sum, { liveCount }) => sum + liveCount, 0),
    bytes: bytesOfSnapshot(manifest),
  }
}

export function bytesOfSnapshot({ parts }: SnapshotManifest): number {
  return bytesOf(parts)
}

/** Bytes of the files of some snapshots, each file once. */
export function bytesOfSnapshots(manifests: readonly SnapshotManifest[]): number {
  const parts = new Map(manifests.flatMap((manifest) => manifest.parts.map((part) => [partPath(part), part] as const)))
  return bytesOf([...parts.values()])
}

function bytesOf(parts: readonly PartEntry[]): number {
  return parts.reduce((sum, part) => sum + partFileBytes(part), 0)
}

/** What there is of a store's past. */
export interface KeptPast {
  /** Snapshots whose manifests can be read, newest first. */
  readonly snapshots: readonly SnapshotManifest[]
  /** LSN that the log begins with; `undefined` where there is none. */
  readonly firstLogLsn: number | undefined
}

/** Looks up what is there. Opening has said already what is wrong with it. */
export async function findPast(files: Files, checksum: Checksum): Promise<KeptPast> {
  try {
    const { snapshots } = await listSnapshots(files, checksum)
    const [firstLogLsn] = await listSegments(files)
    return { snapshots: snapshots.flatMap(({ manifest }) => manifest ?? []), firstLogLsn }
  } catch (error) {
    if (isStoreError(error)) return { snapshots: [], firstLogLsn: undefined }
    throw error
  }
}

/** The oldest LSN at which the store can be opened. */
export function oldestReachable({ snapshots, firstLogLsn = 1 }: KeptPast): number {
  if (firstLogLsn === 1) return 0
  const joined = snapshots.filter(({ position }) => position.lsn + 1 >= firstLogLsn)
  return (joined.at(-1) ?? snapshots[0])?.position.lsn ?? firstLogLsn
}
