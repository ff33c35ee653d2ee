import { isStoreError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import { SNAPSHOT_DIRECTORY } from './format.ts'
import { type ClaimedName, claimedName } from './names.ts'

/** A file in the snapshots' directory, and what its name claims. */
export interface FoundFile {
  readonly path: string
  readonly claim: ClaimedName | undefined
}

/** All files in the snapshots' directory; none where there is none. */
export async function listFiles(files: Files): Promise<FoundFile[]> {
  try {
    const names = await files.list(SNAPSHOT_DIRECTORY)
    return names.map((name) => ({ path: `${SNAPSHOT_DIRECTORY}/${name}`, claim: claimedName(name) }))
  } catch (error) {
    if (isStoreError(error, 'ERR_FILE_NOT_FOUND')) return []
    throw error
  }
}

export async function removeIfPresent(files: Files, path: string): Promise<void> {
  try {
    await files.remove(path)
  } catch (error) {
    if (!isStoreError(error, 'ERR_FILE_NOT_FOUND')) throw error
  }
}

/** Makes the snapshots' directory, durably. */
export async function makeSnapshotDirectory(files: Files): Promise<void> {
  await files.makeDirectory(SNAPSHOT_DIRECTORY)
  await files.syncDirectory('')
}
