import { describe, expect, test, vi } from 'vitest'
import type { CollectionState } from '../../../src/engine/collection-state.ts'
import { digestIndexes } from '../../../src/engine/digest.ts'
import { INDEX_VERSION } from '../../../src/engine/index/disk-ann-index.ts'
import { checksum, EngineFixture, noYield, textBytes } from '../engine-fixture.ts'
import { expectSound, hostOf, IndexFixture, PLAN, turn } from './index-fixture.ts'

// Chunks of 16 slots: what takes many thousands of entries else takes a few.
vi.mock('../../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 16,
}))

const rows = (from: number, to: number): number[][] =>
  Array.from({ length: to - from }, (_, at) => [from + at, ((from + at) * 5) % 7])

type Change = (store: IndexFixture) => void

/** A collection of 24, of which 20 are in the graph, changed in one way. */
async function storeOf(change: Change = () => {}): Promise<IndexFixture> {
  const store = new IndexFixture()
  store.addRows(rows(0, 24))
  store.start()
  store.bulk(20)
  change(store)
  await store.index.settled()
  return store
}

function killFirstChunk(store: IndexFixture, but: number): void {
  const dying = Array.from({ length: 16 }, (_, slot) => slot).filter((slot) => slot !== but)
  store.delete(store.collection, ...dying.map((slot) => `e${slot}`))
}

/** Each leads to an index of its own. */
const CHANGES: Record<string, Change> = {
  'more slots': (store) => store.insert(21),
  'more slots at once': (store) => store.bulk(21),
  'fewer slots': (store) => store.bulk(19),
  'another scale': (store) => store.bulk(20, { ...PLAN, scale: 2 }),
  'a centre': (store) => store.bulk(20, { ...PLAN, centre: new Uint8Array(Float32Array.of(1, 2).buffer) }),
  'an equal vector': (store) => {
    store.addRows(rows(3, 4), 24)
    store.insert()
  },
  'the same vector once': (store) => {
    store.addRows([[3.5, 1]], 24)
    store.insert()
  },
  'an entry that was dead by then': (store) => {
    store.delete(store.collection, 'e5')
    store.bulk(20)
  },
  'a consolidation': (store) => {
    store.delete(store.collection, 'e5')
    store.consolidate()
  },
  'an entry that was moved': (store) => {
    killFirstChunk(store, 3)
    store.compact(0)
  },
  'another entry that was moved': (store) => {
    killFirstChunk(store, 4)
    store.compact(0)
  },
  'no graph': (store) => store.forget(),
  'a second collection': (store) => store.create('d', 2).index.start(hostOf()),
}

describe('digestIndexes', () => {
  test('differs after any one change', async () => {
    const stores = await Promise.all([() => {}, ...Object.values(CHANGES)].map(storeOf))
    const digests = await Promise.all(stores.map((store) => store.indexDigest()))
    const names = ['nothing', ...Object.keys(CHANGES)]
    expect(digests.map((digest) => names[digests.indexOf(digest)])).toEqual(names)
    for (const store of stores) expectSound(store.collection)
  })

  test('ignores what no task has seen, and what leaves the graph as it is', async () => {
    const expected = await (await storeOf()).indexDigest()
    const changes: Change[] = [
      (store) => store.delete(store.collection, 'e5', 'e22'),
      (store) => store.addRows(rows(24, 30), 24),
      (store) => store.update(store.collection, 'e4', textBytes('x')),
      (store) => store.consolidate(),
      (store) => store.bulk(20),
      (store) => store.rebuild(20),
      (store) => store.insert(20),
    ]
    for (const change of changes) expect(await (await storeOf(change)).indexDigest()).toBe(expected)
  })

  test('depends on which collections there are, not on their names', async () => {
    const digestOf = (...names: string[]) => {
      const store = new EngineFixture()
      for (const name of names) store.create(name, 1).index.start(hostOf())
      return digestIndexes(store.state, checksum, noYield)
    }
    const digests = await Promise.all([digestOf(), digestOf('a'), digestOf('a', 'b')])
    expect(new Set(digests).size).toBe(3)
    expect(await digestOf('b')).toBe(digests[1])
  })

  test('follows the layout that its comments state', async () => {
    const store = await storeOf((store) => {
      killFirstChunk(store, 3)
      store.compact(0)
      store.addRows(rows(3, 4), 24)
    })
    store.create('d', 2).index.start(hostOf())
    const { built, builtThrough, placed } = store.index.served
    const { graph, slots } = built!
    expect([builtThrough, [...placed]]).toEqual([20, [24]])
    const nodes = Array.from({ length: graph.nodeCount }, (_, node) => slots.borrowSlots(node))
    const lists = nodes.flatMap((own) => [own.length, ...own])
    const ofGraph = Buffer.concat([u32(20, 1, 24, 1), ...graph.digestBytes(), u32(...lists)])
    const stream = Buffer.concat([
      u32(21),
      textBytes('annals index digest 1'),
      u32(1, 0),
      u64(checksum.xxh64(ofGraph, 0n)),
      u32(store.state.collectionByName('d')!.creationLsn, 0),
      u64(checksum.xxh64(u32(0, 0, 0), 0n)),
    ])
    expect(await store.indexDigest(turn)).toBe(checksum.xxh64(stream, 0n))
  })

  test('is of the moment at which it was asked for, in all collections alike', async () => {
    const histories: ((store: IndexFixture, other: CollectionState) => void)[] = [
      (store, other) => {
        store.addRows(rows(0, 24))
        store.add(other, { a: [1, 1], b: [2, 2] })
        store.bulk(20)
        bulkOf(store, other, 1)
      },
      (store, other) => {
        store.insert(24)
        bulkOf(store, other, 2)
      },
    ]
    const late = pairOfCollections()
    const asked: Promise<bigint>[] = []
    const expected: bigint[] = []
    for (const [index, history] of histories.entries()) {
      history(late.store, late.other)
      asked.push(late.store.indexDigest(turn))
      const { store, other } = pairOfCollections()
      for (const earlier of histories.slice(0, index + 1)) earlier(store, other)
      for (const { index } of [other, store.collection]) index.start(hostOf())
      expected.push(await store.indexDigest())
    }
    late.other.index.start(hostOf())
    await turn()
    late.store.start()
    expect(await Promise.all(asked)).toEqual(expected)
    expect(expected[0]).not.toBe(expected[1])
  })
})

function pairOfCollections(): { store: IndexFixture; other: CollectionState } {
  const store = new IndexFixture()
  return { store, other: store.create('d', 2) }
}

function bulkOf(store: IndexFixture, { creationLsn: collection }: CollectionState, throughSlot: number): void {
  store.apply({ type: 'flush', method: 'bulk', collection, throughSlot, indexVersion: INDEX_VERSION, ...PLAN })
}

const u32 = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer)
const u64 = (value: bigint) => new Uint8Array(BigUint64Array.of(value).buffer)
