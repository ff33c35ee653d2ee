import type { Files } from '../../../src/base/files.ts'
import type { VectorStore } from '../../../src/store/vector-store.ts'
import { expectSearches } from './check-searches.ts'
import { endProcess, openStore, passSecond, resetTime, untilQuiet } from './open-store.ts'
import type { SessionDurability, SessionSnapshots, Timing } from './operations.ts'
import { ProcessFiles } from './process-files.ts'
import { holdBuilding } from './process-turns.ts'
import { type Handles, handlesOf, startOperation } from './start-operation.ts'
import type { Plan, PlannedOperation, PlannedStep } from './workload.ts'

/** Segments rotate as often as options allow, except where much is to stay unsynced: a segment that ends is synced. */
const SEGMENT_SIZE_BYTES = { sync: 4096, async: 64 * 1024 } as const

/** By far more microtasks than a switch takes to measure and be written. */
const MOST_TURNS = 100_000

/** A call that did not succeed. */
export interface Failure {
  readonly error: unknown
  /** Missing for opening, syncing and closing. */
  readonly planned?: PlannedOperation
}

/** Runs a workload on a store and keeps, outside of it, the books on what it acknowledged. */
export class DrivenStore {
  readonly files: Files
  readonly #searches: boolean
  readonly #idByte: number | undefined
  /** The last LSN that a power loss must not take. */
  durableLsn = 0
  /** The last LSN that was acknowledged at all: the kill of a process must not take it. */
  acknowledgedLsn = 0
  /** The last LSN that was tried. */
  triedLsn = 0
  #store: VectorStore | undefined
  #handles: Handles = new Map()
  #durability: SessionDurability = 'sync'
  #process: ProcessFiles | undefined
  /** The newest snapshot that was there when the store was opened: its name need not be on disk. */
  #foundLsn = 0
  #takenLsn = 0

  /** With `searches` it also looks, while something is being built, for entries that no search finds. */
  constructor(files: Files, { searches = false, idByte }: { searches?: boolean; idByte?: number | undefined } = {}) {
    this.files = files
    this.#idByte = idByte
    this.#searches = searches
  }

  /** Whether there is a store that took no failure to open or close. */
  get isOpen(): boolean {
    return this.#store !== undefined
  }

  get store(): VectorStore {
    if (this.#store === undefined) throw new Error('The store is not open')
    return this.#store
  }

  /** LSN of the newest snapshot that was taken: a power loss must not take it. */
  get snapshotLsn(): number {
    const newest = this.#store?.stats().snapshots[0]?.lsn ?? 0
    if (newest > this.#foundLsn) this.#takenLsn = Math.max(this.#takenLsn, newest)
    return this.#takenLsn
  }

  set snapshotLsn(lsn: number) {
    this.#takenLsn = lsn
  }

  /** The whole workload, up to the first call that fails; that error is thrown. */
  async run(plan: Plan): Promise<void> {
    resetTime()
    await this.open('sync', plan.snapshots)
    for (const step of plan.steps) {
      for (const { error } of await this.perform(step)) throw error
    }
  }

  async open(durability: SessionDurability, snapshots: SessionSnapshots = {}): Promise<void> {
    this.#durability = durability
    this.#store = undefined
    this.#process = new ProcessFiles(this.files)
    const segmentSizeBytes = SEGMENT_SIZE_BYTES[durability]
    const store = await openStore(this.#process, { durability, segmentSizeBytes, ...snapshots }, this.#idByte)
    this.#foundLsn = store.stats().snapshots[0]?.lsn ?? 0
    this.#store = store
    this.#handles = await handlesOf(store)
  }

  /** Ends the process: nothing of what it has under way goes on. */
  async kill(): Promise<void> {
    // Looked up while it can be: what it has taken stays.
    void this.snapshotLsn
    endProcess()
    await this.#process?.kill()
  }

  /** Notes what a store that was opened anew serves: what was tried and is not there never happened. */
  settle(lsn: number): void {
    this.durableLsn = Math.max(this.durableLsn, lsn)
    this.acknowledgedLsn = lsn
    this.triedLsn = lsn
  }

  /** Does one step to its end, whatever fails in it. Reopening and closing throw instead. */
  async perform(step: PlannedStep): Promise<Failure[]> {
    switch (step.kind) {
      case 'together':
        return this.performTogether(step.operations, step.timing)
      case 'sync':
        return this.#sync()
      case 'second':
        await passSecond()
        return []
      case 'reopen':
        if (step.ending === 'close') await this.close()
        else await this.kill()
        await this.open(step.durability, step.snapshots)
        return []
      case 'snapshot':
        return this.takeSnapshot(step.operations, step.isBuilding)
      case 'close':
        await this.close()
        return []
    }
  }

  async close(): Promise<void> {
    const lsn = this.acknowledgedLsn
    const store = this.store
    void this.snapshotLsn
    this.#store = undefined
    await store.close()
    this.durableLsn = Math.max(this.durableLsn, lsn)
  }

  async performTogether(operations: readonly PlannedOperation[], timing: Timing = 'atOnce'): Promise<Failure[]> {
    const failures: Failure[] = []
    const call = async (planned: PlannedOperation) => {
      this.triedLsn = Math.max(this.triedLsn, planned.lsn ?? 0)
      try {
        this.#acknowledge(planned, await startOperation(this.store, this.#handles, planned.operation))
      } catch (error) {
        failures.push({ error, planned })
      }
    }
    const [first, ...rest] = operations
    if (first === undefined) return failures
    if (timing === 'whileBuilding') {
      await this.#handles.get(first.operation.name)?.settled()
      await this.#performWhileBuilding(first, rest, call, failures)
      return failures
    }
    const calls = [call(first)]
    if (timing === 'behindFirst') await untilUnderWay()
    if (timing === 'whileSwitching') await this.#untilApplied(first, failures)
    const [failure] = timing === 'whileSwitching' ? failures : []
    // Places in the log are planned, so they wait for the first to succeed.
    if (failure !== undefined) failures.push(...rest.map((planned) => ({ ...failure, planned })))
    else calls.push(...rest.map(call))
    await Promise.all(calls)
    return failures
  }

  /**
   * Takes a snapshot, with calls beside it. Once it resolves, all that was acknowledged before it is on disk, with it. With
   * `isBuilding` it is begun while what the first call has ordered is held, and the other calls come before that is built.
   */
  async takeSnapshot(operations: readonly PlannedOperation[], isBuilding = false): Promise<Failure[]> {
    const [first] = operations
    if (!isBuilding || first === undefined) {
      const taking = this.#snapshotOnce()
      const failures = await this.performTogether(operations)
      return [...failures, ...(await taking)]
    }
    await this.#handles.get(first.operation.name)?.settled()
    const goOnBuilding = holdBuilding()
    const failures: Failure[] = []
    const perform = async (some: readonly PlannedOperation[]) => failures.push(...(await this.performTogether(some)))
    const ordering = perform([first])
    let taking: Promise<Failure[]> | undefined
    try {
      await untilQuiet()
      const rest = operations.slice(1)
      const [failure] = failures
      taking = this.#snapshotOnce()
      if (failure === undefined) await perform(rest)
      // Places in the log are planned, so they wait for the first to succeed.
      else failures.push(...rest.map((planned) => ({ ...failure, planned })))
    } finally {
      goOnBuilding()
    }
    await ordering
    return [...failures, ...(await taking)]
  }

  #snapshotOnce(): Promise<Failure[]> {
    const wantedLsn = this.acknowledgedLsn
    return this.store.snapshot().then(
      ({ lsn }) => {
        if (lsn < wantedLsn) throw new Error(`a snapshot asked for at LSN ${wantedLsn} is of LSN ${lsn}`)
        this.durableLsn = Math.max(this.durableLsn, lsn)
        this.#takenLsn = Math.max(this.#takenLsn, lsn)
        return []
      },
      (error: unknown) => [{ error }],
    )
  }

  /** Nothing is built before the writes have come to their end, and what they did is found by searches. */
  async #performWhileBuilding(
    first: PlannedOperation,
    rest: readonly PlannedOperation[],
    call: (planned: PlannedOperation) => Promise<void>,
    failures: Failure[],
  ): Promise<void> {
    const goOnBuilding = holdBuilding()
    const ordered = call(first)
    const switches: Promise<void>[] = []
    // Places in the log are planned, so what comes behind a call waits for it to succeed.
    const callAll = (some: readonly PlannedOperation[]): Promise<void>[] => {
      const [failure] = failures
      if (failure === undefined) return some.map(call)
      failures.push(...some.map((planned) => ({ ...failure, planned })))
      return []
    }
    try {
      await untilQuiet()
      await Promise.all(callAll(rest.filter(({ operation }) => operation.type !== 'quantize')))
      for (const planned of rest.filter(({ operation }) => operation.type === 'quantize')) {
        // It may wait for what is held.
        switches.push(...callAll([planned]))
        await this.#untilApplied(planned, failures)
      }
      if (this.#searches) await expectSearches(this.store, `LSN ${this.triedLsn}, while an index is being built`)
    } finally {
      goOnBuilding()
    }
    await Promise.all([ordered, ...switches])
  }

  /** Waits until an operation is in the log and the state, or has failed, and for nothing that it does besides. */
  async #untilApplied({ lsn = 0 }: PlannedOperation, failures: readonly Failure[]): Promise<void> {
    for (let turn = 0; turn < MOST_TURNS && failures.length === 0 && this.store.stats().lsn < lsn; turn++)
      await undefined
  }

  async #sync(): Promise<Failure[]> {
    const lsn = this.acknowledgedLsn
    try {
      await this.store.sync()
      this.durableLsn = Math.max(this.durableLsn, lsn)
      return []
    } catch (error) {
      return [{ error }]
    }
  }

  #acknowledge({ operation, lsn, answer }: PlannedOperation, actual: string): void {
    if (actual !== answer) {
      throw new Error(`${operation.type} on '${operation.name}', LSN ${lsn}: answered ${actual}, not ${answer}`)
    }
    if (lsn === undefined) return
    this.acknowledgedLsn = Math.max(this.acknowledgedLsn, lsn)
    if (this.#durability === 'sync') this.durableLsn = Math.max(this.durableLsn, lsn)
  }
}

/** A write leaves the queue a microtask after its call, and takes many more to come to its end. */
async function untilUnderWay(): Promise<void> {
  await undefined
  await undefined
}
