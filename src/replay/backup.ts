import type { Abortable } from '../base/abort.ts'
import { type Checksum, checksumText } from '../base/checksum.ts'
import { StoreError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import type { SnapshotManifest } from '../snapshots/manifest.ts'
import { partFileBytes } from '../snapshots/part.ts'
import { isMadeUpForByOlder, listSnapshots } from '../snapshots/snapshot-set.ts'
import { readMark, removeIfPresent } from '../wal/durable-mark.ts'
import { MARK_PATH, WAL_DIRECTORY } from '../wal/format.ts'
import { scanLog } from '../wal/log-scan.ts'
import { genesisChain } from '../wal/position.ts'
import { segmentPath } from '../wal/segment-header.ts'
import { listSegments } from '../wal/segment-list.ts'
import { isContradiction } from '../wal/starting-point.ts'
import { PartCopier } from './backup-parts.ts'
import { type CopiedTail, copyTail } from './backup-tail.ts'
import { claimTarget, publishTarget, requireEmpty } from './backup-target.ts'
import { type PassedOver, passedOverText } from './beginning.ts'
import { readBesideWriter } from './beside-writer.ts'
import { requireHistory } from './point-in-time.ts'
import { startOf } from './verify-log.ts'

export interface BackupOptions {
  readonly checksum: Checksum
  readonly yieldToEventLoop: () => Promise<void>
  /** As of this LSN; of the last one that is known to be on disk where it is left out. */
  readonly lsn?: number | undefined
  /** Size at which copies of log go on in a new file. Default 64 MiB. */
  readonly segmentSizeBytes?: number
  readonly signal?: Abortable | undefined
  /** Bytes copied or read back, and of how many: an estimate, since log is counted by the record. */
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined
}

export interface BackupReport {
  /** LSN of the state that the copy holds. */
  readonly lsn: number
  /** LSN of the snapshot in it; `undefined` where it is the whole log. */
  readonly snapshotLsn: number | undefined
  /** Records of log behind that. */
  readonly records: number
  /** Bytes of its files. */
  readonly bytes: number
  /** `data` digest of the snapshot: 16 hexadecimal digits. */
  readonly snapshotDigest: string | undefined
  /** Snapshots that could not be copied, in sentences. */
  readonly problems: readonly string[]
}

const SEGMENT_BYTES = 64 * 1024 * 1024

/**
 * Copies a store to an empty place: its newest snapshot that holds, byte for byte, and the log behind it up to what is known to
 * be on disk. Changes nothing in the source and needs no lock of it: it may be written to meanwhile, and where it removes what
 * is being copied, copying begins anew with what there is then. The copy is a store once this resolves, and none before.
 * @throws StoreError `ERR_STORE_NOT_FOUND`, `ERR_FILE_EXISTS` for a place that holds anything, `ERR_LOG_CORRUPT`,
 * `ERR_HISTORY_TRUNCATED`, `ERR_LSN_AHEAD`, `ERR_ABORTED`, or what the files say.
 */
export async function backupFiles(source: Files, target: Files, options: BackupOptions): Promise<BackupReport> {
  const { checksum } = options
  await requireEmpty(target, checksum)
  const storeId = await storeIdOf(source, checksum)
  await claimTarget(target, checksum)
  const progress = new CopyProgress(options)
  const copier = new PartCopier(source, target, { ...options, onBytes: (bytes) => progress.add(bytes) })
  const copied = await readBesideWriter(
    source,
    () => copyNewest(source, target, storeId, copier, progress, options),
    ({ passedOver }) => passedOver.length > 0,
  )
  const { manifest, tail, passedOver } = copied
  if (options.lsn !== undefined && tail.position.lsn < options.lsn) throw notReached(options.lsn, tail.position.lsn)
  if (manifest !== undefined) await copier.publish(manifest)
  await publishTarget(target, { storeId, position: tail.position }, checksum)
  progress.finish()
  return {
    lsn: tail.position.lsn,
    snapshotLsn: manifest?.position.lsn,
    records: tail.records,
    bytes: (manifest === undefined ? 0 : bytesOf(manifest)) + (await logBytesOf(target)),
    snapshotDigest: manifest && checksumText(manifest.dataDigest),
    problems: passedOver.map(passedOverText),
  }
}

/** @throws StoreError `ERR_STORE_NOT_FOUND`. */
async function storeIdOf(files: Files, checksum: Checksum): Promise<Uint8Array> {
  const { mark } = await readMark(files, checksum)
  if (mark !== undefined) return mark.storeId
  const { snapshots } = await listSnapshots(files, checksum)
  const manifest = snapshots.find((snapshot) => snapshot.manifest !== undefined)?.manifest
  if (manifest !== undefined) return manifest.storeId
  const { storeId } = await scanLog(files, { checksum, fromOldest: true, limitLsn: (await listSegments(files))[0] })
  if (storeId === undefined) throw new StoreError('ERR_STORE_NOT_FOUND', 'there is no store here to copy')
  return storeId
}

interface Copied {
  readonly manifest: SnapshotManifest | undefined
  readonly tail: CopiedTail
  readonly passedOver: readonly PassedOver[]
}

/** Copies the newest snapshot that holds, and the log behind it; or the whole log, where none holds. */
async function copyNewest(
  source: Files,
  target: Files,
  storeId: Uint8Array,
  copier: PartCopier,
  progress: CopyProgress,
  options: BackupOptions,
): Promise<Copied> {
  const { checksum, lsn: wantedLsn = Number.MAX_SAFE_INTEGER } = options
  const passedOver: PassedOver[] = []
  const { snapshots } = await listSnapshots(source, checksum)
  const candidates = snapshots.filter(({ lsn }) => lsn <= wantedLsn)
  for (const { lsn, manifest, problem } of candidates) {
    try {
      if (manifest === undefined) throw problem
      progress.begin(bytesOf(manifest) * 2)
      await copier.copy(manifest)
      return { manifest, tail: await copyLog(source, target, storeId, manifest, options), passedOver }
    } catch (error) {
      if (!isMadeUpForByOlder(error) && !isContradiction(error)) throw error
      passedOver.push({ lsn, error })
    }
  }
  if (options.lsn !== undefined && passedOver.length === 0) await requireHistory(source, { lsn: options.lsn }, checksum)
  return { manifest: undefined, tail: await copyLog(source, target, storeId, undefined, options), passedOver }
}

async function copyLog(
  source: Files,
  target: Files,
  storeId: Uint8Array,
  manifest: SnapshotManifest | undefined,
  { checksum, lsn, segmentSizeBytes = SEGMENT_BYTES, signal, yieldToEventLoop }: BackupOptions,
): Promise<CopiedTail> {
  const found = (await target.list(WAL_DIRECTORY)).map((name) => `${WAL_DIRECTORY}/${name}`)
  // What an attempt before has copied.
  for (const path of found) if (path !== MARK_PATH) await removeIfPresent(target, path)
  const after = manifest && startOf(manifest)
  // Of the log, nothing is asked then, and nothing needs to hold.
  if (after !== undefined && after.lsn === lsn) return { position: after, records: 0 }
  const common = { checksum, storeId, segmentSizeBytes, durableOnly: true, limitLsn: lsn }
  const tail = await copyTail(source, target, { ...common, after, signal, yieldToEventLoop })
  if (tail.position.lsn > 0) return tail
  // Before the first record a store has the epoch that it was made with.
  const { mark } = await readMark(source, checksum)
  const chain = genesisChain(checksum, storeId)
  return { ...tail, position: { epoch: mark?.position.epoch ?? 1, lsn: 0, chain, timeMs: 0 } }
}

function notReached(lsn: number, durableLsn: number): StoreError {
  const message = `LSN ${lsn} lies ahead: the store is known to be on disk up to LSN ${durableLsn}`
  return new StoreError('ERR_LSN_AHEAD', message, { details: { lsn, durableLsn } })
}

function bytesOf({ parts }: SnapshotManifest): number {
  return parts.reduce((sum, part) => sum + partFileBytes(part), 0)
}

async function logBytesOf(files: Files): Promise<number> {
  let bytes = 0
  for (const firstLsn of await listSegments(files)) {
    const file = await files.open(segmentPath(firstLsn), 'read')
    bytes += await file.size().finally(() => file.close())
  }
  return bytes
}

/** Counts up to what is to be copied, whichever snapshot that is in the end. */
class CopyProgress {
  readonly #onProgress: BackupOptions['onProgress']
  #doneBytes = 0
  #totalBytes = 0

  constructor({ onProgress }: BackupOptions) {
    this.#onProgress = onProgress
  }

  begin(totalBytes: number): void {
    this.#doneBytes = 0
    this.#totalBytes = totalBytes
  }

  add(bytes: number): void {
    this.#doneBytes = Math.min(this.#totalBytes, this.#doneBytes + bytes)
    this.#onProgress?.(this.#doneBytes, this.#totalBytes)
  }

  finish(): void {
    this.#onProgress?.(this.#totalBytes, this.#totalBytes)
  }
}
