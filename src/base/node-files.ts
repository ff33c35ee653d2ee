import { fstatSync, readSync, writeSync } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { StoreError } from './errors.ts'
import { checkByteCount, checkDirectoryPath, checkFilePath, checkOpenMode } from './file-arguments.ts'
import type { Files, OpenFile, OpenMode } from './files.ts'
import { syncDirectoryAt } from './node-directories.ts'
import { systemCode, systemError } from './system-error.ts'

export { locateDirectory } from './node-directories.ts'

/**
 * Up to this size a transfer runs on the calling thread. Measured on two cores with a warm page cache, Node 20: `writeSync`
 * takes 1.0 us for 64 bytes, 2.6 us for 64 KiB, 8.5 us for 256 KiB and 56 us for 1 MiB; `FileHandle.write` 47, 18, 25 and
 * 78 us, nearly all of it the way to the thread pool and back. Beyond 64 KiB the copying itself begins to show, and a disk
 * that is behind may hold the caller up for longer, so larger transfers leave the event loop free.
 */
const DIRECT_BYTES = 64 * 1024

/** One system call moves less than 2 GiB, and Node refuses to be asked for more. */
const TRANSFER_BYTES = 1024 * 1024 * 1024

const FLAGS: Readonly<Record<OpenMode, string>> = { read: 'r', update: 'r+', create: 'wx+' }

/** `Files` over Node's file system, in one directory. */
export class NodeFiles implements Files {
  readonly readsNow = true
  readonly #root: string

  /** @param rootPath the store's directory; it need not exist yet */
  constructor(rootPath: string) {
    if (typeof rootPath !== 'string' || rootPath === '') throw new TypeError('The root must be the path of a directory')
    this.#root = rootPath
  }

  async open(path: string, mode: OpenMode): Promise<OpenFile> {
    checkFilePath(path)
    checkOpenMode(mode)
    try {
      const handle = await open(join(this.#root, path), FLAGS[mode])
      // The system opens a directory for reading and fails at the first read; here it fails at once.
      if (mode !== 'read' || (await handle.stat()).isFile()) return new NodeFile(handle, path)
      await handle.close()
    } catch (error) {
      throw systemError(error, 'open', path)
    }
    throw notAFile('open', path)
  }

  async rename(from: string, to: string): Promise<void> {
    checkFilePath(from)
    checkFilePath(to)
    try {
      const source = join(this.#root, from)
      if ((await lstat(source)).isDirectory()) throw notAFile('rename', from)
      await rename(source, join(this.#root, to))
    } catch (error) {
      throw systemError(error, 'rename', from)
    }
  }

  async remove(path: string): Promise<void> {
    checkFilePath(path)
    try {
      const target = join(this.#root, path)
      // Unlinking a directory is EISDIR on Linux and EPERM elsewhere, and it is no question of rights.
      if ((await lstat(target)).isDirectory()) throw notAFile('remove', path)
      await unlink(target)
    } catch (error) {
      throw systemError(error, 'remove', path)
    }
  }

  async list(directory: string): Promise<string[]> {
    checkDirectoryPath(directory)
    try {
      const names = await readdir(join(this.#root, directory))
      return names.sort()
    } catch (error) {
      throw systemError(error, 'list', directory)
    }
  }

  async makeDirectory(path: string): Promise<void> {
    checkDirectoryPath(path)
    const target = join(this.#root, path)
    try {
      await mkdir(target)
    } catch (error) {
      if (systemCode(error) === 'EEXIST' && (await isDirectory(target))) return
      throw systemError(error, 'make directory', path)
    }
  }

  async syncDirectory(path: string): Promise<void> {
    checkDirectoryPath(path)
    try {
      await syncDirectoryAt(join(this.#root, path))
    } catch (error) {
      throw systemError(error, 'sync directory', path)
    }
  }
}

class NodeFile implements OpenFile {
  readonly #handle: FileHandle
  readonly #path: string
  #closing: Promise<void> | undefined

  constructor(handle: FileHandle, path: string) {
    this.#handle = handle
    this.#path = path
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    this.#checkOpen('read')
    checkByteCount(position, 'position')
    try {
      let done = 0
      while (done < target.byteLength) {
        const length = Math.min(target.byteLength - done, TRANSFER_BYTES)
        const count =
          length <= DIRECT_BYTES
            ? readSync(this.#handle.fd, target, done, length, position + done)
            : (await this.#handle.read(target, done, length, position + done)).bytesRead
        if (count === 0) break
        done += count
      }
      return done
    } catch (error) {
      throw systemError(error, 'read', this.#path)
    }
  }

  readNow(target: Uint8Array, position: number): number {
    this.#checkOpen('read')
    checkByteCount(position, 'position')
    try {
      let done = 0
      while (done < target.byteLength) {
        const length = Math.min(target.byteLength - done, TRANSFER_BYTES)
        const count = readSync(this.#handle.fd, target, done, length, position + done)
        if (count === 0) break
        done += count
      }
      return done
    } catch (error) {
      throw systemError(error, 'read', this.#path)
    }
  }

  async write(bytes: Uint8Array, position: number): Promise<number> {
    this.#checkOpen('write')
    checkByteCount(position, 'position')
    if (bytes.byteLength === 0) return 0
    const length = Math.min(bytes.byteLength, TRANSFER_BYTES)
    let count: number
    try {
      count =
        length <= DIRECT_BYTES
          ? writeSync(this.#handle.fd, bytes, 0, length, position)
          : (await this.#handle.write(bytes, 0, length, position)).bytesWritten
    } catch (error) {
      throw systemError(error, 'write', this.#path)
    }
    // Callers loop until all is written; a write of nothing would keep them there for ever.
    if (count === 0) throw new StoreError('ERR_IO', `A write to '${this.#path}' wrote nothing`, this.#details('write'))
    return count
  }

  async truncate(size: number): Promise<void> {
    this.#checkOpen('truncate')
    checkByteCount(size, 'size')
    try {
      await this.#handle.truncate(size)
    } catch (error) {
      throw systemError(error, 'truncate', this.#path)
    }
  }

  async size(): Promise<number> {
    this.#checkOpen('size')
    try {
      return fstatSync(this.#handle.fd).size
    } catch (error) {
      throw systemError(error, 'size', this.#path)
    }
  }

  async sync(): Promise<void> {
    this.#checkOpen('sync')
    try {
      // On macOS only Node's full fsync asks the drive to empty its cache (F_FULLFSYNC).
      await (process.platform === 'darwin' ? this.#handle.sync() : this.#handle.datasync())
    } catch (error) {
      throw systemError(error, 'sync', this.#path)
    }
  }

  async close(): Promise<void> {
    // The handle waits for calls that are under way, so that its number is not reused beneath them.
    this.#closing ??= this.#handle.close()
    try {
      await this.#closing
    } catch (error) {
      throw systemError(error, 'close', this.#path)
    }
  }

  #checkOpen(operation: string): void {
    if (this.#closing !== undefined) {
      throw new StoreError('ERR_IO', `Could not ${operation} '${this.#path}': it is closed`, this.#details(operation))
    }
  }

  #details(operation: string): { details: { path: string; operation: string } } {
    return { details: { path: this.#path, operation } }
  }
}

function notAFile(operation: string, path: string): StoreError {
  return new StoreError('ERR_IO', `Could not ${operation} '${path}': it is not a file`, {
    details: { path, operation },
  })
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}
