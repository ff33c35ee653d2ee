import { throwIfAborted } from '../base/abort.ts'
import { StoreError } from '../base/errors.ts'
import { rowBytesOf, type VectorType } from '../engine/vector-type.ts'
import { type AddFields, EntryBatch, type EntryInput } from './inputs.ts'
import { MAX_BATCH_ENTRIES } from './limits.ts'
import type { Addition } from './memory-needs.ts'
import { type Progress, refuseUnknownOptions, requireInteger } from './options.ts'
import type { Shape } from './vector-input.ts'

export interface AddAllOptions {
  /** Entries to a record, which is taken whole or not at all. Default 1,000; one of 4 MiB takes no more. */
  readonly batchSize?: number
  /** Called when a batch is on disk (or, with `durability: 'async'`, written). */
  readonly onProgress?: (progress: Progress) => void
  /** Stops reading at the next entry; what is under way is waited for. */
  readonly signal?: AbortSignal
}

export interface AddResult {
  /** LSN of the last record. */
  readonly lsn: number
  /** Entries whose id was not there before. */
  readonly added: number
  /** Entries that replaced one of the same id. */
  readonly replaced: number
}

const OPTIONS = ['batchSize', 'onProgress', 'signal'] as const
const BATCH_ENTRIES = 1000

const BATCH_BYTES = 4 * 1024 * 1024
/** While one batch is being synced the next is encoded; more than two would only fill memory. */
const BATCHES_UNDER_WAY = 2

export interface AddAllTarget {
  readonly shape: Shape
  /** LSN of the last record applied. */
  readonly lsn: number
  /** Waits while too many entries wait to be indexed, or memory is being made. */
  waitForRoom(addition: Addition): Promise<void> | undefined
  /** Copies the fields before it returns. */
  add(fields: AddFields): Promise<AddResult>
  /** Bytes of log on disk. */
  durableBytes(): number
}

/**
 * Adds entries from any iterable, split into records of a bounded size, of which two are under way at a time.
 * @throws what the iterable or a batch throws, once all that was under way has ended: batches before it stay added. `ERR_ABORTED`
 * with the number of entries that are stored in `details.done`.
 */
export async function addAll<M, T extends VectorType>(
  target: AddAllTarget,
  entries: Iterable<EntryInput<M, T>> | AsyncIterable<EntryInput<M, T>>,
  options: AddAllOptions,
): Promise<AddResult> {
  refuseUnknownOptions(options, OPTIONS, 'addAll')
  const { batchSize = BATCH_ENTRIES, signal } = options
  requireInteger('batchSize', batchSize, 1, MAX_BATCH_ENTRIES)
  const run = new AddAllRun(target, options, Array.isArray(entries) ? entries.length : undefined)
  const rowBytes = rowBytesOf(target.shape.vectorType, target.shape.dimensions)
  const capacity = Math.max(1, Math.min(batchSize, Math.floor(BATCH_BYTES / rowBytes)))
  const batch = new EntryBatch(target.shape, capacity)
  /** Takes an entry; says whether the batch is full. */
  const take = (entry: EntryInput<M, T>): boolean => {
    throwIfAborted(signal, 'addAll')
    batch.push(entry as EntryInput<object, T>)
    return batch.size === capacity || batch.leastBytes >= BATCH_BYTES
  }
  try {
    throwIfAborted(signal, 'addAll')
    // Waiting for each entry of an iterable that does not need it costs as much as adding it.
    if (Symbol.asyncIterator in entries) {
      for await (const entry of entries) if (take(entry)) await run.submit(batch)
    } else {
      for (const entry of entries) if (take(entry)) await run.submit(batch)
    }
    if (batch.size > 0) await run.submit(batch)
  } catch (error) {
    await run.settle()
    if (!signal?.aborted) throw error
    run.throwIfFailed()
    const { added, replaced } = run.result
    throw new StoreError('ERR_ABORTED', `addAll was aborted after ${added + replaced} entries, which are stored`, {
      cause: signal.reason,
      details: { done: added + replaced, lsn: run.result.lsn },
    })
  }
  return run.finish()
}

class AddAllRun {
  readonly #target: AddAllTarget
  readonly #options: AddAllOptions
  readonly #total: number | undefined
  readonly #underWay = new Set<Promise<void>>()
  #failure: { error: unknown } | undefined
  #result: AddResult

  constructor(target: AddAllTarget, options: AddAllOptions, total: number | undefined) {
    this.#target = target
    this.#options = options
    this.#total = total
    this.#result = { lsn: target.lsn, added: 0, replaced: 0 }
  }

  get result(): AddResult {
    return this.#result
  }

  /** Starts a batch, and empties it for the next one; waits while too many are under way. */
  async submit(batch: EntryBatch): Promise<void> {
    while (this.#underWay.size >= BATCHES_UNDER_WAY) await Promise.race(this.#underWay)
    // Before the batch gives its fields: they are its own arrays, and the next entries go into them.
    const room = this.#target.waitForRoom({ entries: batch.size, textBytes: batch.textBytes })
    // Only where there is something to wait for, so that a batch of one array takes its place in the log within the call.
    if (room !== undefined) await room
    this.throwIfFailed()
    const running: Promise<void> = this.#target
      .add(batch.fields())
      .then((result) => this.#count(result))
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
      .finally(() => this.#underWay.delete(running))
    this.#underWay.add(running)
    batch.clear()
  }

  async settle(): Promise<void> {
    await Promise.all(this.#underWay)
  }

  throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  async finish(): Promise<AddResult> {
    await this.settle()
    this.throwIfFailed()
    return this.#result
  }

  #count({ lsn, added, replaced }: AddResult): void {
    const sum = this.#result
    this.#result = { lsn: Math.max(sum.lsn, lsn), added: sum.added + added, replaced: sum.replaced + replaced }
    this.#options.onProgress?.({
      phase: 'add',
      done: this.#result.added + this.#result.replaced,
      ...(this.#total === undefined ? {} : { total: this.#total }),
      durableBytes: this.#target.durableBytes(),
    })
  }
}
