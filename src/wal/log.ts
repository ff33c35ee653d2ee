import type { Checksum } from '../base/checksum.ts'
import { StoreError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import { MAX_PAYLOAD_BYTES } from '../base/limits.ts'
import type { MarkWriter } from './durable-mark.ts'
import { FinishedSegments, type LogSegment } from './finished-segments.ts'
import { recordBytes, SEAL_BYTES } from './format.ts'
import { type Group, type GroupItem, GroupQueue } from './group-queue.ts'
import type { ScannedSegment } from './log-scan.ts'
import type { Position } from './position.ts'
import type { LogRecord } from './record.ts'
import { SegmentWriter } from './segment-writer.ts'
import { leavesLogUnknown, syncOnce } from './sync-failure.ts'

export type { LogSegment } from './finished-segments.ts'

export interface LogOptions<Result> {
  readonly checksum: Checksum
  /** A segment is ended before the write that would carry it past this size. */
  readonly segmentSizeBytes: number
  /**
   * Called for each committed record, in order of LSN, before its `append` resolves with what this returned. What it throws
   * poisons the log: a record on disk that could not be taken in must not be followed by others.
   */
  readonly deliver: (record: LogRecord) => Result
}

/** Where the log stands when it is opened for writing. */
export interface LogStart {
  readonly storeId: Uint8Array
  readonly position: Position
  readonly timeMs: number
  readonly segments: readonly ScannedSegment[]
  /** The segments before those, which were not read. */
  readonly older: readonly LogSegment[]
  readonly mark: MarkWriter
  /** The last segment was just written by a rewrite, so it may be appended to. */
  readonly continueLast: boolean
}

/** What dropping the beginning of a log freed. */
export interface DroppedSegments {
  readonly segments: number
  readonly bytes: number
}

/** `sync`: resolved means on disk. `async`: resolved means written to the system, on disk at the next sync. */
export type Durability = 'sync' | 'async'

/**
 * The log, open for writing. Appends queue up while a write and its sync are under way and then go out together: one write,
 * one sync, one mark. A write that fails before any sync was tried is taken back and rejects all that is outstanding; after a
 * failed sync the log is poisoned.
 */
export class Log<Result> {
  readonly #files: Files
  readonly #options: LogOptions<Result>
  readonly #mark: MarkWriter
  readonly #queue = new GroupQueue<Result>()
  readonly #storeId: Uint8Array
  readonly #finished: FinishedSegments
  #writer: SegmentWriter | undefined
  #end: { position: Position; timeMs: number }
  #draining: Promise<void> | undefined
  #poison: StoreError | undefined
  #acknowledgedLsn = 0
  #isSegmentEnded = false

  private constructor(files: Files, start: LogStart, options: LogOptions<Result>, writer: SegmentWriter | undefined) {
    this.#files = files
    this.#options = options
    this.#mark = start.mark
    this.#storeId = start.storeId
    this.#end = { position: start.position, timeMs: start.timeMs }
    this.#writer = writer
    const finished = start.segments.filter(({ path }) => path !== writer?.path)
    const last = start.segments.at(-1)
    const isReopened = writer === undefined && last?.isLeftAlone === false
    this.#finished = new FinishedSegments(files, start.older, finished, isReopened ? last : undefined)
  }

  static async open<Result>(files: Files, start: LogStart, options: LogOptions<Result>): Promise<Log<Result>> {
    const last = start.segments.at(-1)
    const writer = start.continueLast && last ? await SegmentWriter.reopen(files, last, options.checksum) : undefined
    return new Log(files, start, options, writer)
  }

  /** The last record written; with `durability: 'async'` it may be above the durable one. */
  get position(): Position {
    return this.#end.position
  }

  /** The last record known to be on disk. */
  get durablePosition(): Position {
    return this.#mark.position
  }

  /** Bytes that wait in memory to be written. */
  get queuedBytes(): number {
    return this.#queue.bytes
  }

  get sizeBytes(): number {
    return this.#finished.sizeBytes + (this.#writer?.end.offset ?? 0)
  }

  get segmentCount(): number {
    return this.#finished.all.length + (this.#writer === undefined ? 0 : 1)
  }

  /** All files of the log, oldest first, the one that is appended to included. */
  get segments(): readonly LogSegment[] {
    const { all } = this.#finished
    return this.#writer === undefined ? all : [...all, describe(this.#writer, this.#writer.end.offset)]
  }

  /** The first LSN that is still in the log, or the next one where there is none. */
  get oldestLsn(): number {
    return this.#finished.all[0]?.firstLsn ?? this.#writer?.header.firstLsn ?? this.#end.position.lsn + 1
  }

  /** Set once the log can no longer be written. */
  get poison(): StoreError | undefined {
    return this.#poison
  }

  /** Whether `sync` has something to do: asynchronous writes, or a mark that a power cut would set back. */
  get isSettled(): boolean {
    return this.#queue.isEmpty && (this.#writer?.isSynced ?? true) && this.#mark.isSynced
  }

  /**
   * Appends a record. `payload` is kept until it is written and must not change.
   * @param timeMs milliseconds since 1970; an earlier one than the previous record's is raised to it.
   * @returns what `deliver` returned for the record.
   * @throws StoreError `ERR_DISK_FULL`, `ERR_IO`, …: nothing was written and the log goes on. `ERR_INDETERMINATE`: it may be on
   * disk or not, and the log is poisoned. `ERR_POISONED`: an earlier write did that; this one was not tried.
   * @throws {RangeError} at once, for a payload or a time that no record can hold: once framed it could never be read back.
   */
  append(payload: Uint8Array, timeMs: number, durability: Durability): Promise<Result> {
    if (payload.byteLength < 1 || payload.byteLength > MAX_PAYLOAD_BYTES) {
      throw new RangeError(`A payload has 1 to ${MAX_PAYLOAD_BYTES} bytes, not ${payload.byteLength}`)
    }
    if (!Number.isSafeInteger(timeMs) || timeMs < 0)
      throw new RangeError(`A time is an integer of at least 0, not ${timeMs}`)
    if (this.#poison !== undefined) return Promise.reject(this.#poisonedError())
    const result = this.#queue.push(payload, timeMs, durability)
    this.#wake()
    return result
  }

  /** Resolves when everything appended before is on disk, and the durable mark with it. */
  async sync(): Promise<void> {
    if (this.#poison !== undefined) throw this.#poisonedError()
    const done = this.#queue.pushBarrier()
    this.#wake()
    await done
  }

  /** Lets the next record begin a segment, so that whoever needs the log from here on need not read what is before it. */
  endSegment(): void {
    this.#isSegmentEnded = this.#writer?.isEmpty === false
  }

  /**
   * Removes the segments that hold only records below `lsn`, oldest first; never the newest one. Each removal is on disk before
   * the next is begun, so that a crash leaves no gap. Appends may go on meanwhile.
   * @throws StoreError of the files, after which the log is what it was but for what was removed already. After a failed sync
   * nothing more is removed until the log is opened anew.
   */
  async dropBelow(lsn: number): Promise<DroppedSegments> {
    const dropped = { segments: 0, bytes: 0 }
    for (;;) {
      if (this.#poison !== undefined) throw this.#poisonedError()
      const bytes = await this.#finished.dropOldest(lsn, () => this.#writer === undefined)
      if (bytes === undefined) return dropped
      dropped.segments += 1
      dropped.bytes += bytes
    }
  }

  /**
   * Waits for what is queued, makes it durable, seals the segment and closes the files. Appends after this are the caller's
   * mistake. A log that is poisoned, or becomes so here, is closed too, and `close` rejects only if a write that was
   * acknowledged as asynchronous may be lost: the others were told already.
   */
  async close(): Promise<void> {
    try {
      await this.#settleForClose()
      if (this.#poison !== undefined && this.#acknowledgedLsn > this.#mark.position.lsn) throw this.#poison
    } finally {
      await this.#finished.close()
      const writer = this.#writer
      this.#writer = undefined
      await writer?.close()
      await this.#mark.close()
    }
  }

  async #settleForClose(): Promise<void> {
    try {
      // The first barrier fails together with the writes beside it. What was acknowledged before them still has to be synced.
      if (this.#poison === undefined) await this.sync().catch(() => this.sync())
    } catch (error) {
      if (this.#poison === undefined) throw error
    }
    await this.#draining
    if (this.#poison === undefined && this.#writer?.isEmpty === false) await this.#sealForClose(this.#writer)
  }

  /** A seal makes later damage tell itself from a crash; a full disk must not keep a store from closing without it. */
  async #sealForClose(writer: SegmentWriter): Promise<void> {
    try {
      await writer.seal(this.#mark)
    } catch (error) {
      if (leavesLogUnknown(error)) this.#becomePoisoned(error)
    }
  }

  #wake(): void {
    // Started in a microtask of its own, so that all appends of one turn of the event loop share the first group.
    this.#draining ??= Promise.resolve()
      .then(() => this.#drain())
      .finally(() => {
        this.#draining = undefined
        if (!this.#queue.isEmpty) this.#wake()
      })
  }

  /** Commits group after group. A group is delivered while the next one's sync is under way. */
  async #drain(): Promise<void> {
    let committed: Committed<Result> | undefined
    for (;;) {
      const group = this.#poison === undefined ? this.#queue.take() : undefined
      const commit = group === undefined ? undefined : this.#commit(group)
      if (committed !== undefined) this.#deliver(committed)
      if (commit === undefined) break
      committed = await commit
    }
    if (this.#poison !== undefined) this.#queue.rejectAll(this.#poisonedError())
  }

  /** Writes a group and makes it durable as far as it asked. Rejections of its callers are settled here. */
  async #commit(group: Group<Result>): Promise<Committed<Result> | undefined> {
    try {
      const pending = group.items.filter((item) => item.payload !== undefined) as (GroupItem<Result> & {
        payload: Uint8Array
      })[]
      const records = pending.length === 0 ? [] : await this.#write(pending)
      if (group.needsSync) await this.#makeDurable()
      if (group.hasBarrier) await syncOnce(() => this.#mark.sync())
      return { group, records }
    } catch (error) {
      this.#fail(group, error)
      return undefined
    }
  }

  async #write(pending: readonly (GroupItem<Result> & { payload: Uint8Array })[]): Promise<LogRecord[]> {
    const bytes = pending.reduce((sum, { payload }) => sum + recordBytes(payload.byteLength), 0)
    const writer = await this.#prepareWriter(bytes)
    const records = await writer.append(pending)
    const { lsn, chain, epoch, timeMs } = writer.end
    this.#end = { position: { lsn, chain, epoch }, timeMs }
    return records
  }

  async #makeDurable(): Promise<void> {
    const writer = this.#writer
    if (writer === undefined || writer.isSynced) return
    await writer.sync()
    const { lsn, chain, epoch } = writer.end
    // The records are on disk by now, so a mark that cannot be written must not look like a write that was taken back.
    await syncOnce(() => this.#mark.advance({ lsn, chain, epoch }))
  }

  /** The segment to append to: a new one at the first append after opening and when the present one is full. */
  async #prepareWriter(bytes: number): Promise<SegmentWriter> {
    const writer = this.#writer
    if (writer !== undefined && (writer.isEmpty || this.#hasRoom(writer, bytes))) return writer
    if (writer !== undefined) await this.#finish(writer)
    await this.#sealReopened()
    const { position, timeMs } = this.#end
    const header = {
      storeId: this.#storeId,
      epoch: position.epoch,
      firstLsn: position.lsn + 1,
      previousChain: position.chain,
      previousTimeMs: timeMs,
      rewritten: false,
    }
    this.#writer = await this.#finished.change(() => SegmentWriter.create(this.#files, header, this.#options.checksum))
    this.#finished.replacedBy(this.#writer.path)
    this.#isSegmentEnded = false
    return this.#writer
  }

  #hasRoom(writer: SegmentWriter, bytes: number): boolean {
    return !this.#isSegmentEnded && writer.end.offset + bytes <= this.#options.segmentSizeBytes
  }

  /** Seals a full segment. What was written asynchronously is synced first, and the mark says so. */
  async #finish(writer: SegmentWriter): Promise<void> {
    await this.#makeDurable()
    await writer.seal(this.#mark)
    this.#writer = undefined
    this.#finished.add(describe(writer, writer.end.offset + SEAL_BYTES))
    await writer.close()
  }

  /**
   * The last segment found at opening is sealed before the next one is made, even if it shows a seal: a process that was killed
   * before the sync, or whose sync failed, may have left one that is not on disk, and nothing but writing it again puts it there.
   */
  async #sealReopened(): Promise<void> {
    const { reopened } = this.#finished
    if (reopened === undefined) return
    const writer = await SegmentWriter.reopen(this.#files, reopened, this.#options.checksum)
    // An empty one is replaced by the next, which has the same name.
    const sizeBytes = writer.end.offset + (writer.isEmpty ? 0 : SEAL_BYTES)
    try {
      if (!writer.isEmpty) await writer.seal(this.#mark)
    } finally {
      await writer.close()
    }
    this.#finished.reopenedIsSealed(sizeBytes)
  }

  #deliver(committed: Committed<Result>): void {
    // A record that could not be taken in must not be followed by others.
    if (this.#poison !== undefined) {
      committed.group.reject(this.#becomePoisoned(this.#poison.cause))
      return
    }
    let index = 0
    try {
      for (const item of committed.group.items) {
        if (item.payload === undefined) {
          item.resolveBarrier?.()
        } else {
          const record = committed.records[index] as LogRecord
          index += 1
          item.resolve(this.#options.deliver(record))
          this.#acknowledgedLsn = record.lsn
        }
      }
    } catch (error) {
      this.#fail(committed.group, this.#becomePoisoned(error))
    }
  }

  /** Rejects a group and, because later writes were admitted as if it had happened, everything behind it. */
  #fail(group: Group<Result>, error: unknown): void {
    const rejection = error instanceof StoreError ? error : this.#becomePoisoned(error)
    group.reject(rejection)
    this.#queue.rejectAll(rejection)
  }

  #becomePoisoned(cause: unknown): StoreError {
    const message =
      'the write is indeterminate: it may be on disk or not. The store takes no more writes until it is reopened, which finds out'
    const error = new StoreError('ERR_INDETERMINATE', message, { cause })
    this.#poison ??= error
    return error
  }

  #poisonedError(): StoreError {
    const message =
      'an earlier write is indeterminate, so the store takes no more writes until it is reopened; this one was not tried'
    return new StoreError('ERR_POISONED', message, { cause: this.#poison?.cause })
  }
}

function describe({ path, header, end }: SegmentWriter, sizeBytes: number): LogSegment {
  const { firstLsn, previousTimeMs } = header
  return { path, firstLsn, lastLsn: end.lsn, startTimeMs: previousTimeMs, sizeBytes }
}

interface Committed<Result> {
  readonly group: Group<Result>
  readonly records: readonly LogRecord[]
}
