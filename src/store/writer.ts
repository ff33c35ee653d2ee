import { StoreError } from '../base/errors.ts'
import type { EventOutcome, StoreEvent } from '../engine/events.ts'
import { encodeEvents } from '../replay/event-codec.ts'
import type { RecordOutcome } from '../replay/materializer.ts'
import { recordBytes } from '../wal/format.ts'
import type { Log } from '../wal/log.ts'
import { checkBatchBytes } from './inputs.ts'
import type { ResolvedOptions } from './options.ts'

/** What one logged event did, and where it stands in the log. */
export interface Written extends EventOutcome {
  readonly lsn: number
}

/** How long an asynchronous write, or the durable mark, may stay unsynced. */
const LAZY_SYNC_MS = 1000

/** The way of every write: encode, append, and the outcome that the materializer gave. */
export class Writer {
  readonly #log: Log<RecordOutcome>
  readonly #options: ResolvedOptions
  readonly #now: () => number
  readonly #onWritten: (bytes: number) => void
  #timer: NodeJS.Timeout | undefined
  #closed = false

  /** `onWritten` is called after every record, with its bytes in the log. */
  constructor(
    log: Log<RecordOutcome>,
    options: ResolvedOptions,
    now: () => number,
    onWritten: (bytes: number) => void,
  ) {
    this.#log = log
    this.#options = options
    this.#now = now
    this.#onWritten = onWritten
  }

  /**
   * Appends one event as a record. The event is encoded before this returns, so the caller may reuse its arrays.
   * @throws StoreError `ERR_BATCH_TOO_LARGE`, `ERR_QUEUE_FULL`, `ERR_STORE_CLOSED`: nothing was logged. Else what `Log.append`
   * says, or the code with which the state refused the event.
   */
  write(event: StoreEvent, what: string): Promise<Written> {
    // A call that waited for another one may come here late, and its record would race with the seal of the last segment.
    if (this.#closed) throw new StoreError('ERR_STORE_CLOSED', `the store was closed before ${what}`)
    const payload = encodeEvents([event])
    checkBatchBytes(payload.byteLength)
    this.#requireRoom(payload.byteLength)
    return this.#log.append(payload, this.#now(), this.#options.durability).then(({ lsn, outcomes }) => {
      this.#syncLater()
      this.#onWritten(recordBytes(payload.byteLength))
      return writtenOf(lsn, outcomes, what)
    })
  }

  sync(): Promise<void> {
    return this.#log.sync()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#timer = undefined
    await this.#log.close()
  }

  #requireRoom(bytes: number): void {
    const { maxQueueBytes } = this.#options
    const queuedBytes = this.#log.queuedBytes
    if (queuedBytes === 0 || queuedBytes + bytes <= maxQueueBytes) return
    const message = `${queuedBytes} bytes of writes are waiting; with ${bytes} more it would be over maxQueueBytes (${maxQueueBytes}). Await earlier writes, or use addAll, which does`
    throw new StoreError('ERR_QUEUE_FULL', message, { details: { queuedBytes, bytes, maxQueueBytes } })
  }

  /**
   * One timer, only while something is unsynced, that keeps no process alive. It is set when a record was written: one that
   * is still on its way when an earlier timer goes off looks like nothing to sync.
   */
  #syncLater(): void {
    if (this.#timer !== undefined || this.#closed || this.#log.isSettled) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (this.#log.isSettled || this.#log.poison !== undefined) return
      this.#log.sync().catch((error: StoreError) => this.#options.onProblem?.(error))
    }, LAZY_SYNC_MS)
    this.#timer.unref?.()
  }
}

function writtenOf(lsn: number, outcomes: readonly EventOutcome[], what: string): Written {
  const [outcome] = outcomes
  if (outcome === undefined)
    throw new StoreError('ERR_RECORD_INVALID', `${what} was logged as record ${lsn}, which has no event`)
  if (outcome.code === undefined) return { ...outcome, lsn }
  throw new StoreError(
    outcome.code,
    `${what} was logged as record ${lsn} but did not fit the state, and changed nothing`,
    {
      details: { lsn },
    },
  )
}
