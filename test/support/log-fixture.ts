import { loadChecksum } from '../../src/base/checksum.ts'
import { isStoreError, type StoreError } from '../../src/base/errors.ts'
import type { Files } from '../../src/base/files.ts'
import type { Durability, Log } from '../../src/wal/log.ts'
import type { Repair } from '../../src/wal/log-repair.ts'
import { type LogScan, type LogScanOptions, scanLog } from '../../src/wal/log-scan.ts'
import { openLog } from '../../src/wal/open-log.ts'
import type { LogRecord } from '../../src/wal/record.ts'
import type { StartingPoint } from '../../src/wal/starting-point.ts'
import { genesisOf, STORE_ID, utf8 } from './byte-builder.ts'
import { CrashableFiles } from './crashable-files.ts'

export const checksum = await loadChecksum()

/** Time of the first record, in ms since 1970. */
export const START_MS = 1_800_000_000_000

/** A record whose payload was read as text. */
export interface SeenRecord {
  readonly lsn: number
  readonly epoch: number
  readonly timeMs: number
  readonly chain: bigint
  readonly text: string
}

export interface LogFixtureOptions {
  readonly segmentSizeBytes?: number
  readonly newStoreId?: Uint8Array
  /** Where reading begins: what lies at or below it is not needed. */
  readonly after?: StartingPoint | undefined
  /** Called for each committed record; what it throws poisons the log. */
  readonly deliver?: (record: SeenRecord) => void
}

/** A log that is open for writing, its payloads short texts, its clock a counter. `append` resolves with the LSN. */
export class LogFixture {
  readonly files: CrashableFiles
  readonly log: Log<number>
  readonly scan: LogScan
  readonly repair: Repair
  /** What opening read, in order. */
  readonly found: readonly SeenRecord[]
  /** What was delivered since, in order. */
  readonly delivered: readonly SeenRecord[]
  #nowMs = START_MS

  private constructor(
    files: Files,
    opened: { log: Log<number>; scan: LogScan; repair: Repair },
    found: readonly SeenRecord[],
    delivered: readonly SeenRecord[],
  ) {
    this.files = files as CrashableFiles
    this.log = opened.log
    this.scan = opened.scan
    this.repair = opened.repair
    this.found = found
    this.delivered = delivered
  }

  static async open(files: Files = new CrashableFiles(), options: LogFixtureOptions = {}): Promise<LogFixture> {
    const found: SeenRecord[] = []
    const delivered: SeenRecord[] = []
    const opened = await openLog(files, {
      checksum,
      newStoreId: options.newStoreId ?? STORE_ID,
      segmentSizeBytes: options.segmentSizeBytes ?? 1024 * 1024,
      after: options.after,
      deliver: (record) => {
        const seen = seeRecord(record)
        options.deliver?.(seen)
        delivered.push(seen)
        return record.lsn
      },
      onRecord: (record) => {
        found.push(seeRecord(record))
        return undefined
      },
    })
    return new LogFixture(files, opened, found, delivered)
  }

  get foundTexts(): string[] {
    return textsOf(this.found)
  }

  /** Syncs of files and directories so far. */
  get syncs(): string[] {
    return this.files.operations.filter((operation) => operation.startsWith('sync'))
  }

  append(text: string, durability: Durability = 'sync', timeMs = this.#nowMs++): Promise<number> {
    return this.log.append(utf8(text), timeMs, durability)
  }

  /** Appends in one turn of the event loop, so that they share a group. */
  appendTogether(texts: readonly string[], durability: Durability = 'sync'): Promise<number[]> {
    return Promise.all(texts.map((text) => this.append(text, durability)))
  }

  /** Appends one after the other, each in a group of its own. */
  async appendEach(texts: readonly string[], durability: Durability = 'sync'): Promise<void> {
    for (const text of texts) await this.append(text, durability)
  }

  close(): Promise<void> {
    return this.log.close()
  }

  /** The process is killed and another opens the same files: all that was written is seen, nothing more was synced. */
  killAndReopen(options?: LogFixtureOptions): Promise<LogFixture> {
    return LogFixture.open(this.files.restartImage(), options)
  }
}

/** A closed log with these records, each in a group of its own. */
export async function closedLog(texts: readonly string[], options?: LogFixtureOptions): Promise<CrashableFiles> {
  const fixture = await LogFixture.open(new CrashableFiles(), options)
  await fixture.appendEach(texts)
  await fixture.close()
  return fixture.files.restartImage()
}

/** The same, killed instead of closed. */
export async function killedLog(texts: readonly string[], options?: LogFixtureOptions): Promise<CrashableFiles> {
  const fixture = await LogFixture.open(new CrashableFiles(), options)
  await fixture.appendEach(texts)
  return fixture.files.restartImage()
}

/** Reads a log without changing it. */
export async function readLog(files: Files, limitLsn?: number): Promise<{ scan: LogScan; records: SeenRecord[] }> {
  const records: SeenRecord[] = []
  const onRecord = (record: LogRecord): undefined => {
    records.push(seeRecord(record))
  }
  return { scan: await scanLog(files, { checksum, limitLsn, onRecord }), records }
}

/** The record at an LSN of a log that is whole, as whoever has a copy of everything up to it would give it. */
export async function pointAt(files: Files, lsn: number): Promise<StartingPoint> {
  const { scan, records } = await readLog(files)
  const storeId = scan.storeId ?? STORE_ID
  const record = records.find((candidate) => candidate.lsn === lsn)
  if (record === undefined) return { storeId, epoch: 1, lsn: 0, chain: genesisOf(storeId), timeMs: 0 }
  const { epoch, chain, timeMs } = record
  return { storeId, epoch, lsn, chain, timeMs }
}

/** Reads what follows a point, without changing anything. */
export async function readAfter(
  files: Files,
  after: StartingPoint,
  options: Partial<LogScanOptions> = {},
): Promise<{ scan: LogScan; found: string[] }> {
  const records: SeenRecord[] = []
  const onRecord = (record: LogRecord): undefined => {
    records.push(seeRecord(record))
  }
  return { scan: await scanLog(files, { checksum, after, onRecord, ...options }), found: textsOf(records) }
}

export async function readTexts(files: Files, limitLsn?: number): Promise<string[]> {
  return textsOf((await readLog(files, limitLsn)).records)
}

export function textsOf(records: readonly SeenRecord[]): string[] {
  return records.map(({ text }) => text)
}

/** `count` texts, `r1`, `r2`, …, or from another number on. */
export function texts(count: number, from = 1): string[] {
  return Array.from({ length: count }, (_, index) => `r${from + index}`)
}

/** What became of a promise: its value, or the code of its store error. Any other error is thrown on. */
export async function outcomeOf<Value>(promise: Promise<Value>): Promise<Value | StoreError['code']> {
  try {
    return await promise
  } catch (error) {
    if (isStoreError(error)) return error.code
    throw error
  }
}

/** The store error that a promise rejects with. */
export async function errorOf(promise: Promise<unknown>): Promise<StoreError> {
  try {
    await promise
  } catch (error) {
    if (isStoreError(error)) return error
    throw error
  }
  throw new Error('It resolved, but was to reject')
}

function seeRecord({ lsn, epoch, timeMs, chain, payload }: LogRecord): SeenRecord {
  return { lsn, epoch, timeMs, chain, text: new TextDecoder().decode(payload) }
}
