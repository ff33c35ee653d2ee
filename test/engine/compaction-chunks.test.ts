import { describe, expect, test } from 'vitest'
import { CHUNK_SLOTS } from '../../src/base/limits.ts'
import type { CollectionState } from '../../src/engine/collection-state.ts'
import { compactChunk } from '../../src/engine/compaction.ts'
import { digestState } from '../../src/engine/digest.ts'
import { captureState } from '../../src/engine/state-capture.ts'
import { checksum, EngineFixture, noYield, textBytes, vectorBytes } from './engine-fixture.ts'

// Chunks as large as they are: 8 blocks of originals each.
const DIMENSIONS = 100
const ROW_BYTES = DIMENSIONS * 4
const BLOCK_BYTES = ROW_BYTES * 2048
const CHUNK_BYTES = CHUNK_SLOTS * ROW_BYTES
const DOCUMENT_BYTES = 20_000

describe('a compaction of 16,384 slots', () => {
  const { store, collection } = twoChunks()

  test('gives their memory back', () => {
    const before = memoryOf(collection)
    const capture = collection.captureVectors()
    const { moves } = compactChunk(collection, 0) as { moves: Uint32Array }
    const after = memoryOf(collection)
    expect(moves.length / 2).toBe(CHUNK_SLOTS / 4)
    // A quarter of a chunk moves to two blocks of originals, of which each is allocated whole, and to one of norms.
    expect(after.originals! - before.originals!).toBe(2 * BLOCK_BYTES - CHUNK_BYTES)
    expect(after.norms).toBe(before.norms)
    expect(after.ids).toBeLessThan(before.ids! * 0.75)
    expect(after.identity).toBe(before.identity)
    expect(after.documents).toBeLessThan(before.documents!)
    expect(after.documents).toBeGreaterThan(DOCUMENT_BYTES * 2)
    expect(after.tombstones).toBeGreaterThanOrEqual(before.tombstones!)
    expect(capture.borrowRun(0, 1).vectors[1]).toBe(0)
  })

  test('keeps every entry as it was', () => {
    for (let slot = 0; slot < CHUNK_SLOTS * 2; slot++) {
      if (slot < CHUNK_SLOTS && slot % 4 !== 0) continue
      const found = collection.slotOf(`entry ${slot}`)!
      expect(found).toBe(slot < CHUNK_SLOTS ? CHUNK_SLOTS * 2 + slot / 4 : slot)
      if (slot % 64 !== 0) continue
      expect([...collection.copyVector(found)]).toEqual([...vectorOf(slot)])
      expect(collection.documentAt(found)).toEqual(documentOf(slot))
    }
    expect(collection.borrowRun(CHUNK_SLOTS * 2, Number.MAX_SAFE_INTEGER).rows).toBe(2048)
    expect([...collection.freedChunks(), collection.liveCount]).toEqual([0, CHUNK_SLOTS * 1.25])
  })

  test('leaves a digest alone that began before it, and equal histories have equal digests after it', async () => {
    const twin = twoChunks()
    const before = await twin.store.digest()
    let yields = 0
    const during = await digestState(captureState(twin.store.state), checksum, async () => {
      yields += 1
      if (yields === 2) compactChunk(twin.collection, 0)
      if (yields === 4) twin.store.delete(twin.collection, 'entry 0', 'entry 20000')
    })
    expect(yields).toBeGreaterThan(4)
    expect(during).toBe(before)
    const after = await twin.store.digest()
    expect(after).not.toBe(before)
    store.delete(collection, 'entry 0', 'entry 20000')
    expect(await digestState(captureState(store.state), checksum, noYield)).toBe(after)
  })
})

/** Two full chunks, the first of which is a quarter alive. */
function twoChunks(): { store: EngineFixture; collection: CollectionState } {
  const store = new EngineFixture()
  const collection = store.create('c', DIMENSIONS, 'cosine')
  for (let first = 0; first < CHUNK_SLOTS * 2; first += 2048) {
    const slots = Array.from({ length: 2048 }, (_, at) => first + at)
    store.apply({
      type: 'add',
      collection: collection.creationLsn,
      ids: slots.map((slot) => `entry ${slot}`),
      vectors: vectorBytes(...slots.map(vectorOf)),
      documents: slots.map(documentOf),
    })
  }
  const dying = Array.from({ length: CHUNK_SLOTS }, (_, slot) => slot).filter((slot) => slot % 4 !== 0)
  store.delete(collection, ...dying.map((slot) => `entry ${slot}`))
  return { store, collection }
}

function vectorOf(slot: number): Float32Array {
  return Float32Array.from({ length: DIMENSIONS }, (_, at) => (at === 0 ? slot + 1 : at === 1 ? 0 : (slot + at) % 13))
}

/** Two of them have a page of their own. */
function documentOf(slot: number): Uint8Array | undefined {
  if (slot === 64 || slot === 128) return new Uint8Array(DOCUMENT_BYTES).fill(slot)
  return slot % 3 === 0 ? undefined : textBytes(`document of ${slot}`)
}

function memoryOf(collection: CollectionState): Record<string, number> {
  return Object.fromEntries(collection.memory().map(({ component, bytes }) => [component, bytes]))
}
