import { beforeAll, describe, expect, test, vi } from 'vitest'
import type { Files, OpenFile } from '../../src/base/files.ts'
import { readRecords } from '../../src/replay/log-reader.ts'
import { recoverForReading } from '../../src/replay/recovery.ts'
import { collect } from '../store/support/store-fixture.ts'
import type { CrashableFiles } from '../support/crashable-files.ts'
import { errorOf, outcomeOf } from '../support/log-fixture.ts'
import {
  addSnapshot,
  damage,
  expectState,
  type History,
  manifestOf,
  OPTIONS,
  randomHistory,
  retain,
  segmentsOf,
  settled,
  withSnapshots,
} from './history-fixture.ts'

vi.mock('../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 16,
}))

/** Files on which something else happens right before each operation: `before` is told its number, from 1. */
function watched(files: Files, before: (number: number) => void | Promise<void>): Files {
  let number = 0
  const next = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    number += 1
    await before(number)
    return work()
  }
  const watchFile = (file: OpenFile): OpenFile => ({
    read: (target, position) => next(() => file.read(target, position)),
    write: (bytes, position) => next(() => file.write(bytes, position)),
    truncate: (size) => next(() => file.truncate(size)),
    size: () => next(() => file.size()),
    sync: () => next(() => file.sync()),
    close: () => file.close(),
  })
  return {
    open: async (path, mode) => watchFile(await next(() => files.open(path, mode))),
    rename: (from, to) => next(() => files.rename(from, to)),
    remove: (path) => next(() => files.remove(path)),
    list: (directory) => next(() => files.list(directory)),
    makeDirectory: (path) => next(() => files.makeDirectory(path)),
    syncDirectory: (path) => next(() => files.syncDirectory(path)),
  }
}

/** Makes `files` hold just what `then` holds: what is new comes first, and nothing that is open changes. */
async function become(files: CrashableFiles, then: CrashableFiles): Promise<void> {
  const [now, later] = [files.paths(), then.paths()]
  for (const path of later) if (!now.includes(path)) files.writeWhole(path, then.readWhole(path))
  for (const path of now) if (!later.includes(path)) await files.remove(path)
}

const LAST = 40
let history: History
/** What a writer's retention makes one of the other: snapshots at these LSNs, the log below dropped. */
let stages: CrashableFiles[]

beforeAll(async () => {
  history = await randomHistory(6, LAST)
  stages = []
  for (const [older, newer] of [
    [8, 12],
    [16, 20],
    [24, 28],
    [32, 36],
    [38, 39],
    [39, 40],
  ] as const) {
    stages.push(await retain(await withSnapshots(history, older, newer), [older, newer]))
  }
})

const stage = (index: number) => settled(stages[index]!)

describe('a reader whose snapshots and segments are removed while it reads', () => {
  test('reads what there is instead, at whichever operation it happens', async () => {
    let operations = 0
    await recoverForReading(
      watched(stage(0), () => void operations++),
      OPTIONS,
    )
    let switched = 0
    for (let at = 1; at <= operations; at++) {
      const files = stage(0)
      const beside = watched(files, (number) => (number === at ? become(files, stages[2]!) : undefined))
      const recovered = (await recoverForReading(beside, OPTIONS))!
      await expectState(recovered, history, LAST, `at operation ${at}`)
      // What has gone by itself is no problem.
      expect(recovered.report.problems, `at operation ${at}`).toEqual([])
      if (recovered.report.snapshotLsn === 28) switched++
    }
    expect([operations > 40, switched > 20]).toEqual([true, true])
  })

  test.each([
    [1, LAST],
    [4, LAST],
    [5, 'ERR_LOG_CORRUPT'],
  ])('begins anew where it happens %d times in a row: %s', async (times, outcome) => {
    const files = stage(0)
    let [isArmed, switches] = [false, 0]
    // Once in each attempt, when it has chosen its snapshot, another one takes its place.
    const chased: Files = {
      ...watched(files, () => {}),
      list: (directory) => {
        isArmed = true
        return files.list(directory)
      },
      open: async (path, mode) => {
        if (path.endsWith('.part') && isArmed && switches < times) {
          isArmed = false
          switches += 1
          await become(files, stages[switches]!)
        }
        return files.open(path, mode)
      },
    }
    const result = await outcomeOf(recoverForReading(chased, OPTIONS))
    expect([typeof result === 'string' ? result : result?.state.lsn, switches]).toEqual([outcome, times])
    if (typeof result !== 'string') await expectState(result!, history, LAST)
  })

  test('takes damage for damage where nothing has gone', async () => {
    const files = stage(2)
    damage(files, manifestOf(28))
    damage(files, manifestOf(24))
    let listings = 0
    const list = (directory: string) => {
      listings++
      return files.list(directory)
    }
    const beside = { ...watched(files, () => {}), list }
    expect((await errorOf(recoverForReading(beside, OPTIONS))).code).toBe('ERR_LOG_CORRUPT')
    expect(listings).toBeLessThan(12)
  })

  test('of a point in time reads it, or says that it has gone', async () => {
    const seen = new Set<string>()
    for (let at = 1; at <= 60; at++) {
      const files = stage(0)
      const beside = watched(files, (number) => (number === at ? become(files, stages[1]!) : undefined))
      const result = await outcomeOf(recoverForReading(beside, { ...OPTIONS, at: { lsn: 14 } }))
      if (typeof result === 'string') seen.add(result)
      else {
        await expectState(result!, history, 14, `at operation ${at}`)
        seen.add('read')
      }
    }
    expect([...seen].toSorted()).toEqual(['ERR_HISTORY_TRUNCATED', 'read'])
  })

  test('needs no retry where only what is new has come', async () => {
    const files = await withSnapshots(history, 12)
    const later = settled(files)
    await addSnapshot(history, later, 30)
    const beside = watched(files, (number) => (number === 9 ? become(files, later) : undefined))
    const recovered = (await recoverForReading(beside, OPTIONS))!
    expect([recovered.report.snapshotLsn, recovered.report.problems]).toEqual([12, []])
  })
})

describe('the records of a log whose beginning was dropped', () => {
  const lsnsOf = async (files: Files, range: { from?: number; to?: number } = {}) =>
    (await collect(readRecords(files, { checksum: OPTIONS.checksum, to: LAST, ...range }))).map(({ lsn }) => lsn)

  test('begin with the oldest that is kept', async () => {
    const files = stage(1)
    const oldestLsn = Number(segmentsOf(files)[0]!.slice(4, 20))
    expect(oldestLsn).toBeGreaterThan(1)
    expect(await lsnsOf(files)).toEqual(Array.from({ length: LAST - oldestLsn + 1 }, (_, index) => oldestLsn + index))
    expect(await lsnsOf(files, { from: oldestLsn, to: oldestLsn + 1 })).toEqual([oldestLsn, oldestLsn + 1])
    expect(await lsnsOf(files, { to: 1 })).toEqual([])
    const { code, details } = await errorOf(lsnsOf(files, { from: oldestLsn - 1 }))
    expect([code, details]).toEqual(['ERR_HISTORY_TRUNCATED', { lsn: oldestLsn - 1, oldestLsn }])
  })

  test('are none where only a snapshot is left, and damage where not even that is', async () => {
    const files = await withSnapshots(history, LAST)
    for (const path of segmentsOf(files)) await files.remove(path)
    expect(await lsnsOf(files)).toEqual([])
    expect((await errorOf(lsnsOf(files, { from: 3 }))).details).toEqual({ lsn: 3, oldestLsn: LAST + 1 })
    await files.remove(manifestOf(LAST))
    expect((await errorOf(lsnsOf(files))).code).toBe('ERR_LOG_CORRUPT')
  })

  test('are read on beside a writer that drops them before the first was read', async () => {
    for (let at = 1; at <= 6; at++) {
      const files = stage(0)
      const beside = watched(files, (number) => (number === at ? become(files, stages[2]!) : undefined))
      const lsns = await lsnsOf(beside)
      const again = watched(stage(0), () => {})
      const first = (await lsnsOf(again))[0]!
      const besideAgain = stage(0)
      const asked = await outcomeOf(
        lsnsOf(
          watched(besideAgain, (number) => (number === at ? become(besideAgain, stages[2]!) : undefined)),
          { from: first },
        ),
      )
      expect(asked, `asked, at operation ${at}`).toEqual(lsns[0] === first ? lsns : 'ERR_HISTORY_TRUNCATED')
      const from = lsns[0]!
      expect(lsns, `at operation ${at}`).toEqual(Array.from({ length: LAST - from + 1 }, (_, index) => from + index))
    }
  })
})
