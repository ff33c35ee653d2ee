import { loadChecksum } from './checksum.ts'
import { StoreError } from './errors.ts'
import { checkDirectoryPath, checkFilePath, checkOpenMode } from './file-arguments.ts'
import { directoryOf, type Files, type OpenFile, type OpenMode } from './files.ts'
import type { LevelDatabase, LevelOperation, LevelRange } from './level-database.ts'
import { levelError } from './level-error.ts'
import { LevelFile } from './level-file.ts'
import { LevelInode } from './level-inode.ts'
import { LevelKeys } from './level-keys.ts'
import { checkFormat, damaged, encodeFormat, type LevelEntry, LevelRecords } from './level-records.ts'

const ENCODINGS = { keyEncoding: 'utf8', valueEncoding: 'view' } as const

/**
 * `Files` in an abstract-level database, below one key prefix; all other keys are left alone. One instance at a time may use
 * a prefix of a database. Every change of a name is one synced batch, so that `syncDirectory` has nothing left to do.
 */
export class LevelFiles implements Files {
  readonly #database: LevelDatabase
  readonly #keys: LevelKeys
  /** Files that are open. */
  readonly #inodes = new Map<number, LevelInode>()
  #records: Promise<LevelRecords> | undefined
  #nextInode: number | undefined
  #queue: Promise<unknown> = Promise.resolve()

  /** @param prefix the start of every key that is used, `annals:` unless told otherwise */
  constructor(database: LevelDatabase, { prefix = 'annals:' }: { prefix?: string } = {}) {
    if (typeof prefix !== 'string') throw new TypeError(`A prefix must be a string, not ${typeof prefix}`)
    this.#database = database
    this.#keys = new LevelKeys(prefix)
  }

  async open(path: string, mode: OpenMode): Promise<OpenFile> {
    checkFilePath(path)
    checkOpenMode(mode)
    return this.#inTurn('open', path, async (records) => {
      const entry = await this.#entry(records, path)
      if (mode === 'create') {
        await this.#expectDirectory(records, 'open', directoryOf(path))
        if (entry !== undefined) throw failure('ERR_FILE_EXISTS', 'open', path, 'it exists')
        return this.#handle(await this.#create(records, path), path, mode)
      }
      const number = await this.#expectFile(records, entry, 'open', path)
      return this.#handle(this.#inodes.get(number) ?? (await this.#load(records, number)), path, mode)
    })
  }

  async rename(from: string, to: string): Promise<void> {
    checkFilePath(from)
    checkFilePath(to)
    return this.#inTurn('rename', from, async (records) => {
      const inode = await this.#expectFile(records, await this.#entry(records, from), 'rename', from)
      await this.#expectDirectory(records, 'rename', directoryOf(to))
      const replaced = await this.#entry(records, to)
      if (replaced?.kind === 'directory') throw failure('ERR_IO', 'rename', from, 'a directory stands there')
      if (from === to) return
      const key = this.#keys.entry(to)
      const operations: LevelOperation[] = [
        { type: 'put', key, value: records.encodeEntry(key, { kind: 'file', inode }) },
        { type: 'del', key: this.#keys.entry(from) },
      ]
      await this.#change(records, operations, replaced?.inode)
    })
  }

  async remove(path: string): Promise<void> {
    checkFilePath(path)
    return this.#inTurn('remove', path, async (records) => {
      const inode = await this.#expectFile(records, await this.#entry(records, path), 'remove', path)
      await this.#change(records, [{ type: 'del', key: this.#keys.entry(path) }], inode)
    })
  }

  async list(directory: string): Promise<string[]> {
    checkDirectoryPath(directory)
    return this.#inTurn('list', directory, async (records) => {
      await this.#expectDirectory(records, 'list', directory)
      const keys = await this.#keysIn(this.#keys.entries(directory))
      // The database sorts by UTF-8 bytes, which differ from code units beyond the basic plane.
      return keys.map((key) => this.#keys.nameOf(key)).sort()
    })
  }

  async makeDirectory(path: string): Promise<void> {
    checkDirectoryPath(path)
    return this.#inTurn('make directory', path, async (records) => {
      if (path === '') return
      await this.#expectDirectory(records, 'make directory', directoryOf(path))
      const entry = await this.#entry(records, path)
      if (entry?.kind === 'file') throw failure('ERR_FILE_EXISTS', 'make directory', path, 'a file stands there')
      if (entry !== undefined) return
      const key = this.#keys.entry(path)
      await this.#change(records, [{ type: 'put', key, value: records.encodeEntry(key, { kind: 'directory' }) }])
    })
  }

  async syncDirectory(path: string): Promise<void> {
    checkDirectoryPath(path)
    return this.#inTurn('sync directory', path, (records) => this.#expectDirectory(records, 'sync directory', path))
  }

  async #create(records: LevelRecords, path: string): Promise<LevelInode> {
    const number = await this.#prepareForChanges(records)
    // Taken even if the batch fails: the database may have it all the same.
    this.#nextInode = number + 1
    const inode = new LevelInode(this.#database, this.#keys, records, number, 0)
    const key = this.#keys.entry(path)
    const value = records.encodeEntry(key, { kind: 'file', inode: number })
    await this.#change(records, [inode.birth(), { type: 'put', key, value }])
    return inode
  }

  async #load(records: LevelRecords, number: number): Promise<LevelInode> {
    const key = this.#keys.inode(number)
    const bytes = await this.#database.get(key, ENCODINGS)
    if (bytes === undefined) throw damaged(key, 'it is missing')
    return new LevelInode(this.#database, this.#keys, records, number, records.decodeInode(key, bytes))
  }

  #handle(inode: LevelInode, path: string, mode: OpenMode): OpenFile {
    inode.handleCount++
    this.#inodes.set(inode.number, inode)
    return new LevelFile(inode, path, mode, async () => {
      inode.handleCount--
      // One with unsynced blocks stays: a later handle's sync must find them.
      if (inode.handleCount > 0 || (inode.isUnsynced && !inode.isRemoved)) return
      this.#inodes.delete(inode.number)
      if (inode.isRemoved) await inode.free()
    })
  }

  /** Makes a change of names durable. A file that loses its name is freed now, or when its last handle is closed. */
  async #change(records: LevelRecords, operations: LevelOperation[], orphaned?: number): Promise<void> {
    await this.#prepareForChanges(records)
    if (orphaned !== undefined) {
      operations.push({ type: 'put', key: this.#keys.orphan(orphaned), value: new Uint8Array(0) })
    }
    await this.#database.batch(operations, { ...ENCODINGS, sync: true })
    if (orphaned === undefined) return
    const known = this.#inodes.get(orphaned)
    if (known !== undefined && known.handleCount > 0) {
      known.isRemoved = true
      return
    }
    this.#inodes.delete(orphaned)
    await this.#free(records, orphaned)
  }

  /** Before the first change: writes the format, frees what a killed process left, and finds the next inode number. */
  async #prepareForChanges(records: LevelRecords): Promise<number> {
    if (this.#nextInode !== undefined) return this.#nextInode
    const format = this.#keys.format
    if ((await this.#database.get(format, ENCODINGS)) === undefined) {
      await this.#database.batch([{ type: 'put', key: format, value: encodeFormat() }], { ...ENCODINGS, sync: true })
      await this.#checkFormat()
    }
    this.#nextInode = (await this.#highestInode(records)) + 1
    for (const key of await this.#keysIn(this.#keys.orphans())) {
      const number = this.#keys.inodeIn(key)
      if (number !== undefined) await this.#free(records, number)
    }
    return this.#nextInode
  }

  /**
   * The highest number that anything bears, be it only a block without a file or a name without one: after damage to the
   * database a new file must not share their bytes.
   */
  async #highestInode(records: LevelRecords): Promise<number> {
    const numbers = [0]
    for (const range of this.#keys.numbered()) {
      const newest = await this.#keysIn({ ...range, reverse: true, limit: 1 })
      for (const key of newest) numbers.push(this.#keys.inodeIn(key) ?? 0)
    }
    const entryKeys = await this.#keysIn(this.#keys.allEntries())
    const entries = await this.#database.getMany(entryKeys, ENCODINGS)
    for (const [index, bytes] of entries.entries()) {
      if (bytes !== undefined) numbers.push(records.inodeOf(entryKeys[index]!, bytes) ?? 0)
    }
    return numbers.reduce((left, right) => Math.max(left, right))
  }

  async #keysIn(range: LevelRange): Promise<string[]> {
    const keys: string[] = []
    for await (const key of this.#database.keys({ ...range, keyEncoding: 'utf8' })) keys.push(key)
    return keys
  }

  #free(records: LevelRecords, number: number): Promise<void> {
    return new LevelInode(this.#database, this.#keys, records, number, 0).free()
  }

  async #entry(records: LevelRecords, path: string): Promise<LevelEntry | undefined> {
    const key = this.#keys.entry(path)
    const bytes = await this.#database.get(key, ENCODINGS)
    return bytes === undefined ? undefined : records.decodeEntry(key, bytes)
  }

  async #expectDirectory(records: LevelRecords, operation: string, path: string): Promise<void> {
    if (path === '') return
    const entry = await this.#entry(records, path)
    if (entry?.kind === 'file') throw failure('ERR_IO', operation, path, 'it is not a directory')
    if (entry !== undefined) return
    await this.#expectDirectory(records, operation, directoryOf(path))
    throw failure('ERR_FILE_NOT_FOUND', operation, path, 'it does not exist')
  }

  async #expectFile(
    records: LevelRecords,
    entry: LevelEntry | undefined,
    operation: string,
    path: string,
  ): Promise<number> {
    if (entry?.kind === 'file') return entry.inode
    if (entry?.kind === 'directory') throw failure('ERR_IO', operation, path, 'it is a directory')
    await this.#expectDirectory(records, operation, directoryOf(path))
    throw failure('ERR_FILE_NOT_FOUND', operation, path, 'it does not exist')
  }

  async #checkFormat(): Promise<void> {
    const bytes = await this.#database.get(this.#keys.format, ENCODINGS)
    if (bytes !== undefined) checkFormat(this.#keys.format, bytes)
  }

  /** Names are looked up before they are changed, so these calls must not overlap. */
  #inTurn<Result>(operation: string, path: string, work: (records: LevelRecords) => Promise<Result>): Promise<Result> {
    const result = this.#queue.then(async () => {
      try {
        // A database that could not be opened this time may be the next.
        this.#records ??= this.#begin().catch((error) => {
          this.#records = undefined
          throw error
        })
        return await work(await this.#records)
      } catch (error) {
        throw levelError(error, operation, path)
      }
    })
    this.#queue = result.catch(() => undefined)
    return result
  }

  async #begin(): Promise<LevelRecords> {
    await this.#checkFormat()
    return new LevelRecords(await loadChecksum())
  }
}

function failure(
  code: 'ERR_IO' | 'ERR_FILE_NOT_FOUND' | 'ERR_FILE_EXISTS',
  operation: string,
  path: string,
  reason: string,
): StoreError {
  return new StoreError(code, `Could not ${operation} '${path}': ${reason}`, { details: { path, operation } })
}
