import { type Abortable, throwIfAborted } from '../base/abort.ts'
import { checksumText } from '../base/checksum.ts'
import { isStoreError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import { StoreState } from '../engine/store-state.ts'
import type { ColdChunks } from '../snapshots/cold-chunks.ts'
import type { SnapshotManifest } from '../snapshots/manifest.ts'
import { evictVectors } from '../snapshots/move-vectors.ts'
import { type LogScan, scanLog } from '../wal/log-scan.ts'
import type { LogRecord } from '../wal/record.ts'
import { isContradiction, type StartingPoint } from '../wal/starting-point.ts'
import { type CheckTools, digestHex } from './check-collection.ts'
import { Materializer } from './materializer.ts'
import { type FoundProblem, joinRanges, type LsnRange, problemOf, snapshotProblem } from './verify-report.ts'

/** A state that the log can be replayed from. */
export interface Base {
  readonly lsn: number
  readonly manifest: SnapshotManifest | undefined
  readonly state: () => Promise<StoreState>
}

export interface ReplayCheckOptions extends CheckTools {
  readonly signal?: Abortable | undefined
  readonly untilLsn?: number | undefined
  readonly cold?: ColdChunks | undefined
  /** Snapshots whose states are held against the replay where it passes them. */
  readonly manifests: readonly SnapshotManifest[]
  /** Called with the bytes of log read so far. */
  readonly onBytes: (doneBytes: number) => void
}

export interface ReplayCheck {
  /** Ascending: LSNs that an opening reaches. */
  readonly reachable: readonly LsnRange[]
  readonly lsn: number
  readonly digest: string
  readonly records: number
  /** Nothing is missing between what was reached last and the end of the log. */
  readonly reachesEnd: boolean
  readonly problems: readonly FoundProblem[]
  /** Damage where a snapshot makes up for it, which a look at the segment by itself may tell better. */
  readonly below: readonly FoundProblem[]
  /** LSNs of snapshots that the log contradicts. */
  readonly contradicted: ReadonlySet<number>
}

interface Stretch {
  readonly state: StoreState
  readonly records: number
  readonly failed: boolean
}

/** Replays the log from bases, and goes on from the next base behind each damage. */
export class ReplayChecker {
  readonly #files: Files
  readonly #options: ReplayCheckOptions
  readonly #manifests: ReadonlyMap<number, SnapshotManifest>
  readonly #problems: FoundProblem[] = []
  readonly #below: FoundProblem[] = []
  readonly #contradicted = new Set<number>()

  constructor(files: Files, options: ReplayCheckOptions) {
    this.#files = files
    this.#options = options
    this.#manifests = new Map(options.manifests.map((manifest) => [manifest.position.lsn, manifest]))
  }

  /** `bases` ascend. Where there are none, the log's records are checked all the same. */
  async run(bases: readonly Base[]): Promise<ReplayCheck> {
    let last: Stretch | undefined
    let records = 0
    const reachable: LsnRange[] = []
    for (const base of bases) {
      const reached = last?.state.lsn ?? -1
      if (base.lsn < reached || (base.lsn === reached && last?.failed === false)) continue
      if (this.#contradicted.has(base.lsn)) continue
      const stretch = await this.#replay(base)
      if (stretch === undefined) continue
      records += stretch.records
      last = stretch
      const before = reachable.at(-1)
      if (stretch.state.lsn > base.lsn || !stretch.failed || (await this.#opensAt(base))) {
        reachable.push({ from: base.lsn, to: stretch.state.lsn })
      } else if (before?.to === base.lsn) {
        // An opening takes the snapshot, though it could come there by the log.
        reachable[reachable.length - 1] = { from: before.from, to: base.lsn - 1 }
      }
    }
    const state = last?.state ?? new StoreState()
    return {
      reachable: joinRanges(reachable),
      lsn: state.lsn,
      digest: await digestHex(state, this.#options),
      records,
      reachesEnd: last?.failed === false,
      problems: this.#problems,
      below: this.#below,
      contradicted: this.#contradicted,
    }
  }

  /** Checks records that no base is replayed over: from the oldest one on, up to `limitLsn`. */
  async checkChain(limitLsn: number | undefined): Promise<void> {
    const onRecord = (record: LogRecord): undefined => {
      throwIfAborted(this.#options.signal, 'verify')
      this.#compareChain(record)
    }
    await this.#scan(undefined, { fromOldest: true, limitLsn: limitLsn ?? this.#options.untilLsn }, onRecord)
  }

  /** @returns `undefined` where the log contradicts the base. */
  async #replay(base: Base): Promise<Stretch | undefined> {
    const { signal, onBytes } = this.#options
    const state = await base.state()
    const materializer = new Materializer(state)
    const onRecord = (record: LogRecord): undefined | Promise<void> => {
      throwIfAborted(signal, 'verify')
      materializer.apply(record)
      this.#compareChain(record)
      return this.#manifests.has(record.lsn) ? this.#compareState(state) : undefined
    }
    const scan = await this.#scan(base.manifest, { onProgress: onBytes }, onRecord)
    if (scan === 'contradiction') return undefined
    return { state, records: materializer.counts.records, failed: scan === undefined }
  }

  async #scan(
    manifest: SnapshotManifest | undefined,
    options: { fromOldest?: boolean; limitLsn?: number | undefined; onProgress?: (done: number) => void },
    onRecord: (record: LogRecord) => undefined | Promise<void>,
  ): Promise<LogScan | 'contradiction' | undefined> {
    const { checksum, untilLsn } = this.#options
    const common = { checksum, after: manifest && startOf(manifest), durableOnly: true, limitLsn: untilLsn }
    try {
      const scan = await scanLog(this.#files, { ...common, ...options, onRecord })
      const path = scan.segments[0]?.path
      if (scan.damageBelow !== undefined && path !== undefined) {
        const place = { path, segment: path, lsn: manifest!.position.lsn }
        this.#below.push({ code: 'ERR_LOG_CORRUPT', message: scan.damageBelow, ...place })
      }
      return scan
    } catch (error) {
      if (manifest === undefined || !isContradiction(error)) {
        this.#note(problemOf(error))
        return undefined
      }
      this.#contradict(manifest.position.lsn, `the log contradicts it: ${(error as Error).message}`)
      return 'contradiction'
    }
  }

  /** Whether the state of a base can be opened though nothing behind it can be read. */
  async #opensAt({ lsn, manifest }: Base): Promise<boolean> {
    const { checksum } = this.#options
    const after = manifest && startOf(manifest)
    try {
      await scanLog(this.#files, { checksum, after, durableOnly: true, limitLsn: lsn })
      return true
    } catch (error) {
      if (!isStoreError(error)) throw error
      return false
    }
  }

  #compareChain({ lsn, chain }: LogRecord): void {
    const manifest = this.#manifests.get(lsn)
    if (manifest === undefined || manifest.position.chain === chain) return
    this.#contradict(lsn, 'the log has another record at its LSN')
  }

  async #compareState(state: StoreState): Promise<void> {
    const { lsn } = state
    const manifest = this.#manifests.get(lsn)!
    const replayed = await digestHex(state, this.#options)
    if (checksumText(manifest.dataDigest) === replayed) return this.#evict(state, manifest)
    this.#contradict(lsn, `the log replays to the digest ${replayed} at its LSN`)
  }

  /** What a snapshot holds that is like the state need not be in memory twice; what cannot be read there stays. */
  async #evict(state: StoreState, manifest: SnapshotManifest): Promise<void> {
    const { cold } = this.#options
    if (cold === undefined) return
    const tools = { ...this.#options, cold }
    for (const collection of state.collections()) await evictVectors(this.#files, collection, manifest, tools)
  }

  #contradict(lsn: number, reason: string): void {
    if (this.#contradicted.has(lsn)) return
    this.#contradicted.add(lsn)
    this.#problems.push(snapshotProblem(lsn, reason))
  }

  /** Two walks may come upon the same. */
  #note(problem: FoundProblem): void {
    const isKnown = ({ path, offset, lsn }: FoundProblem) =>
      path !== undefined && path === problem.path && offset === problem.offset && lsn === problem.lsn
    if (!this.#problems.some(isKnown)) this.#problems.push(problem)
  }
}

export function startOf({ position, timeMs, storeId }: SnapshotManifest): StartingPoint {
  return { ...position, timeMs, storeId }
}
