import { isStoreError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import { listFiles } from '../snapshots/snapshot-files.ts'
import { listSegments } from '../wal/segment-list.ts'

/** How often a reader begins anew because a writer removed what it was about to read. */
const MOST_ATTEMPTS = 5

/** What a reader meets where a file of a snapshot or of the log has gone. */
const CODES = ['ERR_FILE_NOT_FOUND', 'ERR_LOG_CORRUPT', 'ERR_SNAPSHOT_CORRUPT', 'ERR_HISTORY_TRUNCATED'] as const

/**
 * Reads without a lock, beside a writer that may remove old snapshots and old log meanwhile: where files have gone and the
 * reading failed, or `isDoubtful` says that it suffered, it is begun anew.
 */
export async function readBesideWriter<Result>(
  files: Files,
  read: () => Promise<Result>,
  isDoubtful: (result: Result) => boolean,
): Promise<Result> {
  for (let attempt = 1; attempt < MOST_ATTEMPTS; attempt += 1) {
    const before = await namesOf(files)
    try {
      const result = await read()
      if (!isDoubtful(result) || !(await haveGone(files, before))) return result
    } catch (error) {
      const isKnown = CODES.some((code) => isStoreError(error, code))
      if (!isKnown || !(await haveGone(files, before))) throw error
    }
  }
  return read()
}

async function haveGone(files: Files, before: readonly string[]): Promise<boolean> {
  const now = new Set(await namesOf(files))
  return before.some((name) => !now.has(name))
}

async function namesOf(files: Files): Promise<string[]> {
  const [segments, snapshots] = [await listSegments(files), await listFiles(files)]
  return [...segments.map(String), ...snapshots.map(({ path }) => path)]
}
