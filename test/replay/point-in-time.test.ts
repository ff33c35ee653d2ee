import { beforeAll, describe, expect, test, vi } from 'vitest'
import { recoverForReading } from '../../src/replay/recovery.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { errorOf, outcomeOf } from '../support/log-fixture.ts'
import {
  damage,
  expectState,
  type History,
  manifestOf,
  OPTIONS,
  randomHistory,
  read,
  retain,
  segmentsOf,
  settled,
  timeOf,
  withSnapshots,
} from './history-fixture.ts'

vi.mock('../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 16,
}))

const LAST = 40
let history: History
/** Snapshots at 15, 24 and 30 and the whole log; the same retained from 15 on. */
let whole: CrashableFiles
let truncated: CrashableFiles

beforeAll(async () => {
  history = await randomHistory(5, LAST)
  whole = await withSnapshots(history, 15, 24, 30)
  truncated = await retain(settled(whole), [15, 24, 30])
  // What retention leaves is whole segments: some records below the oldest snapshot are still there, and prove nothing.
  expect(segmentsOf(truncated).length).toBeLessThan(segmentsOf(whole).length)
})

/** The newest snapshot at or below an LSN. */
const snapshotFor = (lsn: number) => [30, 24, 15].find((one) => one <= lsn)

/** LSN of the last record that is no later than a time. */
function lsnOfTime(timeMs: number): number {
  let lsn = 0
  while (lsn < LAST && timeOf(lsn + 1) <= timeMs) lsn++
  return lsn
}

describe('the store at an LSN', () => {
  test('is what it was, for each', async () => {
    for (let lsn = 0; lsn <= LAST; lsn++) {
      const recovered = await read(whole, { lsn })
      await expectState(recovered, history, lsn, `at ${lsn}`)
      const { report, position, log } = recovered
      expect([report.snapshotLsn, report.problems, position.lsn, log]).toEqual([snapshotFor(lsn), [], lsn, undefined])
    }
  })

  test('changes nothing and looks at nothing behind it', async () => {
    const files = settled(whole)
    damage(files, segmentsOf(files).at(-1)!)
    damage(files, manifestOf(30))
    const before = files.contentHash()
    await expectState(await read(files, { lsn: 24 }), history, 24)
    expect([files.contentHash(), files.mutations]).toEqual([before, []])
  })

  test('cannot be reached where the log was dropped, and the oldest one that can is named', async () => {
    for (let lsn = 0; lsn <= LAST; lsn++) {
      if (lsn >= 15) {
        await expectState(await read(truncated, { lsn }), history, lsn, `at ${lsn}`)
        continue
      }
      const { code, details, message } = await errorOf(recoverForReading(truncated, { ...OPTIONS, at: { lsn } }))
      expect([code, details]).toEqual(['ERR_HISTORY_TRUNCATED', { lsn, oldestLsn: 15 }])
      expect(message).toBe(`the history that is kept does not reach back to LSN ${lsn}: it begins at LSN 15`)
    }
  })

  test('lies ahead where it is not on disk yet', async () => {
    for (const files of [whole, truncated]) {
      const { code, details, message } = await errorOf(recoverForReading(files, { ...OPTIONS, at: { lsn: LAST + 3 } }))
      expect([code, details]).toEqual(['ERR_LSN_AHEAD', { lsn: LAST + 3, durableLsn: LAST }])
      expect(message).toBe('LSN 43 lies ahead: the store is known to be on disk up to LSN 40')
    }
  })

  test('is damage, not dropped history, where the snapshot for it does not hold', async () => {
    const files = settled(truncated)
    damage(files, manifestOf(15))
    const error = await errorOf(recoverForReading(files, { ...OPTIONS, at: { lsn: 20 } }))
    expect([error.code, error.details.lsn]).toEqual(['ERR_LOG_CORRUPT', 1])
    expect(error.message).toContain(manifestOf(15))
    await expectState(await read(files, { lsn: 27 }), history, 27)
  })

  test('is damage where the log lost its beginning and there is no snapshot', async () => {
    const files = settled(history.log)
    await files.remove(segmentsOf(files)[0]!)
    expect(await outcomeOf(recoverForReading(files, { ...OPTIONS, at: { lsn: 30 } }))).toBe('ERR_LOG_CORRUPT')
  })

  test('is that of the snapshot alone where there is no log', async () => {
    const files = await withSnapshots(history, LAST)
    for (const path of segmentsOf(files)) await files.remove(path)
    await expectState(await read(files, { lsn: LAST }), history, LAST)
    const { code, details } = await errorOf(recoverForReading(files, { ...OPTIONS, at: { lsn: 12 } }))
    expect([code, details.oldestLsn]).toEqual(['ERR_HISTORY_TRUNCATED', LAST])
  })

  test('of nothing is nothing', async () => {
    for (const at of [{ lsn: 3 }, { timeMs: 3 }]) {
      expect(await recoverForReading(new CrashableFiles(), { ...OPTIONS, at })).toBeUndefined()
    }
  })
})

describe('the store at a time', () => {
  const times = Array.from({ length: LAST / 2 + 1 }, (_, index) => timeOf(2 * index + 1)).flatMap((timeMs) => [
    timeMs - 1,
    timeMs,
    timeMs + 1,
  ])

  test('is that of the last record no later, before, between, at and after', async () => {
    for (const timeMs of [0, ...times, 9e12]) {
      const lsn = lsnOfTime(timeMs)
      const recovered = await read(whole, { timeMs })
      await expectState(recovered, history, lsn, `at ${timeMs}`)
      expect(recovered.report.problems).toEqual([])
    }
    expect([lsnOfTime(0), lsnOfTime(timeOf(7)), lsnOfTime(timeOf(7) - 1), lsnOfTime(9e12)]).toEqual([0, 8, 6, 40])
  })

  test('of a snapshot may hold records behind the snapshot', async () => {
    // Records 15 and 16 have one time, and the snapshot is of the first of them.
    const recovered = await read(truncated, { timeMs: timeOf(15) })
    await expectState(recovered, history, 16)
    expect(recovered.report.snapshotLsn).toBe(15)
  })

  test('before the oldest snapshot cannot be reached where the log was dropped', async () => {
    for (const timeMs of [0, timeOf(1), timeOf(15) - 1]) {
      const { code, details } = await errorOf(recoverForReading(truncated, { ...OPTIONS, at: { timeMs } }))
      expect([code, details]).toEqual(['ERR_HISTORY_TRUNCATED', { timeMs, oldestLsn: 15 }])
    }
    const { message } = await errorOf(recoverForReading(truncated, { ...OPTIONS, at: { timeMs: 0 } }))
    expect(message).toContain('1970-01-01T00:00:00.000Z')
  })

  test('passes over a snapshot that cannot be read, whatever its time', async () => {
    const files = settled(truncated)
    damage(files, manifestOf(24))
    for (const timeMs of [timeOf(22), timeOf(27)]) {
      const recovered = await read(files, { timeMs })
      await expectState(recovered, history, lsnOfTime(timeMs))
      expect([recovered.report.snapshotLsn, recovered.report.problems.length]).toEqual([15, 2])
    }
  })
})
