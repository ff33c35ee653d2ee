import { describe, expect, test, vi } from 'vitest'
import { Random } from '../support/random.ts'
import { floorOf, report } from './support/crash-settings.ts'
import { crashRecoveries } from './support/crashed-recoveries.ts'
import { ImageCheck } from './support/image-check.ts'
import { seedsOf } from './support/snapshot-sweep.ts'
import { snapshotHistory } from './support/snapshot-workload.ts'

// Chunks of 16 slots: what takes many thousands of entries else takes a few.
vi.mock('../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 16,
}))

describe('a crash during a recovery that takes snapshots', { timeout: 3_600_000 }, () => {
  test('at every mutating operation, and again during the recovery from that: nothing is lost', async () => {
    const counts = { recoveries: 0, once: 0, twice: 0, distinct: 0 }
    for (const seed of seedsOf(3, 2)) {
      const history = await snapshotHistory(seed)
      const images = new ImageCheck(history, { isShort: true })
      const picking = { courses: 4, others: 0, stride: 29 }
      const { recoveries, once, twice } = await crashRecoveries(history, images, new Random(seed), picking)
      counts.recoveries += recoveries
      counts.once += once
      counts.twice += twice
      counts.distinct += images.distinct
    }
    const { recoveries, once, twice, distinct } = counts
    report(
      `crash during ${recoveries} recoveries with snapshots: ${once} points, ${twice} of them with a second crash in the ` +
        `recovery after, ${distinct} distinct images, all recovered`,
    )
    expect(once).toBeGreaterThan(floorOf(500))
    expect(distinct).toBeGreaterThan(floorOf(500))
  })
})
