import type { Checksum } from '../base/checksum.ts'
import { type Files, type OpenFile, writeFully } from '../base/files.ts'
import type { MarkWriter } from './durable-mark.ts'
import { RECORD_EVENTS, recordBytes } from './format.ts'
import type { ScannedSegment } from './log-scan.ts'
import { encodeRecord, headerSeed, type LogRecord } from './record.ts'
import { createSegment, encodeSeal, publishSegment } from './segment-file.ts'
import type { SegmentHeader } from './segment-header.ts'
import { type Boundary, segmentStart } from './segment-scan.ts'
import { RollbackFailure, syncOnce } from './sync-failure.ts'

/** A payload that waits to become a record. */
export interface PendingRecord {
  readonly payload: Uint8Array
  readonly timeMs: number
}

/** Frames up to this size are kept for the next write. */
const KEPT_FRAME_BYTES = 1024 * 1024

/** The newest segment, open for appending. One call at a time. */
export class SegmentWriter {
  readonly path: string
  readonly header: SegmentHeader
  readonly #file: OpenFile
  readonly #checksum: Checksum
  readonly #seed: bigint
  #end: Boundary
  #synced: boolean
  #frame: Uint8Array = new Uint8Array(0)

  private constructor(path: string, header: SegmentHeader, file: OpenFile, end: Boundary, checksum: Checksum) {
    this.path = path
    this.header = header
    this.#file = file
    this.#checksum = checksum
    this.#seed = headerSeed(checksum, header.storeId)
    this.#end = end
    this.#synced = true
  }

  /** Makes and publishes an empty segment. */
  static async create(files: Files, header: SegmentHeader, checksum: Checksum): Promise<SegmentWriter> {
    const segment = await createSegment(files, header, checksum)
    try {
      await syncOnce(() => segment.file.sync())
      await publishSegment(files, segment)
    } catch (error) {
      // What went wrong first says whether the log may go on; a handle that does not close must not hide it.
      await segment.file.close().catch(() => {})
      throw error
    }
    return new SegmentWriter(segment.path, header, segment.file, segmentStart(header), checksum)
  }

  /** Opens an unsealed segment behind its last record. */
  static async reopen(files: Files, scanned: ScannedSegment, checksum: Checksum): Promise<SegmentWriter> {
    const file = await files.open(scanned.path, 'update')
    return new SegmentWriter(scanned.path, scanned.header, file, scanned.end, checksum)
  }

  /** The place behind the last record. */
  get end(): Boundary {
    return this.#end
  }

  get isEmpty(): boolean {
    return this.#end.lsn < this.header.firstLsn
  }

  /** Whether all that was appended is on disk. */
  get isSynced(): boolean {
    return this.#synced
  }

  /**
   * Appends records in one bounded write, without syncing, and returns them framed.
   * @throws StoreError of the files after the segment was rolled back to what it was, or `RollbackFailure`.
   */
  async append(pending: readonly PendingRecord[]): Promise<LogRecord[]> {
    const totalBytes = pending.reduce((sum, { payload }) => sum + recordBytes(payload.byteLength), 0)
    const bytes = this.#borrowFrame(totalBytes)
    const records: LogRecord[] = []
    let end = this.#end
    for (const { payload, timeMs } of pending) {
      const fields = {
        type: RECORD_EVENTS,
        lsn: end.lsn + 1,
        epoch: this.header.epoch,
        timeMs: Math.max(timeMs, end.timeMs),
      }
      const offset = end.offset - this.#end.offset
      const chain = encodeRecord(bytes, offset, fields, payload, end.chain, this.#seed, this.#checksum)
      records.push({ lsn: fields.lsn, epoch: fields.epoch, timeMs: fields.timeMs, chain, payload })
      end = { ...fields, chain, offset: end.offset + recordBytes(payload.byteLength) }
    }
    await this.#write(bytes)
    this.#end = { lsn: end.lsn, chain: end.chain, timeMs: end.timeMs, epoch: end.epoch, offset: end.offset }
    this.#synced = false
    return records
  }

  /** @throws SyncFailure, after which nothing about the unsynced records is known. */
  async sync(): Promise<void> {
    await syncOnce(() => this.#file.sync())
    this.#synced = true
  }

  /**
   * Ends the segment for good. The mark is synced before the seal is written, so whoever finds the seal finds the mark.
   * @throws as `append` and `sync` do.
   */
  async seal(mark: MarkWriter): Promise<void> {
    if (!this.#synced) await this.sync()
    await syncOnce(() => mark.sync())
    await this.#write(encodeSeal(this.header, this.#end, this.#checksum))
    await syncOnce(() => this.#file.sync())
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  /** One write is under way at a time, so frames of the usual size share their memory. Padding must be zero. */
  #borrowFrame(totalBytes: number): Uint8Array {
    if (totalBytes > KEPT_FRAME_BYTES) return new Uint8Array(totalBytes)
    if (this.#frame.byteLength < totalBytes) this.#frame = new Uint8Array(Math.min(totalBytes * 2, KEPT_FRAME_BYTES))
    return this.#frame.subarray(0, totalBytes).fill(0)
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const start = this.#end.offset
    try {
      await writeFully(this.#file, bytes, start)
    } catch (error) {
      await this.#rollBack(start, error)
      throw error
    }
  }

  /** Takes back a write that failed before any sync was tried: then it is certain that nothing of it remains. */
  async #rollBack(size: number, reason: unknown): Promise<void> {
    try {
      await this.#file.truncate(size)
      await this.#file.sync()
    } catch (error) {
      throw new RollbackFailure(reason, error)
    }
  }
}
