import { type Abortable, throwIfAborted } from '../base/abort.ts'
import type { Checksum } from '../base/checksum.ts'
import { type Files, type OpenFile, writeFully } from '../base/files.ts'
import { RECORD_EVENTS, recordBytes, SEGMENT_HEADER_BYTES } from '../wal/format.ts'
import { type LogScanOptions, scanLog } from '../wal/log-scan.ts'
import { genesisChain, type TimedPosition } from '../wal/position.ts'
import { encodeRecord, headerSeed, type LogRecord } from '../wal/record.ts'
import { createSegment, encodeSeal, publishSegment, type UnpublishedSegment } from '../wal/segment-file.ts'
import type { SegmentHeader } from '../wal/segment-header.ts'
import { scanSegment } from '../wal/segment-scan.ts'
import { SyncFailure } from '../wal/sync-failure.ts'
import { readBackError } from './backup-target.ts'

/** Records are gathered into writes of this size. */
const BUFFER_BYTES = 1024 * 1024

/** Records between two turns of the event loop. */
const RECORDS_A_TURN = 64

export interface TailOptions extends Omit<LogScanOptions, 'onRecord' | 'fromOldest'> {
  readonly checksum: Checksum
  readonly storeId: Uint8Array
  /** Size from which on the copy goes on in a new file. */
  readonly segmentSizeBytes: number
  readonly signal?: Abortable | undefined
  readonly yieldToEventLoop: () => Promise<void>
}

export interface CopiedTail {
  /** The last record of the copy; where there is none, what it begins behind. */
  readonly position: TimedPosition
  readonly records: number
}

/**
 * Copies records into segments of a new log. Every byte of a record follows from what is read of it and from the chain before
 * it, so the copies are those of the source, and their chains prove it.
 * @throws StoreError as `scanLog` does, or what the files say.
 */
export async function copyTail(source: Files, target: Files, options: TailOptions): Promise<CopiedTail> {
  const { checksum, storeId, after, segmentSizeBytes, signal, yieldToEventLoop } = options
  const start = after ?? { epoch: 0, lsn: 0, chain: genesisChain(checksum, storeId), timeMs: 0 }
  const writer = new TailWriter(target, { checksum, storeId, start, segmentSizeBytes })
  let records = 0
  try {
    await scanLog(source, {
      ...options,
      onRecord: async (record) => {
        throwIfAborted(signal, 'the copy')
        await writer.write(record)
        records += 1
        if (records % RECORDS_A_TURN === 0) await yieldToEventLoop()
      },
    })
    await writer.finish()
  } finally {
    await writer.close()
  }
  await writer.publish()
  return { position: writer.position, records }
}

interface OpenTail {
  readonly header: SegmentHeader
  readonly segment: UnpublishedSegment
}

/** Writes sealed segments, one after the other, under temporary names. */
class TailWriter {
  readonly #files: Files
  readonly #checksum: Checksum
  readonly #storeId: Uint8Array
  readonly #segmentSizeBytes: number
  readonly #buffer = new Uint8Array(BUFFER_BYTES)
  #filled = 0
  #offset = 0
  #position: TimedPosition
  #open: OpenTail | undefined
  readonly #finished: UnpublishedSegment[] = []

  constructor(
    files: Files,
    options: Pick<TailOptions, 'checksum' | 'storeId' | 'segmentSizeBytes'> & { readonly start: TimedPosition },
  ) {
    this.#files = files
    this.#checksum = options.checksum
    this.#storeId = options.storeId
    this.#segmentSizeBytes = options.segmentSizeBytes
    this.#position = options.start
  }

  get position(): TimedPosition {
    return this.#position
  }

  async write(record: LogRecord): Promise<void> {
    const { lsn, epoch, timeMs, chain, payload } = record
    const bytes = recordBytes(payload.byteLength)
    if (this.#open !== undefined && this.#offset + this.#filled + bytes > this.#segmentSizeBytes) await this.finish()
    this.#open ??= await this.#begin(record)
    const { file } = this.#open.segment
    if (this.#filled + bytes > BUFFER_BYTES) await this.#flush(file)
    const isLarge = bytes > BUFFER_BYTES
    const target = isLarge ? new Uint8Array(bytes) : this.#buffer.fill(0, this.#filled, this.#filled + bytes)
    const seed = headerSeed(this.#checksum, this.#storeId)
    const fields = { type: RECORD_EVENTS, lsn, epoch, timeMs }
    const at = isLarge ? 0 : this.#filled
    const found = encodeRecord(target, at, fields, payload, this.#position.chain, seed, this.#checksum)
    if (found !== chain) throw readBackError(this.#open.segment.path)
    if (!isLarge) this.#filled += bytes
    else {
      await writeFully(file, target, this.#offset)
      this.#offset += bytes
    }
    this.#position = { epoch, lsn, chain, timeMs }
  }

  /** Seals what is open, and reads it back. */
  async finish(): Promise<void> {
    if (this.#open === undefined) return
    const { header, segment } = this.#open
    const { file } = segment
    await this.#flush(file)
    const end = { ...this.#position, offset: this.#offset }
    await writeFully(file, encodeSeal(header, end, this.#checksum), this.#offset)
    await file.sync()
    const seed = headerSeed(this.#checksum, this.#storeId)
    const found = await scanSegment(file, { header, seed, checksum: this.#checksum })
    if (!found.sealed || found.end.lsn !== end.lsn || found.end.chain !== end.chain) throw readBackError(segment.path)
    await file.close()
    this.#open = undefined
    this.#finished.push(segment)
  }

  /** Gives segments their names, the oldest at last: before, they are not all of a log, and nothing opens them as one. */
  async publish(): Promise<void> {
    for (const segment of this.#finished.reverse()) {
      try {
        await publishSegment(this.#files, segment)
      } catch (error) {
        // While nothing is being served a failed sync is an ordinary error.
        throw error instanceof SyncFailure ? error.cause : error
      }
    }
  }

  async close(): Promise<void> {
    await this.#open?.segment.file.close()
  }

  async #begin({ epoch }: LogRecord): Promise<OpenTail> {
    const { lsn, chain, timeMs } = this.#position
    const header: SegmentHeader = {
      storeId: this.#storeId,
      epoch,
      firstLsn: lsn + 1,
      previousChain: chain,
      previousTimeMs: timeMs,
      rewritten: false,
    }
    this.#offset = SEGMENT_HEADER_BYTES
    return { header, segment: await createSegment(this.#files, header, this.#checksum) }
  }

  async #flush(file: OpenFile): Promise<void> {
    if (this.#filled === 0) return
    await writeFully(file, this.#buffer.subarray(0, this.#filled), this.#offset)
    this.#offset += this.#filled
    this.#filled = 0
  }
}
