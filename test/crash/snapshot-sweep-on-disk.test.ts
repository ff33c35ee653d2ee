import { describe, expect, test, vi } from 'vitest'
import { floorOf } from './support/crash-settings.ts'
import { sweepSnapshots } from './support/snapshot-sweep.ts'

// Chunks of 16 slots: what takes many thousands of entries else takes a few.
vi.mock('../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 16,
}))

describe('a crash at every mutating operation of stores whose chunks leave memory', { timeout: 3_600_000 }, () => {
  test('and a power loss: an exact prefix comes back, from the snapshots that were taken', async () => {
    const { crashes, distinct } = await sweepSnapshots(1, 4, { onDisk: true })
    expect(crashes).toBeGreaterThan(floorOf(1800))
    expect(distinct).toBeGreaterThan(floorOf(4000))
  })
})
