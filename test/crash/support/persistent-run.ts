import { expect } from 'vitest'
import { isStoreError, type StoreError } from '../../../src/base/errors.ts'
import type { CrashableFiles } from '../../support/crashable-files.ts'
import { cameBack, checkBounds, expectState, expectStateOf } from './check-recovered.ts'
import { booksOf, type CrashedStore } from './crashed-store.ts'
import { DrivenStore } from './driven-store.ts'
import type { History } from './history.ts'
import { resetTime, untilQuiet } from './open-store.ts'
import type { SessionDurability, SessionSnapshots, Timing } from './operations.ts'
import type { PlannedOperation, PlannedStep } from './workload.ts'

/** Errors that promise that nothing was written. */
const DEFINITE = ['ERR_DISK_FULL', 'ERR_IO', 'ERR_PERMISSION']
const INDETERMINATE = ['ERR_INDETERMINATE', 'ERR_POISONED']
const ATTEMPTS = 4

/**
 * Brings a workload to its end though calls fail: what was refused for certain is asked for again from the same store, and
 * after anything else the store is opened anew, which tells what became of it. On the way it holds every error to its word.
 */
export class PersistentRun {
  readonly #history: History
  readonly #driven: DrivenStore
  readonly #files: CrashableFiles
  readonly #where: string
  /** Called when a write was refused for certain, with what the files must hold. */
  readonly #onRefusal: (store: CrashedStore) => Promise<void>
  #durability: SessionDurability = 'sync'
  #snapshots: SessionSnapshots = {}
  /** Calls that failed. */
  failures = 0
  /** Openings that followed on an error that left the log unknown. */
  restarts = 0

  constructor(
    files: CrashableFiles,
    history: History,
    where: string,
    onRefusal: (store: CrashedStore) => Promise<void>,
  ) {
    this.#files = files
    this.#history = history
    this.#driven = new DrivenStore(files)
    this.#where = where
    this.#onRefusal = onRefusal
  }

  /** @param beforeStep called before each step; a step may be made to fail there. */
  async run(beforeStep: (step: PlannedStep) => void = () => {}): Promise<void> {
    resetTime()
    await this.#open('sync', this.#history.snapshots)
    for (const step of this.#history.steps) {
      beforeStep(step)
      if (step.kind === 'snapshot') await this.#takeSnapshot(step.operations)
      else if (step.kind === 'together') await this.#performTogether(step.operations, step.timing)
      else if (step.kind === 'sync') await this.#sync()
      else if (step.kind === 'second') await this.#driven.perform(step)
      else await this.#end(step)
    }
    const { endLsn } = this.#history
    await this.#open('sync')
    expect(this.#driven.store.stats().lsn, this.#where).toBe(endLsn)
    await this.#close()
    await expectStateOf(this.#files.restartImage(), endLsn, this.#history, this.#where)
  }

  async #end(step: Extract<PlannedStep, { kind: 'reopen' | 'close' }>): Promise<void> {
    if (step.kind === 'close' || step.ending === 'close') await this.#close()
    else await this.#driven.kill()
    if (step.kind === 'reopen') await this.#open(step.durability, step.snapshots)
  }

  /** Opens until it succeeds: each failure must be typed, and none may take the store for broken. */
  async #open(durability: SessionDurability, snapshots: SessionSnapshots = {}): Promise<void> {
    this.#durability = durability
    this.#snapshots = snapshots
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#driven.open(durability, snapshots)
      } catch (error) {
        this.#count(error, DEFINITE, 'opening')
        if (attempt === ATTEMPTS) throw error
        continue
      }
      const { store, acknowledgedLsn, triedLsn } = this.#driven
      const { lsn } = store.stats()
      // A tail that cannot be mended is not served.
      const floorLsn = store.readOnly ? this.#driven.durableLsn : acknowledgedLsn
      checkBounds(cameBack(store), { floorLsn, ceilingLsn: triedLsn }, `${this.#where}, reopened`)
      // What moves at opening moves first. Vectors that are on disk are read.
      await untilQuiet()
      await this.#files.aside(() => expectState(store, lsn, this.#history, `${this.#where}, reopened`))
      if (!store.readOnly) {
        this.#driven.settle(lsn)
        return
      }
      await this.#driven.close()
    }
  }

  async #performTogether(operations: readonly PlannedOperation[], timing: Timing): Promise<void> {
    let remaining = operations
    for (let attempt = 1; remaining.length > 0; attempt++) {
      const failures = await this.#driven.performTogether(remaining, timing)
      if (failures.length === 0) return
      if (attempt === ATTEMPTS) throw failures[0]!.error
      for (const { error } of failures) this.#count(error, [...DEFINITE, ...INDETERMINATE], 'a write')
      const failed = new Set(failures.map(({ planned }) => planned))
      remaining = remaining.filter((planned) => failed.has(planned))
      if (failures.every(({ error }) => DEFINITE.includes((error as StoreError).code))) {
        await this.#expectRefused()
      } else {
        await this.#restart()
        const { lsn } = this.#driven.store.stats()
        remaining = remaining.filter((planned) => planned.lsn === undefined || planned.lsn > lsn)
      }
    }
  }

  /** A write that was refused for certain is in no file, and the store goes on where it was. */
  async #expectRefused(): Promise<void> {
    const { acknowledgedLsn, store } = this.#driven
    expect(store.stats().lsn, this.#where).toBe(acknowledgedLsn)
    this.#driven.triedLsn = acknowledgedLsn
    const where = `${this.#where}, refused`
    await this.#onRefusal({ ...booksOf(this.#driven), files: this.#files, where })
  }

  /** One that fails leaves the store as it is, and the next succeeds; the writes beside it are asked for again. */
  async #takeSnapshot(operations: readonly PlannedOperation[]): Promise<void> {
    let remaining = operations
    for (let attempt = 1; ; attempt++) {
      const isBuilding = remaining[0]?.operation.type === 'maintain'
      const failures = await this.#driven.takeSnapshot(remaining, isBuilding)
      if (failures.length === 0) return
      if (attempt === ATTEMPTS) throw failures[0]!.error
      for (const { error } of failures) this.#count(error, [...DEFINITE, ...INDETERMINATE], 'a snapshot')
      const failed = new Set(failures.map(({ planned }) => planned))
      remaining = remaining.filter((planned) => failed.has(planned))
      if (failures.some(({ error }) => INDETERMINATE.includes((error as StoreError).code))) {
        await this.#restart()
        const { lsn } = this.#driven.store.stats()
        remaining = remaining.filter((planned) => planned.lsn === undefined || planned.lsn > lsn)
      }
    }
  }

  async #sync(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const [failure] = await this.#driven.perform({ kind: 'sync' })
      if (failure === undefined) return
      this.#count(failure.error, [...DEFINITE, ...INDETERMINATE], 'sync')
      if (attempt === ATTEMPTS) throw failure.error
      if (INDETERMINATE.includes((failure.error as StoreError).code)) await this.#restart()
    }
  }

  async #restart(): Promise<void> {
    this.restarts += 1
    await this.#driven.kill()
    await this.#open(this.#durability, this.#snapshots)
  }

  async #close(): Promise<void> {
    try {
      await this.#driven.close()
    } catch (error) {
      this.#count(error, [...DEFINITE, ...INDETERMINATE], 'closing')
    }
  }

  #count(error: unknown, codes: readonly string[], call: string): void {
    this.failures += 1
    if (isStoreError(error) && codes.includes(error.code)) return
    throw new Error(`${this.#where}: ${call} failed with ${error}`, { cause: error })
  }
}
