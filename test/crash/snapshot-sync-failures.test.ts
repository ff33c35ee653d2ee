import { describe, expect, test, vi } from 'vitest'
import { isStoreError } from '../../src/base/errors.ts'
import { floorOf, report } from './support/crash-settings.ts'
import { checkFailedSync, eachFailingSync } from './support/failing-syncs.ts'
import { ImageCheck } from './support/image-check.ts'
import { seedsOf } from './support/snapshot-sweep.ts'
import { snapshotHistory } from './support/snapshot-workload.ts'

// Chunks of 16 slots: what takes many thousands of entries else takes a few.
vi.mock('../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 16,
}))

describe('a sync that fails in a store that takes snapshots', { timeout: 3_600_000 }, () => {
  test('loses nothing that was acknowledged, nor anything that a reopened store served, in a power loss', async () => {
    const counts = { failures: 0, survived: 0, distinct: 0 }
    for (const seed of seedsOf(5, 2)) {
      const history = await snapshotHistory(seed, { sessions: 4 })
      const images = new ImageCheck(history, { isShort: true, hasStaleFiles: true })
      for await (const { crashed, error } of eachFailingSync(history, 3)) {
        counts.failures += 1
        // Where it was a snapshot's own, the store goes on.
        if (error === undefined) counts.survived += 1
        else expect(isStoreError(error), `${crashed.where}: ${error}`).toBe(true)
        await checkFailedSync(crashed, history, images, counts.failures)
      }
      counts.distinct += images.distinct
    }
    const { failures, survived, distinct } = counts
    report(
      `${failures} failed syncs in stores with snapshots, ${survived} of them without an error to a caller, each with a power ` +
        `loss before and after a restart, ${distinct} distinct images, all recovered`,
    )
    expect(failures).toBeGreaterThan(floorOf(150))
    expect(survived).toBeGreaterThan(floorOf(5))
  })
})
