import { describe, expect, test, vi } from 'vitest'
import { CHUNK_SLOTS } from '../../../src/base/limits.ts'
import { vectorBytes } from '../engine-fixture.ts'
import { expectSound, Gate, hostOf, IndexFixture, nearestOf, pairsOf, turn } from './index-fixture.ts'

// Chunks as large as they are.
vi.mock('../../../src/engine/index/scan-or-walk.ts', () => ({
  isScanQuicker: (_: unknown, { exact }: { exact?: boolean }) => exact === true,
}))

const COUNT = CHUNK_SLOTS + 2000
/** Every seventh vector comes twice, with a chunk between. */
const vectorOf = (slot: number) => [(slot % CHUNK_SLOTS) / 7, (slot * 37) % 1009]

function filled(): IndexFixture {
  const store = new IndexFixture()
  const { collection } = store
  for (let first = 0; first < COUNT; first += 2048) {
    const slots = Array.from({ length: Math.min(2048, COUNT - first) }, (_, at) => first + at)
    const vectors = vectorBytes(...slots.map(vectorOf))
    store.apply({ type: 'add', collection: collection.creationLsn, ids: slots.map((slot) => `e${slot}`), vectors })
  }
  return store
}

/** All of what happens to the collection, in the order of its log. */
function* historyOf(store: IndexFixture): Generator<void> {
  const { collection } = store
  store.bulk(CHUNK_SLOTS + 1000)
  yield
  const dying = Array.from({ length: CHUNK_SLOTS }, (_, slot) => slot).filter((slot) => slot % 5 !== 0)
  store.delete(collection, ...dying.map((slot) => `e${slot}`))
  expect(store.compact(0).code).toBeUndefined()
  yield
  store.addRows([[1, 1], vectorOf(5), vectorOf(1)], 50_000)
  store.insert()
  yield
  store.delete(collection, 'e10', 'e15', `e${CHUNK_SLOTS + 20}`)
  store.consolidate()
  yield
}

describe('an index whose first chunk is compacted', () => {
  test('lets its nodes stand for the entries where they are now', async () => {
    const store = filled()
    const { collection, index } = store
    store.start()
    const history = historyOf(store)
    history.next()
    await index.settled()
    const before = store.built.graph.linkedCount
    history.next()
    const moved = Math.ceil(CHUNK_SLOTS / 5)
    await index.settled()
    // Nothing was built again: the same nodes, standing for other slots.
    expect([store.built.graph.linkedCount, index.served.placed.size]).toEqual([before, moved])
    expect(index.indexedThroughLsn(store.state.lsn)).toBeLessThan(store.state.lsn)
    await expectFound(store)
    history.next()
    await index.settled()
    expect([index.served.builtThrough, index.served.placed.size]).toEqual([COUNT + moved + 3, 0])
    expect(index.indexedThroughLsn(store.state.lsn)).toBe(store.state.lsn)
    expectSound(collection)
    await expectFound(store)
    history.next()
    await index.settled()
    expectSound(collection)
    expect([store.built.live.deadCount, collection.liveCount]).toEqual([0, 2000 + moved + 3 - 3])
    // So much was dead that only a new graph leads everywhere as it should.
    store.rebuild()
    await index.settled()
    expectSound(collection)
    await expectFound(store)
  })

  test('is the same however late its tasks run', async () => {
    const live = filled()
    live.start()
    for (const _ of historyOf(live)) await live.index.settled()
    const late = filled()
    for (const _ of historyOf(late));
    const gate = new Gate(Number.POSITIVE_INFINITY)
    late.start(hostOf({ yieldToEventLoop: gate.pass }))
    const digest = await live.indexDigest()
    let yields = 0
    const counting = async () => {
      yields += 1
      await turn()
    }
    expect(await late.indexDigest(counting)).toBe(digest)
    expect(yields).toBeGreaterThan(3)
    expectSound(late.collection)
  })
})

/** Entries of all parts: moved ones, those of the chunk after it, and the buffer. */
async function expectFound(store: IndexFixture): Promise<void> {
  const { collection } = store
  for (let slot = CHUNK_SLOTS; slot < collection.slotCount; slot += 997) {
    if (collection.isDead(slot)) continue
    const vector = collection.copyVector(slot)
    const hits = await store.search({ vector, k: 5, listSize: 100 })
    expect(pairsOf(hits)).toEqual(nearestOf(collection, vector, 5))
  }
}
