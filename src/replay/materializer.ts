import { type ErrorCode, isStoreError } from '../base/errors.ts'
import { applyEvent, markApplied } from '../engine/apply-event.ts'
import type { EventOutcome } from '../engine/events.ts'
import type { StoreState } from '../engine/store-state.ts'
import type { TimedPosition } from '../wal/position.ts'
import type { LogRecord } from '../wal/record.ts'
import { decodeEvents } from './event-codec.ts'

/** What a record did. */
export interface RecordOutcome {
  readonly lsn: number
  readonly outcomes: readonly EventOutcome[]
}

/** The last record applied: what a snapshot of the state says of itself. */
export type AppliedPosition = TimedPosition

/**
 * Takes records into the state: the only caller of `applyEvent`, and the same for live writes, recovery and readers. It is
 * fed with the bytes of the log in every case, so what a writer sees is what a reopened store will see.
 */
export class Materializer {
  readonly #state: StoreState
  #records = 0
  #events = 0
  #misfits = 0
  #applied: AppliedPosition | undefined

  /** Goes on with a state as it was after the record `applied`; an empty one where that is left out. */
  constructor(state: StoreState, applied?: AppliedPosition) {
    this.#state = state
    this.#applied = applied
  }

  /** The last record applied, or the one that the state was restored at. `undefined` before the first. */
  get applied(): AppliedPosition | undefined {
    return this.#applied
  }

  /** Records, events, and events that did not fit the state, since the materializer was made. */
  get counts(): { records: number; events: number; misfits: number } {
    return { records: this.#records, events: this.#events, misfits: this.#misfits }
  }

  /**
   * Applies one record. Records come in order of LSN, without gaps.
   * @throws StoreError `ERR_FORMAT_VERSION` for an event of a newer release. A record that cannot be decoded, though its chain
   * holds, changes nothing and says so in its outcome: no logged record can make opening fail.
   */
  apply(record: LogRecord): RecordOutcome {
    const expected = this.#state.lsn + 1
    if (record.lsn !== expected) throw new RangeError(`record ${record.lsn} came where ${expected} should`)
    const outcomes = this.#applyPayload(record)
    markApplied(this.#state, record.lsn)
    const { epoch, lsn, chain, timeMs } = record
    this.#applied = { epoch, lsn, chain, timeMs }
    this.#records += 1
    this.#events += outcomes.length
    this.#misfits += outcomes.filter(({ code }) => code !== undefined).length
    return { lsn: record.lsn, outcomes }
  }

  #applyPayload(record: LogRecord): EventOutcome[] {
    try {
      return decodeEvents(record.payload).map((event) => applyEvent(this.#state, event, record.lsn))
    } catch (error) {
      if (isStoreError(error, 'ERR_RECORD_INVALID')) return [misfit('ERR_RECORD_INVALID')]
      throw error
    }
  }
}

function misfit(code: ErrorCode): EventOutcome {
  return { code, added: 0, replaced: 0, removed: 0 }
}
