import './support/forced-walks.ts'
import { describe, expect, test } from 'vitest'
import type { Progress } from '../../src/store/options.ts'
import { VectorStore } from '../../src/store/vector-store.ts'
import { rowsOf } from '../engine/graph/graph-fixture.ts'
import { normalSet } from '../engine/graph/vector-sets.ts'
import { errorOf } from '../support/log-fixture.ts'
import { emptyCollectionFor, entriesOf, gloveSet, indexedCollection, ON_DEMAND } from './support/index-fixture.ts'
import { ALL_LOG_KEPT, NONE_UNASKED, replayedDigest, snapshotDigest, snapshotLsns } from './support/snapshot-files.ts'
import { endingOf, START_MS, StoreFixture, someEntries } from './support/store-fixture.ts'

const SET = gloveSet(1500)
const ROWS = rowsOf(SET)
const idsOf = (from: number, end: number) => Array.from({ length: end - from }, (_, row) => `e${from + row}`)
const reopenOptions = { ...ON_DEMAND, ...NONE_UNASKED }

describe('a store with a snapshot', () => {
  test('opens from it, reads the last of its log at most, and has its graph without building', async () => {
    const segmentSizeBytes = 4096
    const { fixture, store, vectors } = await indexedCollection(SET, {
      ...NONE_UNASKED,
      segmentSizeBytes,
      batch: 500,
      way: 'insert',
    })
    const before = await store.digest()
    const stats = vectors.stats()
    const nearest = await vectors.search(ROWS[7]!, { k: 20 })
    const result = await store.snapshot()
    expect(result).toMatchObject({ lsn: before.lsn, sharedBytes: 0, droppedLogBytes: 0 })
    expect(result.durationMs).toBeGreaterThan(0)
    const [info, ...others] = store.stats().snapshots
    expect(others).toEqual([])
    expect(info).toEqual({ lsn: before.lsn, time: expect.any(Date), entries: 1500, bytes: result.writtenBytes })
    // The clock of the tests counts: START_MS is the first record's, and as many turns later it is this one's.
    expect(info!.time.getTime()).toBeGreaterThanOrEqual(START_MS + before.lsn - 1)
    expect(store.stats().snapshotBytes).toBe(result.writtenBytes)
    expect(store.stats()).not.toHaveProperty('lastSnapshotProblem')
    expect(await snapshotDigest(fixture.files, before.lsn)).toEqual(before)

    const again = await fixture.reopen(reopenOptions)
    const reopened = await again.store.collection('vectors')
    const { recovery, snapshots } = again.store.stats()
    expect(recovery).toMatchObject({ snapshotLsn: before.lsn, records: 0, events: 0, problems: [] })
    // The file in which the snapshot ends, of a log of more than 600,000 bytes.
    expect(recovery.bytes).toBeLessThan(segmentSizeBytes)
    expect(again.store.stats().logBytes).toBeGreaterThan(600_000)
    expect(snapshots).toEqual([info])
    expect(reopened.stats().index).toEqual(stats.index)
    expect(reopened.stats().index).toMatchObject({ indexed: 1500, waiting: 0, backlog: 0, unreachable: 0 })
    expect(await reopened.search(ROWS[7]!, { k: 20 })).toEqual(nearest)
    await reopened.settled()
    expect(await again.store.digest()).toEqual(before)
    expect(again.store.stats().lsn).toBe(before.lsn)
    await again.store.close()
  })

  test('replays what came behind it: new entries, other vectors, deletes, metadata, another collection', async () => {
    const { fixture, store, vectors } = await indexedCollection(SET, { ...NONE_UNASKED })
    await store.snapshot()
    const { lsn } = store.stats()
    await vectors.add([{ id: 'new', vector: ROWS[3]!, metadata: { is: 'new' } }])
    await vectors.add([{ id: 'e5', vector: ROWS[900]!, metadata: { is: 'other' } }])
    await vectors.delete(['e6', 'e7'])
    await vectors.update('e8', { metadata: { is: 'told' } })
    const other = await store.collection('other', { dimensions: 2, metric: 'dot' })
    await other.add(someEntries(3))
    const before = await store.digest()
    const again = await fixture.reopen(reopenOptions)
    expect(again.store.stats().recovery).toMatchObject({ snapshotLsn: lsn, records: 6, events: 6, problems: [] })
    const reopened = await again.store.collection('vectors')
    expect(reopened.count()).toBe(1499)
    expect(await reopened.get('new')).toEqual({ id: 'new', vector: ROWS[3]!, metadata: { is: 'new' } })
    expect(await reopened.get('e5')).toEqual({ id: 'e5', vector: ROWS[900]!, metadata: { is: 'other' } })
    expect(await Promise.all([reopened.has('e6'), reopened.has('e7')])).toEqual([false, false])
    expect((await reopened.get('e8'))?.metadata).toEqual({ is: 'told' })
    expect((await again.store.collection('other')).count()).toBe(3)
    expect(reopened.stats().index).toMatchObject({ indexed: 1497, waiting: 2, backlog: 0 })
    expect(await again.store.digest()).toEqual(before)
    expect(await replayedDigest(again.files)).toEqual(before)
    await again.store.close()
  })

  test('goes on with consolidations, flushes and new graphs ordered behind it', async () => {
    const { fixture, store, vectors } = await indexedCollection(gloveSet(1200), { ...NONE_UNASKED })
    const { lsn } = await store.snapshot()
    const orders: [string, () => Promise<unknown>][] = [
      ['consolidate', () => vectors.delete(idsOf(0, 200)).then(() => vectors.consolidate())],
      ['flush', () => vectors.addAll(entriesOf(SET, 1200)).then(() => vectors.flush())],
      ['optimize', () => vectors.delete(idsOf(1000, 1100)).then(() => vectors.optimize())],
    ]
    for (const [order, work] of orders) {
      await work()
      const before = await store.digest()
      const copy = await StoreFixture.open(reopenOptions, fixture.files.restartImage())
      expect(copy.store.stats().recovery.snapshotLsn, order).toBe(lsn)
      expect(await copy.store.digest(), order).toEqual(before)
      await copy.store.close()
      expect(await replayedDigest(fixture.files), order).toEqual(before)
    }
    await store.close()
  })

  test('compacts what the snapshot holds, and what came behind it', async () => {
    const points = normalSet('euclidean', 17_000, 3)
    const { fixture, store, vectors } = await emptyCollectionFor(points, { ...ALL_LOG_KEPT })
    await vectors.addAll(entriesOf(points, 0, 16_600))
    await vectors.delete(idsOf(0, 9000))
    await vectors.flush()
    await store.snapshot()
    await vectors.addAll(entriesOf(points, 16_600))
    await vectors.compact()
    await vectors.delete(idsOf(9000, 9100))
    const compacted = await store.digest()
    const again = await fixture.reopen({ ...reopenOptions, ...ALL_LOG_KEPT })
    expect(await again.store.digest()).toEqual(compacted)
    const second = await again.store.snapshot()
    expect(second.lsn).toBe(compacted.lsn)
    const last = await again.reopen({ ...reopenOptions, ...ALL_LOG_KEPT })
    expect(last.store.stats().recovery).toMatchObject({ snapshotLsn: second.lsn, records: 0 })
    expect(await last.store.digest()).toEqual(compacted)
    expect(await replayedDigest(last.files)).toEqual(compacted)
    expect((await last.store.collection('vectors')).count()).toBe(7900)
    await last.store.close()
  })

  test('holds a flush that was ordered and not built at its LSN, built', async () => {
    const { fixture, store, vectors } = await indexedCollection(gloveSet(600), { ...NONE_UNASKED })
    await vectors.addAll(entriesOf(SET, 600, 900))
    const flushing = vectors.flush()
    while (vectors.stats().index.backlog === 0) await new Promise((resolve) => setImmediate(resolve))
    const { lsn } = store.stats()
    await vectors.delete(['e1', 'e700'])
    const snapshotting = store.snapshot()
    await vectors.delete(['e2', 'e701'])
    await flushing
    expect((await snapshotting).lsn).toBe(lsn + 1)
    expect(await snapshotDigest(fixture.files, lsn + 1)).toEqual(await replayedDigest(fixture.files, lsn + 1))
    const before = await store.digest()
    const again = await StoreFixture.open(reopenOptions, fixture.files.restartImage())
    const reopened = await again.store.collection('vectors')
    expect(reopened.stats().index).toMatchObject({ indexed: 896, waiting: 0, backlog: 0 })
    expect(await again.store.digest()).toEqual(before)
    await again.store.close()
    await store.close()
  })

  test('is published only when the log is on disk that it is a snapshot of', async () => {
    const { fixture, store, vectors } = await StoreFixture.withCollection(
      { dimensions: 2 },
      { ...NONE_UNASKED, durability: 'async' },
    )
    await vectors.add([{ id: 'a', vector: [1, 2] }])
    const before = fixture.files.operations.length
    await store.snapshot()
    const operations = fixture.files.operations.slice(before)
    const synced = operations.findIndex((operation) => operation.startsWith('sync wal/0'))
    expect(synced).toBeGreaterThanOrEqual(0)
    expect(operations.findIndex((operation) => operation.startsWith('rename snapshots/'))).toBeGreaterThan(synced)
    await store.close()
  })

  test('shares with the next one what did not change, and none is written where nothing did', async () => {
    const { fixture, store, vectors } = await indexedCollection(SET, { ...NONE_UNASKED })
    const first = await store.snapshot()
    expect(await store.snapshot()).toMatchObject({
      lsn: first.lsn,
      writtenBytes: 0,
      sharedBytes: first.writtenBytes,
      droppedLogBytes: 0,
    })
    await vectors.delete(['e3'])
    const second = await store.snapshot()
    expect(second.lsn).toBe(first.lsn + 1)
    expect(second.writtenBytes).toBeLessThan(first.writtenBytes / 20)
    expect(second.sharedBytes).toBeGreaterThan(first.writtenBytes * 0.95)
    expect(await snapshotLsns(fixture.files)).toEqual([second.lsn, first.lsn])
    const again = await fixture.reopen(reopenOptions)
    expect(await again.store.snapshot()).toMatchObject({
      lsn: second.lsn,
      writtenBytes: 0,
      durationMs: expect.any(Number),
    })
    await (await again.store.collection('vectors')).delete(['e4'])
    const third = await again.store.snapshot()
    expect(third.writtenBytes).toBeLessThan(first.writtenBytes / 20)
    await again.store.close()
  })

  test('of nothing is nothing', async () => {
    const { store, files } = await StoreFixture.open()
    const nothing = { lsn: 0, writtenBytes: 0, sharedBytes: 0, durationMs: 0, droppedLogBytes: 0 }
    expect(await store.snapshot()).toEqual(nothing)
    expect(files.paths().filter((path) => path.startsWith('snapshots/'))).toEqual([])
    expect(store.stats()).toMatchObject({ snapshots: [], snapshotBytes: 0, oldestLsn: 0 })
    await store.close()
  })

  test('counts asynchronous writes that were applied, and has them on disk first', async () => {
    const { fixture, store, vectors } = await StoreFixture.withCollection(undefined, { durability: 'async' })
    await vectors.add(someEntries(10))
    const { lsn } = await store.snapshot()
    expect([lsn, store.stats().durableLsn]).toEqual([2, 2])
    const lost = fixture.files.crashImage({ sector: () => 0, size: () => 0, entry: () => 0 })
    const again = await StoreFixture.open({}, lost)
    expect(again.store.stats()).toMatchObject({ lsn: 2, recovery: { snapshotLsn: 2 } })
    await again.store.close()
    await store.close()
  })
})

describe('where a store is', () => {
  test('in memory, it takes one when asked', async () => {
    const store = await VectorStore.ephemeral()
    const vectors = await store.collection('vectors', { dimensions: 2 })
    await vectors.add(someEntries(5))
    const { lsn, writtenBytes } = await store.snapshot()
    expect(store.stats().snapshots).toMatchObject([{ lsn, entries: 5, bytes: writtenBytes }])
    await store.close()
  })

  test('read only, it takes none', async () => {
    const { fixture, store } = await StoreFixture.withCollection()
    const { lsn } = await store.snapshot()
    const reader = await fixture.openReader()
    expect(reader.store.stats()).toMatchObject({ snapshots: [{ lsn }], recovery: { snapshotLsn: lsn } })
    expect(await endingOf(() => reader.store.snapshot())).toBe('ERR_READ_ONLY')
    await reader.store.close()
    await store.close()
  })
})

describe('a call', () => {
  test.each<[string, unknown, string]>([
    ['an unknown option', { sync: true }, 'TypeError'],
    ['null', null, 'TypeError'],
  ])('with %s is refused', async (_, options, ending) => {
    const { store } = await StoreFixture.withCollection()
    expect(await endingOf(() => store.snapshot(options as never))).toBe(ending)
    expect(store.stats().snapshots).toEqual([])
    await store.close()
  })

  test('says how far it is', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    await vectors.add(someEntries(2000))
    const steps: Progress[] = []
    const { writtenBytes } = await store.snapshot({ onProgress: (progress) => steps.push(progress) })
    expect(new Set(steps.map(({ phase }) => phase))).toEqual(new Set(['snapshot']))
    const done = steps.map((step) => step.done)
    expect(done).toEqual(done.toSorted((left, right) => left - right))
    const { total } = steps.at(-1)!
    expect(done.at(-1)).toBe(total)
    expect(total! / 2).toBeLessThanOrEqual(writtenBytes)
    await store.close()
  })

  test('is stopped by its signal, before and meanwhile, and leaves nothing', async () => {
    const { fixture, store, vectors } = await StoreFixture.withCollection(undefined, ON_DEMAND)
    await vectors.add(someEntries(20_000))
    const early = await errorOf(store.snapshot({ signal: AbortSignal.abort('enough') }))
    expect([early.code, early.cause]).toEqual(['ERR_ABORTED', 'enough'])
    for (const share of [0, 0.3, 0.8]) {
      const controller = new AbortController()
      const onProgress = ({ done, total }: Progress) => {
        if (done / total! >= share) controller.abort('later')
      }
      const error = await errorOf(store.snapshot({ signal: controller.signal, onProgress }))
      expect([error.code, error.cause]).toEqual(['ERR_ABORTED', 'later'])
      expect(fixture.files.paths().filter((path) => path.startsWith('snapshots/'))).toEqual([])
      expect(store.stats()).toMatchObject({ snapshots: [] })
      expect(store.stats()).not.toHaveProperty('lastSnapshotProblem')
    }
    expect(await store.snapshot()).toMatchObject({ lsn: 2 })
    await store.close()
  })
})
