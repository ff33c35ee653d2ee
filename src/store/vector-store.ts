import { throwIfAborted } from '../base/abort.ts'
import { checksumText } from '../base/checksum.ts'
import { isStoreError, StoreError } from '../base/errors.ts'
import type { MemoryLedger } from '../engine/memory-ledger.ts'
import type { VectorType } from '../engine/vector-type.ts'
import type { BackupReport } from '../replay/backup.ts'
import { checkCollection, digestHex } from '../replay/check-collection.ts'
import { verifyFiles } from '../replay/verify.ts'
import { problemOf, type VerifyProblem, type VerifyReport } from '../replay/verify-report.ts'
import { digestGraphs } from '../snapshots/index-digests.ts'
import { Collection, type CollectionHost, type CollectionInfo, infoOf } from './collection.ts'
import { type BackupCallOptions, backupCore } from './copies.ts'
import { rejectAsIndexError } from './index-error.ts'
import { type CollectionSettings, checkName, checkSettings } from './inputs.ts'
import { createEphemeralSurroundings, locate, type StoreLocation } from './locations.ts'
import { shareStore } from './open-stores.ts'
import {
  type OpenOptions,
  type Progress,
  type ResolvedOptions,
  refuseUnknownOptions,
  resolveOptions,
  sharedOptionsKey,
} from './options.ts'
import type { SnapshotCallOptions, SnapshotResult } from './snapshot-result.ts'
import { StoreCore, type Surroundings } from './store-core.ts'
import { type StoreStats, statsOf } from './store-stats.ts'

/** Hash of what is stored, equal on every copy that applied the same log. */
export interface Digest {
  readonly lsn: number
  /** 16 hexadecimal digits. */
  readonly data: string
  /** 16 hexadecimal digits; missing where it was not asked for. */
  readonly index?: string
}

export interface DigestOptions {
  /** Give the part `index` as well, which waits until the index is built up to this LSN. Default `true`. */
  readonly index?: boolean
}

export interface VerifyStoreOptions {
  readonly onProgress?: (progress: Progress) => void
  readonly signal?: AbortSignal
}

const NEVER = Number.POSITIVE_INFINITY

/**
 * A vector store: collections of vectors over one log. A write that resolved is on disk, survives any kill, and comes back bit
 * for bit. After `close()` every call rejects or throws `ERR_STORE_CLOSED`.
 */
export class VectorStore implements AsyncDisposable {
  readonly #core: StoreCore
  readonly #release: () => Promise<void>
  readonly #host: CollectionHost
  #closing: Promise<void> | undefined

  private constructor(core: StoreCore, release: () => Promise<void>) {
    this.#core = core
    this.#release = release
    this.#host = { core, requireOpen: () => this.#requireOpen() }
  }

  /**
   * Opens the store in a directory, which is made where it is missing, or in an abstract-level database, which stays the
   * caller's to close. In one process, opening a directory again with equal options shares the store; it closes with the last.
   * @throws StoreError `ERR_STORE_LOCKED`, `ERR_STORE_OPTIONS`, `ERR_STORE_NOT_FOUND` (`readOnly`), `ERR_LOG_CORRUPT`,
   * `ERR_FORMAT_VERSION`, or what the disk says; TypeError, RangeError.
   */
  static async open(location: StoreLocation, options: OpenOptions = {}): Promise<VectorStore> {
    const resolved = resolveOptions(options)
    throwIfAborted(resolved.signal, 'opening')
    const { identity, surroundings } = await locate(location, { create: !resolved.readOnly })
    if (resolved.readOnly) return VectorStore.#openCore(await surroundings({ lock: false }), resolved)
    const { core, release } = await shareStore(identity, sharedOptionsKey(resolved), async () =>
      openOrRelease(await surroundings({ lock: true }), resolved),
    )
    const store = new VectorStore(core, release)
    // A store that another caller has opened knows nothing of this one's signal.
    if (resolved.signal?.aborted) await store.close()
    throwIfAborted(resolved.signal, 'opening')
    return store
  }

  /** A store in memory, for tests and throw-away use. It ends with `close()`, and takes no snapshots unless it is told when. */
  static async ephemeral(options: Omit<OpenOptions, 'readOnly' | 'at'> = {}): Promise<VectorStore> {
    resolveOptions(options)
    const resolved = resolveOptions({ snapshotBytes: NEVER, snapshotRecords: NEVER, ...options })
    return VectorStore.#openCore(await createEphemeralSurroundings(), resolved)
  }

  /** @internal Opens a store on given files: for the crash suite. */
  static async openWith(surroundings: Surroundings, options: OpenOptions = {}): Promise<VectorStore> {
    return VectorStore.#openCore(surroundings, resolveOptions(options))
  }

  static async #openCore(surroundings: Surroundings, options: ResolvedOptions): Promise<VectorStore> {
    const core = await openOrRelease(surroundings, options)
    return new VectorStore(core, () => core.close())
  }

  get readOnly(): boolean {
    return this.#core.readOnly
  }

  /**
   * The collection of a name. With settings it is created where it is missing, and resolves when that is on disk; without
   * them it must be there, and `T` is its vectors' type as the caller knows it.
   * @throws StoreError `ERR_COLLECTION_NOT_FOUND`, `ERR_COLLECTION_MISMATCH`, `ERR_COLLECTION_NAME`, `ERR_READ_ONLY`; TypeError, RangeError.
   */
  async collection<M extends object = object, T extends VectorType = 'float32'>(
    name: string,
    settings?: CollectionSettings<T>,
  ): Promise<Collection<M, T>> {
    this.#requireOpen()
    checkName(name)
    const shape = settings === undefined ? undefined : checkSettings(settings)
    const view = await this.#core.collection(name, shape)
    this.#requireOpen()
    return new Collection<M, T>(this.#host, view)
  }

  /** The collections, in the order in which they were created. */
  collections(): CollectionInfo[] {
    this.#requireOpen()
    return this.#core.state.collections().map(infoOf)
  }

  /** Drops a collection with all its entries. Resolves with whether there was one, when that is on disk. */
  async drop(name: string): Promise<boolean> {
    this.#requireOpen()
    checkName(name)
    return this.#core.drop(name)
  }

  /** Resolves when everything written before is on disk: what `durability: 'async'` leaves open. */
  async sync(): Promise<void> {
    this.#requireOpen()
    if (!this.#core.readOnly) await this.#core.writer().sync()
  }

  /**
   * Writes a snapshot of the state as of this call, or a later one, from which the next opening goes on, and removes the log
   * that nothing needs any more. Reads, writes and building go on meanwhile. It waits for the parts of the index that were
   * ordered before it. Once it resolves, the snapshot is on disk and was read back.
   * @throws StoreError `ERR_READ_ONLY`, `ERR_ABORTED`, `ERR_STORE_CLOSED`, `ERR_POISONED`, what building the index failed with,
   * or what the disk says; TypeError.
   */
  async snapshot(options: SnapshotCallOptions = {}): Promise<SnapshotResult> {
    this.#requireOpen()
    refuseUnknownOptions(options, ['signal', 'onProgress'], 'snapshot')
    this.#core.writer()
    return this.#core.snapshots.take(options)
  }

  /**
   * Copies the store to another place, which must be empty: a directory, or an abstract-level database. A writer takes a
   * snapshot first and copies that; a reader copies what it sees. Reads and writes go on meanwhile. Once it resolves, the copy
   * is on disk, was read back, and is a store; before, nothing opens it.
   * @throws StoreError `ERR_FILE_EXISTS` where something stands there, what {@link snapshot} throws, `ERR_SNAPSHOT_CORRUPT`,
   * `ERR_LOG_CORRUPT`, `ERR_HISTORY_TRUNCATED` where a reader sees what is gone, or what the files say; TypeError.
   */
  async backup(location: StoreLocation, options: BackupCallOptions = {}): Promise<BackupReport> {
    this.#requireOpen()
    return backupCore(this.#core, location, options)
  }

  /**
   * The digest of the state as of this call; writes may go on meanwhile. `data` hashes what users stored, `index` the graphs.
   * @throws StoreError what building the index failed with; TypeError.
   */
  async digest(options: DigestOptions = {}): Promise<Digest> {
    this.#requireOpen()
    refuseUnknownOptions(options, ['index'], 'digest')
    const { index: isIndexWanted = true } = options
    if (typeof isIndexWanted !== 'boolean') throw new TypeError('index must be a boolean')
    const { state, checksum, surroundings, threads } = this.#core
    const { yieldToEventLoop } = surroundings
    const lsn = state.lsn
    const hashing = digestHex(state, { checksum, yieldToEventLoop })
    if (!isIndexWanted) return { lsn, data: await hashing }
    const indexing = threads.whileHeld(() =>
      digestGraphs(state, { checksum, yieldToEventLoop }).catch(rejectAsIndexError),
    )
    const [data, index] = await Promise.all([hashing, indexing])
    return { lsn, data, index: checksumText(index) }
  }

  /**
   * Reads the whole log back from disk, checks every byte, replays it into a second state, and compares that state with the
   * one in memory. Needs as much memory again as the store has.
   */
  async verify(options: VerifyStoreOptions = {}): Promise<VerifyReport> {
    this.#requireOpen()
    refuseUnknownOptions(options, ['onProgress', 'signal'], 'verify')
    const { checksum, state, surroundings } = this.#core
    const { yieldToEventLoop } = surroundings
    // Taken before the sync, which then covers all that it saw, whatever is written meanwhile.
    const { lsn } = state
    const digesting = this.digest({ index: false }).then(
      ({ data }) => ({ lsn, data }),
      // Vectors that are on disk may be damaged there.
      (error: unknown) => {
        if (!isStoreError(error, 'ERR_CHUNK_CORRUPT') && !isStoreError(error, 'ERR_IO')) throw error
        return { lsn, data: undefined, found: problemOf(error) }
      },
    )
    if (!this.#core.readOnly) await this.#core.writer().sync()
    const live = await digesting
    const report = await verifyFiles(surroundings.files, {
      ...verifyOptionsOf(options),
      checksum,
      yieldToEventLoop,
      untilLsn: live.lsn,
    })
    if (report === undefined) throw new StoreError('ERR_STORE_NOT_FOUND', `the files of ${surroundings.name} are gone`)
    const problems = [...report.problems]
    const problem = (found: Omit<VerifyProblem, 'effect'>) => problems.push({ ...found, effect: 'loss' })
    for (const collection of state.collections())
      for (const found of await checkCollection(collection, { yieldToEventLoop })) problem(found)
    if ('found' in live && !problems.some(({ path }) => path === live.found.path)) problem(live.found)
    if (report.lsn === live.lsn && live.data !== undefined && report.digest !== live.data) {
      const message = `the state in memory (digest ${live.data}) is not what the log replays to (${report.digest}) at LSN ${live.lsn}`
      problem({ code: 'ERR_LOG_CORRUPT', message, lsn: live.lsn })
    }
    if (report.lsn < live.lsn && problems.length === 0) {
      problem({
        code: 'ERR_LOG_CORRUPT',
        message: `the log on disk ends at LSN ${report.lsn}, before LSN ${live.lsn}`,
        lsn: report.lsn + 1,
      })
    }
    return { ...report, problems, ok: problems.length === 0 }
  }

  stats(): StoreStats {
    this.#requireOpen()
    return statsOf(this.#core, this.collections())
  }

  /** Bytes of memory by component, as each reports itself, and their sum. */
  memoryUsage(): MemoryLedger {
    this.#requireOpen()
    return this.#core.memoryUsage()
  }

  /**
   * Waits until everything written is on disk, then gives up the files and the lock. Calling it again gives the same promise.
   * @throws StoreError where asynchronous writes that were acknowledged may be lost. The store is closed all the same.
   */
  close(): Promise<void> {
    this.#closing ??= this.#release()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #requireOpen(): void {
    if (this.#closing === undefined) return
    throw new StoreError('ERR_STORE_CLOSED', `${this.#core.surroundings.name} is closed`)
  }
}

/** A store that does not open gives back what it was given: the lock above all. */
async function openOrRelease(surroundings: Surroundings, options: ResolvedOptions): Promise<StoreCore> {
  try {
    return await StoreCore.open(surroundings, options)
  } catch (error) {
    await surroundings.release()
    throw error
  }
}

export function verifyOptionsOf({ onProgress, signal }: VerifyStoreOptions): {
  onProgress: (done: number, total: number) => void
  signal: AbortSignal | undefined
} {
  return { signal, onProgress: (done, total) => onProgress?.({ phase: 'verify', done, total }) }
}
