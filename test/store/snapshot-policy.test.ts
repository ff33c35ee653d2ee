import { describe, expect, test } from 'vitest'
import { SnapshotPolicy } from '../../src/store/snapshot-policy.ts'

const EMPTY = { bytes: 0, records: 0 }
const NEVER = Number.POSITIVE_INFINITY

function policyOf(settings: { bytes?: number; records?: number }, tail = EMPTY, snapshotBytes = 0): SnapshotPolicy {
  const { bytes = NEVER, records = NEVER } = settings
  return new SnapshotPolicy({ snapshotBytes: bytes, snapshotRecords: records }, tail, snapshotBytes)
}

/** After how many records of so many bytes one is due, of at most 1,000. */
function recordsUntilDue(policy: SnapshotPolicy, bytes: number): number | undefined {
  for (let count = 0; count <= 1000; count++) {
    if (policy.isDue()) return count
    policy.noteWritten(bytes)
  }
  return undefined
}

describe('a snapshot is due', () => {
  test.each([
    ['after so many bytes', policyOf({ bytes: 1000 }), 10],
    ['after so many records', policyOf({ records: 7 }), 7],
    ['by what comes first', policyOf({ bytes: 1000, records: 7 }), 7],
    ['by what comes first, the bytes', policyOf({ bytes: 300, records: 7 }), 3],
    ['never', policyOf({}), undefined],
    ['never, however long the log is already', policyOf({}, { bytes: 1e12, records: 1e9 }), undefined],
    ['earlier where the log is long already', policyOf({ bytes: 1000 }, { bytes: 400, records: 1 }), 6],
    ['at once where it is long enough', policyOf({ records: 7 }, { bytes: 1, records: 7 }), 0],
    ['once the log is half as large as the last snapshot', policyOf({ bytes: 1000 }, EMPTY, 6000), 30],
    ['no earlier for a small one', policyOf({ bytes: 1000 }, EMPTY, 1900), 10],
    ['by records, however large the last one', policyOf({ bytes: 1000, records: 7 }, EMPTY, 1e9), 7],
  ])('%s', (_, policy, records) => {
    expect(recordsUntilDue(policy, 100)).toBe(records)
  })

  test('after as much again as of the moment that it was begun', () => {
    const policy = policyOf({ bytes: 1000 })
    expect(recordsUntilDue(policy, 100)).toBe(10)
    const mark = policy.mark()
    for (let count = 0; count < 4; count++) policy.noteWritten(100)
    policy.noteTaken(mark, 500)
    expect(recordsUntilDue(policy, 100)).toBe(6)
    const next = policy.mark()
    policy.noteTaken(next, 4000)
    expect(recordsUntilDue(policy, 100)).toBe(20)
  })

  test('after as much again where it failed, in proportion to the last one that did not', () => {
    const policy = policyOf({ bytes: 1000 }, EMPTY, 3000)
    expect(recordsUntilDue(policy, 100)).toBe(15)
    policy.noteFailed(policy.mark())
    expect(recordsUntilDue(policy, 100)).toBe(15)
  })

  test('when the store closes, after a quarter', () => {
    const settings = { bytes: 1000, records: 40 }
    const tails: [number, number, boolean][] = [
      [249, 9, false],
      [250, 9, true],
      [1, 10, true],
      [0, 0, false],
    ]
    for (const [bytes, records, isDue] of tails) {
      expect(policyOf(settings, { bytes, records }).isDueAtClose(), `${bytes} bytes, ${records} records`).toBe(isDue)
    }
    expect(policyOf(settings, { bytes: 499, records: 1 }, 4000).isDueAtClose()).toBe(false)
    expect(policyOf(settings, { bytes: 500, records: 1 }, 4000).isDueAtClose()).toBe(true)
    expect(policyOf({}, { bytes: 1e12, records: 1e9 }).isDueAtClose()).toBe(false)
  })
})

test('is due at close, however short the log, once a large graph was built that none holds', () => {
  const policy = policyOf({ bytes: 1e9 })
  policy.noteBuilt(49_999)
  expect(policy.isDueAtClose()).toBe(false)
  policy.noteBuilt(50_000)
  policy.noteBuilt(10)
  expect([policy.isDueAtClose(), policy.isDue()]).toEqual([true, false])
  policy.noteCaptured()
  expect(policy.isDueAtClose()).toBe(false)
  const never = policyOf({})
  never.noteBuilt(1e6)
  expect(never.isDueAtClose()).toBe(false)
})
