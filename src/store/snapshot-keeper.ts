import { throwIfAborted } from '../base/abort.ts'
import type { Checksum } from '../base/checksum.ts'
import { isStoreError, type StoreError } from '../base/errors.ts'
import type { AppliedPosition } from '../replay/materializer.ts'
import type { Recovered } from '../replay/recovery.ts'
import type { StoreCapture } from '../snapshots/capture.ts'
import { captureBytes } from '../snapshots/capture-memory.ts'
import type { ColdChunks } from '../snapshots/cold-chunks.ts'
import { evictChunks } from '../snapshots/evict-chunks.ts'
import type { SnapshotManifest } from '../snapshots/manifest.ts'
import { partPath } from '../snapshots/names.ts'
import type { PinnedParts } from '../snapshots/pinned-parts.ts'
import { type WrittenSnapshot, writeSnapshot } from '../snapshots/writer.ts'
import type { IndexThreads } from './index-threads.ts'
import type { ResolvedOptions } from './options.ts'
import { retain } from './retention.ts'
import { capturePositioned, type PositionedCapture, unlessAborted } from './snapshot-capture.ts'
import { type LogMark, SnapshotPolicy, tailOf } from './snapshot-policy.ts'
import {
  closedError,
  damageProblem,
  problemOf,
  resultOf,
  type SnapshotCallOptions,
  type SnapshotResult,
} from './snapshot-result.ts'
import { bytesOfSnapshot } from './snapshot-stats.ts'
import type { Surroundings } from './store-core.ts'

export interface SnapshotKeeperHost {
  readonly surroundings: Surroundings
  readonly options: ResolvedOptions
  readonly checksum: Checksum
  /** Where content is read from that snapshots hold; `undefined` where files cannot be read at once. */
  readonly cold: ColdChunks | undefined
  /** Files of snapshots that stay though none that is kept names them. */
  readonly pinned: PinnedParts
  readonly recovered: Recovered
  readonly threads: IndexThreads
  /** Called when graphs were captured: meanwhile nothing was ordered for them. */
  readonly onCaptured: () => void
  /** Called when there is another newest snapshot. */
  readonly onTaken: () => void
}

type Captured = PositionedCapture<AppliedPosition>

/** What a run is to do. */
interface Order extends SnapshotCallOptions {
  /** One at this LSN or above it will do. */
  readonly wantedLsn: number
  readonly onFailed?: (mark: LogMark) => void
}

interface Run {
  readonly stopping: AbortController
  /** Resolves when it is over, however it ends. */
  ended: Promise<void>
  /** Whether it still waits for graphs, and some were not built when it began. */
  isWaitingForBuild: boolean
  /** What it has copied, until it is on disk. */
  capture: StoreCapture | undefined
}

/** Takes the snapshots of a store, one at a time: on demand, when the log has grown, and when the store closes. */
export class SnapshotKeeper {
  readonly #host: SnapshotKeeperHost
  readonly #policy: SnapshotPolicy
  /** The newest that is known to hold: opened from, or written since. */
  #newest: SnapshotManifest | undefined
  #listed: readonly SnapshotManifest[]
  #problem: StoreError | undefined
  #running: Run | undefined
  #isClosing = false
  /** LSNs of snapshots that are being copied, each as often as it is. */
  readonly #held: number[] = []

  /** `listed`: the snapshots that there are. */
  constructor(host: SnapshotKeeperHost, listed: readonly SnapshotManifest[]) {
    this.#host = host
    this.#listed = listed
    const { options, recovered } = host
    const { snapshot } = recovered
    this.#newest = snapshot
    const snapshotBytes = snapshot === undefined ? 0 : bytesOfSnapshot(snapshot)
    this.#policy = new SnapshotPolicy(options, tailOf(recovered), snapshotBytes)
  }

  /** Newest first. */
  get listed(): readonly SnapshotManifest[] {
    return this.#listed
  }

  /** The newest that is known to hold. */
  get newest(): SnapshotManifest | undefined {
    return this.#newest
  }

  /** Bytes of what is being written. */
  memoryBytes(): number {
    const capture = this.#running?.capture
    return capture === undefined ? 0 : captureBytes(capture)
  }

  /** Why the last one could not be taken, or what it made unneeded could not be removed. */
  get problem(): StoreError | undefined {
    return this.#problem
  }

  /** Keeps a snapshot that is being copied, however many newer ones come, until what this returns is called. */
  hold(lsn: number): () => void {
    this.#held.push(lsn)
    return () => {
      this.#held.splice(this.#held.indexOf(lsn), 1)
    }
  }

  /** To be called after every record, with its bytes in the log. */
  noteWritten(bytes: number): void {
    this.#policy.noteWritten(bytes)
    this.consider()
  }

  /** To be called when work on a graph of so many nodes has ended. */
  noteBuilt(nodes: number): void {
    this.#policy.noteBuilt(nodes)
  }

  /** Takes a snapshot in the background if one is due. */
  consider(): void {
    const { log } = this.#host.recovered
    if (log === undefined || log.poison !== undefined || this.#isClosing || this.#running !== undefined) return
    if (this.#policy.isDue()) void this.#runUnasked()
  }

  /**
   * A snapshot of the state as of this call, or a later one. Where one is being taken, it waits for that, and where nothing
   * was written since, it resolves with what there is.
   * @throws StoreError `ERR_ABORTED`, `ERR_STORE_CLOSED`, `ERR_POISONED`, what building an index failed with, or what the
   * files say.
   */
  take(options: SnapshotCallOptions): Promise<SnapshotResult> {
    const wantedLsn = this.#host.recovered.state.lsn
    const { signal } = options
    return this.#host.threads.whileHeld(async () => {
      while (this.#running !== undefined) await unlessAborted(this.#running.ended, signal)
      throwIfAborted(signal, 'the snapshot')
      if (this.#isClosing && wantedLsn > this.#newestLsn) throw closedError()
      const isNothingNew = wantedLsn === 0 || this.#isClosing
      // What was written may be on disk or not, so it cannot be said that nothing is new.
      const { log } = this.#host.recovered
      if (isNothingNew && log?.poison !== undefined) await log.sync()
      if (isNothingNew) return { ...resultOf(this.#newest), durationMs: 0, droppedLogBytes: 0 }
      return this.#run({ wantedLsn, ...options })
    })
  }

  /**
   * To be called once, before the indexes stop. What is being taken comes to its end, unless it waits for a graph, which may
   * take long; and one is taken where the next opening would replay much, and no graph is missing. Never rejects;
   * `undefined` where there is nothing to wait for.
   */
  close(): Promise<void> | undefined {
    this.#isClosing = true
    const run = this.#running
    if (run?.isWaitingForBuild) run.stopping.abort(closedError())
    if (run === undefined && !this.#isDueAtClose()) return undefined
    return this.#host.threads.whileHeld(async () => {
      await run?.ended
      if (this.#isDueAtClose()) await this.#runUnasked()
    })
  }

  #isDueAtClose(): boolean {
    const { log } = this.#host.recovered
    return log !== undefined && log.poison === undefined && this.#policy.isDueAtClose() && !this.#isBuilding()
  }

  #isBuilding(): boolean {
    return this.#host.recovered.state.collections().some(({ index }) => index.backlog > 0)
  }

  get #newestLsn(): number {
    return this.#newest?.position.lsn ?? 0
  }

  /** Nobody waits for it, so its failures are reported. */
  async #runUnasked(): Promise<void> {
    // What could not be done now is not tried again at the next record, but after as much log again.
    const onFailed = (mark: LogMark) => this.#policy.noteFailed(mark)
    const work = this.#run({ wantedLsn: Number.POSITIVE_INFINITY, onFailed })
    await work.catch((error: unknown) => {
      if (!isStoreError(error, 'ERR_STORE_CLOSED')) this.#host.options.onProblem?.(this.#problem ?? problemOf(error))
    })
  }

  #run(order: Order): Promise<SnapshotResult> {
    const { signal, onFailed } = order
    const stopping = new AbortController()
    const abort = () => stopping.abort(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    const run: Run = { stopping, isWaitingForBuild: this.#isBuilding(), ended: Promise.resolve(), capture: undefined }
    this.#running = run
    const mark = this.#policy.mark()
    const work = this.#carryOut(order, run, mark)
      .catch((error: unknown) => {
        onFailed?.(mark)
        // Closing says why by the reason that it stops with.
        if (stopping.signal.aborted) throw signal?.aborted ? error : stopping.signal.reason
        this.#problem = problemOf(error)
        throw error
      })
      .finally(() => {
        signal?.removeEventListener('abort', abort)
        this.#running = undefined
        // The log may have grown past the next one meanwhile.
        this.consider()
      })
    run.ended = work.then(
      () => {},
      () => {},
    )
    return work
  }

  async #carryOut({ wantedLsn, onProgress }: Order, run: Run, mark: LogMark): Promise<SnapshotResult> {
    const { now } = this.#host.surroundings
    const startedMs = now()
    let captured: Captured | undefined
    let written: WrittenSnapshot | undefined
    if (this.#newestLsn < wantedLsn) {
      captured = await this.#capture(run)
      written = await this.#write(captured, run, mark, onProgress)
    }
    this.#problem = undefined
    const droppedLogBytes = await this.#retain(run, written)
    if (this.#newest === undefined) {
      // A part that it shares with others is lost, and memory still has what was in it.
      captured ??= await this.#capture(run)
      written = await this.#write(captured, run, mark, onProgress)
    }
    if (captured !== undefined && written !== undefined) {
      await this.#evict(captured, written, run)
      if (!this.#isClosing) this.#host.onTaken()
    }
    return { ...resultOf(this.#newest, written), durationMs: now() - startedMs, droppedLogBytes }
  }

  async #capture(run: Run): Promise<Captured> {
    const { recovered, surroundings, onCaptured } = this.#host
    const { yieldToEventLoop } = surroundings
    const tools = { yieldToEventLoop, signal: run.stopping.signal, previous: this.#newest }
    try {
      // An opening reads the file of the log that holds the next record, so that is to be a new one.
      const log = recovered.log!
      log.endSegment()
      if (log.position.lsn > recovered.state.lsn) await log.sync()
      const captured = await capturePositioned(recovered.state, () => recovered.applied(), tools)
      run.capture = captured.capture
      return captured
    } finally {
      run.isWaitingForBuild = false
      this.#policy.noteCaptured()
      onCaptured()
    }
  }

  async #write(
    { capture, applied }: Captured,
    { stopping }: Run,
    mark: LogMark,
    onProgress: SnapshotCallOptions['onProgress'],
  ): Promise<WrittenSnapshot> {
    const { recovered, checksum, surroundings, pinned } = this.#host
    const { epoch, lsn, chain, timeMs } = applied
    // What was applied is not on disk for certain where writes are asynchronous, and no snapshot may be ahead of its log.
    await recovered.log!.sync()
    const written = await writeSnapshot(surroundings.files, capture, {
      checksum,
      storeId: recovered.storeId,
      position: { epoch, lsn, chain },
      timeMs,
      previous: this.#newest,
      pinned,
      yieldToEventLoop: surroundings.yieldToEventLoop,
      signal: stopping.signal,
      onProgress: (done, total) => onProgress?.({ phase: 'snapshot', done, total }),
    })
    const { manifest } = written
    this.#newest = manifest
    this.#listed = [manifest, ...this.#listed.filter(({ position }) => position.lsn !== lsn)]
    this.#policy.noteTaken(mark, bytesOfSnapshot(manifest))
    return written
  }

  /** The newest snapshot is there whatever this comes to, so nothing is thrown; one that does not hold is not built upon. */
  async #retain({ stopping }: Run, written: WrittenSnapshot | undefined): Promise<number> {
    const { recovered, options, checksum, surroundings, pinned } = this.#host
    const { files, now, yieldToEventLoop } = surroundings
    const readBack = written?.manifest.parts.filter(({ lsn }) => lsn === written.manifest.position.lsn) ?? []
    try {
      const { kept, droppedLogBytes, damaged } = await retain(files, {
        checksum,
        yieldToEventLoop,
        signal: stopping.signal,
        log: recovered.log!,
        history: options.history,
        nowMs: now(),
        verified: new Set(readBack.map(partPath)),
        held: this.#held,
        pinned,
      })
      this.#listed = kept
      if (damaged !== undefined) this.#report(damageProblem(damaged))
      if (damaged?.lsn === this.#newestLsn) this.#newest = undefined
      return droppedLogBytes
    } catch (error) {
      if (!stopping.signal.aborted) this.#report(problemOf(error, 'what a snapshot made unneeded could not be removed'))
      return 0
    }
  }

  /** The snapshot is there whatever this comes to: what cannot be read back from it stays in memory. */
  async #evict({ capture }: Captured, { manifest }: WrittenSnapshot, { stopping }: Run): Promise<void> {
    const { recovered, checksum, cold, surroundings } = this.#host
    if (cold === undefined || this.#isClosing) return
    const { files, yieldToEventLoop } = surroundings
    const tools = { cold, checksum, yieldToEventLoop, signal: stopping.signal }
    const { problems } = await evictChunks(files, recovered.state, capture, manifest, tools)
    const [problem] = problems
    if (problem === undefined) return
    const others = problems.length > 1 ? `, nor could ${problems.length - 1} others` : ''
    this.#report(problemOf(problem, `a chunk that is to be on disk could not leave memory${others}`))
  }

  #report(problem: StoreError): void {
    this.#problem = problem
    this.#host.options.onProblem?.(problem)
  }
}
