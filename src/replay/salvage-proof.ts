import { type Abortable, throwIfAborted } from '../base/abort.ts'
import { isStoreError, StoreError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import { StoreState } from '../engine/store-state.ts'
import type { SnapshotManifest } from '../snapshots/manifest.ts'
import { manifestPath } from '../snapshots/names.ts'
import { openSnapshot } from '../snapshots/reader.ts'
import { isMadeUpForByOlder, type ListedSnapshot, listSnapshots } from '../snapshots/snapshot-set.ts'
import { type Mark, readMark } from '../wal/durable-mark.ts'
import { scanLog } from '../wal/log-scan.ts'
import { genesisChain, type TimedPosition } from '../wal/position.ts'
import type { LogRecord } from '../wal/record.ts'
import { listSegments } from '../wal/segment-list.ts'
import { isContradiction } from '../wal/starting-point.ts'
import type { CheckTools } from './check-collection.ts'
import { Materializer } from './materializer.ts'
import { type LeftOut, readContents } from './salvage-snapshot.ts'
import { startOf } from './verify-log.ts'
import { type FoundProblem, problemOf } from './verify-report.ts'

export interface ProofOptions extends CheckTools {
  /** As of this LSN; of the last that can be proven where it is left out. */
  readonly to?: number | undefined
  readonly signal?: Abortable | undefined
  readonly onProgress?: ((phase: 'snapshot' | 'replay', doneBytes: number, totalBytes: number) => void) | undefined
}

/** A state that was proven: by a snapshot that holds, and the records behind it, or by records alone. */
export interface Proven {
  readonly state: StoreState
  readonly storeId: Uint8Array
  readonly position: TimedPosition
  readonly snapshotLsn: number | undefined
  /** Records behind that. */
  readonly records: number
  /** The graphs of the snapshot are in it. */
  readonly hasGraphs: boolean
  /** Entries of the snapshot that could not be read: where there are some, the rest is as it was all the same. */
  readonly leftOut: readonly LeftOut[]
  /** What stands in the way of more. */
  readonly damage: readonly FoundProblem[]
}

export interface Proof {
  readonly proven: Proven
  /** All damage that was met, whatever it came to. */
  readonly damage: readonly FoundProblem[]
  /** The last LSN that the store is known to have had. */
  readonly lastLsn: number
  /** Newest epoch known. */
  readonly epoch: number
}

interface Start extends Pick<Proven, 'state' | 'hasGraphs' | 'leftOut'> {
  readonly manifest: SnapshotManifest | undefined
  readonly damage: readonly FoundProblem[]
}

/**
 * Finds the newest state that can be proven, at or below `options.to`. A whole snapshot goes first; one of which only graphs are
 * damaged where it leads further; one of which entries are lost only where nothing else leads anywhere. Changes nothing.
 * @throws StoreError `ERR_STORE_NOT_FOUND`, `ERR_LOG_CORRUPT` where nothing can be proven, `ERR_HISTORY_TRUNCATED` where `to`
 * lies before what is kept, `ERR_FORMAT_VERSION`,
 * `ERR_ABORTED`, or what the files say.
 */
export async function proveStore(files: Files, options: ProofOptions): Promise<Proof> {
  const mark = await readMarkIfAny(files, options)
  const prover = new Prover(files, mark, options)
  const { snapshots } = await listSnapshots(files, options.checksum)
  const firstLsns = await listSegments(files)
  if (mark === undefined && snapshots.length === 0 && firstLsns.length === 0) {
    throw new StoreError('ERR_STORE_NOT_FOUND', 'there is no store here')
  }
  const proven = await prover.prove(snapshots, firstLsns)
  const { damage } = prover
  if (proven === undefined) throw nothingProven(damage, options.to, snapshots)
  const known = [mark?.position.lsn ?? 0, proven.position.lsn, (firstLsns.at(-1) ?? 1) - 1]
  const lastLsn = Math.max(...known, ...snapshots.map(({ lsn }) => lsn))
  return { proven, damage, lastLsn, epoch: Math.max(mark?.position.epoch ?? 1, proven.position.epoch) }
}

/** A mark of which nothing can be read is damage, but none that matters. */
async function readMarkIfAny(files: Files, { checksum }: ProofOptions): Promise<Mark | undefined> {
  return (await readMark(files, checksum)).mark
}

function nothingProven(
  damage: readonly FoundProblem[],
  to: number | undefined,
  snapshots: readonly ListedSnapshot[],
): StoreError {
  if (to !== undefined && damage.length === 0) {
    const oldestLsn = snapshots.at(-1)?.lsn
    const message = `the history that is kept does not reach back to LSN ${to}: it begins at LSN ${oldestLsn}`
    return new StoreError('ERR_HISTORY_TRUNCATED', message, { details: { lsn: to, oldestLsn } })
  }
  const [first] = damage
  const reasons = damage.map(({ message }) => message).join('. ')
  const details = { path: first?.path, offset: first?.offset, lsn: first?.lsn, reason: 'nothing can be proven' }
  return new StoreError('ERR_LOG_CORRUPT', `nothing of this store can be proven: ${reasons}`, { details })
}

class Prover {
  readonly #files: Files
  readonly #mark: Mark | undefined
  readonly #options: ProofOptions
  readonly #damage: FoundProblem[] = []

  constructor(files: Files, mark: Mark | undefined, options: ProofOptions) {
    this.#files = files
    this.#mark = mark
    this.#options = options
  }

  get damage(): readonly FoundProblem[] {
    return this.#damage
  }

  async prove(listed: readonly ListedSnapshot[], firstLsns: readonly number[]): Promise<Proven | undefined> {
    const candidates = this.#readable(listed)
    const whole = (await this.#proveWhole(candidates)) ?? (await this.#proveFromFirst(candidates, firstLsns))
    const beyond = candidates.filter(({ position }) => position.lsn > (whole?.position.lsn ?? -1))
    let partial: SnapshotManifest | undefined
    for (const manifest of beyond) {
      const start = await this.#readContents(manifest)
      if (start === undefined) continue
      if (start.leftOut.length > 0) partial ??= manifest
      else return this.#replay(start)
    }
    if (whole !== undefined || partial === undefined) return whole
    const start = await this.#readContents(partial)
    return start && this.#replay(start)
  }

  /** Newest first, none above what is wanted, and none of another store. */
  #readable(listed: readonly ListedSnapshot[]): SnapshotManifest[] {
    const { to = Number.MAX_SAFE_INTEGER } = this.#options
    const manifests: SnapshotManifest[] = []
    for (const { lsn, manifest, problem } of listed) {
      if (manifest === undefined) this.#note(problemOf(problem, { path: manifestPath(lsn), snapshots: [lsn] }))
      else if (lsn <= to) manifests.push(manifest)
    }
    return manifests
  }

  /** From the newest snapshot that holds throughout: whatever an older one leads to, it leads to as well. */
  async #proveWhole(candidates: readonly SnapshotManifest[]): Promise<Proven | undefined> {
    const { onProgress } = this.#options
    const onBytes = (done: number, total: number) => onProgress?.('snapshot', done, total)
    for (const manifest of candidates) {
      const { lsn } = manifest.position
      try {
        const options = { ...this.#options, storeId: this.#mark?.storeId, onProgress: onBytes }
        const { state } = await openSnapshot(this.#files, lsn, options)
        const proven = await this.#replay({ manifest, state, hasGraphs: true, leftOut: [], damage: [] })
        if (proven !== undefined) return proven
      } catch (error) {
        if (!isMadeUpForByOlder(error)) throw error
        this.#note(problemOf(error, { snapshots: [lsn] }))
      }
    }
    return undefined
  }

  async #proveFromFirst(
    candidates: readonly SnapshotManifest[],
    firstLsns: readonly number[],
  ): Promise<Proven | undefined> {
    const isThere = firstLsns.length === 0 ? candidates.length === 0 : firstLsns[0] === 1
    if (!isThere) return undefined
    return this.#replay({ manifest: undefined, state: new StoreState(), hasGraphs: true, leftOut: [], damage: [] })
  }

  async #readContents(manifest: SnapshotManifest): Promise<Start | undefined> {
    try {
      return { ...(await readContents(this.#files, manifest, this.#options)), manifest, hasGraphs: false }
    } catch (error) {
      if (!isMadeUpForByOlder(error)) throw error
      this.#note(problemOf(error, { snapshots: [manifest.position.lsn] }))
      return undefined
    }
  }

  /** @returns `undefined` where the log contradicts the snapshot, or no record of no snapshot can be read. */
  async #replay({ manifest, state, hasGraphs, leftOut, damage }: Start): Promise<Proven | undefined> {
    const { checksum, signal, onProgress, to } = this.#options
    const { mark } = { mark: this.#mark }
    const start = manifest && { ...manifest.position, timeMs: manifest.timeMs }
    const materializer = new Materializer(state, start)
    let storeId = manifest?.storeId ?? mark?.storeId
    const onRecord = (record: LogRecord): undefined => {
      throwIfAborted(signal, 'the salvage')
      materializer.apply(record)
    }
    const obstacles = [...damage]
    try {
      const scan = await scanLog(this.#files, {
        checksum,
        after: manifest && startOf(manifest),
        limitLsn: to,
        onRecord,
        onProgress: (done, total) => onProgress?.('replay', done, total),
      })
      storeId ??= scan.storeId
      const path = scan.segments.at(-1)?.path
      if (scan.torn !== undefined) obstacles.push(tornProblem(path!, scan.torn))
      if (scan.damageBelow !== undefined) this.#note({ code: 'ERR_LOG_CORRUPT', message: scan.damageBelow })
    } catch (error) {
      const problem = problemOf(error)
      const isOfSnapshot = manifest !== undefined && isContradiction(error)
      this.#note(isOfSnapshot ? { ...problem, snapshots: [manifest.position.lsn] } : problem)
      if (isOfSnapshot || isStoreError(error, 'ERR_FORMAT_VERSION')) return undefined
      obstacles.push(problem)
    }
    for (const problem of obstacles) this.#note(problem)
    const position = materializer.applied ?? this.#beginning(storeId)
    if (storeId === undefined || position === undefined || (position.lsn === 0 && obstacles.length > 0))
      return undefined
    const { records } = materializer.counts
    const snapshotLsn = manifest?.position.lsn
    return { state, storeId, position, snapshotLsn, records, hasGraphs, leftOut, damage: obstacles }
  }

  #beginning(storeId: Uint8Array | undefined): TimedPosition | undefined {
    if (storeId === undefined) return undefined
    const epoch = this.#mark?.position.epoch ?? 1
    return { epoch, lsn: 0, chain: genesisChain(this.#options.checksum, storeId), timeMs: 0 }
  }

  /** Of a part of a snapshot, what was found out last says most. */
  #note(problem: FoundProblem): void {
    const isKnown = ({ path, snapshots, message }: FoundProblem) =>
      message === problem.message || (snapshots !== undefined && path !== undefined && path === problem.path)
    const known = this.#damage.findIndex(isKnown)
    if (known < 0) this.#damage.push(problem)
    else this.#damage[known] = problem
  }
}

function tornProblem(
  path: string,
  { reason, offset, lsn }: { reason: string; offset: number; lsn: number },
): FoundProblem {
  const message = `${path} ends with an unfinished write at offset ${offset}: ${reason}`
  return { code: 'ERR_LOG_CORRUPT', message, path, segment: path, offset, lsn }
}
