import { CrashableFiles, everything, type Fault, nothing, random } from '../../support/crashable-files.ts'
import { ALL_CHECKS, checkRecovered } from './check-recovered.ts'
import { budgeted, isWithinBudget, SEED } from './crash-settings.ts'
import { afterKill, afterPowerLoss, booksOf, boundsOf, type CrashedStore, recover } from './crashed-store.ts'
import { DrivenStore } from './driven-store.ts'
import type { History } from './history.ts'
import type { ImageCheck } from './image-check.ts'

/** What a failing sync does to the pages and entries that it should have made durable. */
const DAMAGES: readonly [name: string, fault: Fault][] = [
  ['all kept in the cache', { sync: 'keep' }],
  ['all dropped from the cache', { sync: 'drop' }],
  ...Array.from({ length: budgeted(2) }, (_, index): [string, Fault] => {
    const seed = SEED + index
    return [`kept, dropped or written by seed ${seed}`, { sync: 'mixed', seed }]
  }),
]

/**
 * What makes the log's own directory durable, once in the life of a store and before anything is acknowledged, and that of its
 * snapshots. Should it fail and the system keep the entry but call it clean, nothing that this store can do makes it durable:
 * docs/CRASH-SAFETY.md names that limit.
 */
const TOP_DIRECTORY_SYNC = 'syncDirectory '

export interface SyncFailed {
  readonly crashed: CrashedStore
  readonly driven: DrivenStore
  /** What the workload ended with. */
  readonly error: unknown
}

/**
 * Runs the workload once for each of its syncs, of files and of directories, and each thing that a failing one may do; of
 * these, each has its turn at one sync in `stride`.
 */
export async function* eachFailingSync(history: History, stride = 1): AsyncGenerator<SyncFailed> {
  const whole = new CrashableFiles()
  await new DrivenStore(whole).run(history)
  const syncs = [...whole.operations.entries()].filter(([, operation]) => operation.startsWith('sync'))
  let cases = 0
  for (const [number, [index, operation]] of syncs.entries()) {
    for (const [kind, [name, fault]] of DAMAGES.entries()) {
      if ((number + kind) % stride !== 0) continue
      cases += 1
      if (!isWithinBudget(cases)) continue
      if (operation === TOP_DIRECTORY_SYNC && name !== 'all dropped from the cache') continue
      const files = new CrashableFiles()
      const driven = new DrivenStore(files)
      files.failAt(index + 1, fault)
      const error = await driven.run(history).then(
        () => undefined,
        (reason: unknown) => reason,
      )
      const where = `operation ${index + 1}, ${operation}, fails: ${name}`
      yield { crashed: { ...booksOf(driven), files, where }, driven, error }
      await driven.kill()
    }
  }
}

/** Power is lost after a failed sync, and, by another course, after a restart that followed on it: nothing may be lost. */
export async function checkFailedSync(crashed: CrashedStore, history: History, images: ImageCheck, seed: number) {
  await images.check(afterPowerLoss(crashed, 'power lost, nothing', nothing))
  await images.check(afterPowerLoss(crashed, 'power lost, random', random(SEED + seed)))
  // What was acknowledged as asynchronous may have left the cache with the failed sync.
  const restarted = { ...afterKill(crashed), acknowledgedLsn: crashed.durableLsn }
  const gone = await recover({ ...restarted, files: restarted.files.clone() }, history)
  const checks = { ...ALL_CHECKS, hasStaleFiles: true }
  await checkRecovered(restarted.files, boundsOf(restarted), history, restarted.where, checks)
  const choosers = [nothing, everything, random(SEED + seed), random(SEED - seed)]
  for (const choose of choosers) await images.check(afterPowerLoss(gone, 'restarted, gone on, power lost', choose))
}
