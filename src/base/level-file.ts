import { StoreError } from './errors.ts'
import { checkByteCount } from './file-arguments.ts'
import type { OpenFile, OpenMode } from './files.ts'
import { levelError } from './level-error.ts'
import type { LevelInode } from './level-inode.ts'

/** A handle on one file of a `LevelFiles`. */
export class LevelFile implements OpenFile {
  readonly #inode: LevelInode
  readonly #path: string
  readonly #mode: OpenMode
  readonly #release: () => Promise<void>
  readonly #underWay = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  constructor(inode: LevelInode, path: string, mode: OpenMode, release: () => Promise<void>) {
    this.#inode = inode
    this.#path = path
    this.#mode = mode
    this.#release = release
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    checkByteCount(position, 'position')
    return this.#run('read', () => this.#inode.read(target, position))
  }

  async write(bytes: Uint8Array, position: number): Promise<number> {
    checkByteCount(position, 'position')
    checkByteCount(position + bytes.byteLength, 'size')
    this.#checkWritable('write')
    return this.#run('write', async () => (bytes.byteLength === 0 ? 0 : this.#inode.write(bytes, position)))
  }

  async truncate(size: number): Promise<void> {
    checkByteCount(size, 'size')
    this.#checkWritable('truncate')
    return this.#run('truncate', () => this.#inode.truncate(size))
  }

  async size(): Promise<number> {
    return this.#run('size', async () => this.#inode.size)
  }

  async sync(): Promise<void> {
    return this.#run('sync', () => this.#inode.sync())
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish()
    return this.#closing
  }

  async #finish(): Promise<void> {
    // The last handle on a removed file takes its blocks with it, and a read under way would find zeros.
    await Promise.allSettled([...this.#underWay])
    try {
      await this.#release()
    } catch (error) {
      throw levelError(error, 'close', this.#path)
    }
  }

  async #run<Result>(operation: string, work: () => Promise<Result>): Promise<Result> {
    if (this.#closing !== undefined) throw this.#refusal(operation, 'it is closed')
    const running = work()
    this.#underWay.add(running)
    try {
      return await running
    } catch (error) {
      throw levelError(error, operation, this.#path)
    } finally {
      this.#underWay.delete(running)
    }
  }

  #checkWritable(operation: string): void {
    if (this.#mode === 'read') throw this.#refusal(operation, 'it is open for reading only')
  }

  #refusal(operation: string, reason: string): StoreError {
    return new StoreError('ERR_IO', `Could not ${operation} '${this.#path}': ${reason}`, {
      details: { path: this.#path, operation },
    })
  }
}
