import { expect, test } from 'vitest'
import { StoreError } from '../../src/base/errors.ts'
import { leavesLogUnknown, RollbackFailure, SyncFailure, syncOnce } from '../../src/wal/sync-failure.ts'

const CAUSE = new StoreError('ERR_IO', 'the disk went away')

test('a failed sync is no ordinary error of the files, and keeps it as its cause', async () => {
  const failure = await syncOnce(() => Promise.reject(CAUSE)).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(SyncFailure)
  expect((failure as SyncFailure).cause).toBe(CAUSE)
})

test('a sync is called once, whatever comes of it', async () => {
  let calls = 0
  const count = async () => {
    calls++
    if (calls === 2) throw CAUSE
  }
  await syncOnce(count)
  await syncOnce(count).catch(() => {})
  expect(calls).toBe(2)
})

test('a failed sync and a failed roll-back leave the log unknown, a failed write does not', () => {
  const errors = [new SyncFailure(CAUSE), new RollbackFailure(CAUSE, CAUSE), CAUSE, undefined]
  expect(errors.map(leavesLogUnknown)).toEqual([true, true, false, false])
  expect(new RollbackFailure(CAUSE, CAUSE).message).toBe(
    'a write failed (the disk went away) and could not be taken back',
  )
})
