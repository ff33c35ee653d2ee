import { describe, expect, test, vi } from 'vitest'
import type { CollectionView } from '../../src/engine/collection-state.ts'
import { searchIndex } from '../../src/engine/index/index-search.ts'
import { StoreState } from '../../src/engine/store-state.ts'
import type { SnapshotManifest } from '../../src/snapshots/manifest.ts'
import { partPath } from '../../src/snapshots/names.ts'
import { expectSound, nearestOf, pairsOf, toolsOf } from '../engine/index/index-fixture.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { Random } from '../support/random.ts'
import { ColdStore, coldChunks, openCold } from './cold-store.ts'
import { takeStep } from './random-steps.ts'
import { SnapshotFixture } from './snapshot-fixture.ts'

// Chunks of 16 slots: what takes many thousands of entries else takes a few.
vi.mock('../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 16,
}))

const SEEDS = Array.from({ length: 12 }, (_, seed) => seed)
const RESIDENCIES = [
  { originals: 'disk', documents: 'disk' },
  { originals: 'disk', documents: 'memory' },
  { originals: 'memory', documents: 'disk' },
] as const

/** All that reading gives of a collection. */
function contentOf(view: CollectionView): unknown[] {
  const slots = Array.from({ length: view.slotCount }, (_, slot) => slot).filter((slot) => !view.isFreed(slot))
  const copied = new Float32Array(view.dimensions)
  return slots.map((slot) => {
    const norm = view.copyRow(slot, copied, 0)
    return [view.idAt(slot), view.documentAt(slot), new Uint32Array(view.copyVector(slot).buffer), [...copied], norm]
  })
}

async function expectSearches(view: CollectionView, random: Random): Promise<void> {
  if (view.liveCount === 0) return
  const vector = Float32Array.from({ length: view.dimensions }, () => random.nextUnit() * 2 - 1)
  const allowed = random.nextBytes(Math.ceil(view.slotCount / 8))
  for (const query of [{ exact: true }, {}, { allowed }]) {
    const isAllowed = (slot: number) => !('allowed' in query) || ((allowed[slot >> 3]! >> (slot & 7)) & 1) === 1
    const found = await searchIndex(toolsOf(), view, { vector, k: 5, listSize: 400, ...query })
    expect(pairsOf(found)).toEqual(nearestOf(view, vector, 5, isAllowed))
  }
}

describe('a store with chunks on disk', () => {
  test.each(SEEDS)('is the one in memory, whatever happens to both (%i)', async (seed) => {
    const random = new Random(seed)
    const inMemory = new SnapshotFixture(new StoreState())
    const files = new CrashableFiles()
    let cold = new ColdStore(files, new StoreState(), random.pick(RESIDENCIES))
    let previous: SnapshotManifest | undefined
    let coldChunksSeen = 0
    for (let step = 0; step < 200; step++) {
      const bits = random.nextBits()
      takeStep(inMemory, new Random(bits))
      takeStep(cold, new Random(bits))
      const what = random.nextInt(24)
      if (what < 3) {
        const { evicted, manifest } = await cold.snapshot(previous)
        expect(evicted.problems).toEqual([])
        previous = manifest
        coldChunksSeen += evicted.chunks
        if (what === 0) {
          await cold.cold.close()
          cold = await ColdStore.open(files, cold.state.lsn, random.pick(RESIDENCIES))
        }
      }
      if (what !== 4) continue
      expect(await cold.digests()).toEqual(await inMemory.digests())
      for (const collection of inMemory.state.collections()) {
        const other = cold.state.collectionByLsn(collection.creationLsn)!
        expect(contentOf(other)).toEqual(contentOf(collection))
        expectSound(other)
        if (collection.dimensions > 1) await expectSearches(other, random)
      }
    }
    expect(await cold.digests()).toEqual(await inMemory.digests())
    expect(coldChunksSeen).toBeGreaterThan(3)
    await cold.cold.close()
  })

  test('evicts what has become full, what was replaced only with the next snapshot, and nothing twice', async () => {
    const files = new CrashableFiles()
    const store = new ColdStore(files, new StoreState(), { originals: 'disk', documents: 'disk' })
    const collection = store.create('c', 2)
    store.startIndexes()
    const rows = (first: number, count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`e${first + i}`, [first + i, 1]]))
    const documents = (count: number) => Array.from({ length: count }, (_, i) => Uint8Array.of(i))
    store.add(collection, rows(0, 40), documents(40))
    const first = await store.snapshot(undefined, () => {
      // While it is written: chunk 0 is not as it was captured, and chunk 2 becomes full.
      store.update(collection, 'e3', Uint8Array.of(99))
      store.add(collection, rows(40, 10), documents(10))
    })
    expect(first.evicted).toEqual({ chunks: 3, problems: [] })
    expect([0, 1, 2].map((chunk) => collection.coldVectors(chunk) !== undefined)).toEqual([true, true, false])
    expect([0, 1, 2].map((chunk) => collection.coldDocuments(chunk) !== undefined)).toEqual([false, true, false])
    const second = await store.snapshot(first.manifest)
    expect([second.evicted.chunks, store.cold.openCount]).toEqual([3, 6])
    store.update(collection, 'e3', Uint8Array.of(98))
    expect([...collection.documentAt(3)!]).toEqual([98])
    const third = await store.snapshot(second.manifest)
    // The documents of chunk 0 are read from their newer part, the rest stays where it is.
    expect(third.evicted.chunks).toBe(1)
    const fourth = await store.snapshot(third.manifest)
    expect([fourth.evicted.chunks, fourth.written.writtenParts]).toEqual([0, 0])
    expect([3, 4, 17].map((slot) => [...collection.documentAt(slot)!])).toEqual([[98], [4], [17]])
    await store.cold.close()
  })

  test('leaves alone what is gone by then', async () => {
    const files = new CrashableFiles()
    const store = new ColdStore(files, new StoreState(), { originals: 'disk', documents: 'disk' })
    const [kept, dropped] = [store.create('kept', 1), store.create('dropped', 1)]
    store.startIndexes()
    const entries = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`e${i}`, [i]]))
    for (const collection of [kept, dropped]) store.add(collection, entries)
    const { evicted } = await store.snapshot(undefined, () => {
      store.drop(dropped)
      store.delete(kept, ...Array.from({ length: 10 }, (_, i) => `e${i}`))
      store.apply({ type: 'compact', collection: kept.creationLsn, chunk: 0 })
    })
    expect(evicted).toEqual({ chunks: 1, problems: [] })
  })

  test('says what could not be evicted, and keeps it in memory', async () => {
    const files = new CrashableFiles()
    const store = new ColdStore(files, new StoreState(), { originals: 'disk', documents: 'memory' })
    const collection = store.create('c', 1)
    store.startIndexes()
    store.add(collection, Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`e${i}`, [i]])))
    const first = await store.snapshot(undefined, () =>
      files.failWhen((operation) => operation.startsWith('size'), 'EIO'),
    )
    expect([first.evicted.chunks, first.evicted.problems]).toEqual([1, [expect.objectContaining({ code: 'ERR_IO' })]])
    // What an older snapshot wrote is read back before it is relied on.
    store.delete(collection, 'e39')
    const part = first.manifest.parts[0]!
    files.flipBit(partPath(part), 999)
    const second = await store.snapshot(first.manifest)
    expect([second.evicted.chunks, second.evicted.problems]).toEqual([
      0,
      [expect.objectContaining({ code: 'ERR_SNAPSHOT_CORRUPT' })],
    ])
    expect([...collection.copyVector(3), ...collection.copyVector(20), store.cold.openCount]).toEqual([3, 20, 1])
  })
})

describe('opening with chunks on disk', () => {
  test('reads none of them, and demands that they are there', async () => {
    const files = new CrashableFiles()
    const store = new ColdStore(files, new StoreState(), { originals: 'disk', documents: 'disk' })
    const collection = store.create('c', 2, 'cosine')
    store.startIndexes()
    const ids = Array.from({ length: 40 }, (_, i) => `e${i}`)
    store.add(
      collection,
      Object.fromEntries(ids.map((id, i) => [id, [i, 1]])),
      ids.map((_, i) => Uint8Array.of(i)),
    )
    const { manifest } = await store.snapshot(undefined)
    const paths = manifest.parts.map(partPath)
    const progress: [number, number][] = []
    const cold = coldChunks(files, { originals: 'disk', documents: 'disk' })
    const before = files.operations.length
    const { state } = await openCold(files, store.state.lsn, cold, (done, total) => progress.push([done, total]))
    const readAtOnce = files.operations.slice(before).filter((operation) => operation.startsWith('readNow'))
    // Norms of two full chunks, lengths of two.
    expect([readAtOnce.length, cold.openCount]).toEqual([4, 4])
    expect(progress.at(-1)![0]).toBe(progress.at(-1)![1])
    const [opened] = state.collections()
    expect(contentOf(opened!)).toEqual(contentOf(collection))
    await cold.close()
    expect(() => opened!.copyVector(0)).toThrow(expect.objectContaining({ code: 'ERR_IO' }))
    expect([...opened!.copyVector(39)]).toEqual([39, 1])
    for (const path of paths) {
      const without = files.clone()
      await without.remove(path)
      const attempt = openCold(without, store.state.lsn, coldChunks(without, { originals: 'disk', documents: 'disk' }))
      await expect(attempt).rejects.toMatchObject({ code: 'ERR_SNAPSHOT_CORRUPT', details: { path } })
      const cut = files.clone()
      cut.cut(path, cut.readWhole(path).byteLength - 1)
      const other = openCold(cut, store.state.lsn, coldChunks(cut, { originals: 'disk', documents: 'disk' }))
      await expect(other).rejects.toMatchObject({ code: 'ERR_SNAPSHOT_CORRUPT', details: { path } })
    }
  })
})
