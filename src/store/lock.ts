import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { StoreError } from '../base/errors.ts'
import { levelErrorCode } from '../base/level-error.ts'

/** Held until `release`, or until the process ends, however it ends. */
export interface Lock {
  release(): Promise<void>
}

/**
 * Takes the writer's lock of a directory: an empty LevelDB database in `lock/`, whose LOCK file the kernel frees at once when
 * its owner dies. It holds no data; what is damaged in it is cleared away, but the LOCK file is never removed.
 * @param realPath the directory without symbolic links, so that one directory has one lock.
 * @throws StoreError `ERR_STORE_LOCKED` while another process holds it.
 */
export async function acquireLock(realPath: string): Promise<Lock> {
  // Loaded when first needed: a store over a given database never locks, and has no native code to load.
  const { Level } = await import('level')
  const location = join(realPath, 'lock')
  const open = async (): Promise<Lock> => {
    const database = new Level(location)
    await database.open()
    return { release: () => database.close() }
  }
  try {
    return await open()
  } catch (error) {
    const failure = lockFailure(realPath, error)
    // What is damaged, and how, LevelDB does not always tell; nothing in there is worth keeping.
    if (failure.code !== 'ERR_IO') throw failure
  }
  try {
    await clear(location)
    return await open()
  } catch (error) {
    throw lockFailure(realPath, error)
  }
}

/**
 * Removes everything but the LOCK: it is held by its inode, and two processes that made it anew at once would hold one each.
 */
async function clear(location: string): Promise<void> {
  const names = await readdir(location)
  for (const name of names.filter((found) => found !== 'LOCK'))
    await rm(join(location, name), { recursive: true, force: true })
}

function locked(realPath: string, cause: unknown): StoreError {
  const message = `${realPath} is open for writing in another process; open it with readOnly: true to read beside it`
  return new StoreError('ERR_STORE_LOCKED', message, { cause, details: { path: realPath } })
}

function lockFailure(realPath: string, cause: unknown): StoreError {
  const codes = levelCodes(cause)
  if (codes.includes('LEVEL_LOCKED')) return locked(realPath, cause)
  const text = String((cause as { cause?: unknown })?.cause ?? cause)
  const message = `the lock of ${realPath} cannot be taken${codes.length > 0 ? ` (${codes.join(', ')})` : ''}: ${text}`
  return new StoreError(levelErrorCode(cause), message, { cause, details: { path: realPath } })
}

/** The codes of an error and its causes: Level says that it is not open, and why only underneath. */
function levelCodes(error: unknown): string[] {
  const codes: string[] = []
  for (let current: unknown = error; typeof current === 'object' && current !== null; ) {
    const { code, cause } = current as { code?: unknown; cause?: unknown }
    if (typeof code === 'string') codes.push(code)
    current = cause
  }
  return codes
}
