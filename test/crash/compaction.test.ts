import { describe, expect, test } from 'vitest'
import { everything, nothing, random } from '../support/crashable-files.ts'
import { checkRecovered } from './support/check-recovered.ts'
import { compactionHistory } from './support/compaction.ts'
import { report, SEED } from './support/crash-settings.ts'
import { afterKill, afterPowerLoss, boundsOf, eachWorkloadCrash } from './support/crashed-store.ts'
import { ImageCheck } from './support/image-check.ts'

describe('a crash around a compaction', { timeout: 3_600_000 }, () => {
  test('at every mutating operation: every entry is in its place, bit for bit, and in the index', async () => {
    const history = await compactionHistory()
    const images = new ImageCheck(history)
    let crashes = 0
    for await (const crashed of eachWorkloadCrash(history)) {
      if (crashed.acknowledgedLsn < history.preparedLsn) continue
      crashes += 1
      const killed = afterKill(crashed)
      if (crashed.where.startsWith('crash before')) {
        await checkRecovered(killed.files, boundsOf(killed), history, killed.where)
      }
      await images.check(afterPowerLoss(crashed, 'nothing', nothing))
      await images.check(afterPowerLoss(crashed, 'everything', everything))
      await images.check(afterPowerLoss(crashed, 'random', random(SEED + crashes)))
    }
    report(`crash at ${crashes} points around a compaction: ${images.distinct} distinct images, all recovered`)
    expect(crashes).toBeGreaterThan(80)
    expect(images.distinct).toBeGreaterThan(35)
  })
})
