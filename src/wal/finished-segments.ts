import type { Files } from '../base/files.ts'
import { removeIfPresent } from './durable-mark.ts'
import { WAL_DIRECTORY } from './format.ts'
import type { ScannedSegment } from './log-scan.ts'

/** One file of the log. */
export interface LogSegment {
  readonly path: string
  readonly firstLsn: number
  /** Below `firstLsn` where it is empty. */
  readonly lastLsn: number
  /** Time of the record before its first: not above that of any record in it. */
  readonly startTimeMs: number
  readonly sizeBytes: number
}

/** The segments of an open log that are no longer appended to, oldest first, and whatever changes their directory. */
export class FinishedSegments {
  readonly #files: Files
  #all: readonly LogSegment[]
  #reopened: ScannedSegment | undefined
  #turn: Promise<void> = Promise.resolve()
  #dropFailure: unknown
  #isClosed = false

  /** `older` was not read at opening, `found` was; `reopened` is the last of them where it is to be sealed. */
  constructor(
    files: Files,
    older: readonly LogSegment[],
    found: readonly ScannedSegment[],
    reopened: ScannedSegment | undefined,
  ) {
    this.#files = files
    this.#all = [...older, ...found.map(describe)]
    this.#reopened = reopened
  }

  get all(): readonly LogSegment[] {
    return this.#all
  }

  get sizeBytes(): number {
    return this.#all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  }

  /** The last one found at opening, while its seal is not known to be on disk. */
  get reopened(): ScannedSegment | undefined {
    return this.#reopened
  }

  add(segment: LogSegment): void {
    this.#all = [...this.#all, segment]
  }

  /** {@link reopened} was sealed, or is empty and about to be replaced. */
  reopenedIsSealed(sizeBytes: number): void {
    this.#reopened = undefined
    this.#all = [...this.#all.slice(0, -1), { ...this.#all.at(-1)!, sizeBytes }]
  }

  /** A segment was published under this path: one that stood there was empty, and is gone. */
  replacedBy(path: string): void {
    this.#all = this.#all.filter((segment) => segment.path !== path)
  }

  /**
   * Changes entries of the directory, one change at a time: a sync that fails for one must not take another's entry with it,
   * whose own sync would then succeed without having written it.
   */
  change<Changed>(change: () => Promise<Changed>): Promise<Changed> {
    const changed = this.#turn.then(change)
    this.#turn = changed.then(
      () => {},
      () => {},
    )
    return changed
  }

  /**
   * Removes the oldest segment, durably, if it holds only records below `lsn` and is not the last of the log.
   * @param isLast whether there is no segment behind these, as of when it is called.
   * @returns the bytes that were freed, `undefined` where nothing is to be removed.
   * @throws StoreError of the files. After a failed sync each later call throws the same.
   */
  dropOldest(lsn: number, isLast: () => boolean): Promise<number | undefined> {
    return this.change(async () => {
      if (this.#dropFailure !== undefined) throw this.#dropFailure
      const [oldest] = this.#all
      if (this.#isClosed || oldest === undefined || oldest.lastLsn >= lsn) return undefined
      if (this.#all.length === 1 && isLast()) return undefined
      await removeIfPresent(this.#files, oldest.path)
      this.#all = this.#all.filter((segment) => segment !== oldest)
      try {
        await this.#files.syncDirectory(WAL_DIRECTORY)
      } catch (error) {
        // Whether the file is gone is unknown from here on, so a later removal could leave a gap behind it.
        this.#dropFailure = error
        throw error
      }
      return oldest.sizeBytes
    })
  }

  /** Resolves when no change is under way and none will begin. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#turn
  }
}

function describe({ path, header, end, sizeBytes }: ScannedSegment): LogSegment {
  const { firstLsn, previousTimeMs } = header
  return { path, firstLsn, lastLsn: end.lsn, startTimeMs: previousTimeMs, sizeBytes }
}
