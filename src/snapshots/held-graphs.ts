import type { IndexVersion } from '../engine/index/index-capture.ts'
import type { SnapshotManifest } from './manifest.ts'

/** By creation LSN: what tells the graph of a collection from every other one, and from what it becomes. */
export type GraphVersions = ReadonlyMap<number, object>

const versionsOf = new WeakMap<SnapshotManifest, GraphVersions>()

/** Notes which graphs, of those in memory, the parts of a manifest hold: it was read into them, or written from them. */
export function noteHeldGraphs(manifest: SnapshotManifest, versions: GraphVersions): void {
  versionsOf.set(manifest, versions)
}

/** Whether the parts of a manifest hold just this graph of a collection, as far as is known. */
export function holdsGraph(manifest: SnapshotManifest | undefined, creationLsn: number, version: object): boolean {
  return manifest !== undefined && versionsOf.get(manifest)?.get(creationLsn) === version
}

interface KnownDigest extends IndexVersion {
  readonly digest: bigint
}

const digestOf = new WeakMap<object, KnownDigest>()

/** The digest of an index that {@link noteDigest} was told, if it is the same. */
export function knownDigest({ version, builtThrough, placed }: IndexVersion): bigint | undefined {
  const known = digestOf.get(version)
  const isSame =
    known?.builtThrough === builtThrough &&
    known.placed.length === placed.length &&
    known.placed.every((slot, place) => slot === placed[place])
  return isSame ? known.digest : undefined
}

export function noteDigest({ version, builtThrough, placed }: IndexVersion, digest: bigint): void {
  digestOf.set(version, { version, builtThrough, placed, digest })
}
