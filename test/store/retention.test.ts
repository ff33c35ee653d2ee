import { describe, expect, test } from 'vitest'
import type { StoreError } from '../../src/base/errors.ts'
import { manifestPath } from '../../src/snapshots/names.ts'
import type { ListedSnapshot } from '../../src/snapshots/snapshot-set.ts'
import type { Collection } from '../../src/store/collection.ts'
import type { OpenOptions } from '../../src/store/options.ts'
import { historyBound, planKept } from '../../src/store/retention.ts'
import type { VectorStore } from '../../src/store/vector-store.ts'
import { damage, NONE_UNASKED, partsOf, segmentLsns, snapshotDigest, snapshotLsns } from './support/snapshot-files.ts'
import { endingOf, START_MS, StoreFixture } from './support/store-fixture.ts'

const NEVER = Number.POSITIVE_INFINITY
/** A few entries to a segment. */
const SMALL: OpenOptions = { ...NONE_UNASKED, segmentSizeBytes: 4096 }
const DAY_MS = 86_400_000

/** Snapshots at LSNs, newest first; those whose LSN is negative cannot be read. */
const listing = (...lsns: number[]) => ({
  snapshots: lsns.map((lsn) => (lsn < 0 ? { lsn: -lsn, problem: 'bad' } : { lsn, manifest: {} }) as ListedSnapshot),
})

describe('what is kept', () => {
  test.each<[string, number[], number | undefined, number[], number]>([
    ['the newest two', [9, 7, 5], undefined, [9, 7], 8],
    ['of those that can be read', [9, -8, 7, -6, 5], undefined, [9, 7], 8],
    [
      'for a history, the newest below its bound, and the one that will take its place',
      [9, 7, 5, 3, 2],
      4,
      [9, 7, 3, 5],
      4,
    ],
    ['the newest at its bound', [9, 7, 5, 3], 5, [9, 7, 5], 6],
    ['just the newest two where the bound is above both', [9, 7, 5], 8, [9, 7], 8],
    ['all of the log, where no snapshot is below the bound', [9, 7, 5], 4, [9, 7, 5], 0],
    ['all of the log, where only a damaged one is', [9, 7, -3], 4, [9, 7], 0],
  ])('%s', (_, lsns, boundLsn, kept, logFromLsn) => {
    expect(planKept(listing(...lsns), boundLsn)).toEqual({ lsns: kept, logFromLsn })
  })
})

describe('the bound of a history', () => {
  const segments = [1, 11, 21, 31].map((firstLsn) => ({ firstLsn, startTimeMs: (firstLsn - 1) * 10, sizeBytes: 1000 }))
  const snapshots = [34, 15].map((lsn) => ({ position: { epoch: 1, lsn, chain: 0n }, timeMs: lsn * 10 }))

  test.each<[string, { bytes?: number; ms?: number }, number | undefined]>([
    ['none is none', {}, undefined],
    ['a byte is the newest file', { bytes: 1 }, 30],
    ['the bytes of a file are that file', { bytes: 1000 }, 30],
    ['one more is another file', { bytes: 1001 }, 20],
    ['all there are', { bytes: 4000 }, 0],
    ['more than there are', { bytes: 4001 }, 0],
    ['for good', { bytes: NEVER }, 0],
    ['a time in a file is its beginning', { ms: 400 - 299 }, 20],
    ['the time of the record before a file', { ms: 400 - 300 }, 30],
    ['the time of a snapshot is that snapshot', { ms: 400 - 345 }, 34],
    ['a time before the second file, with a snapshot', { ms: 400 - 160 }, 15],
    ['before everything', { ms: 401 }, 0],
    ['a time for good', { ms: NEVER }, 0],
    ['the longer one of both', { bytes: 1, ms: 400 - 160 }, 15],
    ['the longer one of both, by bytes', { bytes: 3500, ms: 1 }, 0],
  ])('%s', (_, { bytes = 0, ms = 0 }, bound) => {
    expect(historyBound(segments, snapshots, { bytes, ms }, 400)).toBe(bound)
  })
})

/** Adds entries, one to a record. */
async function fill(vectors: Collection, count: number, from: number): Promise<void> {
  for (let at = from; at < from + count; at++) {
    await vectors.add([{ id: `e${at}`, vector: [at, 1], metadata: { text: 'some text to fill the log' } }])
  }
}

interface Filled {
  readonly fixture: StoreFixture
  readonly store: VectorStore
  readonly vectors: Collection
  readonly taken: number[]
  round(): Promise<{ droppedLogBytes: number }>
}

/** A store that is filled and snapshotted in rounds of 100 records. */
async function filledStore(rounds: number, options: OpenOptions = {}, dayOf?: () => number): Promise<Filled> {
  let ticks = 0
  const now = () => START_MS + (dayOf?.() ?? 0) * DAY_MS + ticks++
  const fixture = await StoreFixture.open({ ...SMALL, ...options }, undefined, { now })
  const { store } = fixture
  const vectors = await store.collection('vectors', { dimensions: 2 })
  const taken: number[] = []
  const round = async () => {
    await fill(vectors, 100, taken.length * 100)
    const result = await store.snapshot()
    taken.push(result.lsn)
    return result
  }
  for (let count = 0; count < rounds; count++) await round()
  return { fixture, store, vectors, taken, round }
}

describe('a store', () => {
  test('keeps two snapshots and the log behind the older one', async () => {
    const { fixture, store, taken, round } = await filledStore(1)
    const { files } = fixture
    const segmentsAtFirst = segmentLsns(files)
    expect([segmentsAtFirst[0], segmentsAtFirst.length > 2]).toEqual([1, true])
    expect(store.stats().oldestLsn).toBe(0)
    expect((await round()).droppedLogBytes).toBeGreaterThan(0)
    for (let count = 0; count < 3; count++) {
      const older = taken.at(-2)!
      expect(await snapshotLsns(files)).toEqual([taken.at(-1), older])
      const segments = segmentLsns(files)
      // The file that the next record behind the older snapshot is in, and all behind it.
      expect(segments[0]).toBeLessThanOrEqual(older + 1)
      expect(segments[1]).toBeGreaterThan(older + 1)
      expect(store.stats()).toMatchObject({ oldestLsn: older, segments: segments.length })
      const before = await store.digest()
      const copy = await StoreFixture.open(SMALL, files.restartImage())
      expect(copy.store.stats().recovery).toMatchObject({ snapshotLsn: taken.at(-1), problems: [] })
      expect(await copy.store.digest()).toEqual(before)
      expect(copy.store.stats().oldestLsn).toBe(older)
      await copy.store.close()
      const { logBytes } = store.stats()
      const { droppedLogBytes } = await round()
      expect(droppedLogBytes).toBeGreaterThan(0)
      expect(droppedLogBytes).toBeLessThan(logBytes + 100_000)
    }
    await store.close()
  })

  test('keeps the log where there is one snapshot only, and removes no part that another one names', async () => {
    const { fixture, store, round, taken } = await filledStore(1)
    expect(segmentLsns(fixture.files)[0]).toBe(1)
    for (let count = 0; count < 3; count++) await round()
    for (const lsn of taken.slice(-2)) {
      const reader = await StoreFixture.open({ at: lsn }, fixture.files.restartImage())
      expect(await reader.store.digest()).toEqual(await snapshotDigest(fixture.files, lsn))
      await reader.store.close()
    }
    await store.close()
  })

  test('opens with the older one when the newest is damaged, or gone, and says so', async () => {
    const { fixture, store, vectors, taken } = await filledStore(3)
    await vectors.delete(['e7', 'e299'])
    const before = await store.digest()
    await store.close()
    const [newest, older] = [taken[2]!, taken[1]!]
    for (const path of [manifestPath(newest), ...partsOf(fixture.files, newest)]) {
      const files = fixture.files.clone()
      damage(files, path)
      const problems: string[] = []
      const onProblem = ({ message }: StoreError) => void problems.push(message)
      const again = await StoreFixture.open({ ...SMALL, onProblem }, files)
      const { recovery } = again.store.stats()
      expect(recovery, path).toMatchObject({ snapshotLsn: older, records: 101 })
      expect(recovery.problems.join(), path).toContain(path)
      expect(await again.store.digest(), path).toEqual(before)
      const { lsn } = await again.store.snapshot()
      expect(lsn, path).toBe(newest + 1)
      const last = await again.reopen(SMALL)
      expect(last.store.stats().recovery, path).toMatchObject({ snapshotLsn: lsn, records: 0, problems: [] })
      expect(await last.store.digest(), path).toEqual(before)
      await last.store.close()
    }
  })

  test('writes the same LSN again where the snapshot at it is damaged', async () => {
    const { fixture, store, taken } = await filledStore(2)
    const before = await store.digest()
    await store.close()
    const newest = taken[1]!
    damage(fixture.files, manifestPath(newest))
    const again = await StoreFixture.open(SMALL, fixture.files)
    expect(await again.store.snapshot()).toMatchObject({ lsn: newest })
    const last = await again.reopen(SMALL)
    expect(last.store.stats().recovery).toMatchObject({ snapshotLsn: newest, problems: [] })
    expect(await last.store.digest()).toEqual(before)
    await last.store.close()
  })

  test('removes nothing where a part that is shared is damaged, says so, and writes it again from memory', async () => {
    const problems: StoreError[] = []
    const onProblem = (problem: StoreError) => void problems.push(problem)
    const { fixture, store, vectors, taken } = await filledStore(1, { onProblem })
    const { files } = fixture
    await vectors.add(Array.from({ length: 17_000 }, (_, at) => ({ id: `many${at}`, vector: [at, 2] })))
    const first = (await store.snapshot()).lsn
    await vectors.delete(['e1'])
    // Originals and ids of a whole chunk are shared for good, without being read.
    const shared = partsOf(files, first)[0]!
    damage(files, shared)
    const segments = segmentLsns(files)
    const { lsn, droppedLogBytes, writtenBytes, sharedBytes } = await store.snapshot()
    expect([droppedLogBytes, sharedBytes]).toEqual([0, 0])
    expect(writtenBytes).toBe(store.stats().snapshots[0]!.bytes)
    expect(problems.map(({ code }) => code)).toEqual(['ERR_SNAPSHOT_CORRUPT'])
    expect(problems[0]!.message).toContain(shared)
    expect(store.stats().lastSnapshotProblem).toBe(problems[0]!.message)
    expect(segmentLsns(files)).toEqual(segments)
    expect(await snapshotLsns(files)).toEqual([lsn, first, taken[0]])
    const before = await store.digest()
    const copy = await StoreFixture.open(SMALL, files.restartImage())
    expect(copy.store.stats().recovery).toMatchObject({ snapshotLsn: lsn, problems: [] })
    expect(await copy.store.digest()).toEqual(before)
    await copy.store.close()
    // The next one has two that hold, and the damaged ones go.
    await vectors.delete(['e2'])
    const next = await store.snapshot()
    expect(next.droppedLogBytes).toBeGreaterThan(0)
    expect(await snapshotLsns(files)).toEqual([next.lsn, lsn])
    expect(store.stats()).not.toHaveProperty('lastSnapshotProblem')
    expect(problems.length).toBe(1)
    await store.close()
  })

  test('removes nothing where the older one to be kept is damaged', async () => {
    const problems: StoreError[] = []
    const onProblem = (problem: StoreError) => void problems.push(problem)
    const { fixture, store, vectors, taken, round } = await filledStore(2, { onProblem })
    const { files } = fixture
    const [older] = taken.slice(-1)
    const segments = segmentLsns(files)
    // The last part of all is of what changes with every record, so no later one names it.
    damage(files, partsOf(files, older!).at(-1)!)
    expect((await round()).droppedLogBytes).toBe(0)
    expect(segmentLsns(files).slice(0, segments.length)).toEqual(segments)
    expect(problems.map(({ code }) => code)).toEqual(['ERR_SNAPSHOT_CORRUPT'])
    expect(problems[0]!.message).toContain(`the snapshot at LSN ${older} does not hold`)
    expect(await snapshotLsns(files)).toEqual(taken.toReversed())
    await vectors.delete(['e1'])
    expect((await store.snapshot()).droppedLogBytes).toBeGreaterThan(0)
    expect((await snapshotLsns(files)).length).toBe(2)
    await store.close()
  })

  test('removes nothing where the newest one cannot be read just now, says so, and writes it again', async () => {
    const problems: StoreError[] = []
    const onProblem = (problem: StoreError) => void problems.push(problem)
    const { fixture, store, taken, round } = await filledStore(2, { onProblem })
    const { files } = fixture
    const newest = taken[1]! + 100
    const before = files.paths().filter((path) => path.startsWith('snapshots/'))
    files.failWhen((operation) => operation === `open ${manifestPath(newest)} read`, 'EACCES')
    expect(await round()).toMatchObject({ lsn: newest, droppedLogBytes: 0 })
    expect(problems.map(({ code }) => code)).toEqual(['ERR_PERMISSION'])
    expect(problems[0]!.message).toContain(`the snapshot at LSN ${newest} does not hold`)
    expect(await snapshotLsns(files)).toEqual([newest, taken[1], taken[0]])
    expect(files.paths()).toEqual(expect.arrayContaining(before))
    const copy = await StoreFixture.open(SMALL, files.restartImage())
    expect(copy.store.stats().recovery).toMatchObject({ snapshotLsn: newest, problems: [] })
    expect(await copy.store.digest()).toEqual(await store.digest())
    await copy.store.close()
    expect((await round()).droppedLogBytes).toBeGreaterThan(0)
    expect(await snapshotLsns(files)).toEqual([newest + 100, newest])
    await store.close()
  })

  test('tries to remove again what could not be removed', async () => {
    const problems: StoreError[] = []
    const onProblem = (problem: StoreError) => void problems.push(problem)
    const { fixture, store, round, taken } = await filledStore(2, { onProblem })
    fixture.files.failWhen((operation) => /^remove snapshots\/\d+\.manifest$/.test(operation), 'EACCES')
    expect((await round()).droppedLogBytes).toBe(0)
    expect(problems.map(({ code }) => code)).toEqual(['ERR_PERMISSION'])
    expect(store.stats().lastSnapshotProblem).toMatch(/^what a snapshot made unneeded could not be removed: /)
    expect((await store.snapshot()).droppedLogBytes).toBeGreaterThan(0)
    expect(await snapshotLsns(fixture.files)).toEqual([taken[2], taken[1]])
    expect(store.stats()).not.toHaveProperty('lastSnapshotProblem')
    fixture.files.failWhen((operation) => /^remove wal\/\d+\.wal$/.test(operation), 'EIO')
    expect((await round()).droppedLogBytes).toBe(0)
    expect((await round()).droppedLogBytes).toBeGreaterThan(0)
    await store.close()
  })
})

describe('a history', () => {
  test('by bytes reaches back so far, and no further than it has to', async () => {
    const bytes = 60_000
    const { fixture, store, taken, round } = await filledStore(1, { history: { bytes } })
    const logSizes: number[] = [0, store.stats().logBytes]
    let written = store.stats().logBytes
    for (let count = 0; count < 25; count++) {
      const before = store.stats().logBytes
      const { droppedLogBytes } = await round()
      written += store.stats().logBytes + droppedLogBytes - before
      logSizes.push(written)
      const { oldestLsn, logBytes } = store.stats()
      // The newest snapshot that had at least so many bytes of log behind it.
      const needed = logSizes.filter((size) => written - size >= bytes).length - 1
      const neededLsn = needed <= 0 ? 0 : taken[needed - 1]!
      expect(oldestLsn, `after ${taken.length} rounds`).toBeLessThanOrEqual(neededLsn)
      expect(logBytes).toBeLessThan(3 * bytes)
      expect((await snapshotLsns(fixture.files)).length).toBeLessThanOrEqual(4)
      const reader = await StoreFixture.open({ at: Math.max(neededLsn, 1) }, fixture.files)
      expect(reader.store.stats().lsn).toBe(Math.max(neededLsn, 1))
      await reader.store.close()
    }
    expect(store.stats().oldestLsn).toBeGreaterThan(0)
    await store.close()
  })

  test('by time reaches back so far', async () => {
    let day = 0
    const { fixture, store, taken, round } = await filledStore(0, { history: { ms: 3 * DAY_MS } }, () => day)
    const lastOfDay: number[] = []
    for (; day < 12; day++) {
      await round()
      lastOfDay.push(store.stats().lsn)
      const since = day - 3
      const { oldestLsn } = store.stats()
      expect(oldestLsn, `on day ${day}`).toBeLessThanOrEqual(since < 0 ? 0 : lastOfDay[since]!)
      const at = new Date(START_MS + Math.max(since, 0) * DAY_MS + DAY_MS / 2)
      const reader = await StoreFixture.open({ at }, fixture.files)
      expect(reader.store.stats().lsn, `on day ${day}`).toBe(lastOfDay[Math.max(since, 0)])
      await reader.store.close()
    }
    expect(store.stats().oldestLsn).toBeGreaterThan(taken[2]!)
    await store.close()
  })

  test('for good keeps the whole log', async () => {
    const { fixture, store, taken } = await filledStore(4, { history: { ms: NEVER } })
    expect([segmentLsns(fixture.files)[0], store.stats().oldestLsn]).toEqual([1, 0])
    expect(await snapshotLsns(fixture.files)).toEqual([taken[3], taken[2], taken[0]])
    await store.close()
    // Who opens it without keeps what two snapshots need.
    const again = await StoreFixture.open(SMALL, fixture.files)
    expect(await again.store.snapshot()).toMatchObject({
      lsn: taken[3],
      writtenBytes: 0,
      droppedLogBytes: expect.any(Number),
    })
    expect(again.store.stats().oldestLsn).toBe(taken[2])
    expect(await endingOf(() => StoreFixture.open({ at: 5 }, fixture.files))).toBe('ERR_HISTORY_TRUNCATED')
    await again.store.close()
  })
})
