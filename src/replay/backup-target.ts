import type { Checksum } from '../base/checksum.ts'
import { StoreError } from '../base/errors.ts'
import { type Files, writeFully } from '../base/files.ts'
import { SNAPSHOT_DIRECTORY } from '../snapshots/format.ts'
import { createMark, readMark } from '../wal/durable-mark.ts'
import { MARK_PATH, WAL_DIRECTORY } from '../wal/format.ts'
import type { Position } from '../wal/position.ts'

/** What a writer's lock leaves behind is nobody's data. */
const LOCK_DIRECTORY = 'lock'

/** Stands where the durable mark will: no release takes it for one. */
const UNFINISHED = new TextEncoder().encode('annals: a copy that is not finished')

/**
 * Refuses a place that holds anything.
 * @throws StoreError `ERR_FILE_EXISTS` with `details.reason`: `'store'`, `'unfinished'` for a copy that was interrupted, or
 * `'occupied'`.
 */
export async function requireEmpty(files: Files, checksum: Checksum): Promise<void> {
  const names = (await files.list('')).filter((name) => name !== LOCK_DIRECTORY)
  if (names.length === 0) return
  const { mark } = await readMark(files, checksum)
  if (mark !== undefined) throw refusal('store', 'it holds a store')
  if (await isUnfinished(files, names)) {
    throw refusal(
      'unfinished',
      'it holds what is left of a copy that was interrupted; remove that, or choose another place',
    )
  }
  throw refusal('occupied', `it is not empty: it holds '${names[0]}'`)
}

/** Nothing but a copy has that mark; and before it is there for good, a copy holds nothing else. */
async function isUnfinished(files: Files, names: readonly string[]): Promise<boolean> {
  if (names.some((name) => name !== WAL_DIRECTORY && name !== SNAPSHOT_DIRECTORY)) return false
  const inLog = names.includes(WAL_DIRECTORY) ? await files.list(WAL_DIRECTORY) : []
  if (!inLog.some((name) => MARK_PATH.endsWith(`/${name}`))) return names.length === 1 && inLog.length === 0
  const bytes = await readStart(files, MARK_PATH, UNFINISHED.byteLength + 1)
  const isMarked = bytes.length === UNFINISHED.length && bytes.every((byte, index) => byte === UNFINISHED[index])
  return isMarked || (names.length === 1 && inLog.length === 1 && bytes.length <= UNFINISHED.length)
}

async function readStart(files: Files, path: string, most: number): Promise<Uint8Array> {
  const file = await files.open(path, 'read')
  try {
    const bytes = new Uint8Array(most)
    return bytes.subarray(0, await file.read(bytes, 0))
  } finally {
    await file.close()
  }
}

function refusal(reason: string, what: string): StoreError {
  return new StoreError('ERR_FILE_EXISTS', `nothing can be copied there: ${what}`, { details: { reason } })
}

/**
 * Takes an empty place for a copy. Until {@link publishTarget} it holds a durable mark that says nothing, with which no store
 * opens: an interrupted copy is never taken for a store, not even for a new one.
 * @throws StoreError as {@link requireEmpty} does, or what the files say.
 */
export async function claimTarget(files: Files, checksum: Checksum): Promise<void> {
  await requireEmpty(files, checksum)
  await files.makeDirectory(WAL_DIRECTORY)
  await files.syncDirectory('')
  const file = await files.open(MARK_PATH, 'create')
  try {
    await writeFully(file, UNFINISHED, 0)
    await file.sync()
  } finally {
    await file.close()
  }
  await files.syncDirectory(WAL_DIRECTORY)
}

/** Makes a store of what was copied: the mark comes last, when all that it covers is on disk and was read back. */
export async function publishTarget(
  files: Files,
  { storeId, position }: { readonly storeId: Uint8Array; readonly position: Position },
  checksum: Checksum,
): Promise<void> {
  await createMark(files, { storeId, position, sequence: 1 }, checksum)
  const { mark, damagedSlots } = await readMark(files, checksum)
  if (mark?.position.chain === position.chain && mark.position.lsn === position.lsn && damagedSlots === 0) return
  throw readBackError(MARK_PATH)
}

export function readBackError(path: string, cause?: unknown): StoreError {
  const message = `what was written to ${path} cannot be read back`
  return new StoreError('ERR_IO', message, { cause, details: { path } })
}
