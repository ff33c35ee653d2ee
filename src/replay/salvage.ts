import { type Abortable, throwIfAborted } from '../base/abort.ts'
import { checksumText } from '../base/checksum.ts'
import { isStoreError, StoreError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import { captureState } from '../engine/state-capture.ts'
import type { PhaseHost } from '../engine/workers/phase-host.ts'
import { captureStore, type StoreCapture } from '../snapshots/capture.ts'
import type { SnapshotManifest } from '../snapshots/manifest.ts'
import { manifestPath } from '../snapshots/names.ts'
import { openSnapshot } from '../snapshots/reader.ts'
import { writeSnapshot } from '../snapshots/writer.ts'
import type { TimedPosition } from '../wal/position.ts'
import { claimTarget, publishTarget, readBackError, requireEmpty } from './backup-target.ts'
import { type CheckTools, digestHex } from './check-collection.ts'
import { type Proof, type Proven, proveStore } from './salvage-proof.ts'
import type { LeftOut } from './salvage-snapshot.ts'
import type { FoundProblem, LsnRange } from './verify-report.ts'

export type SalvagePhase = 'snapshot' | 'replay' | 'write'

export interface SalvageOptions extends CheckTools {
  /** Runs what the log has ordered of indexes. */
  readonly phases: PhaseHost
  /** Copy the state as of this LSN; as of the last that can be proven where it is left out. */
  readonly to?: number | undefined
  readonly signal?: Abortable | undefined
  readonly onProgress?: ((phase: SalvagePhase, doneBytes: number, totalBytes: number) => void) | undefined
}

export interface SalvageReport {
  /** LSN of the state that the new store holds. */
  readonly lsn: number
  /** When the record at that LSN was written; missing before the first. */
  readonly time?: Date
  /** Epoch of the new store: that of the old one and 1. */
  readonly epoch: number
  /** 16 hexadecimal digits: that of the old store at `lsn`, unless entries were left out. */
  readonly digest: string
  readonly entries: number
  /** LSN of the snapshot that it was made from; `undefined` where it is all from the log. */
  readonly snapshotLsn: number | undefined
  /** Records of log behind that. */
  readonly records: number
  /** LSNs that the old store is known to have had, and that could not be proven or were not asked for. */
  readonly lost: LsnRange | undefined
  /** Entries of the snapshot that cannot be read, by collection: nothing else made up for it. */
  readonly leftOut: readonly LeftOut[]
  /** Whether the indexes are there; otherwise the new store builds them once it is open. */
  readonly hasIndexes: boolean
  /** The damage that was met. */
  readonly problems: readonly FoundProblem[]
}

/**
 * Copies what can be proven of a store to an empty place, as a store of the next epoch that holds one snapshot. The source is
 * only read. The new store is one once this resolves, when it was read back and found to be what was proven; and none before.
 * @throws StoreError `ERR_FILE_EXISTS` for a place that holds anything, `ERR_STORE_NOT_FOUND`, `ERR_LOG_CORRUPT` where nothing
 * can be proven or `to` cannot, `ERR_LSN_AHEAD`, `ERR_HISTORY_TRUNCATED`, `ERR_FORMAT_VERSION`, `ERR_ABORTED`, or what the files say.
 */
export async function salvageFiles(source: Files, target: Files, options: SalvageOptions): Promise<SalvageReport> {
  const { checksum, to, signal } = options
  await requireEmpty(target, checksum)
  const proof = await proveStore(source, options)
  requireReached(proof, to)
  const { capture, hasIndexes } = await captureProven(proof.proven, options)
  throwIfAborted(signal, 'the salvage')
  const position = { ...positionOf(proof.proven, options), epoch: proof.epoch + 1 }
  await claimTarget(target, checksum)
  const digest = await writeAndCheck(target, capture, proof.proven, position, options)
  await publishTarget(target, { storeId: proof.proven.storeId, position }, checksum)
  const { proven, damage, lastLsn } = proof
  const { lsn, timeMs } = proven.position
  return {
    lsn,
    ...(lsn === 0 ? {} : { time: new Date(timeMs) }),
    epoch: position.epoch,
    digest,
    entries: proven.state.collections().reduce((sum, { liveCount }) => sum + liveCount, 0),
    snapshotLsn: proven.snapshotLsn,
    records: proven.records,
    lost: lsn < lastLsn ? { from: lsn + 1, to: lastLsn } : undefined,
    leftOut: proven.leftOut,
    hasIndexes,
    problems: damage,
  }
}

function requireReached({ proven, lastLsn }: Proof, to: number | undefined): void {
  const { lsn } = proven.position
  if (to === undefined || lsn === to) return
  const details = { lsn: to, provenLsn: lsn, durableLsn: lastLsn }
  if (to > lastLsn)
    throw new StoreError('ERR_LSN_AHEAD', `LSN ${to} lies ahead: the store ends at LSN ${lastLsn}`, { details })
  const message = `LSN ${to} cannot be proven: the last one below it that can be is LSN ${lsn}`
  throw new StoreError('ERR_LOG_CORRUPT', message, { details })
}

/** With the graphs that the log has ordered, where they can be had; the new store builds its own otherwise. */
async function captureProven(
  proven: Proven,
  { phases, signal, yieldToEventLoop }: SalvageOptions,
): Promise<{ capture: StoreCapture; hasIndexes: boolean }> {
  const { state, hasGraphs } = proven
  if (!hasGraphs) return { capture: contentOnly(proven), hasIndexes: false }
  const host = { phases, signal: signal ?? { aborted: false }, onTaskEnd: () => {} }
  for (const { index } of state.collections()) index.start(host)
  try {
    return { capture: await captureStore(state, yieldToEventLoop), hasIndexes: true }
  } catch (error) {
    throwIfAborted(signal, 'the salvage')
    if (!isStoreError(error)) throw error
    return { capture: contentOnly(proven), hasIndexes: false }
  }
}

function contentOnly({ state }: Proven): StoreCapture {
  const { lsn, lastCreationLsn } = state
  const none = { flushedThrough: 0, builtThrough: 0, placed: new Uint32Array(0), graph: undefined }
  const indexes = state.collections().map(({ index }) => ({ ...none, added: index.moment().added }))
  const collections = captureState(state).collections.map((content, at) => ({ content, index: indexes[at]! }))
  return { lsn, lastCreationLsn, collections }
}

/** A state that lacks entries is that of no log, and must not pass for one of this. */
function positionOf({ position, leftOut }: Proven, { checksum }: SalvageOptions): TimedPosition {
  if (leftOut.length === 0) return position
  const chain = checksum.xxh64(new TextEncoder().encode(JSON.stringify(leftOut)), position.chain)
  return { ...position, chain }
}

/** Returns the digest of what was read back. */
async function writeAndCheck(
  target: Files,
  capture: StoreCapture,
  { storeId, state }: Proven,
  position: TimedPosition,
  options: SalvageOptions,
): Promise<string> {
  const { checksum, yieldToEventLoop, signal, onProgress } = options
  const expected = await digestHex(state, options)
  if (position.lsn === 0) return expected
  const { epoch, lsn, chain, timeMs } = position
  const { manifest } = await writeSnapshot(target, capture, {
    checksum,
    storeId,
    position: { epoch, lsn, chain },
    timeMs,
    yieldToEventLoop,
    signal,
    onProgress: (done, total) => onProgress?.('write', done, total),
  })
  const opened = await openSnapshot(target, lsn, { checksum, storeId, yieldToEventLoop, signal })
  const digest = await digestHex(opened.state, options)
  if (digest !== expected || !hasDigest(manifest, digest)) throw readBackError(manifestPath(lsn))
  return digest
}

function hasDigest({ dataDigest }: SnapshotManifest, digest: string): boolean {
  return checksumText(dataDigest) === digest
}
