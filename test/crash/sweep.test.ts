import { describe, expect, test } from 'vitest'
import { checkRecovered } from './support/check-recovered.ts'
import { budgeted, floorOf, report, SEED } from './support/crash-settings.ts'
import { afterKill, boundsOf, eachWorkloadCrash } from './support/crashed-store.ts'
import { workloadHistory } from './support/history.ts'
import { ImageCheck } from './support/image-check.ts'

const history = await workloadHistory()

describe('a crash at every mutating operation of the workload', { timeout: 3_600_000 }, () => {
  test('and a power loss: an exact prefix comes back, with all that was acknowledged', async () => {
    const images = new ImageCheck(history)
    let crashes = 0
    for await (const crashed of eachWorkloadCrash(history)) {
      await images.checkPowerLosses(crashed, budgeted(8), SEED + crashes * 1000)
      crashes += 1
    }
    report(
      `power loss at ${crashes} points: ${images.checks} outcomes, ${images.distinct} distinct images, all recovered`,
    )
    expect(crashes).toBeGreaterThan(500)
    expect(images.distinct).toBeGreaterThan(floorOf(1800))
  })

  test('and a kill of the process: everything that was acknowledged comes back, asynchronous or not', async () => {
    let crashes = 0
    for await (const crashed of eachWorkloadCrash(history)) {
      // Without a power loss the files are as they are before the next operation, when more was acknowledged.
      if (crashed.where.startsWith('crash after')) continue
      const killed = afterKill(crashed)
      await checkRecovered(killed.files, boundsOf(killed), history, killed.where)
      crashes += 1
    }
    report(`kill at ${crashes} points, each followed by a power loss: all recovered`)
    expect(crashes).toBeGreaterThan(250)
  })
})
