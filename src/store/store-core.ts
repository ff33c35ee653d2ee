import { throwIfAborted } from '../base/abort.ts'
import { requireLittleEndian } from '../base/byte-order.ts'
import { type Checksum, loadChecksum } from '../base/checksum.ts'
import { StoreError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import type { CollectionView } from '../engine/collection-state.ts'
import { SlotScorer } from '../engine/index/slot-scorer.ts'
import type { ScanKernel } from '../engine/kernel/scan-kernel.ts'
import { loadWasmKernel } from '../engine/kernel/wasm-kernel.ts'
import { ledgerOf, type MemoryLedger } from '../engine/memory-ledger.ts'
import type { StoreView } from '../engine/store-state.ts'
import { type Recovered, type RecoveryPhase, recoverForReading, recoverForWriting } from '../replay/recovery.ts'
import type { ColdChunks } from '../snapshots/cold-chunks.ts'
import { PinnedParts } from '../snapshots/pinned-parts.ts'
import { bytesToRead } from '../snapshots/reader.ts'
import { Admission, collectionDropped, requireShape } from './admission.ts'
import { GraphKeeper } from './graph-keeper.ts'
import { IndexKeeper } from './index-keeper.ts'
import { IndexThreads } from './index-threads.ts'
import { createEventOf, type NewShape } from './inputs.ts'
import { MemoryEntries } from './memory-entries.ts'
import { MemoryLimit } from './memory-limit.ts'
import type { Addition } from './memory-needs.ts'
import type { ResolvedOptions } from './options.ts'
import { OriginalsKeeper } from './originals-keeper.ts'
import { RecallCalibrations } from './recall-calibration.ts'
import { createColdChunks } from './residency.ts'
import { SearchTurns } from './search-turns.ts'
import { SnapshotKeeper } from './snapshot-keeper.ts'
import { findPast, type KeptPast } from './snapshot-stats.ts'
import { Writer } from './writer.ts'

/** What a store is given from outside: files, time, chance, and a turn of the event loop. */
export interface Surroundings {
  readonly files: Files
  /** Shown in messages. */
  readonly name: string
  readonly now: () => number
  readonly randomBytes: (count: number) => Uint8Array
  readonly yieldToEventLoop: () => Promise<void>
  /** Gives up what the store holds besides its files: the lock, a database of its own. */
  readonly release: () => Promise<void>
}

/** What all handles of one open store share. */
export class StoreCore {
  readonly surroundings: Surroundings
  readonly options: ResolvedOptions
  readonly state: StoreView
  readonly kernel: ScanKernel
  readonly checksum: Checksum
  readonly recovered: Recovered
  readonly recoveryMs: number
  readonly scorer: SlotScorer
  readonly searchTurns: SearchTurns
  readonly threads: IndexThreads
  readonly keeper: IndexKeeper
  readonly snapshots: SnapshotKeeper
  readonly originals: OriginalsKeeper
  readonly limit: MemoryLimit
  readonly graphs: GraphKeeper
  readonly recall = new RecallCalibrations(this)
  readonly #cold: ColdChunks | undefined
  readonly #firstLogLsn: number | undefined
  readonly #writer: Writer | undefined
  readonly #admission: Admission
  readonly #memory = new MemoryEntries()

  private constructor(
    surroundings: Surroundings,
    options: ResolvedOptions,
    recovered: Recovered,
    recoveryMs: number,
    tools: { kernel: ScanKernel; checksum: Checksum; cold: ColdChunks | undefined; past: KeptPast },
  ) {
    this.surroundings = surroundings
    this.options = options
    this.recovered = recovered
    this.recoveryMs = recoveryMs
    this.state = recovered.state
    this.kernel = tools.kernel
    this.checksum = tools.checksum
    this.#cold = tools.cold
    this.#firstLogLsn = tools.past.firstLogLsn
    const { yieldToEventLoop, now } = surroundings
    const { log } = recovered
    const onWritten = (bytes: number) => this.snapshots.noteWritten(bytes)
    this.#writer = log === undefined ? undefined : new Writer(log, options, now, onWritten)
    this.#admission = new Admission(recovered.state)
    this.scorer = new SlotScorer(tools.kernel)
    this.searchTurns = new SearchTurns(yieldToEventLoop)
    this.threads = new IndexThreads(options.threads)
    const onBuilt = (nodes: number) => this.snapshots.noteBuilt(nodes)
    this.keeper = new IndexKeeper({ options, threads: this.threads, writer: this.#writer, yieldToEventLoop, onBuilt })
    const onCaptured = () => this.#considerIndexes()
    const { threads } = this
    const { checksum, cold, past } = tools
    const pinned = new PinnedParts()
    const onTaken = () => this.graphs.considerAll()
    this.snapshots = new SnapshotKeeper(
      { surroundings, options, checksum, cold, pinned, recovered, threads, onCaptured, onTaken },
      past.snapshots,
    )
    const { onProblem } = options
    const common = {
      surroundings,
      checksum,
      state: recovered.state,
      newestSnapshot: () => this.snapshots.newest,
      onProblem,
    }
    const onEnd = (view: CollectionView) => {
      threads.noteEnd()
      this.keeper.consider(view)
    }
    this.originals = new OriginalsKeeper({ ...common, cold })
    this.graphs = new GraphKeeper({ ...common, pinned, onEnd })
    this.limit = new MemoryLimit({
      limitBytes: options.memoryLimitBytes,
      settings: options,
      collections: () => recovered.state.collections(),
      usage: () => this.memoryUsage(),
      snapshotBytes: () => this.snapshots.memoryBytes(),
      canMove: () => !this.readOnly && this.originals.canMoveMore(),
      move: () => this.#leaveMemory(),
    })
    this.#considerIndexes()
    this.originals.considerAll()
    this.graphs.considerAll()
    this.snapshots.consider()
  }

  /**
   * Opens a store on files.
   * @throws StoreError `ERR_STORE_NOT_FOUND` for reading what is not there; else what recovery says.
   */
  static async open(surroundings: Surroundings, options: ResolvedOptions): Promise<StoreCore> {
    requireLittleEndian()
    // Reading an empty log looks at the signal for no record.
    throwIfAborted(options.signal, 'opening')
    const { files, now } = surroundings
    const startedMs = now()
    const [checksum, kernel] = await Promise.all([loadChecksum(), loadWasmKernel()])
    const cold = createColdChunks(files, checksum, options)
    await leaveTooMuch(files, checksum, cold, options)
    const recovery = {
      checksum,
      cold,
      newStoreId: surroundings.randomBytes(16),
      segmentSizeBytes: options.segmentSizeBytes,
      signal: options.signal,
      yieldToEventLoop: surroundings.yieldToEventLoop,
      onProgress: (phase: RecoveryPhase, done: number, total: number) => options.onProgress?.({ phase, done, total }),
    }
    const recovered = options.readOnly
      ? await recoverForReading(files, { ...recovery, at: options.at })
      : await recoverForWriting(files, recovery)
    if (recovered === undefined) throw storeNotFound(surroundings.name)
    const past = await findPast(files, checksum)
    const core = new StoreCore(surroundings, options, recovered, now() - startedMs, { kernel, checksum, cold, past })
    if (recovered.readOnlyBecause !== undefined) options.onProblem?.(core.#readOnlyError())
    await core.#fitIntoMemory()
    return core
  }

  get readOnly(): boolean {
    return this.#writer === undefined
  }

  /**
   * The collection of a name. With a shape it is created where it is missing.
   * @throws StoreError `ERR_COLLECTION_NOT_FOUND` (without a shape), `ERR_COLLECTION_MISMATCH`, `ERR_READ_ONLY`, or what writing says.
   */
  async collection(name: string, shape: NewShape | undefined): Promise<CollectionView> {
    const found = this.#admission.find(name)
    if (found === undefined) {
      if (shape === undefined) throw collectionNotFound(name)
      return this.#create(name, shape)
    }
    if (shape !== undefined) requireShape(name, 'view' in found ? found.view : found.shape, shape)
    return 'view' in found ? found.view : found.pending
  }

  async drop(name: string): Promise<boolean> {
    const writer = this.writer()
    for (;;) {
      const found = this.#admission.find(name)
      if (found === undefined) return false
      if ('view' in found) {
        const pending = writer.write({ type: 'drop', collection: found.view.creationLsn }, `the drop of '${name}'`)
        this.#admission.queueDrop(found.view, pending)
        await pending
        this.keeper.forget(found.view)
        this.scorer.codes.forget(found.view)
        this.#memory.noteDropped(found.view)
        return true
      }
      await found.pending
    }
  }

  /** The writer, for a write to a collection that must be there when it is applied. */
  writerFor(view: CollectionView): Writer {
    const writer = this.writer()
    this.#admission.requireLive(view)
    return writer
  }

  /** @throws StoreError `ERR_READ_ONLY`. */
  writer(): Writer {
    if (this.#writer === undefined) throw this.#readOnlyError()
    return this.#writer
  }

  /** LSN below which everything is known to be on disk. */
  get durableLsn(): number {
    return this.recovered.log?.durablePosition.lsn ?? this.recovered.position.lsn
  }

  /** What there is of the store's past: as of now, or, where it is only read, as of its opening. */
  get past(): KeptPast {
    const firstLogLsn = this.recovered.log?.oldestLsn ?? this.#firstLogLsn
    return { snapshots: this.snapshots.listed, firstLogLsn }
  }

  /** What an addition waits for: until the index has caught up, or vectors have moved to disk. `undefined` where there is room. */
  waitForRoom(view: CollectionView, addition: Addition): Promise<void> | undefined {
    const room = this.keeper.waitForRoom(view)
    if (room === undefined || !this.limit.isSet) return room ?? this.limit.waitForRoom(view, addition)
    return room.then(() => this.limit.waitForRoom(view, addition))
  }

  /** What any other write waits for: the adds before it that wait. */
  waitForAdds(view: CollectionView): Promise<void> | undefined {
    return this.keeper.waitForAdds(view) ?? this.limit.moving
  }

  get pageWindowBytes(): number {
    return this.#cold?.memoryBytes() ?? 0
  }

  /** Asked anew each time: nothing is kept count of. */
  memoryUsage(): MemoryLedger {
    return ledgerOf(this.#memory.of(this))
  }

  /** Waits until what was written is on disk. */
  async settle(): Promise<void> {
    const { log } = this.recovered
    // A poisoned log takes no sync; with `'sync'` it has acknowledged nothing that is not on disk.
    if (this.options.durability === 'async' || log?.poison === undefined) await log?.sync()
  }

  /**
   * Ends snapshots and building, waits until what was written is on disk, closes the log and gives up the lock, whatever fails
   * on the way.
   */
  async close(): Promise<void> {
    const finishing = this.snapshots.close()
    // Building ends in this very turn where nothing is to be waited for.
    if (finishing !== undefined) await finishing
    this.keeper.close()
    const leaving = this.graphs.close()
    try {
      await this.#writer?.close()
    } finally {
      await this.threads.close()
      await this.originals.close()
      await leaving
      await this.#cold?.close()
      await this.surroundings.release()
    }
  }

  /** What was recovered is there already: where it is too much, vectors leave memory, or the store is closed again. */
  async #fitIntoMemory(): Promise<void> {
    if (!this.limit.isExceeded) return
    if (!this.readOnly && this.originals.canMoveMore()) await this.limit.move()
    try {
      this.limit.requireWithin(this.surroundings.name)
    } catch (error) {
      await this.close()
      throw error
    }
  }

  /** Takes a snapshot first, where none holds all that is to leave memory. Gives why some of it stayed. */
  #leaveMemory(): Promise<unknown> {
    return this.threads.whileHeld(async () => {
      this.originals.leaveMemory()
      let problem: unknown
      const views = this.state.collections()
      if (views.some((view) => this.originals.needsSnapshot(view))) {
        await this.snapshots.take({}).catch((error: unknown) => {
          problem = error
        })
      }
      for (const view of views) await this.originals.follow(view)
      return problem
    })
  }

  #considerIndexes(): void {
    for (const view of this.state.collections()) this.keeper.consider(view)
  }

  /** Gives the very collection that it made: who waited for it may find it dropped, but never another one in its place. */
  #create(name: string, shape: NewShape): Promise<CollectionView> {
    const written = this.writer().write(createEventOf(name, shape), `the creation of '${name}'`)
    const pending = written.then(({ lsn }) => {
      const view = this.state.collectionByLsn(lsn)
      if (view === undefined) throw collectionDropped(name)
      this.keeper.consider(view)
      return view
    })
    this.#admission.queueCreate(name, shape, pending)
    return pending
  }

  #readOnlyError(): StoreError {
    const { readOnlyBecause } = this.recovered
    if (readOnlyBecause === undefined)
      return new StoreError('ERR_READ_ONLY', `${this.surroundings.name} is open for reading only`)
    const message = `${this.surroundings.name} is served read-only up to its durable mark, because the end of its log cannot be mended: ${readOnlyBecause.message}. Make room, or give the right to write, and reopen`
    return new StoreError('ERR_READ_ONLY', message, { cause: readOnlyBecause })
  }
}

/** Vectors that would take more memory than there may be are not brought into it first. */
async function leaveTooMuch(
  files: Files,
  checksum: Checksum,
  cold: ColdChunks | undefined,
  { memoryLimitBytes }: ResolvedOptions,
): Promise<void> {
  if (cold === undefined || memoryLimitBytes === Number.POSITIVE_INFINITY) return
  const [newest] = (await findPast(files, checksum)).snapshots
  if (newest !== undefined && bytesToRead(newest, cold) > memoryLimitBytes) cold.leaveOriginals()
}

export function storeNotFound(name: string): StoreError {
  return new StoreError('ERR_STORE_NOT_FOUND', `there is no store at ${name}`, { details: { path: name } })
}

function collectionNotFound(name: string): StoreError {
  const message = `there is no collection '${name}', and no settings were given to create it with`
  return new StoreError('ERR_COLLECTION_NOT_FOUND', message, { details: { collection: name } })
}
