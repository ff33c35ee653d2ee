import { describe, expect, test } from 'vitest'
import { Random } from '../support/random.ts'
import { floorOf, report, SEED } from './support/crash-settings.ts'
import { crashRecoveries } from './support/crashed-recoveries.ts'
import { workloadHistory } from './support/history.ts'
import { ImageCheck } from './support/image-check.ts'

describe('a crash during recovery', { timeout: 3_600_000 }, () => {
  test('at every mutating operation, and again during the recovery from that: nothing is lost', async () => {
    const history = await workloadHistory()
    const images = new ImageCheck(history)
    const picking = { courses: Number.POSITIVE_INFINITY, others: 5, stride: 1 }
    const { recoveries, once, twice } = await crashRecoveries(history, images, new Random(SEED), picking)
    report(
      `crash during ${recoveries} recoveries: ${once} points, ${twice} of them with a second crash in the recovery after, ` +
        `${images.distinct} distinct images, all recovered`,
    )
    expect(images.distinct).toBeGreaterThan(floorOf(700))
  })
})
