import { beforeAll, describe, expect, test } from 'vitest'
import { checksumText } from '../../src/base/checksum.ts'
import { isStoreError } from '../../src/base/errors.ts'
import { verifyFiles } from '../../src/replay/verify.ts'
import type { VerifyReport } from '../../src/replay/verify-report.ts'
import { MARK_PATH } from '../../src/wal/format.ts'
import { noYield } from '../engine/engine-fixture.ts'
import type { CrashableFiles } from '../support/crashable-files.ts'
import {
  addSnapshot,
  damage,
  type History,
  inDatabase,
  manifestOf,
  randomHistory,
  read,
  retain,
  segmentsOf,
  settled,
  withSnapshots,
} from './history-fixture.ts'
import { checksum } from './replay-fixture.ts'

let history: History
/** The whole log with three snapshots, and the same when the log below the second was dropped with the first. */
let whole: CrashableFiles
let retained: CrashableFiles

beforeAll(async () => {
  history = await randomHistory(5, 60)
  whole = await withSnapshots(history, 20, 35, 50)
  retained = await retain(whole.clone(), [35, 50])
})

async function verify(files: CrashableFiles): Promise<VerifyReport> {
  return (await verifyFiles(files, { checksum, yieldToEventLoop: noYield }))!
}

/** LSNs of some as of which the store really opens. */
async function openableLsns(files: CrashableFiles, lsns: readonly number[]): Promise<number[]> {
  const found: number[] = []
  for (const lsn of lsns) {
    try {
      const { state } = await read(files, { lsn })
      expect(state.lsn).toBe(lsn)
      found.push(lsn)
    } catch (error) {
      expect(isStoreError(error), `${error}`).toBe(true)
    }
  }
  return found
}

/** The LSNs at both ends of each range, those beyond them, and some others. */
function lsnsToTry({ reachable, lsn }: VerifyReport): number[] {
  const ends = reachable.flatMap(({ from, to }) => [from - 1, from, to, to + 1])
  return [...new Set([...ends, 0, 27, lsn, 60])].filter((one) => one >= 0 && one <= 60)
}

function isIn({ reachable }: VerifyReport, lsn: number): boolean {
  return reachable.some(({ from, to }) => from <= lsn && lsn <= to)
}

const digestAt = (lsn: number) => checksumText(history.digests[lsn]![0])

describe('a sound store', () => {
  test('has no problem, and snapshots that hold', async () => {
    const report = await verify(whole)
    expect(report).toMatchObject({ ok: true, problems: [], lsn: 60, records: 60, digest: digestAt(60) })
    expect(report.snapshots.map(({ lsn, ok, time }) => [lsn, ok, time?.getTime()])).toEqual(
      [50, 35, 20].map((lsn) => [lsn, true, history.points[lsn]!.timeMs]),
    )
    expect(report.snapshots.every(({ bytes, parts }) => bytes > 0 && parts > 0)).toBe(true)
    expect(report.reachable).toEqual([{ from: 0, to: 60 }])
    expect(report.log).toEqual({ oldestLsn: 1, lsn: 60, durableLsn: 60 })
  })

  test('may lack the beginning of its log', async () => {
    const report = await verify(retained)
    expect(report).toMatchObject({ ok: true, problems: [], lsn: 60, records: 25, digest: digestAt(60) })
    expect(report.reachable).toEqual([{ from: 35, to: 60 }])
    expect(report.log.oldestLsn).toBeGreaterThan(1)
    expect(report.log.oldestLsn).toBeLessThanOrEqual(36)
  })

  test('may be a snapshot and a mark alone', async () => {
    const files = await withSnapshots(history, 60)
    for (const path of segmentsOf(files)) await files.remove(path)
    expect(await verify(files)).toMatchObject({
      ok: true,
      lsn: 60,
      records: 0,
      digest: digestAt(60),
      reachable: [{ from: 60, to: 60 }],
    })
  })

  test.each([1, 2, 3, 4, 5, 6])('is any random one: seed %i', async (seed) => {
    const random = await randomHistory(seed, 40)
    const files = await withSnapshots(random, 7, 19, 33)
    for (const some of [files, await retain(files.clone(), [19, 33])]) {
      expect(await verify(some)).toMatchObject({ ok: true, problems: [], digest: checksumText(random.digests[40]![0]) })
    }
  })

  test('is told how far verifying is', async () => {
    const steps: [number, number][] = []
    const onProgress = (done: number, total: number) => void steps.push([done, total])
    await verifyFiles(retained, { checksum, yieldToEventLoop: noYield, onProgress })
    const { snapshots, bytes } = await verify(retained)
    const total = snapshots.reduce((sum, snapshot) => sum + snapshot.bytes, bytes)
    expect(steps.at(-1)).toEqual([total, total])
    expect(steps.every(([done], index) => index === 0 || done >= steps[index - 1]![0])).toBe(true)
    expect(steps.length).toBeGreaterThan(10)
  })
})

describe('damage', () => {
  const kinds: [string, (files: CrashableFiles, path: string) => unknown][] = [
    ['a flipped bit', (files, path) => damage(files, path, 0.5)],
    ['a flipped bit at the beginning', (files, path) => damage(files, path, 0.05)],
    ['a flipped bit at the end', (files, path) => damage(files, path, 0.95)],
    ['a file that is cut', (files, path) => files.cut(path, files.readWhole(path).byteLength >> 1)],
    ['an empty file', (files, path) => files.cut(path, 0)],
    ['a missing file', (files, path) => files.remove(path)],
  ]

  test.each(kinds)('of every file in turn is named, and what opens is told: %s', async (_, spoil) => {
    for (const start of [whole, retained]) {
      for (const path of start.paths().filter((one) => one !== MARK_PATH)) {
        const files = start.clone()
        await spoil(files, path)
        const report = await verify(settled(files))
        const where = `${path}: ${JSON.stringify(report.problems)}`
        const [segments, isFirst] = [segmentsOf(start), path === segmentsOf(start)[0]]
        const tried = lsnsToTry(report)
        const openable = await openableLsns(settled(files), tried)
        expect(
          tried.filter((lsn) => isIn(report, lsn)),
          where,
        ).toEqual(openable)
        if (openable.length > 0) expect(report.digest, where).toBe(digestAt(report.lsn))
        // That the first file of a log was dropped, or a snapshot removed, is what retention does.
        if (!files.paths().includes(path) && (path.endsWith('.manifest') || isFirst)) continue
        const isLast = path === segments.at(-1)
        // The seal of the last file is behind everything, so it may as well be an unfinished write.
        if (isLast && report.ok) {
          expect(openable, where).toContain(history.lastLsn)
          continue
        }
        expect(report.ok, where).toBe(false)
        if (files.paths().includes(path) && !isLast)
          expect(
            report.problems.map((one) => one.path),
            where,
          ).toContain(path)
        const isWhole = openable.includes(history.lastLsn)
        expect(
          report.problems.some(({ effect }) => effect === 'loss'),
          where,
        ).toBe(!isWhole)
      }
    }
  })

  test('in a database is told as in files', async () => {
    for (const path of retained.paths()) {
      const files = retained.clone()
      damage(files, path)
      const database = await inDatabase(files)
      expect(await verifyFiles(database, { checksum, yieldToEventLoop: noYield }), path).toEqual(await verify(files))
    }
  })

  test('of a part that snapshots share is told of each', async () => {
    const files = await withSnapshots(history, 58, 59, 60)
    const shared = files.paths().filter((path) => path.includes('-') && path.startsWith('snapshots/0000000000000058'))
    const seen: number[][] = []
    for (const path of shared) {
      const copy = files.clone()
      damage(copy, path)
      const report = await verify(copy)
      const [problem, ...others] = report.problems
      expect(others, path).toEqual([])
      expect(problem).toMatchObject({ path, code: 'ERR_SNAPSHOT_CORRUPT', effect: 'reserve' })
      expect(report.snapshots.filter(({ ok }) => !ok).map(({ lsn }) => lsn)).toEqual(problem!.snapshots)
      seen.push([...problem!.snapshots!])
    }
    expect(seen).toContainEqual([60, 59, 58])
  })

  test('of several parts is told of each, with the offset', async () => {
    const files = retained.clone()
    const parts = files.paths().filter((path) => path.startsWith('snapshots/0000000000000050-'))
    expect(parts.length).toBeGreaterThan(2)
    for (const path of parts) damage(files, path)
    const { problems } = await verify(files)
    expect(problems.map(({ path }) => path).sort()).toEqual(parts)
    expect(problems.every(({ offset, snapshots }) => offset === 0 && snapshots?.[0] === 50)).toBe(true)
  })

  test('of both slots of the mark leaves the log', async () => {
    const files = retained.clone()
    for (const at of [20, 4096 + 20]) files.flipBit(MARK_PATH, at * 8)
    const report = await verify(files)
    expect(report).toMatchObject({ ok: false, lsn: 60, durableLsn: undefined, digest: digestAt(60) })
    expect(report.problems).toMatchObject([{ path: MARK_PATH, effect: 'reserve' }])
  })

  test('of log that only an older state needs is no loss', async () => {
    const files = whole.clone()
    const [first] = segmentsOf(files)
    damage(files, first!)
    const { problems, reachable } = await verify(files)
    expect(problems).toMatchObject([{ segment: first, effect: 'reserve' }])
    expect(reachable.at(-1)).toEqual({ from: 20, to: 60 })
  })

  test('of log that nothing needs is told as that', async () => {
    const files = retained.clone()
    const [first] = segmentsOf(files)
    expect(Number(/\d{16}/.exec(first!)![0])).toBeLessThanOrEqual(35)
    files.flipBit(first!, 90 * 8)
    const { problems, reachable } = await verify(files)
    expect(problems).toMatchObject([{ segment: first, effect: 'none' }])
    expect(reachable).toEqual([{ from: 35, to: 60 }])
  })
})

describe('a snapshot that the log contradicts', () => {
  test('is the one that is wrong, by its chain', async () => {
    const files = settled(history.log)
    const { epoch } = history.points[30]!
    await addSnapshot(history, files, 30, { position: { epoch, lsn: 30, chain: 5n } })
    const report = await verify(files)
    expect(report).toMatchObject({ ok: false, lsn: 60, snapshots: [{ lsn: 30, ok: false }] })
    expect(report.problems).toMatchObject([{ path: manifestOf(30), snapshots: [30], effect: 'reserve' }])
  })

  test('is the one that is wrong, by its digest', async () => {
    const other = await randomHistory(6, 60)
    const files = settled(history.log)
    const { epoch, chain } = history.points[30]!
    const { timeMs } = history.points[30]!
    await addSnapshot(other, files, 30, { position: { epoch, lsn: 30, chain }, timeMs })
    const report = await verify(files)
    expect(report).toMatchObject({ ok: false, lsn: 60, digest: digestAt(60), snapshots: [{ lsn: 30, ok: false }] })
    expect(report.problems[0]!.message).toMatch(/the log replays to the digest/)
  })
})
