import { describe, expect, test } from 'vitest'
import { CrashableFiles } from '../support/crashable-files.ts'
import { eachCrash } from '../support/each-crash.ts'
import { checkRecovered } from './support/check-recovered.ts'
import { budgeted, floorOf, report, SEED } from './support/crash-settings.ts'
import { DrivenStore } from './support/driven-store.ts'
import { workloadHistory } from './support/history.ts'
import { ImageCheck } from './support/image-check.ts'

const history = await workloadHistory()

/** Runs the workload to a crash at each mutating operation, before and after it takes effect. */
async function* eachWorkloadCrash(): AsyncGenerator<{ files: CrashableFiles; driven: DrivenStore; where: string }> {
  let driven = new DrivenStore(new CrashableFiles())
  const work = (files: CrashableFiles) => {
    driven = new DrivenStore(files)
    return driven.run(history)
  }
  for await (const { files, where } of eachCrash(() => new CrashableFiles(), work)) yield { files, driven, where }
}

describe('a crash at every mutating operation of the workload', () => {
  test('and a power loss: an exact prefix comes back, with all that was acknowledged', { timeout: 3_600_000 }, async () => {
    const images = new ImageCheck(history)
    let crashes = 0
    for await (const { files, driven, where } of eachWorkloadCrash()) {
      const bounds = { floorLsn: driven.durableLsn, ceilingLsn: driven.triedLsn }
      await images.checkPowerLosses(files, bounds, where, budgeted(16), SEED + crashes * 1000)
      crashes += 1
    }
    report(`power loss at ${crashes} points: ${images.checks} outcomes, ${images.distinct} distinct images, all recovered`)
    expect(crashes).toBeGreaterThan(400)
    expect(images.distinct).toBeGreaterThan(floorOf(3000))
  })

  test('and a kill of the process: everything that was acknowledged comes back, asynchronous or not', async () => {
    let crashes = 0
    for await (const { files, driven, where } of eachWorkloadCrash()) {
      const bounds = { floorLsn: driven.acknowledgedLsn, ceilingLsn: driven.triedLsn }
      await checkRecovered(files.restartImage(), bounds, history, `${where}, killed`)
      crashes += 1
    }
    report(`kill at ${crashes} points, then power loss: all recovered`)
  })
})
