import { mkdir, open, realpath, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { StoreError } from './errors.ts'
import { systemCode, systemError } from './system-error.ts'

/** Where a directory really is, and which one it is. */
export interface DirectoryLocation {
  /** Absolute, without symbolic links. */
  readonly realPath: string
  /** Device and inode: equal for two paths to one directory, whatever links or mounts lie between. */
  readonly identity: string
}

/**
 * Finds a directory, or with `create` makes it, with the parents it lacks, all durable when this resolves. `undefined` means
 * that it is not there and was not to be made.
 *
 * @throws {StoreError} `ERR_FILE_EXISTS` when something else stands there, `ERR_PERMISSION`, `ERR_DISK_FULL`, `ERR_IO`
 */
export async function locateDirectory(
  path: string,
  { create }: { create: boolean },
): Promise<DirectoryLocation | undefined> {
  if (typeof path !== 'string' || path === '') throw new TypeError('A directory path must not be empty')
  const absolute = resolve(path)
  try {
    if (create) await makeDirectories(absolute)
    const realPath = await realpath(absolute)
    // Inode numbers of some file systems do not fit a double.
    const status = await stat(realPath, { bigint: true })
    if (!status.isDirectory()) {
      throw new StoreError('ERR_FILE_EXISTS', `'${path}' is not a directory`, {
        details: { path, operation: 'locate' },
      })
    }
    return { realPath, identity: `${status.dev}:${status.ino}` }
  } catch (error) {
    if (!create && systemCode(error) === 'ENOENT') return undefined
    throw systemError(error, 'locate', path)
  }
}

/** Makes the entries of a directory durable; Windows has no such call, and refuses to open a directory. */
export async function syncDirectoryAt(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function makeDirectories(absolute: string): Promise<void> {
  const firstMade = await mkdir(absolute, { recursive: true })
  if (firstMade === undefined) {
    // A process killed between making the directory and syncing its parent leaves an entry that only looks durable.
    await syncIfAllowed(dirname(absolute))
    return
  }
  const highestParent = dirname(firstMade)
  for (let parent = dirname(absolute); ; parent = dirname(parent)) {
    await syncDirectoryAt(parent)
    if (parent === highestParent || parent === dirname(parent)) return
  }
}

/** The parent of a directory that was there already may be closed to us, and then it was not us who made it. */
async function syncIfAllowed(path: string): Promise<void> {
  try {
    await syncDirectoryAt(path)
  } catch (error) {
    if (systemError(error, 'sync directory', path).code !== 'ERR_PERMISSION') throw error
  }
}
