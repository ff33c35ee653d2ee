import type { Checksum } from '../base/checksum.ts'
import { type Files, type OpenFile, writeFully } from '../base/files.ts'
import { equalBytes } from './bytes.ts'
import { MAX_MANIFEST_BYTES } from './format.ts'
import type { SnapshotManifest } from './manifest.ts'
import { decodeManifest } from './manifest-decoder.ts'
import { encodeManifest } from './manifest-encoder.ts'
import { manifestPath } from './names.ts'
import { corrupt, missingAsCorrupt } from './snapshot-error.ts'
import { removeIfPresent } from './snapshot-files.ts'

/**
 * Reads the manifest of the snapshot at an LSN and checks that it is that of this store.
 * @throws StoreError `ERR_SNAPSHOT_CORRUPT`, `ERR_FORMAT_VERSION`, or what the files say.
 */
export async function readManifest(
  files: Files,
  lsn: number,
  checksum: Checksum,
  storeId?: Uint8Array,
): Promise<SnapshotManifest> {
  const path = manifestPath(lsn)
  const manifest = decodeManifest(path, await readWhole(files, path), checksum)
  if (manifest.position.lsn !== lsn) throw corrupt(path, `it is the manifest of LSN ${manifest.position.lsn}`)
  if (storeId !== undefined && !equalBytes(manifest.storeId, storeId))
    throw corrupt(path, 'it belongs to another store')
  return manifest
}

async function readWhole(files: Files, path: string): Promise<Uint8Array> {
  const file = await files.open(path, 'read').catch((error) => {
    throw missingAsCorrupt(path, error)
  })
  try {
    const sizeBytes = await file.size()
    if (sizeBytes > MAX_MANIFEST_BYTES) throw corrupt(path, `it has ${sizeBytes} bytes`)
    const bytes = new Uint8Array(sizeBytes)
    if ((await file.read(bytes, 0)) < sizeBytes) throw corrupt(path, 'it became shorter while it was read')
    return bytes
  } finally {
    await file.close()
  }
}

/** Writes a manifest under a temporary name and syncs it. Returns that name. */
export async function writeManifest(files: Files, manifest: SnapshotManifest, checksum: Checksum): Promise<string> {
  const path = temporaryManifestPath(manifest.position.lsn)
  await removeIfPresent(files, path)
  const file: OpenFile = await files.open(path, 'create')
  try {
    await writeFully(file, encodeManifest(manifest, checksum), 0)
    await file.sync()
  } finally {
    await file.close()
  }
  return path
}

/** Reads back what {@link writeManifest} wrote: it must say the same. */
export async function verifyWrittenManifest(
  files: Files,
  manifest: SnapshotManifest,
  checksum: Checksum,
): Promise<void> {
  const path = temporaryManifestPath(manifest.position.lsn)
  const bytes = await readWhole(files, path)
  decodeManifest(path, bytes, checksum)
  if (!equalBytes(bytes, encodeManifest(manifest, checksum))) throw corrupt(path, 'it is not what was written')
}

export function temporaryManifestPath(lsn: number): string {
  return `${manifestPath(lsn)}.tmp`
}
