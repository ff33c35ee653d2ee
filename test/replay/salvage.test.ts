import { beforeAll, describe, expect, test } from 'vitest'
import { checksumText } from '../../src/base/checksum.ts'
import type { Files } from '../../src/base/files.ts'
import { LevelFiles } from '../../src/base/level-files.ts'
import type { StoreEvent } from '../../src/engine/events.ts'
import { INDEX_VERSION } from '../../src/engine/index/disk-ann-index.ts'
import { StoreState } from '../../src/engine/store-state.ts'
import { MainThreadHost } from '../../src/engine/workers/main-thread-host.ts'
import { encodeEvents } from '../../src/replay/event-codec.ts'
import { Materializer } from '../../src/replay/materializer.ts'
import { recoverForReading, recoverForWriting } from '../../src/replay/recovery.ts'
import { type SalvageOptions, type SalvageReport, salvageFiles } from '../../src/replay/salvage.ts'
import { verifyFiles } from '../../src/replay/verify.ts'
import { CODES, DOCUMENTS, IDS, ORIGINALS } from '../../src/snapshots/format.ts'
import { partPath } from '../../src/snapshots/names.ts'
import { listSnapshots } from '../../src/snapshots/snapshot-set.ts'
import { MARK_PATH } from '../../src/wal/format.ts'
import { noYield, textBytes, vectorBytes } from '../engine/engine-fixture.ts'
import { PLAN } from '../engine/index/index-fixture.ts'
import { digestsOf, SnapshotFixture } from '../snapshots/snapshot-fixture.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { eachCrash, powerLosses } from '../support/each-crash.ts'
import { errorOf } from '../support/log-fixture.ts'
import { Random } from '../support/random.ts'
import {
  damage,
  expectState,
  type History,
  historyOf,
  inDatabase,
  manifestOf,
  newDatabase,
  OPTIONS,
  randomHistory,
  retain,
  segmentsOf,
  settled,
  withSnapshots,
} from './history-fixture.ts'
import { checksum } from './replay-fixture.ts'

let history: History
let whole: CrashableFiles
let retained: CrashableFiles

beforeAll(async () => {
  history = await randomHistory(8, 40)
  whole = await withSnapshots(history, 12, 20, 30)
  retained = await retain(whole.clone(), [20, 30])
})

const phases = new MainThreadHost({ yieldToEventLoop: noYield })

function salvage(source: Files, target: Files, options: Partial<SalvageOptions> = {}): Promise<SalvageReport> {
  return salvageFiles(source, target, { checksum, phases, yieldToEventLoop: noYield, ...options })
}

/** Salvages, and demands that the source stays as it is and the copy is a sound store of the next epoch. */
async function salvaged(source: CrashableFiles, options: Partial<SalvageOptions> = {}) {
  const [before, target] = [source.contentHash(), new CrashableFiles()]
  const report = await salvage(source, target, options)
  expect([source.contentHash(), source.mutations]).toEqual([before, []])
  const { lsn, epoch, digest } = report
  expect(await verifyFiles(target, { checksum, yieldToEventLoop: noYield })).toMatchObject({
    problems: [],
    lsn,
    digest,
  })
  const image = target.clone()
  const recovered = await recoverForWriting(image, OPTIONS)
  expect(recovered.position).toMatchObject({ lsn, epoch })
  if (lsn < history.lastLsn) {
    await recovered.log!.append(history.payloads[lsn]!, 2_000_000, 'sync')
    expect(recovered.applied()).toMatchObject({ lsn: lsn + 1, epoch })
  }
  await recovered.log!.close()
  return { report, target, state: (await recoverForReading(target, OPTIONS))!.state }
}

async function expectPrefix(
  { report, state }: { report: SalvageReport; state: StoreState },
  where = '',
  of = history,
): Promise<void> {
  expect(state.lsn, where).toBe(report.lsn)
  new SnapshotFixture(state)
  const [data, index] = await digestsOf(state)
  expect(report.digest, where).toBe(checksumText(data))
  if (report.leftOut.length > 0) return expectBut(report, state, of, where)
  expect(data, where).toBe(of.digests[report.lsn]![0])
  if (report.hasIndexes) expect(index, where).toBe(of.digests[report.lsn]![1])
}

/** All entries are there as they were, but for some of those that are listed. */
function expectBut({ leftOut, lsn }: SalvageReport, state: StoreState, of: History, where: string): void {
  const replayed = new StoreState()
  const materializer = new Materializer(replayed)
  for (const [at, payload] of of.payloads.slice(0, lsn).entries())
    materializer.apply({ ...of.points[at + 1]!, payload })
  const left = new Set(leftOut.flatMap(({ collection, ids }) => ids.map((id) => `${collection} ${id}`)))
  const [expected, found] = [entriesByName(replayed), entriesByName(state)]
  for (const [name, entry] of found) expect(entry, where).toBe(expected.get(name))
  for (const name of expected.keys()) if (!found.has(name)) expect(left, where).toContain(name)
}

/** Bits and documents by collection and id. */
function entriesByName(state: StoreState): Map<string, string> {
  const entries = new Map<string, string>()
  for (const collection of state.collections()) {
    for (const slot of collection.liveSlots()) {
      const bits = new Uint32Array(collection.copyVector(slot).buffer).join()
      entries.set(`${collection.name} ${collection.idAt(slot)}`, `${bits} ${collection.documentAt(slot)?.join()}`)
    }
  }
  return entries
}

/** A part that all snapshots of a store share whose log does not reach back. */
function isShared(start: CrashableFiles, path: string): boolean {
  return start !== whole && start !== history.log && path.endsWith('.part')
}

describe('of a sound store, salvage copies', () => {
  test('everything, in the next epoch, with its indexes', async () => {
    for (const source of [history.log, whole, retained]) {
      const result = await salvaged(source.clone())
      expect(result.report).toMatchObject({ lsn: 40, epoch: 2, lost: undefined, problems: [], hasIndexes: true })
      expect(result.report.time?.getTime()).toBe(history.points[40]!.timeMs)
      expect(segmentsOf(result.target)).toEqual([])
      await expectPrefix(result)
    }
  })

  test('a state of the past', async () => {
    for (let to = 1; to <= 40; to++) {
      const result = await salvaged(whole.clone(), { to })
      expect(result.report).toMatchObject({ lsn: to, lost: to === 40 ? undefined : { from: to + 1, to: 40 } })
      await expectPrefix(result)
    }
  })

  test('what was salvaged, again', async () => {
    const { target } = await salvaged(retained.clone())
    const again = await salvaged(settled(target))
    expect(again.report).toMatchObject({ lsn: 40, epoch: 3, snapshotLsn: 40 })
    await expectPrefix(again)
  })

  test('into a database, and out of one', async () => {
    const database = new LevelFiles(newDatabase())
    expect(await salvage(retained, database)).toMatchObject({ lsn: 40, epoch: 2 })
    const target = new CrashableFiles()
    expect(await salvage(database, target)).toMatchObject({ lsn: 40, epoch: 3, problems: [] })
  })

  test('nothing where there is no record', async () => {
    const source = new CrashableFiles()
    const { log } = await recoverForWriting(source, OPTIONS)
    await log!.close()
    const { report, state } = await salvaged(settled(source))
    expect(report).toMatchObject({ lsn: 0, epoch: 2, entries: 0, problems: [] })
    expect(state.lsn).toBe(0)
  })

  test('what the mark does not cover, too', async () => {
    const source = new CrashableFiles()
    const { log } = await recoverForWriting(source, OPTIONS)
    for (const payload of history.payloads.slice(0, 5)) await log!.append(payload, 1, 'async')
    const { report } = await salvaged(settled(source))
    expect(report.lsn).toBe(5)
    await log!.close()
  })
})

describe('of a damaged store, salvage copies a prefix', () => {
  const kinds: [string, (files: CrashableFiles, path: string) => unknown][] = [
    ['a flipped bit', (files, path) => damage(files, path, 0.5)],
    ['a flipped bit at the beginning', (files, path) => damage(files, path, 0.05)],
    ['a file that is cut', (files, path) => files.cut(path, files.readWhole(path).byteLength >> 1)],
    ['a missing file', (files, path) => files.remove(path)],
  ]

  test.each(kinds)('whatever file is damaged: %s', async (_, spoil) => {
    for (const start of [history.log, retained]) {
      for (const path of start.paths()) {
        const files = start.clone()
        await spoil(files, path)
        const source = settled(files)
        const where = `${path} of ${start === retained ? 'retained' : 'whole'}`
        const verified = (await verifyFiles(source, { checksum, yieldToEventLoop: noYield }))!
        let result: Awaited<ReturnType<typeof salvaged>>
        try {
          result = await salvaged(source)
        } catch (error) {
          expect(error, where).toMatchObject({ code: 'ERR_LOG_CORRUPT' })
          expect(verified.lsn, where).toBe(0)
          expect(isShared(start, path) || path === segmentsOf(start)[0], where).toBe(true)
          continue
        }
        // Records above the mark are worth being copied, though nobody has promised them.
        expect(result.report.lsn, where).toBeGreaterThanOrEqual(verified.lsn)
        await expectPrefix(result, where)
        if (result.report.leftOut.length > 0) expect(isShared(start, path), where).toBe(true)
        const isLost = result.report.lsn < 40 && path !== MARK_PATH
        if (isLost && !path.startsWith('wal/')) expect.fail(`${where} lost something`)
        if (isLost) expect(result.report.problems.length, where).toBeGreaterThan(0)
      }
    }
  })

  test('in a database as in files', async () => {
    for (const path of retained.paths()) {
      const files = retained.clone()
      damage(files, path)
      const [database, target] = [await inDatabase(files), new LevelFiles(newDatabase())]
      const expected = await salvage(settled(files), new CrashableFiles()).catch((error) => error)
      if (expected instanceof Error) {
        await expect(salvage(database, target), path).rejects.toThrow(expected.message)
        continue
      }
      expect(await salvage(database, target), path).toEqual(expected)
      const { state } = (await recoverForReading(target, OPTIONS))!
      await expectPrefix({ report: expected, state }, path)
    }
  })

  test('and says what was lost, and where', async () => {
    const source = history.log.clone()
    const path = segmentsOf(source)[1]!
    damage(source, path)
    const { report } = await salvaged(settled(source))
    expect(report.lsn).toBeGreaterThan(0)
    expect(report.lost).toEqual({ from: report.lsn + 1, to: 40 })
    expect(report.problems).toMatchObject([{ code: 'ERR_LOG_CORRUPT', path, lsn: report.lsn + 1 }])
    expect(report.problems[0]!.offset).toBeGreaterThan(0)
  })

  test('from the newest snapshot, though only its graphs are damaged and the log behind the others is gone', async () => {
    const source = retained.clone()
    await removeLogBelow(source, 31)
    for (const part of await partsOf(source, 30, CODES)) damage(source, part)
    const result = await salvaged(settled(source))
    expect(result.report).toMatchObject({ lsn: 40, snapshotLsn: 30, hasIndexes: false, leftOut: [] })
    await expectPrefix(result)
  })

  test.each([2, 3, 4, 5])('of random histories with one damaged file: seed %i', async (seed) => {
    const random = new Random(seed)
    const other = await randomHistory(seed, 30)
    const start = await withSnapshots(other, 9, 17, 24)
    for (const source of [settled(other.log), start, await retain(start.clone(), [17, 24])]) {
      for (let time = 0; time < 8; time++) {
        const files = source.clone()
        const path = random.pick(files.paths().filter((one) => one !== MARK_PATH))
        damage(files, path, random.nextInt(1000) / 1000)
        const target = new CrashableFiles()
        const report = await salvage(settled(files), target).catch((error) => {
          expect(error.code).toBe('ERR_LOG_CORRUPT')
          expect(isShared(source, path) || path === segmentsOf(files)[0], path).toBe(true)
          return undefined
        })
        if (report === undefined) continue
        const { state } = (await recoverForReading(target, OPTIONS))!
        await expectPrefix({ report, state }, path, other)
      }
    }
  })
})

async function removeLogBelow(files: CrashableFiles, lsn: number): Promise<void> {
  const firstLsns = segmentsOf(files).map((path) => Number(/\d{16}/.exec(path)![0]))
  const joint = Math.max(...firstLsns.filter((first) => first <= lsn))
  for (const path of segmentsOf(files)) if (Number(/\d{16}/.exec(path)![0]) < joint) await files.remove(path)
}

async function partsOf(files: Files, lsn: number, kind: number): Promise<string[]> {
  const { snapshots } = await listSnapshots(files, checksum)
  const { manifest } = snapshots.find((snapshot) => snapshot.lsn === lsn)!
  return manifest!.parts.filter((part) => part.kind === kind).map(partPath)
}

describe('where entries of a snapshot are lost and nothing makes up for them', () => {
  const ENTRIES = 150
  const DIMENSIONS = 40
  let source: CrashableFiles
  let paged: History

  /** A collection of several pages of vectors and documents, of which some entries are dead; then a little log. */
  async function makePaged(metric: 'cosine' | 'euclidean'): Promise<void> {
    const ids = Array.from({ length: ENTRIES }, (_, at) => `id-${at}`)
    const documents = ids.map((id, at) => (at % 3 === 0 ? undefined : textBytes(`${id} `.repeat(10 + (at % 9)))))
    const vectors = vectorBytes(...ids.map((_, at) => Array.from({ length: DIMENSIONS }, (_, i) => at + i + 1)))
    const events: StoreEvent[] = [
      { type: 'create', name: 'paged', dimensions: DIMENSIONS, metric },
      { type: 'add', collection: 1, ids, vectors, documents } as StoreEvent,
      { type: 'delete', collection: 1, ids: ids.filter((_, at) => at % 5 === 1) },
      { type: 'flush', method: 'bulk', collection: 1, throughSlot: 100, indexVersion: INDEX_VERSION, ...PLAN } as never,
      { type: 'delete', collection: 1, ids: ['id-0', 'id-2'] },
      { type: 'add', collection: 1, ids: ['id-4'], vectors: vectorBytes(Array(DIMENSIONS).fill(9)) } as StoreEvent,
      { type: 'flush', method: 'insert', collection: 1, throughSlot: 151, indexVersion: INDEX_VERSION } as never,
    ]
    paged = await historyOf(events.map((event) => encodeEvents([event])))
    source = await withSnapshots(paged, 4)
    source = await retain(source, [4])
  }

  /** What can be read of entries: id, bits, document. */
  function entriesOf(state: StoreState): string[] {
    const [collection] = state.collections()
    return [...collection!.liveSlots()].map((slot) => {
      const bits = [...new Uint32Array(collection!.copyVector(slot).buffer)].join()
      return `${collection!.idAt(slot)} ${bits} ${collection!.documentAt(slot)?.join()}`
    })
  }

  test.each(['cosine', 'euclidean'] as const)('it leaves out those entries and lists them: %s', async (metric) => {
    await makePaged(metric)
    await removeFirstLog(source)
    const expected = entriesOf((await recoverForReading(source, OPTIONS))!.state)
    const seen: number[] = []
    for (const kind of [ORIGINALS, DOCUMENTS]) {
      const [path] = await partsOf(source, 4, kind)
      const size = source.readWhole(path!).byteLength
      for (let at = 10; at < size; at += 2048) {
        const files = source.clone()
        files.flipBit(path!, at * 8)
        const target = new CrashableFiles()
        const report = await salvage(files, target)
        const { state } = (await recoverForReading(target, OPTIONS))!
        const left = new Set(report.leftOut.flatMap(({ ids }) => ids))
        const gone = expected.filter((entry) => left.has(entry.split(' ')[0]!) && !entry.startsWith('id-4 '))
        expect(entriesOf(state)).toEqual(expected.filter((entry) => !gone.includes(entry)))
        expect(report.lsn).toBe(paged.lastLsn)
        if (left.size > 0) expect(report).toMatchObject({ hasIndexes: false, problems: [{ path }] })
        if (left.size > 0) expect(report.leftOut[0]!.collection).toBe('paged')
        seen.push(left.size)
        expect((await verifyFiles(target, { checksum, yieldToEventLoop: noYield }))!.problems).toEqual([])
      }
    }
    expect(Math.max(...seen)).toBeLessThan(ENTRIES)
    expect(seen.filter((count) => count > 0).length).toBeGreaterThan(5)
  })

  test('a whole part may be missing', async () => {
    await makePaged('euclidean')
    await removeFirstLog(source)
    const [path] = await partsOf(source, 4, ORIGINALS)
    await source.remove(path!)
    const target = new CrashableFiles()
    const report = await salvage(settled(source), target)
    expect(report.leftOut[0]!.ids.length).toBe(ENTRIES - 30)
    expect(report.entries).toBe(1)
    expect(entriesOf((await recoverForReading(target, OPTIONS))!.state)).toHaveLength(1)
  })

  test('such a state does not pass for one of the same history', async () => {
    await makePaged('euclidean')
    await removeFirstLog(source)
    const [path] = await partsOf(source, 4, ORIGINALS)
    source.flipBit(path!, 5000 * 8)
    const target = new CrashableFiles()
    const report = await salvage(settled(source), target)
    expect(report.leftOut.length).toBe(1)
    const { position } = (await recoverForReading(target, OPTIONS))!
    expect(position.chain).not.toBe(paged.points[paged.lastLsn]!.chain)
  })

  test('but not where ids cannot be read', async () => {
    await makePaged('euclidean')
    await removeFirstLog(source)
    const [path] = await partsOf(source, 4, IDS)
    damage(source, path!)
    const target = new CrashableFiles()
    const error = await errorOf(salvage(settled(source), target))
    expect([error.code, error.details.path]).toEqual(['ERR_LOG_CORRUPT', path])
    expect(target.paths()).toEqual([])
  })
})

/** Makes sure that the log does not reach back. */
async function removeFirstLog(files: CrashableFiles): Promise<void> {
  expect(segmentsOf(files)[0]).not.toBe('wal/0000000000000001.wal')
}

describe('salvage refuses', () => {
  test.each([
    ['an LSN behind the end', { to: 41 }, 'ERR_LSN_AHEAD'],
    ['one before what is kept', { to: 15 }, 'ERR_HISTORY_TRUNCATED'],
  ])('%s', async (_, options, code) => {
    const target = new CrashableFiles()
    expect((await errorOf(salvage(retained, target, options))).code).toBe(code)
    expect(target.paths()).toEqual([])
  })

  test('an LSN that damage stands before', async () => {
    const source = history.log.clone()
    damage(source, segmentsOf(source)[1]!)
    const { report } = await salvaged(settled(source))
    const error = await errorOf(salvage(source, new CrashableFiles(), { to: report.lsn + 1 }))
    expect([error.code, error.details.provenLsn]).toEqual(['ERR_LOG_CORRUPT', report.lsn])
  })

  test('a place that is not empty, and one without a store', async () => {
    const target = settled(retained)
    expect((await errorOf(salvage(whole, target))).code).toBe('ERR_FILE_EXISTS')
    expect(target.contentHash()).toBe(settled(retained).contentHash())
    expect((await errorOf(salvage(new CrashableFiles(), new CrashableFiles()))).code).toBe('ERR_STORE_NOT_FOUND')
  })

  test('to go on when it is aborted', async () => {
    const target = new CrashableFiles()
    expect((await errorOf(salvage(retained, target, { signal: AbortSignal.abort() }))).code).toBe('ERR_ABORTED')
    expect(target.paths()).toEqual([])
  })
})

describe('a crash', () => {
  test('at any operation leaves the whole copy, or no store and a place that says so', async () => {
    const outcomes = { whole: 0, none: 0 }
    const known = new Set<string>()
    for await (const { files, where } of eachCrash(
      () => new CrashableFiles(),
      (target) => salvage(retained, target),
    )) {
      for (const [name, choose] of powerLosses(6)) {
        const image = files.crashImage(choose)
        const hash = image.contentHash()
        if (known.has(hash)) continue
        known.add(hash)
        const text = `${where}, ${name}`
        const opened = await recoverForWriting(image.clone(), OPTIONS).catch(() => undefined)
        if (opened !== undefined && image.paths().includes(MARK_PATH)) {
          await expectState(
            (await recoverForReading(image, OPTIONS))! && { ...opened, applied: () => history.points[40]! },
            history,
            40,
            text,
          )
          outcomes.whole += 1
        } else {
          if (!image.paths().includes(MARK_PATH)) expect(image.paths(), text).toEqual([])
          outcomes.none += 1
        }
      }
    }
    expect(outcomes.whole).toBeGreaterThan(0)
    expect(outcomes.none).toBeGreaterThan(50)
  })

  test('of the disk at any operation is what it rejects with', async () => {
    const counted = new CrashableFiles()
    await salvage(retained, counted)
    for (let number = 1; number <= counted.operations.length; number += 2) {
      const target = new CrashableFiles()
      target.failAt(number, 'EIO')
      const ending = await salvage(retained, target).then(
        () => 'done',
        (error) => error.code,
      )
      expect(['done', 'ERR_IO']).toContain(ending)
      target.clearFaults()
      const opened = await recoverForReading(settled(target), OPTIONS).catch(() => undefined)
      if (opened !== undefined) expect(opened.state.lsn).toBe(40)
    }
  })

  test('of the disk that is read is damage like any other', async () => {
    const counted = retained.clone()
    await salvage(counted, new CrashableFiles())
    for (let number = 1; number <= counted.operations.length; number++) {
      const [source, target] = [retained.clone(), new CrashableFiles()]
      source.failAt(number, 'EIO')
      const report = await salvage(source, target).catch((error) => {
        expect(['ERR_IO', 'ERR_LOG_CORRUPT']).toContain(error.code)
        return undefined
      })
      if (report === undefined) continue
      const { state } = (await recoverForReading(target, OPTIONS))!
      expect(checksumText((await digestsOf(new SnapshotFixture(state).state))[0])).toBe(report.digest)
      expect(report.digest).toBe(checksumText(history.digests[report.lsn]![0]))
    }
  })
})

test('a manifest that cannot be read is named', async () => {
  const source = retained.clone()
  damage(source, manifestOf(30))
  const { report } = await salvaged(settled(source))
  expect(report).toMatchObject({ lsn: 40, snapshotLsn: 20, problems: [{ path: manifestOf(30), snapshots: [30] }] })
})
