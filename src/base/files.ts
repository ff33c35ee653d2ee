/**
 * The one way from annals to a disk. Everything above this port is tested on a file system that crashes, so the contract
 * below says what each call promises when it returns, and what may be left when it does not.
 *
 * Paths are relative to the store's directory, with `/` between names, never starting with `/`; `''` is the directory itself.
 *
 * Durability. A call other than `sync` and `syncDirectory` promises only that later calls through the same port see its
 * effect. After a crash, any subset of the 512-byte sectors written since the last `sync` of a file may have survived, its
 * size may be any it had since then, and any directory entry made, renamed or removed since the last `syncDirectory` of its
 * directory may be there or not, each on its own. A rename is all or nothing at its target: the target shows the old file or
 * the new one.
 *
 * Concurrency. Calls on one file are made one at a time, except reads, which may overlap each other and a write behind them.
 * Calls on different files may overlap.
 *
 * Errors. Every rejection is a `StoreError`: `ERR_FILE_NOT_FOUND`, `ERR_FILE_EXISTS`, `ERR_DISK_FULL`, `ERR_PERMISSION`
 * (no right to do it, or a read-only file system), else `ERR_IO`, with the system's own error as `cause` and `details.path`.
 * After a failed `sync` nothing is known about what was written since the last good one, and calling it again proves nothing:
 * the system may have dropped the pages and call the file clean. Callers never retry it.
 */
export interface Files {
  /** Whether its files have {@link OpenFile.readNow}. */
  readonly readsNow?: boolean
  /**
   * Opens a file. `'read'`: it must exist. `'update'`: it must exist; reading and writing. `'create'`: it must not exist;
   * reading and writing. The entry that `'create'` makes is durable after `syncDirectory` of its directory.
   */
  open(path: string, mode: OpenMode): Promise<OpenFile>
  /** Names a file anew, replacing what stands at `to`. Durable after `syncDirectory` of `to`'s directory. */
  rename(from: string, to: string): Promise<void>
  /** Removes a file. Handles open on it stay readable. Durable after `syncDirectory` of its directory. */
  remove(path: string): Promise<void>
  /** The names of the files and directories in a directory, in code-unit order. */
  list(directory: string): Promise<string[]>
  /** Makes a directory whose parent exists. One that is there already is no error. */
  makeDirectory(path: string): Promise<void>
  /** Makes the entries of a directory durable. Where the platform cannot (Windows), it does nothing. */
  syncDirectory(path: string): Promise<void>
}

export type OpenMode = 'read' | 'update' | 'create'

/** One open file. All positions and sizes are in bytes. */
export interface OpenFile {
  /**
   * Reads into `target` from `position` until it is full or the file ends, and resolves with the bytes read: fewer than
   * asked means the end of the file, never a short read.
   */
  read(target: Uint8Array, position: number): Promise<number>
  /**
   * The same at once, on the calling thread, where the implementation can: what the system has in its cache comes several
   * times sooner than by way of a promise. Throws what `read` rejects with.
   */
  readNow?(target: Uint8Array, position: number): number
  /**
   * Writes bytes at `position` and resolves with how many were written, at least one unless `bytes` is empty: like the
   * system call, it may write fewer than asked and only fail on the next call. Use `writeFully`. Writing past the end fills
   * the gap with zeros. A write that rejects may have written any part. `bytes` is not read after it settles.
   */
  write(bytes: Uint8Array, position: number): Promise<number>
  /** Cuts the file at `size`, or extends it with zeros. */
  truncate(size: number): Promise<void>
  size(): Promise<number>
  /** Makes the file's bytes and its size durable (fdatasync). The entry in its directory is not included. */
  sync(): Promise<void>
  /** Closes the handle, without syncing. Closing twice is no error; any other call on a closed file is `ERR_IO`. */
  close(): Promise<void>
}

/** Writes all of `bytes` at `position`, over as many short writes as the disk makes of it. */
export async function writeFully(file: OpenFile, bytes: Uint8Array, position: number): Promise<void> {
  let written = 0
  while (written < bytes.byteLength) {
    written += await file.write(written === 0 ? bytes : bytes.subarray(written), position + written)
  }
}

/** The directory that holds `path`: `''` for a name at the top. */
export function directoryOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash < 0 ? '' : path.slice(0, slash)
}
