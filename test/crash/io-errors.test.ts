import { describe, expect, test } from 'vitest'
import { CrashableFiles, type Fault, nothing, random } from '../support/crashable-files.ts'
import { expectStateOf } from './support/check-recovered.ts'
import { floorOf, isWithinBudget, report, SEED } from './support/crash-settings.ts'
import { afterPowerLoss, allButLatest, type CrashedStore } from './support/crashed-store.ts'
import { DrivenStore } from './support/driven-store.ts'
import { workloadHistory } from './support/history.ts'
import { ImageCheck } from './support/image-check.ts'
import { PersistentRun } from './support/persistent-run.ts'

const history = await workloadHistory()
const images = new ImageCheck(history)

/** What can go wrong at an operation. What failing syncs do to the cache has a test of its own. */
function faultsOf(operation: string): Fault[] {
  if (/^(read|size|close) /.test(operation)) return ['EIO']
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
async function expectRefused(refused: CrashedStore): Promise<void> {
  await expectStateOf(refused.files.restartImage(), refused.acknowledgedLsn, history, `${refused.where}, killed`)
  await images.check(afterPowerLoss(refused, 'nothing', nothing))
  await images.check(afterPowerLoss(refused, 'what was taken back', allButLatest))
  await images.check(afterPowerLoss(refused, 'random', random(SEED)))
}

describe('an error of the files', { timeout: 3_600_000 }, () => {
  test('at any call of opening, writing and closing is typed, loses nothing, and leaves a store that goes on', async () => {
    const whole = new CrashableFiles()
    await new DrivenStore(whole).run(history)
    let cases = 0
    let runs = 0
    let failures = 0
    let restarts = 0
    for (const [index, operation] of whole.operations.entries()) {
      for (const fault of faultsOf(operation)) {
        cases += 1
        if (!isWithinBudget(cases)) continue
        const files = new CrashableFiles()
        files.failAt(index + 1, fault)
        const where = `operation ${index + 1}, ${operation}, ${JSON.stringify(fault)}`
        const run = new PersistentRun(files, history, where, expectRefused)
        await run.run()
        runs += 1
        failures += run.failures
        restarts += run.restarts
      }
    }
    report(`${runs} errors injected, one in each run: ${failures} calls failed, ${restarts} reopenings, nothing lost`)
    expect(runs).toBeGreaterThan(floorOf(1500))
  })

  test('a disk that is full at every write refuses each for certain, and the store goes on without being reopened', async () => {
    for (const writtenBytes of [0, 1, 100, 700]) {
      const files = new CrashableFiles()
      const where = `disk full after ${writtenBytes} bytes`
      const run = new PersistentRun(files, history, where, async (refused) => {
        files.clearFaults()
        await expectRefused(refused)
      })
      await run.run((step) => {
        const isSegmentWrite = (operation: string) => operation.startsWith('write wal/0')
        if (step.kind === 'together')
          files.failWhen(isSegmentWrite, { code: 'ENOSPC', writtenBytes }, Number.MAX_SAFE_INTEGER)
        else files.clearFaults()
      })
      expect(run.restarts, where).toBe(0)
      expect(run.failures, where).toBeGreaterThan(40)
    }
  })
})
