import './support/forced-walks.ts'
import { describe, expect, test } from 'vitest'
import type { Collection } from '../../src/store/collection.ts'
import type { OpenOptions } from '../../src/store/options.ts'
import { VectorStore } from '../../src/store/vector-store.ts'
import { rowsOf } from '../engine/graph/graph-fixture.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { errorOf } from '../support/log-fixture.ts'
import { HeldFiles } from './support/held-files.ts'
import { emptyCollectionFor, entriesOf, gloveSet, ON_DEMAND } from './support/index-fixture.ts'
import { ALL_LOG_KEPT, NONE_UNASKED, replayedDigest, snapshotDigest, snapshotLsns } from './support/snapshot-files.ts'
import { endingOf, StoreFixture, someEntries, surroundingsOf, until } from './support/store-fixture.ts'

const SET = gloveSet(3000)
const ROWS = rowsOf(SET)

interface Held {
  readonly held: HeldFiles
  readonly files: CrashableFiles
  readonly store: VectorStore
  readonly vectors: Collection
}

/** A store whose files in `snapshots/` can be held. */
async function heldStore(options: OpenOptions = {}): Promise<Held> {
  const files = new CrashableFiles()
  const held = new HeldFiles(files, (path) => path.startsWith('snapshots'))
  const store = await VectorStore.openWith(surroundingsOf(held), { ...ON_DEMAND, ...NONE_UNASKED, ...options })
  return { held, files, store, vectors: await store.collection('vectors', { dimensions: 100 }) }
}

describe.each([0, 2])('while a snapshot is taken, with %d threads', (threads) => {
  test('writes, searches, builds and digests wait for nothing of it', async () => {
    const { held, files, store, vectors } = await heldStore({ threads })
    await vectors.addAll(entriesOf(SET, 0, 1000))
    await vectors.optimize()
    held.hold()
    const snapshotting = store.snapshot()
    const { lsn } = store.stats()
    await until(() => held.waiting > 0)
    await vectors.addAll(entriesOf(SET, 1000, 1500))
    await vectors.delete(['e1', 'e1200'])
    await vectors.update('e2', { metadata: { is: 'new' } })
    expect((await vectors.search(ROWS[1400]!, { k: 1 })).hits[0]!.id).toBe('e1400')
    expect((await vectors.searchMany([ROWS[3]!, ROWS[1300]!], { k: 1 })).map(({ hits }) => hits[0]!.id)).toEqual([
      'e3',
      'e1300',
    ])
    await vectors.flush()
    await vectors.consolidate()
    await vectors.optimize()
    await store.drop('nothing')
    await store.sync()
    expect((await store.digest()).lsn).toBe(store.stats().lsn)
    expect([held.waiting > 0, store.stats().snapshots]).toEqual([true, []])
    held.release()
    expect((await snapshotting).lsn).toBe(lsn)
    expect(await snapshotDigest(files, lsn)).toEqual(await replayedDigest(files, lsn))
    const before = await store.digest()
    const copy = await StoreFixture.open({ ...ON_DEMAND, ...NONE_UNASKED }, files.restartImage())
    expect(copy.store.stats().recovery).toMatchObject({ snapshotLsn: lsn, problems: [] })
    expect(await copy.store.digest()).toEqual(before)
    await copy.store.close()
    await store.close()
  })

  test('one after the other, under writers and automatic builds, each is what a replay comes to', async () => {
    const options = { threads, bufferEntries: 400, consolidateShare: 0.1, rebuildShare: 0.4, ...ALL_LOG_KEPT }
    const { fixture, store, vectors } = await StoreFixture.withCollection({ dimensions: 100 }, options)
    let isWriting = true
    const writing = (async () => {
      for (let at = 0; at < 3000; at += 60) {
        await vectors.add(entriesOf(SET, at, at + 60))
        if (at % 300 === 240) await vectors.delete(Array.from({ length: 90 }, (_, row) => `e${at - 200 + row * 2}`))
      }
      isWriting = false
    })()
    const searching = (async () => {
      let hits = 0
      while (isWriting) hits += (await vectors.search(ROWS[11]!, { k: 3 })).hits.length
      return hits
    })()
    const taken: number[] = []
    while (isWriting || taken.length < 3) {
      const { lsn } = await store.snapshot()
      if (taken.at(-1) !== lsn) taken.push(lsn)
      expect(await snapshotDigest(fixture.files, lsn)).toEqual(await replayedDigest(fixture.files, lsn))
      if (!isWriting) await vectors.update('e2999', { metadata: { round: taken.length } })
    }
    await writing
    expect(await searching).toBeGreaterThan(0)
    expect(taken).toEqual(taken.toSorted((left, right) => left - right))
    await vectors.settled()
    const before = await store.digest()
    const again = await StoreFixture.open({ threads, ...ON_DEMAND, ...NONE_UNASKED }, fixture.files.restartImage())
    expect(await again.store.digest()).toEqual(before)
    await again.store.close()
    await store.close()
  })
})

describe('calls at once', () => {
  test('of one state are one snapshot, and of a later one another', async () => {
    const { held, store, vectors } = await heldStore()
    await vectors.add(entriesOf(SET, 0, 10))
    held.hold()
    const first = store.snapshot()
    const second = store.snapshot()
    await until(() => held.waiting > 0)
    await vectors.add(entriesOf(SET, 10, 20))
    const third = store.snapshot()
    const fourth = store.snapshot()
    held.release()
    const [one, two, three, four] = await Promise.all([first, second, third, fourth])
    expect([one.lsn, two.lsn, three.lsn, four.lsn]).toEqual([2, 2, 3, 3])
    expect([two.writtenBytes, four.writtenBytes]).toEqual([0, 0])
    expect(one.writtenBytes).toBeGreaterThan(0)
    expect(three.writtenBytes).toBeGreaterThan(0)
    expect(store.stats().snapshots.map(({ lsn }) => lsn)).toEqual([3, 2])
    await store.close()
  })

  test('wait behind one that fails, and behind one that is given up, and can be given up themselves', async () => {
    const { held, files, store, vectors } = await heldStore()
    await vectors.add(entriesOf(SET, 0, 10))
    held.hold()
    const giveUp = new AbortController()
    const leave = new AbortController()
    const endings = [{ signal: giveUp.signal }, {}, { signal: leave.signal }, {}].map((options) =>
      endingOf(() => store.snapshot(options)),
    )
    await until(() => held.waiting > 0)
    leave.abort()
    giveUp.abort()
    expect(await endings[2]).toBe('ERR_ABORTED')
    files.failWhen((operation) => operation.startsWith('rename snapshots/'), 'EIO')
    held.release()
    expect(await Promise.all(endings)).toEqual(['ERR_ABORTED', 'ERR_IO', 'ERR_ABORTED', 'ok'])
    expect(await snapshotLsns(files)).toEqual([2])
    await store.close()
  })
})

describe('a collection that is dropped while its graph is waited for', () => {
  test('is not in the snapshot, which is that of a later moment', async () => {
    const { fixture, store, vectors } = await emptyCollectionFor(SET, { threads: 1, ...NONE_UNASKED })
    const other = await store.collection('other', { dimensions: 2 })
    await other.add(someEntries(5))
    await vectors.addAll(entriesOf(SET))
    const flushing = endingOf(() => vectors.flush())
    await until(() => vectors.stats().index.backlog > 0)
    const asked = store.stats().lsn
    const snapshotting = store.snapshot()
    await store.drop('vectors')
    const { lsn } = await snapshotting
    expect([lsn, await flushing]).toEqual([asked + 1, 'ERR_COLLECTION_NOT_FOUND'])
    expect(store.stats().snapshots).toMatchObject([{ lsn, entries: 5 }])
    expect(await snapshotDigest(fixture.files, lsn)).toEqual(await replayedDigest(fixture.files, lsn))
    await store.close()
  })
})

describe('closing', () => {
  test('lets one that is being written come to its end', async () => {
    const { held, files, store, vectors } = await heldStore()
    await vectors.add(entriesOf(SET, 0, 10))
    held.hold()
    const snapshotting = store.snapshot()
    const behind = store.snapshot()
    await until(() => held.waiting > 0)
    const late = vectors.add(entriesOf(SET, 10, 20)).then(() => endingOf(() => store.snapshot()))
    let isClosed = false
    const closing = store.close().then(() => {
      isClosed = true
    })
    await late
    expect(isClosed).toBe(false)
    held.release()
    await closing
    expect([(await snapshotting).lsn, (await behind).lsn, await late]).toEqual([2, 2, 'ERR_STORE_CLOSED'])
    const again = await StoreFixture.open({}, files)
    expect(again.store.stats()).toMatchObject({ lsn: 3, recovery: { snapshotLsn: 2, records: 1, problems: [] } })
    await again.store.close()
  })

  test('gives up one that waits for a graph, and who asked for it hears so', async () => {
    const { fixture, store, vectors } = await emptyCollectionFor(SET, { threads: 1, ...NONE_UNASKED })
    await vectors.addAll(entriesOf(SET))
    const flushing = endingOf(() => vectors.flush())
    await until(() => vectors.stats().index.backlog > 0)
    const first = errorOf(store.snapshot())
    const second = endingOf(() => store.snapshot())
    await store.close()
    expect([(await first).code, await second, await flushing]).toEqual(Array(3).fill('ERR_STORE_CLOSED'))
    expect(await snapshotLsns(fixture.files)).toEqual([])
    const again = await StoreFixture.open({ ...ON_DEMAND, ...NONE_UNASKED }, fixture.files)
    expect(again.store.stats().recovery.problems).toEqual([])
    await again.store.close()
  })
})

test('a signal ends the wait for a graph at once, and the store goes on', async () => {
  const { store, vectors } = await emptyCollectionFor(SET, { threads: 1, ...NONE_UNASKED })
  await vectors.addAll(entriesOf(SET))
  const flushing = vectors.flush()
  await until(() => vectors.stats().index.backlog > 0)
  const controller = new AbortController()
  const snapshotting = errorOf(store.snapshot({ signal: controller.signal }))
  controller.abort('not now')
  const error = await snapshotting
  expect([error.code, error.cause, vectors.stats().index.indexed]).toEqual(['ERR_ABORTED', 'not now', 0])
  await flushing
  expect(await store.snapshot()).toMatchObject({ lsn: store.stats().lsn })
  await store.close()
})

test('a store that takes no more writes takes no more snapshots, and says what it has', async () => {
  const { fixture, store, vectors } = await StoreFixture.withCollection()
  await vectors.add(someEntries(3))
  const poison = async () => {
    fixture.files.failWhen((operation) => operation.startsWith('sync wal/'), 'EIO')
    expect(await endingOf(() => vectors.add(someEntries(4)))).toBe('ERR_INDETERMINATE')
  }
  const image = fixture.files.restartImage()
  await poison()
  expect(await endingOf(() => store.snapshot())).toBe('ERR_POISONED')
  expect(store.stats()).toMatchObject({ snapshots: [], lastSnapshotProblem: expect.stringMatching(/not tried/) })
  await endingOf(() => store.close())
  const other = await StoreFixture.open({}, image)
  const { lsn } = await other.store.snapshot()
  image.failWhen((operation) => operation.startsWith('sync wal/'), 'EIO')
  const adding = other.store.collection('vectors').then((again) => again.add(someEntries(4)))
  expect(await endingOf(() => adding)).toBe('ERR_INDETERMINATE')
  expect(await other.store.snapshot()).toMatchObject({ lsn, writtenBytes: 0 })
  await endingOf(() => other.store.close())
})
