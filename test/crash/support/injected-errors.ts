import { CrashableFiles, type Fault, nothing, random } from '../../support/crashable-files.ts'
import { expectStateOf } from './check-recovered.ts'
import { isWithinBudget, SEED } from './crash-settings.ts'
import { afterPowerLoss, allButLatest, type CrashedStore } from './crashed-store.ts'
import { DrivenStore } from './driven-store.ts'
import type { History } from './history.ts'
import type { ImageCheck } from './image-check.ts'
import { PersistentRun } from './persistent-run.ts'

/** What came of one error in each run. */
export interface Injected {
  readonly runs: number
  /** Calls that failed. */
  readonly failures: number
  readonly restarts: number
}

/** What can go wrong at an operation. What failing syncs do to the cache has a test of its own. */
function faultsOf(operation: string): Fault[] {
  if (/^(read|readNow|size|close) /.test(operation)) return ['EIO']
  const codes: Fault[] = ['EIO', 'ENOSPC', 'EACCES']
  const size = /^write .* (\d+)@\d+$/.exec(operation)?.[1]
  if (size === undefined) return codes
  const half = Math.ceil(Number(size) / 2)
  return [
    ...codes,
    { code: 'ENOSPC', writtenBytes: half },
    { code: 'EIO', writtenBytes: 1 },
    { shortWrite: 1 },
    { shortWrite: half, thenDiskFull: true },
  ]
}

/** What was refused for certain is nowhere: not after a kill, and not after a power loss. */
export async function expectRefused(refused: CrashedStore, history: History, images: ImageCheck): Promise<void> {
  await expectStateOf(refused.files.restartImage(), refused.acknowledgedLsn, history, `${refused.where}, killed`)
  await images.check(afterPowerLoss(refused, 'nothing', nothing))
  await images.check(afterPowerLoss(refused, 'what was taken back', allButLatest))
  await images.check(afterPowerLoss(refused, 'random', random(SEED)))
}

/**
 * Runs a history again and again with one error in each run, at every call that it makes: it must come to its end all the
 * same. Of what can go wrong at a call, each has its turn at one call in `stride`.
 */
export async function injectErrors(history: History, images: ImageCheck, stride = 1): Promise<Injected> {
  const whole = new CrashableFiles()
  await new DrivenStore(whole).run(history)
  const injected = { runs: 0, failures: 0, restarts: 0 }
  let cases = 0
  for (const [index, operation] of whole.operations.entries()) {
    for (const [kind, fault] of faultsOf(operation).entries()) {
      if ((index + kind) % stride !== 0) continue
      cases += 1
      if (!isWithinBudget(cases)) continue
      const files = new CrashableFiles()
      files.failAt(index + 1, fault)
      const where = `operation ${index + 1}, ${operation}, ${JSON.stringify(fault)}`
      const run = new PersistentRun(files, history, where, (refused) => expectRefused(refused, history, images))
      await run.run()
      injected.runs += 1
      injected.failures += run.failures
      injected.restarts += run.restarts
    }
  }
  return injected
}
