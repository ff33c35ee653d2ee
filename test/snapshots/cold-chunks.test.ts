import '../store/support/forced-walks.ts'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { MemoryLevel } from 'memory-level'
import { beforeEach, describe, expect, test } from 'vitest'
import { LevelFiles } from '../../src/base/level-files.ts'
import { CHUNK_SLOTS } from '../../src/base/limits.ts'
import type { CollectionState } from '../../src/engine/collection-state.ts'
import { readChunk } from '../../src/engine/compaction.ts'
import { searchIndex } from '../../src/engine/index/index-search.ts'
import { ledgerOf } from '../../src/engine/memory-ledger.ts'
import { StoreState } from '../../src/engine/store-state.ts'
import { DOCUMENTS, ORIGINALS, SMALL_PAGE_BYTES } from '../../src/snapshots/format.ts'
import { partPath } from '../../src/snapshots/names.ts'
import { removeSnapshot } from '../../src/snapshots/snapshot-set.ts'
import { checksum, textBytes } from '../engine/engine-fixture.ts'
import { toolsOf } from '../engine/index/index-fixture.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { ColdStore, coldChunks, openCold } from './cold-store.ts'

const DIMENSIONS = 4
const ROW_BYTES = DIMENSIONS * 4
const ENTRIES = CHUNK_SLOTS * 2 + 100
const BOTH_ON_DISK = { originals: 'disk', documents: 'disk' } as const

const vectorOf = (slot: number) => [slot % 128, Math.floor(slot / 128), 1, -slot]
const documentOf = (slot: number) =>
  slot % 3 === 0 ? undefined : textBytes(`document ${slot} ${'.'.repeat(slot % 90)}`)

function addRange(store: ColdStore, collection: CollectionState, from: number, end: number): void {
  const slots = Array.from({ length: end - from }, (_, i) => from + i)
  const entries = Object.fromEntries(slots.map((slot) => [`e${slot}`, vectorOf(slot)]))
  store.add(collection, entries, slots.map(documentOf))
}

async function filledStore(files = new CrashableFiles()) {
  const store = new ColdStore(files, new StoreState(), BOTH_ON_DISK)
  const collection = store.create('c', DIMENSIONS)
  store.startIndexes()
  for (let from = 0; from < ENTRIES; from += CHUNK_SLOTS) {
    addRange(store, collection, from, Math.min(ENTRIES, from + CHUNK_SLOTS))
  }
  return { files, store, collection }
}

const chunkCorrupt = (offset: number) =>
  expect.objectContaining({
    name: 'StoreError',
    code: 'ERR_CHUNK_CORRUPT',
    message: expect.stringMatching(new RegExp(`^snapshots/.*part is damaged at offset ${offset}: `)),
    details: expect.objectContaining({ offset }),
  })

const memoryOf = (collection: CollectionState) => ledgerOf(collection.memory()).components

describe('chunks of 16,384 slots on disk', () => {
  let { files, store, collection } = {} as Awaited<ReturnType<typeof filledStore>>
  beforeEach(async () => {
    ;({ files, store, collection } = await filledStore())
  })

  test('are out of memory, and every entry is as it was', async () => {
    const before = memoryOf(collection)
    const { evicted } = await store.snapshot(undefined)
    expect(evicted).toEqual({ chunks: 4, problems: [] })
    const after = memoryOf(collection)
    expect(before.originals! - after.originals!).toBe(2 * CHUNK_SLOTS * ROW_BYTES)
    expect(after.documents).toBeLessThan(2 * CHUNK_SLOTS * 5 + 20_000)
    expect(before.documents! - after.documents!).toBeGreaterThan(2 * CHUNK_SLOTS * 40)
    expect([after.ids, after.norms, after.identity]).toEqual([before.ids, before.norms, before.identity])
    for (let slot = 0; slot < ENTRIES; slot += 41) {
      expect([...collection.copyVector(slot)]).toEqual(vectorOf(slot))
      expect(collection.documentAt(slot)).toEqual(documentOf(slot))
    }
  })

  test('stay readable when the snapshot that holds them is removed, and close with the rest', async () => {
    const { manifest } = await store.snapshot(undefined)
    await removeSnapshot(files, manifest.position.lsn, checksum)
    expect(files.paths().filter((path) => path.endsWith('.part'))).toEqual([])
    expect([...collection.copyVector(5)]).toEqual(vectorOf(5))
    expect(store.cold.openCount).toBe(4)
    await store.cold.close()
    expect(store.cold.openCount).toBe(0)
    expect(() => collection.copyVector(5)).toThrow(expect.objectContaining({ code: 'ERR_IO' }))
  })

  test('a damaged page costs the entries in it, and no other', async () => {
    const { manifest } = await store.snapshot(undefined)
    store.flush(collection, 'bulk')
    await collection.index.settled()
    const [originals] = manifest.parts.filter(({ kind }) => kind === ORIGINALS)
    files.flipBit(partPath(originals!), (20 * SMALL_PAGE_BYTES + 100) * 8)
    // Page 20 holds bytes 20 x 4088 - 64 of the content and those after them.
    const first = Math.floor((20 * 4088 - 64) / ROW_BYTES)
    const last = Math.floor((21 * 4088 - 64 - 1) / ROW_BYTES)
    for (const slot of [first, first + 100, last]) {
      expect(() => collection.copyVector(slot)).toThrow(chunkCorrupt(20 * SMALL_PAGE_BYTES))
    }
    for (const slot of [first - 1, last + 1, CHUNK_SLOTS + first]) {
      expect([...collection.copyVector(slot)]).toEqual(vectorOf(slot))
    }
    const search = (slot: number, exact: boolean) =>
      searchIndex(toolsOf(), collection, { vector: Float32Array.from(vectorOf(slot)), k: 3, listSize: 20, exact })
    expect((await search(CHUNK_SLOTS + 500, false)).slots[0]).toBe(CHUNK_SLOTS + 500)
    await expect(search(first + 50, false)).rejects.toEqual(chunkCorrupt(20 * SMALL_PAGE_BYTES))
    await expect(search(CHUNK_SLOTS + 500, true)).rejects.toEqual(chunkCorrupt(20 * SMALL_PAGE_BYTES))
    await expect(store.digests()).rejects.toEqual(chunkCorrupt(20 * SMALL_PAGE_BYTES))
    await expect(store.snapshot(undefined)).rejects.toEqual(chunkCorrupt(20 * SMALL_PAGE_BYTES))
  })

  test('a damaged document costs those in its page, and one that is replaced is there again', async () => {
    const { manifest } = await store.snapshot(undefined)
    const [documents] = manifest.parts.filter(({ kind }) => kind === DOCUMENTS)
    files.flipBit(partPath(documents!), (40 * SMALL_PAGE_BYTES + 100) * 8)
    const unreadable = Array.from({ length: CHUNK_SLOTS }, (_, slot) => slot).filter((slot) => {
      try {
        const found = collection.documentAt(slot)
        if (slot % 100 === 0) expect(found).toEqual(documentOf(slot))
        return false
      } catch (error) {
        expect(error).toEqual(chunkCorrupt(40 * SMALL_PAGE_BYTES))
        return true
      }
    })
    expect(unreadable.length).toBeGreaterThan(20)
    expect(unreadable.length).toBeLessThan(150)
    store.update(collection, `e${unreadable[0]}`, textBytes('new'))
    expect(collection.documentAt(unreadable[0]!)).toEqual(textBytes('new'))
  })

  test('a compaction of what cannot be read changes nothing', async () => {
    const { manifest } = await store.snapshot(undefined)
    const ids = Array.from({ length: CHUNK_SLOTS }, (_, slot) => `e${slot}`).filter((_, slot) => slot % 4 !== 0)
    store.delete(collection, ...ids)
    const lives = { slots: collection.slotCount, live: collection.liveCount, freed: collection.freedChunks() }
    expect([...readChunk(collection, 0)].length).toBe(CHUNK_SLOTS / 4)
    const [originals] = manifest.parts.filter(({ kind }) => kind === ORIGINALS)
    const sound = files.readWhole(partPath(originals!))
    files.flipBit(partPath(originals!), (60 * SMALL_PAGE_BYTES + 100) * 8)
    const compact = () => store.apply({ type: 'compact', collection: collection.creationLsn, chunk: 0 })
    expect(() => [...readChunk(collection, 0)]).toThrow(chunkCorrupt(60 * SMALL_PAGE_BYTES))
    expect(compact).toThrow(chunkCorrupt(60 * SMALL_PAGE_BYTES))
    expect({ slots: collection.slotCount, live: collection.liveCount, freed: collection.freedChunks() }).toEqual(lives)
    expect(collection.slotOf('e4')).toBe(4)
    files.flipBit(partPath(originals!), (60 * SMALL_PAGE_BYTES + 100) * 8)
    expect(files.readWhole(partPath(originals!))).toEqual(sound)
    expect(compact().code).toBe(undefined)
    for (let slot = 0; slot < CHUNK_SLOTS; slot += 64) {
      const moved = collection.slotOf(`e${slot}`)!
      expect([moved >= ENTRIES, ...collection.copyVector(moved)]).toEqual([true, ...vectorOf(slot)])
      expect(collection.documentAt(moved)).toEqual(documentOf(slot))
    }
    expect(() => collection.copyVector(4)).toThrow('row 4 was freed by a compaction')
  })

  test('are closed when nothing can read them any more', async () => {
    await store.snapshot(undefined)
    expect(store.cold.openCount).toBe(4)
    store.drop(collection)
    collection = undefined as never
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    for (let turn = 0; turn < 50 && store.cold.openCount > 1; turn++) {
      collect()
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    // The part that was read last may still be known.
    expect(store.cold.openCount).toBeLessThanOrEqual(1)
  })
})

describe('files that cannot be read at once', () => {
  test('refuse to leave anything on disk, and say why', async () => {
    const files = new LevelFiles(new MemoryLevel())
    const store = new ColdStore(files, new StoreState(), BOTH_ON_DISK)
    const collection = store.create('c', 1)
    store.startIndexes()
    const ids = Array.from({ length: CHUNK_SLOTS }, (_, slot) => [`e${slot}`, [slot]] as const)
    store.add(collection, Object.fromEntries(ids))
    const { evicted } = await store.snapshot(undefined)
    const refusal = expect.objectContaining({ code: 'ERR_STORE_OPTIONS', message: expect.stringContaining('database') })
    expect(evicted).toEqual({ chunks: 0, problems: [refusal] })
    await expect(openCold(files, store.state.lsn, coldChunks(files, BOTH_ON_DISK))).rejects.toEqual(refusal)
    expect([...collection.copyVector(7)]).toEqual([7])
  })
})
