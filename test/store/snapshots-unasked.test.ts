import './support/forced-walks.ts'
import { describe, expect, test } from 'vitest'
import type { StoreError } from '../../src/base/errors.ts'
import type { Collection } from '../../src/store/collection.ts'
import { yieldToEventLoop } from '../../src/store/event-loop.ts'
import { VectorStore } from '../../src/store/vector-store.ts'
import { SEAL_BYTES, SEGMENT_HEADER_BYTES } from '../../src/wal/format.ts'
import { normalSet } from '../engine/graph/vector-sets.ts'
import { CrashableFiles, type Fault } from '../support/crashable-files.ts'
import { HeldFiles } from './support/held-files.ts'
import { emptyCollectionFor, entriesOf, gloveSet, ON_DEMAND } from './support/index-fixture.ts'
import { NONE_UNASKED, replayedDigest, snapshotDigest, snapshotLsns } from './support/snapshot-files.ts'
import { endingOf, StoreFixture, someEntries, surroundingsOf, until } from './support/store-fixture.ts'

const NEVER = Number.POSITIVE_INFINITY
const SHAPE = { dimensions: 2 }

const newestLsn = (store: VectorStore) => store.stats().snapshots[0]?.lsn ?? 0

/** Long enough for a snapshot of a few entries, if one is being taken. */
async function aWhile(): Promise<void> {
  for (let turn = 0; turn < 60; turn++) await yieldToEventLoop()
}

/** Bytes of the log that are records: each file has a header beside them, and each but the last a seal. */
function recordBytesOf(store: VectorStore): number {
  const { logBytes, segments } = store.stats()
  return logBytes - segments * SEGMENT_HEADER_BYTES - (segments - 1) * SEAL_BYTES
}

/** Adds entries one by one until the log has `lsn` records. */
async function fillThrough(store: VectorStore, vectors: Collection, lsn: number): Promise<void> {
  while (store.stats().lsn < lsn) await vectors.add([{ id: `e${store.stats().lsn}`, vector: [1, store.stats().lsn] }])
}

describe('in the background', () => {
  test('one is taken after so many bytes, and after half as many as the last one has', async () => {
    const snapshotBytes = 2000
    const { fixture, store, vectors } = await StoreFixture.withCollection(SHAPE, {
      snapshotBytes,
      snapshotRecords: NEVER,
      history: { bytes: NEVER },
    })
    let since = 0
    let dueBytes = snapshotBytes
    const taken: number[] = []
    while (taken.length < 6) {
      const { lsn } = store.stats()
      await vectors.add([{ id: `e${lsn}`, vector: [lsn, 1], metadata: { text: 'x'.repeat(lsn % 50) } }])
      const bytes = recordBytesOf(store)
      if (bytes - since < dueBytes) {
        if (lsn % 20 === 0) await aWhile()
        expect(newestLsn(store)).toBe(taken.at(-1) ?? 0)
        continue
      }
      await until(() => newestLsn(store) === lsn + 1)
      taken.push(lsn + 1)
      since = bytes
      dueBytes = Math.max(snapshotBytes, store.stats().snapshots[0]!.bytes / 2)
    }
    expect(dueBytes).toBeGreaterThan(2 * snapshotBytes)
    await store.close()
    expect((await snapshotLsns(fixture.files)).slice(0, 2)).toEqual([taken[5], taken[4]])
    for (const lsn of taken.slice(-2)) {
      expect(await snapshotDigest(fixture.files, lsn)).toEqual(await replayedDigest(fixture.files, lsn))
    }
  })

  test('one is taken after so many records, those found at opening included', async () => {
    const options = { snapshotBytes: NEVER, snapshotRecords: 10 }
    const { fixture, store, vectors } = await StoreFixture.withCollection(SHAPE, options)
    await fillThrough(store, vectors, 9)
    await aWhile()
    expect(newestLsn(store)).toBe(0)
    await fillThrough(store, vectors, 12)
    await until(() => newestLsn(store) === 10)
    const again = await StoreFixture.open(options, fixture.files.restartImage())
    expect(again.store.stats().recovery).toMatchObject({ snapshotLsn: 10, records: 2 })
    const reopened = await again.store.collection('vectors')
    await fillThrough(again.store, reopened, 19)
    await aWhile()
    expect(newestLsn(again.store)).toBe(10)
    await fillThrough(again.store, reopened, 20)
    await until(() => newestLsn(again.store) === 20)
    await again.store.close()
    await store.close()
  })

  test('one is taken as soon as a store with a long log is open', async () => {
    const { fixture, store, vectors } = await StoreFixture.withCollection(SHAPE, NONE_UNASKED)
    await fillThrough(store, vectors, 30)
    await store.close()
    for (const options of [{ snapshotRecords: 31 }, { snapshotRecords: 30, readOnly: true }]) {
      const still = await StoreFixture.open(options, fixture.files.clone())
      await aWhile()
      expect(still.store.stats().snapshots).toEqual([])
      await still.store.close()
    }
    const again = await StoreFixture.open({ snapshotRecords: 30 }, fixture.files)
    await until(() => newestLsn(again.store) === 30)
    await again.store.close()
  })

  test('the bytes found at opening are those behind the snapshot', async () => {
    const { fixture, store, vectors } = await StoreFixture.withCollection(SHAPE, NONE_UNASKED)
    await fillThrough(store, vectors, 100)
    await store.snapshot()
    const { logBytes } = store.stats()
    await fillThrough(store, vectors, 110)
    const perRecord = logBytes / 100
    await store.close()
    const again = await StoreFixture.open({ snapshotBytes: perRecord * 20, snapshotRecords: NEVER }, fixture.files)
    const reopened = await again.store.collection('vectors')
    await aWhile()
    expect(newestLsn(again.store)).toBe(100)
    await fillThrough(again.store, reopened, 115)
    await aWhile()
    expect(newestLsn(again.store)).toBe(100)
    await fillThrough(again.store, reopened, 140)
    await until(() => newestLsn(again.store) > 100)
    expect(newestLsn(again.store)).toBeLessThan(130)
    await again.store.close()
  })

  test('none is taken in memory, nor of a log that is short', async () => {
    const ephemeral = await VectorStore.ephemeral()
    const { store, fixture } = await StoreFixture.withCollection(SHAPE)
    for (const each of [ephemeral, store]) {
      const vectors = await each.collection('many', SHAPE)
      await vectors.add(someEntries(5000))
      await aWhile()
      expect(each.stats().snapshots).toEqual([])
      await each.close()
    }
    expect(await snapshotLsns(fixture.files)).toEqual([])
    const told = await VectorStore.ephemeral({ snapshotRecords: 3 })
    const vectors = await told.collection('few', SHAPE)
    await fillThrough(told, vectors, 3)
    await until(() => newestLsn(told) === 3)
    await told.close()
  })

  test('a buffer that fills while a graph is copied is moved into the index all the same', async () => {
    const files = new CrashableFiles()
    const options = { ...NONE_UNASKED, threads: 0, bufferEntries: 500 }
    const store = await VectorStore.openWith(surroundingsOf(files), options)
    const set = gloveSet(1500)
    const vectors = await store.collection('vectors', { dimensions: 100 })
    await vectors.add(entriesOf(set, 0, 500))
    await vectors.settled()
    const snapshotting = store.snapshot()
    await vectors.add(entriesOf(set, 500, 1400))
    await snapshotting
    await until(() => vectors.stats().index.indexed === 1400)
    await store.close()
  })
})

describe('one that fails in the background', () => {
  const FAULTS: [string, Fault, string][] = [
    ['write snapshots/', 'EIO', 'ERR_IO'],
    ['write snapshots/', 'ENOSPC', 'ERR_DISK_FULL'],
    ['open snapshots/', 'EACCES', 'ERR_PERMISSION'],
    ['sync snapshots/', 'EIO', 'ERR_IO'],
    ['rename snapshots/', 'EIO', 'ERR_IO'],
    ['syncDirectory snapshots', 'EIO', 'ERR_IO'],
  ]

  test.each(FAULTS)(
    'by %s (%s) is reported, and tried again after as much log again',
    async (operation, fault, code) => {
      const problems: StoreError[] = []
      const options = {
        snapshotBytes: NEVER,
        snapshotRecords: 10,
        onProblem: (problem: StoreError) => problems.push(problem),
      }
      const { fixture, store, vectors } = await StoreFixture.withCollection(SHAPE, options)
      fixture.files.failWhen((text) => text.startsWith(operation), fault)
      await fillThrough(store, vectors, 10)
      await until(() => problems.length > 0)
      const [problem] = problems
      expect([problem!.code, (problem!.cause as StoreError).code]).toEqual([code, code])
      expect(problem!.message).toMatch(/^a snapshot could not be taken: /)
      expect(store.stats()).toMatchObject({ snapshots: [], lastSnapshotProblem: problem!.message })
      await fillThrough(store, vectors, 19)
      await aWhile()
      expect([problems.length, newestLsn(store)]).toEqual([1, 0])
      await fillThrough(store, vectors, 20)
      await until(() => newestLsn(store) === 20)
      expect(store.stats()).not.toHaveProperty('lastSnapshotProblem')
      expect(problems.length).toBe(1)
      expect(await snapshotDigest(fixture.files, 20)).toEqual(await store.digest())
      await store.close()
    },
  )

  test('leaves writes alone while it fails again and again', async () => {
    const problems: string[] = []
    const options = { snapshotRecords: 4, onProblem: ({ code }: StoreError) => problems.push(code) }
    const { fixture, store, vectors } = await StoreFixture.withCollection(SHAPE, options)
    fixture.files.failWhen((text) => text.startsWith('write snapshots/'), 'ENOSPC', NEVER)
    for (let round = 1; round <= 5; round++) {
      await fillThrough(store, vectors, round * 4)
      await until(() => problems.length === round)
    }
    expect(problems).toEqual(Array(5).fill('ERR_DISK_FULL'))
    expect(fixture.files.paths().filter((path) => path.startsWith('snapshots/'))).toEqual([])
    const before = await store.digest()
    const again = await fixture.reopen(NONE_UNASKED)
    expect(await again.store.digest()).toEqual(before)
    await again.store.close()
  })

  test('and one that was asked for is told to whoever asked, and shown', async () => {
    const problems: StoreError[] = []
    const onProblem = (problem: StoreError) => void problems.push(problem)
    const { fixture, store, vectors } = await StoreFixture.withCollection(SHAPE, { ...NONE_UNASKED, onProblem })
    await vectors.add(someEntries(3))
    fixture.files.failWhen((text) => text.startsWith('sync snapshots/'), 'EIO')
    expect(await endingOf(() => store.snapshot())).toBe('ERR_IO')
    expect(store.stats().lastSnapshotProblem).toMatch(/^a snapshot could not be taken: /)
    expect(problems).toEqual([])
    expect(await store.snapshot()).toMatchObject({ lsn: 2 })
    expect(store.stats()).not.toHaveProperty('lastSnapshotProblem')
    await store.close()
  })
})

describe('closing', () => {
  const options = { snapshotBytes: NEVER, snapshotRecords: 40 }

  test.each([
    [9, []],
    [10, [10]],
    [39, [39]],
  ])('after %d of 40 records that make one due leaves %j', async (records, lsns) => {
    const { fixture, store, vectors } = await StoreFixture.withCollection(SHAPE, options)
    await fillThrough(store, vectors, records)
    const before = await store.digest()
    await store.close()
    expect(await snapshotLsns(fixture.files)).toEqual(lsns)
    const again = await StoreFixture.open(options, fixture.files)
    expect(again.store.stats().recovery.records).toBe(lsns.length === 0 ? records : 0)
    expect(await again.store.digest()).toEqual(before)
    await again.store.close()
    expect(await snapshotLsns(fixture.files)).toEqual(lsns)
  })

  test('takes one of a large graph that none holds, so that it is not built again', async () => {
    const points = normalSet('euclidean', 51_000, 2)
    const { fixture, store, vectors } = await emptyCollectionFor(points, { threads: 1 })
    await vectors.addAll(entriesOf(points))
    await vectors.optimize()
    const before = await store.digest()
    await store.close()
    expect(await snapshotLsns(fixture.files)).toEqual([before.lsn])
    const again = await StoreFixture.open(ON_DEMAND, fixture.files)
    expect((await again.store.collection('vectors')).stats().index).toMatchObject({ indexed: 51_000, backlog: 0 })
    expect(await again.store.digest()).toEqual(before)
    await again.store.close()
    expect(await snapshotLsns(fixture.files)).toEqual([before.lsn])
  })

  test('takes none while a graph is to be built', async () => {
    const opened = await emptyCollectionFor(gloveSet(1000), { threads: 1, snapshotRecords: 4 })
    const { fixture, store, vectors } = opened
    await vectors.addAll(entriesOf(gloveSet(1000)))
    const flushing = endingOf(() => vectors.flush())
    await until(() => vectors.stats().index.backlog > 0)
    await store.close()
    expect([await flushing, await snapshotLsns(fixture.files)]).toEqual(['ERR_STORE_CLOSED', []])
  })

  test('gives up one in the background that waits for a graph, and calls it no problem', async () => {
    const problems: string[] = []
    const set = gloveSet(1000)
    const opened = await emptyCollectionFor(set, {
      threads: 1,
      snapshotRecords: 4,
      onProblem: ({ message }) => void problems.push(message),
    })
    const { fixture, store, vectors } = opened
    await vectors.addAll(entriesOf(set))
    const flushing = endingOf(() => vectors.flush())
    await until(() => vectors.stats().index.backlog > 0)
    await vectors.delete(['e1'])
    await store.close()
    expect([await flushing, await snapshotLsns(fixture.files), problems]).toEqual(['ERR_STORE_CLOSED', [], []])
    const again = await StoreFixture.open(ON_DEMAND, fixture.files)
    expect(again.store.stats()).toMatchObject({ lsn: 4, recovery: { records: 4, problems: [] } })
    await again.store.close()
  })

  test('waits for one in the background that is being written', async () => {
    const files = new CrashableFiles()
    const held = new HeldFiles(files, (path) => path.startsWith('snapshots'))
    const store = await VectorStore.openWith(surroundingsOf(held), { snapshotRecords: 5 })
    const vectors = await store.collection('vectors', SHAPE)
    held.hold()
    await fillThrough(store, vectors, 6)
    await until(() => held.waiting > 0)
    const closing = store.close()
    await aWhile()
    expect(await snapshotLsns(files)).toEqual([])
    held.release()
    await closing
    expect(await snapshotLsns(files)).toEqual([5])
  })

  test('closes all the same where it cannot be written, and says so', async () => {
    const problems: string[] = []
    const onProblem = ({ code }: StoreError) => void problems.push(code)
    const { fixture, store, vectors } = await StoreFixture.withCollection(SHAPE, { ...options, onProblem })
    await fillThrough(store, vectors, 20)
    fixture.files.failWhen((text) => text.startsWith('write snapshots/'), 'ENOSPC')
    expect(await endingOf(() => store.close())).toBe('ok')
    expect([problems, await snapshotLsns(fixture.files)]).toEqual([['ERR_DISK_FULL'], []])
    const again = await StoreFixture.open(options, fixture.files)
    expect(again.store.stats()).toMatchObject({ lsn: 20, recovery: { problems: [] } })
    await again.store.close()
    expect(await snapshotLsns(fixture.files)).toEqual([20])
  })

  test('takes none where no more writes are taken', async () => {
    const { fixture, store, vectors } = await StoreFixture.withCollection(SHAPE, options)
    await fillThrough(store, vectors, 20)
    fixture.files.failWhen((text) => text.startsWith('sync wal/'), 'EIO')
    expect(await endingOf(() => vectors.add(someEntries(1)))).toBe('ERR_INDETERMINATE')
    await store.close()
    expect(await snapshotLsns(fixture.files)).toEqual([])
  })
})
