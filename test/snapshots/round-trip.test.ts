import { describe, expect, test, vi } from 'vitest'
import { StoreState } from '../../src/engine/store-state.ts'
import { captureStore, digestCapture } from '../../src/snapshots/capture.ts'
import { checksum, noYield } from '../engine/engine-fixture.ts'
import { expectSound } from '../engine/index/index-fixture.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { Random } from '../support/random.ts'
import { takeStep } from './random-steps.ts'
import { open, SnapshotFixture } from './snapshot-fixture.ts'

// Chunks of 16 slots: what takes many thousands of entries else takes a few.
vi.mock('../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 16,
}))

describe('a snapshot of a random history', () => {
  test.each(Array.from({ length: 40 }, (_, seed) => seed))(
    'is the state it was taken of, and goes on alike (%i)',
    async (seed) => {
      const random = new Random(seed)
      const store = new SnapshotFixture(new StoreState())
      for (let step = random.nextBetween(5, 120); step > 0; step--) takeStep(store, random)
      const files = new CrashableFiles()
      // The tasks of the last steps are under way while later ones come.
      const capture = captureStore(store.state, noYield)
      const digests = await store.digests()
      const written = await store.write(files)
      expect(await digestCapture(await capture, checksum, noYield)).toEqual({ data: digests[0], index: digests[1] })
      expect([written.manifest.dataDigest, written.manifest.indexDigest]).toEqual(digests)
      const { state } = await open(files, store.state.lsn)
      const restored = new SnapshotFixture(state)
      expect(await restored.digests()).toEqual(digests)
      expect([state.lsn, state.lastCreationLsn]).toEqual([store.state.lsn, store.state.lastCreationLsn])
      for (const collection of state.collections()) {
        expectSound(collection)
        const original = store.state.collectionByLsn(collection.creationLsn)!
        expect(collection.freedChunks()).toEqual(original.freedChunks())
        expect(collection.index.flushedThrough).toBe(original.index.flushedThrough)
        expect(collection.index.indexedThroughLsn(99)).toBe(original.index.indexedThroughLsn(99))
        expect(collection.index.served.built?.freedCount).toBe(original.index.served.built?.freedCount)
        expect(collection.index.served.built?.firstEntries).toBe(original.index.served.built?.firstEntries)
        for (let slot = 0; slot < collection.slotCount; slot++) {
          if (collection.isFreed(slot)) continue
          expect(collection.idAt(slot)).toBe(original.idAt(slot))
          expect(collection.documentAt(slot)).toEqual(original.documentAt(slot))
          if (!collection.isDead(slot)) expect(collection.slotOf(collection.idAt(slot))).toBe(slot)
          expect(collection.borrowRun(slot, 1)).toEqual(original.borrowRun(slot, 1))
          expect(collection.borrowRows(slot, 1)).toEqual(original.borrowRows(slot, 1))
        }
      }
      const seedAfter = random.nextBits()
      const [later, laterRestored] = [new Random(seedAfter), new Random(seedAfter)]
      for (let step = 0; step < 60; step++) {
        takeStep(store, later)
        takeStep(restored, laterRestored)
        if (step % 20 === 19) expect(await restored.digests()).toEqual(await store.digests())
      }
    },
  )
})
