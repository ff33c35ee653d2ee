import { describe, expect, test, vi } from 'vitest'
import { loadChecksum } from '../../src/base/checksum.ts'
import { listSnapshots } from '../../src/snapshots/snapshot-set.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { cameBack } from './support/check-recovered.ts'
import { contentOf } from './support/content.ts'
import { SEED } from './support/crash-settings.ts'
import { DrivenStore } from './support/driven-store.ts'
import type { History } from './support/history.ts'
import { openStore } from './support/open-store.ts'
import { snapshotHistory } from './support/snapshot-workload.ts'

// Chunks of 16 slots: what takes many thousands of entries else takes a few.
vi.mock('../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 16,
}))

const SEEDS = Array.from({ length: 6 }, (_, index) => SEED * 1_000_000 + index)

describe.each([false, true])('the short workloads of the crash suite, uninterrupted (on disk: %s)', (onDisk) => {
  test('answer each call as the model does, and end with its content, opened from a snapshot', async () => {
    for (const seed of SEEDS) {
      const history = await snapshotHistory(seed, { onDisk })
      const files = new CrashableFiles()
      await new DrivenStore(files, { searches: true }).run(history)
      const store = await openStore(files)
      expect(await store.digest()).toEqual({ lsn: history.endLsn, ...history.digests[history.endLsn] })
      expect(await contentOf(store)).toBe(history.contents[history.endLsn])
      expect(cameBack(store).snapshotLsn, `seed ${seed}`).toBeGreaterThan(0)
      expect((await store.verify()).problems, `seed ${seed}`).toEqual([])
      await store.close()
    }
  })

  test('take the same course every time', async () => {
    const history = await snapshotHistory(SEEDS[0]!, { onDisk })
    const [first, second] = [new CrashableFiles(), new CrashableFiles()]
    await new DrivenStore(first).run(history)
    await new DrivenStore(second).run(history)
    // Files that content is read from are closed when the collector finds that nobody has them any more.
    const isCourse = (operation: string) => !operation.startsWith('close snapshots/')
    expect(second.operations.filter(isCourse)).toEqual(first.operations.filter(isCourse))
    expect(second.contentHash()).toBe(first.contentHash())
  })

  test('have everything in them that the sweeps are about', async () => {
    const seen = { taken: 0, unasked: 0, dropped: 0, removed: 0, shared: 0, leaving: 0, back: 0 }
    const kinds = new Set<string>()
    const checksum = await loadChecksum()
    for (const seed of SEEDS) {
      const history = await snapshotHistory(seed, { onDisk })
      const files = new CrashableFiles()
      await new DrivenStore(files).run(history)
      const count = (pattern: RegExp) => files.mutations.filter((text) => pattern.test(text)).length
      const taken = count(/^rename snapshots\//)
      seen.taken += taken
      seen.unasked += Math.max(0, taken - history.steps.filter(({ kind }) => kind === 'snapshot').length)
      seen.dropped += count(/^remove wal\/0/)
      seen.removed += count(/^remove snapshots\/\d+\.manifest$/)
      for (const { manifest } of (await listSnapshots(files, checksum)).snapshots) {
        seen.shared += manifest!.parts.filter(({ lsn }) => lsn < manifest!.position.lsn).length
      }
      for (const { operation, lsn } of history.logged) {
        kinds.add(operation.type === 'maintain' ? operation.what : operation.type)
        const moved = operation.type === 'quantize' ? movedBy(history, lsn!) : undefined
        if (moved !== undefined) seen[moved] += 1
      }
    }
    expect([...kinds].sort()).toEqual(
      'add compact consolidate create delete drop flush optimize quantize update'.split(' '),
    )
    for (const name of ['taken', 'unasked', 'dropped', 'removed', 'shared'] as const) {
      expect(seen[name], name).toBeGreaterThan(SEEDS.length)
    }
    expect(seen.leaving).toBeGreaterThan(SEEDS.length / 2)
    expect(seen.back).toBeGreaterThan(SEEDS.length / 2)
  })
})

/** Where a switch brings the vectors of full chunks, if anywhere. */
function movedBy({ chunks }: History, lsn: number): 'leaving' | 'back' | undefined {
  for (const [creationLsn, { mode, full, freed }] of chunks[lsn]!) {
    const before = chunks[lsn - 1]!.get(creationLsn)
    if (before?.mode === mode || before === undefined || full === freed.size) continue
    if (before.mode === 'none') return 'leaving'
    if (mode === 'none') return 'back'
  }
  return undefined
}
