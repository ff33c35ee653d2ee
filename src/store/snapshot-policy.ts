import type { Recovered } from '../replay/recovery.ts'

export interface SnapshotPolicySettings {
  /** Bytes of log that make a snapshot due. */
  readonly snapshotBytes: number
  /** Records of log that do. */
  readonly snapshotRecords: number
}

/** How far the log was at some moment. */
export interface LogMark {
  readonly bytes: number
  readonly records: number
}

/** A snapshot as large as the log that came since it costs as much again as it saves, so half as much has to have come. */
const LEAST_SHARE_OF_SNAPSHOT = 0.5
/** Share of what makes a snapshot due at which one is taken when the store closes, which spares the next opening a replay. */
const SHARE_AT_CLOSE = 0.25
/** Nodes of a graph that is built again in about a second, which a snapshot at close spares the next opening. */
const LEAST_NODES_AT_CLOSE = 50_000

/** Decides when a snapshot is due, by how much log has come since the last one. Knows no clock and no files. */
export class SnapshotPolicy {
  readonly #settings: SnapshotPolicySettings
  #bytes: number
  #records: number
  #since: LogMark = { bytes: 0, records: 0 }
  #lastBytes: number
  #builtNodes = 0

  /** `tail` is the log that opening had to replay, and `snapshotBytes` the size of what it went on from. */
  constructor(settings: SnapshotPolicySettings, tail: LogMark, snapshotBytes: number) {
    this.#settings = settings
    this.#bytes = tail.bytes
    this.#records = tail.records
    this.#lastBytes = snapshotBytes
  }

  /** To be called after every record, with its bytes in the log. */
  noteWritten(bytes: number): void {
    this.#bytes += bytes
    this.#records += 1
  }

  /** To be called when work on a graph of so many nodes has ended: until a snapshot holds it, opening does that work again. */
  noteBuilt(nodes: number): void {
    this.#builtNodes = Math.max(this.#builtNodes, nodes)
  }

  /** To be called when graphs were captured: those built before are in the snapshot that is being taken. */
  noteCaptured(): void {
    this.#builtNodes = 0
  }

  /** Where the log stands. To be asked when a snapshot is begun. */
  mark(): LogMark {
    return { bytes: this.#bytes, records: this.#records }
  }

  /** A snapshot of so many bytes was taken as of a mark. */
  noteTaken(mark: LogMark, snapshotBytes: number): void {
    this.#since = mark
    this.#lastBytes = snapshotBytes
  }

  /** One could not be taken; it is tried again after as much log again. */
  noteFailed(mark: LogMark): void {
    this.#since = mark
  }

  isDue(): boolean {
    return this.#isPast(1)
  }

  /** Whether one is due because the store closes. */
  isDueAtClose(): boolean {
    // Who wants none by bytes wants none at all but those by records.
    const isGraphUnsaved = this.#builtNodes >= LEAST_NODES_AT_CLOSE && Number.isFinite(this.#settings.snapshotBytes)
    return isGraphUnsaved || this.#isPast(SHARE_AT_CLOSE)
  }

  #isPast(share: number): boolean {
    const { snapshotBytes, snapshotRecords } = this.#settings
    if (this.#records - this.#since.records >= snapshotRecords * share) return true
    const dueBytes = Math.max(snapshotBytes, this.#lastBytes * LEAST_SHARE_OF_SNAPSHOT)
    return this.#bytes - this.#since.bytes >= dueBytes * share
  }
}

/**
 * The log behind the snapshot that a store was opened from. The file that the snapshot ends in is read from its beginning, so
 * the bytes are those read, in proportion to their records.
 */
export function tailOf({ log, report, state }: Pick<Recovered, 'log' | 'report' | 'state'>): LogMark {
  const { records, bytes, snapshotLsn = 0 } = report
  const firstRead = log?.segments.find(({ lastLsn }) => lastLsn > snapshotLsn)
  if (records === 0 || firstRead === undefined) return { bytes: 0, records }
  return { bytes: (bytes * records) / (state.lsn - firstRead.firstLsn + 1), records }
}
