import { describe, expect, test, vi } from 'vitest'
import { floorOf, report } from './support/crash-settings.ts'
import { ImageCheck } from './support/image-check.ts'
import { injectErrors } from './support/injected-errors.ts'
import { seedsOf } from './support/snapshot-sweep.ts'
import { snapshotHistory } from './support/snapshot-workload.ts'

// Chunks of 16 slots: what takes many thousands of entries else takes a few.
vi.mock('../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 16,
}))

describe('an error of the files of a store that takes snapshots', { timeout: 3_600_000 }, () => {
  test('at any call loses nothing, and leaves a store that goes on', async () => {
    const counts = { runs: 0, failures: 0, restarts: 0 }
    for (const seed of seedsOf(4, 1)) {
      const history = await snapshotHistory(seed, { sessions: 3 })
      const injected = await injectErrors(history, new ImageCheck(history, { isShort: true }), 3)
      counts.runs += injected.runs
      counts.failures += injected.failures
      counts.restarts += injected.restarts
    }
    const { runs, failures, restarts } = counts
    report(
      `${runs} errors injected into stores with snapshots: ${failures} calls failed, ${restarts} reopenings, nothing lost`,
    )
    expect(runs).toBeGreaterThan(floorOf(500))
    expect(failures).toBeGreaterThan(floorOf(100))
  })
})
