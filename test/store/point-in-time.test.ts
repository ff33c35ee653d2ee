import './support/forced-walks.ts'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import type { Digest, VectorStore } from '../../src/store/vector-store.ts'
import { VectorStore as Stores } from '../../src/store/vector-store.ts'
import { rowsOf } from '../engine/graph/graph-fixture.ts'
import { errorOf } from '../support/log-fixture.ts'
import { emptyCollectionFor, entriesOf, gloveSet, ON_DEMAND } from './support/index-fixture.ts'
import { NONE_UNASKED } from './support/snapshot-files.ts'
import { endingOf, StoreFixture, someEntries } from './support/store-fixture.ts'
import { temporaryDirectories } from './support/temporary-directories.ts'

const SET = gloveSet(1200)
const ROWS = rowsOf(SET)
const directory = temporaryDirectories()

interface Told {
  readonly fixture: StoreFixture
  readonly store: VectorStore
  /** What the digests were after each record from `first` on. */
  readonly digests: ReadonlyMap<number, Digest>
  /** The clock's time by which each record was there, and the next was not. */
  readonly times: ReadonlyMap<number, number>
}

/** A store with a varied history, and snapshots in the middle of it. */
async function toldStore(): Promise<Told> {
  let nowMs = 1_800_000_000_000
  const now = () => nowMs
  const fixture = await StoreFixture.open(
    { ...ON_DEMAND, ...NONE_UNASKED, history: { ms: Number.POSITIVE_INFINITY } },
    undefined,
    { now },
  )
  const { store } = fixture
  const vectors = await store.collection('vectors', { dimensions: 100 })
  const digests = new Map<number, Digest>()
  const times = new Map<number, number>()
  const note = async () => {
    const digest = await store.digest()
    digests.set(digest.lsn, digest)
    times.set(digest.lsn, nowMs + 500)
    nowMs += 1000
  }
  await note()
  const steps: (() => Promise<unknown>)[] = [
    () => vectors.add(entriesOf(SET, 0, 600)),
    () => vectors.optimize(),
    () => vectors.delete(['e1', 'e2', 'e3']),
    () => store.snapshot().then(() => vectors.add(entriesOf(SET, 600, 900))),
    () => vectors.flush(),
    () => vectors.delete(Array.from({ length: 100 }, (_, row) => `e${row * 3 + 4}`)),
    () => vectors.consolidate(),
    () => store.snapshot().then(() => store.collection('other', { dimensions: 2 })),
    async () => (await store.collection('other')).add(someEntries(4)),
    () => vectors.update('e899', { metadata: { is: 'told' } }),
    () => store.drop('other'),
    () => store.snapshot().then(() => vectors.add(entriesOf(SET, 900))),
    () => vectors.optimize(),
  ]
  for (const step of steps) {
    await step()
    await note()
  }
  return { fixture, store, digests, times }
}

describe('a store as it was', () => {
  test('after each LSN, and at each time, beside its writer', async () => {
    const { fixture, store, digests, times } = await toldStore()
    expect([...digests.keys()]).toEqual(Array.from({ length: 14 }, (_, index) => index + 1))
    const snapshots = store.stats().snapshots.map(({ lsn }) => lsn)
    expect(snapshots).toEqual([12, 8, 4])
    for (const [lsn, digest] of digests) {
      for (const at of [lsn, new Date(times.get(lsn)!), runInNewContext(`new Date(${times.get(lsn)!})`) as Date]) {
        const reader = await StoreFixture.open({ ...ON_DEMAND, at }, fixture.files)
        const { recovery, ...stats } = reader.store.stats()
        expect(stats).toMatchObject({ lsn, readOnly: true, oldestLsn: 0 })
        const from = snapshots.find((snapshotLsn) => snapshotLsn <= lsn)
        expect([recovery.snapshotLsn, recovery.records, recovery.problems]).toEqual([from, lsn - (from ?? 0), []])
        expect(await reader.store.digest()).toEqual(digest)
        await reader.store.close()
      }
    }
    // Nothing was changed by those who looked.
    expect(await store.digest()).toEqual(digests.get(14))
    await store.close()
  })

  test('before its first record is empty', async () => {
    const { fixture, store } = await toldStore()
    for (const at of [0, new Date(0)]) {
      const reader = await StoreFixture.open({ at }, fixture.files)
      expect(reader.store.stats()).toMatchObject({ lsn: 0, collections: [] })
      await reader.store.close()
    }
    await store.close()
  })

  test('at a time to come is as it is, and at an LSN to come is refused', async () => {
    const { fixture, store, digests } = await toldStore()
    const reader = await StoreFixture.open({ ...ON_DEMAND, at: new Date(8_640_000_000_000_000) }, fixture.files)
    expect(await reader.store.digest()).toEqual(digests.get(14))
    await reader.store.close()
    const error = await errorOf(StoreFixture.open({ at: 15 }, fixture.files))
    expect([error.code, error.details.lsn, error.details.durableLsn]).toEqual(['ERR_LSN_AHEAD', 15, 14])
    await store.close()
  })

  test('is refused where it lies before what is kept, and the error says what is', async () => {
    const { fixture, store, vectors } = await emptyCollectionFor(SET, { ...NONE_UNASKED, segmentSizeBytes: 4096 })
    for (let at = 0; at < 1200; at += 100) {
      await vectors.add(entriesOf(SET, at, at + 100))
      if (at % 300 === 0) await store.snapshot()
    }
    const { snapshots, oldestLsn } = store.stats()
    expect([snapshots.map(({ lsn }) => lsn), oldestLsn]).toEqual([[11, 8], 8])
    for (const at of [0, 1, 7, new Date(0)]) {
      const error = await errorOf(StoreFixture.open({ at }, fixture.files))
      expect([error.code, error.details.oldestLsn]).toEqual(['ERR_HISTORY_TRUNCATED', 8])
    }
    for (const lsn of [8, 9, 13]) {
      const reader = await StoreFixture.open({ at: lsn }, fixture.files)
      expect([reader.store.stats().lsn, (await reader.store.collection('vectors')).count()]).toEqual([
        lsn,
        (lsn - 1) * 100,
      ])
      expect(reader.store.stats().oldestLsn).toBe(8)
      await reader.store.close()
    }
    await store.close()
  })

  test('finds what was there then, and takes no writes', async () => {
    const { fixture, store } = await toldStore()
    const reader = await StoreFixture.open({ ...ON_DEMAND, at: 3 }, fixture.files)
    const vectors = await reader.store.collection('vectors')
    expect((await vectors.search(ROWS[2]!, { k: 1 })).hits[0]?.id).toBe('e2')
    expect(await vectors.has('e899')).toBe(false)
    const calls = [() => vectors.add(entriesOf(SET, 0, 1)), () => vectors.flush(), () => reader.store.snapshot()]
    for (const call of calls) expect(await endingOf(call)).toBe('ERR_READ_ONLY')
    await reader.store.close()
    await store.close()
  })

  test('shares nothing with others that this process has open', async () => {
    const path = await directory()
    const store = await Stores.open(path)
    const vectors = await store.collection('vectors', { dimensions: 2 })
    await vectors.add(someEntries(3))
    const [first, second] = await Promise.all([
      Stores.open(path, { at: 1 }),
      Stores.open(path, { at: 2, readOnly: true }),
    ])
    expect([first.stats().lsn, second.stats().lsn]).toEqual([1, 2])
    await vectors.add(someEntries(4))
    expect([first.stats().lsn, second.stats().lsn, store.stats().lsn]).toEqual([1, 2, 3])
    await first.close()
    expect((await second.collection('vectors')).count()).toBe(3)
    await second.close()
    await store.close()
    expect(await endingOf(() => Stores.open(`${path}-not`, { at: 1 }))).toBe('ERR_STORE_NOT_FOUND')
  })

  test('reads on while a writer removes the log and the snapshots that it was opened from', async () => {
    const path = await directory()
    const store = await Stores.open(path, { ...NONE_UNASKED, segmentSizeBytes: 4096 })
    const vectors = await store.collection('vectors', { dimensions: 2 })
    await vectors.add(someEntries(200))
    await store.snapshot()
    const before = await store.digest()
    const reader = await Stores.open(path, { at: before.lsn })
    for (let round = 0; round < 4; round++) {
      await vectors.add(someEntries(200 + round))
      await store.snapshot()
    }
    expect(store.stats().oldestLsn).toBeGreaterThan(before.lsn)
    expect(await reader.digest()).toEqual(before)
    expect(await endingOf(() => Stores.open(path, { at: before.lsn }))).toBe('ERR_HISTORY_TRUNCATED')
    await reader.close()
    await store.close()
  })
})
