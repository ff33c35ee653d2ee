import { throwIfAborted } from '../base/abort.ts'
import { type Checksum, checksumText } from '../base/checksum.ts'
import { type ErrorCode, isStoreError, StoreError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import type { StoreEvent } from '../engine/events.ts'
import { listSnapshots } from '../snapshots/snapshot-set.ts'
import { type LogScanOptions, scanLog } from '../wal/log-scan.ts'
import type { LogRecord } from '../wal/record.ts'
import { listSegments } from '../wal/segment-list.ts'
import type { StartingPoint } from '../wal/starting-point.ts'
import { decodeEvents } from './event-codec.ts'

/** An event without its vectors, for people to read. */
export interface DescribedEvent {
  readonly type: StoreEvent['type']
  /** LSN of the record that created the collection. */
  readonly collection?: number
  readonly name?: string
  readonly dimensions?: number
  readonly metric?: string
  /** What its vectors are, where that is not `float32`. */
  readonly vectorType?: string
  /** Mode that a collection was created with, where it is not `none`. */
  readonly quantization?: string
  /** Mode that it was switched to. */
  readonly mode?: string
  readonly id?: string
  /** The first few ids. */
  readonly ids?: readonly string[]
  /** How many entries it is about. */
  readonly count?: number
  /** The slots below it come into the index. */
  readonly throughSlot?: number
  /** How: `insert` or `bulk`. */
  readonly method?: string
  /** Codes that walks through a new graph read: `narrow` or `wide`. */
  readonly walkCodes?: string
  /** The 16,384 slots that are freed: those from `chunk * 16,384` on. */
  readonly chunk?: number
}

export interface DescribedRecord {
  readonly lsn: number
  readonly time: Date
  readonly epoch: number
  /** 16 hexadecimal digits. */
  readonly chain: string
  /** Bytes of payload. */
  readonly bytes: number
  readonly events: readonly DescribedEvent[]
  /** Why the record holds no events that can be read. It changed nothing when it was applied. */
  readonly problem?: ErrorCode
}

export interface LogReadOptions {
  readonly checksum: Checksum
  /** First LSN wanted; the oldest that is kept where it is left out. */
  readonly from?: number | undefined
  /** Last LSN wanted. */
  readonly to: number
  readonly signal?: AbortSignal | undefined
}

const SHOWN_IDS = 3

/**
 * The records of a log up to its durable mark, one by one, in bounded memory: the log is read no faster than the reader takes
 * what it gives. Changes nothing and needs no lock. Damage throws after all that stands before it was given.
 * @throws StoreError `ERR_STORE_NOT_FOUND`, `ERR_ABORTED`, `ERR_HISTORY_TRUNCATED` with `details.oldestLsn` where `from` was
 * given and is no longer there, or as `scanLog` does.
 */
export async function* readRecords(files: Files, options: LogReadOptions): AsyncGenerator<DescribedRecord, void, void> {
  const { checksum, to, signal } = options
  const beginning = await beginningOf(files, options)
  const from = options.from ?? 0
  let isFirst = true
  const handoff = new Handoff<DescribedRecord>()
  const scanning = scanLog(files, {
    checksum,
    ...beginning,
    limitLsn: to,
    durableOnly: true,
    onRecord: (record) => {
      throwIfAborted(signal, 'readLog')
      // A writer may have dropped more of it before the segments were opened.
      if (isFirst && options.from !== undefined && record.lsn > from) throw historyTruncated(from, record.lsn)
      isFirst = false
      return record.lsn < from ? undefined : handoff.give(describeRecord(record))
    },
  }).then(
    (scan) => (scan.storeId === undefined ? handoff.fail(noStore()) : handoff.end()),
    (error: unknown) => handoff.fail(error),
  )
  try {
    for (let next = await handoff.take(); next !== undefined; next = await handoff.take()) yield next
  } finally {
    handoff.stop()
    await scanning
  }
}

/** Where reading begins: with the oldest segment, or, where there is none, behind the snapshot that holds everything. */
async function beginningOf(
  files: Files,
  { checksum, from }: LogReadOptions,
): Promise<Pick<LogScanOptions, 'after' | 'fromOldest'>> {
  const [firstLsn] = await listSegments(files)
  const after = firstLsn === undefined ? await newestManifest(files, checksum) : undefined
  const oldestLsn = firstLsn ?? (after === undefined ? 1 : after.lsn + 1)
  if (from !== undefined && from < oldestLsn) throw historyTruncated(from, oldestLsn)
  return { after, fromOldest: true }
}

function historyTruncated(lsn: number, oldestLsn: number): StoreError {
  const message = `the log no longer has LSN ${lsn}: it begins at LSN ${oldestLsn}`
  return new StoreError('ERR_HISTORY_TRUNCATED', message, { details: { lsn, oldestLsn } })
}

async function newestManifest(files: Files, checksum: Checksum): Promise<StartingPoint | undefined> {
  const { snapshots } = await listSnapshots(files, checksum)
  const manifest = snapshots.find((snapshot) => snapshot.manifest !== undefined)?.manifest
  return manifest && { ...manifest.position, timeMs: manifest.timeMs, storeId: manifest.storeId }
}

function noStore(): StoreError {
  return new StoreError('ERR_STORE_NOT_FOUND', 'there is no store here, so there is no log to read')
}

export function describeRecord(record: LogRecord): DescribedRecord {
  return {
    lsn: record.lsn,
    time: new Date(record.timeMs),
    epoch: record.epoch,
    chain: checksumText(record.chain),
    bytes: record.payload.byteLength,
    ...describePayload(record.payload),
  }
}

/** A record that cannot be decoded is no end of the log: opening takes it for one that changes nothing, and so does this. */
function describePayload(payload: Uint8Array): Pick<DescribedRecord, 'events' | 'problem'> {
  try {
    return { events: decodeEvents(payload).map(describeEvent) }
  } catch (error) {
    if (isStoreError(error, 'ERR_RECORD_INVALID')) return { events: [], problem: error.code }
    throw error
  }
}

/** What each field that is shown must be. One that is not, in a record that someone made by hand, is left out. */
const SHOWN_FIELDS = {
  collection: 'number',
  name: 'string',
  dimensions: 'number',
  metric: 'string',
  vectorType: 'string',
  quantization: 'string',
  mode: 'string',
  id: 'string',
  throughSlot: 'number',
  method: 'string',
  walkCodes: 'string',
  chunk: 'number',
}

function describeEvent(event: StoreEvent): DescribedEvent {
  const found = event as unknown as Record<string, unknown>
  const shown = Object.entries(SHOWN_FIELDS).filter(([field, kind]) => typeof found[field] === kind)
  return {
    type: event.type,
    ...Object.fromEntries(shown.map(([field]) => [field, found[field]])),
    ...(event.type === 'update' ? { count: 1 } : {}),
    ...(Array.isArray(found.ids) ? describeIds(found.ids) : {}),
  }
}

function describeIds(ids: readonly unknown[]): Pick<DescribedEvent, 'ids' | 'count'> {
  return { ids: ids.slice(0, SHOWN_IDS).filter((id) => typeof id === 'string'), count: ids.length }
}

/** Hands values from a producer that is called back to a consumer that asks, one at a time. */
class Handoff<Value> {
  #waiting: { value: Value; taken: () => void; refused: (error: unknown) => void } | undefined
  #asking: { resolve: (value: Value | undefined) => void; reject: (error: unknown) => void } | undefined
  #ended: { error?: unknown } | undefined
  #stopped = false

  /** Resolves once the value was taken; rejects once nobody will. */
  give(value: Value): Promise<void> {
    if (this.#stopped) return Promise.reject(new Error('the reader has left'))
    if (this.#asking !== undefined) {
      this.#asking.resolve(value)
      this.#asking = undefined
      return Promise.resolve()
    }
    return new Promise((taken, refused) => {
      this.#waiting = { value, taken, refused }
    })
  }

  take(): Promise<Value | undefined> {
    const waiting = this.#waiting
    if (waiting !== undefined) {
      this.#waiting = undefined
      waiting.taken()
      return Promise.resolve(waiting.value)
    }
    if (this.#ended !== undefined) return this.#result(this.#ended)
    return new Promise((resolve, reject) => {
      this.#asking = { resolve, reject }
    })
  }

  end(): void {
    this.#finish({})
  }

  fail(error: unknown): void {
    this.#finish({ error })
  }

  /** The consumer leaves; the producer's next value is refused. */
  stop(): void {
    this.#stopped = true
    this.#waiting?.refused(new Error('the reader has left'))
    this.#waiting = undefined
  }

  #finish(ended: { error?: unknown }): void {
    this.#ended = ended
    if (this.#asking === undefined) return
    const { resolve, reject } = this.#asking
    this.#asking = undefined
    this.#result(ended).then(resolve, reject)
  }

  #result(ended: { error?: unknown }): Promise<undefined> {
    return 'error' in ended ? Promise.reject(ended.error) : Promise.resolve(undefined)
  }
}
