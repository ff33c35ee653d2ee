import { describe, expect, test, vi } from 'vitest'
import { StoreState } from '../../src/engine/store-state.ts'
import { captureStore, digestCapture } from '../../src/snapshots/capture.ts'
import { checksum, noYield, textBytes } from '../engine/engine-fixture.ts'
import { expectSound } from '../engine/index/index-fixture.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { Random } from '../support/random.ts'
import { open, SnapshotFixture } from './snapshot-fixture.ts'

// Chunks of 16 slots: what takes many thousands of entries else takes a few.
vi.mock('../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 16,
}))

const METRICS = ['cosine', 'euclidean', 'dot'] as const

/** Takes a random step; the same on every state that the same steps were taken on. */
function takeStep(store: SnapshotFixture, random: Random): void {
  const collections = store.state.collections()
  const kind = random.nextInt(20)
  if (collections.length === 0 || (kind === 0 && collections.length < 4)) {
    const dimensions = random.pick([1, 3, 40])
    store.create(`c${store.state.lsn}`, dimensions, random.pick(METRICS))
    store.startIndexes()
    return
  }
  const collection = random.pick(collections)
  const id = () => `id-${random.nextInt(60)}`
  const vector = () =>
    Array.from({ length: collection.dimensions }, () => random.pick([1, -1, 2, 0.5, -0, 3e38, 1e-45]))
  const document = () => (random.nextBoolean() ? textBytes('x'.repeat(random.nextInt(30))) : undefined)
  if (kind < 9) {
    const ids = [...new Set(Array.from({ length: 1 + random.nextInt(12) }, id))]
    const entries = Object.fromEntries(ids.map((one) => [one, vector().map((x, i) => (i === 0 ? x || 1 : x))]))
    store.add(collection, entries, random.nextBoolean() ? ids.map(document) : undefined)
  } else if (kind === 9) store.update(collection, id(), document())
  else if (kind < 12) store.delete(collection, ...Array.from({ length: random.nextInt(10) }, id))
  else if (kind < 14) store.flush(collection, 'insert', Math.floor(collection.slotCount * random.pick([1, 1, 0.8])))
  else if (kind < 16) store.flush(collection, 'bulk', Math.floor(collection.slotCount * random.pick([1, 1, 0.5])))
  else if (kind < 17) store.apply({ type: 'consolidate', collection: collection.creationLsn })
  else if (kind < 19) store.apply({ type: 'compact', collection: collection.creationLsn, chunk: random.nextInt(6) })
  else if (random.nextInt(5) === 0) store.drop(collection)
}

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
