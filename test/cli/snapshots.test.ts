import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type SnapshotResult, type StoreStats, VectorStore } from '../../src/store/public.ts'
import { CliFixture } from './support/cli-fixture.ts'

let cli: CliFixture
beforeEach(async () => {
  cli = await CliFixture.create()
  await cli.importWords(600)
})
afterEach(() => cli.remove())

const stats = (...argv: string[]) => cli.json<StoreStats>('stats', cli.store, ...argv)
const snapshot = (...argv: string[]) => cli.json<SnapshotResult>('snapshot', cli.store, ...argv)

/** Small log files, so that some can go. */
async function addRounds(rounds: number): Promise<void> {
  const store = await VectorStore.open(cli.store, { segmentSizeBytes: 4096 })
  const words = await store.collection('words')
  for (let round = 0; round < rounds; round++) {
    const vector = Array.from({ length: 100 }, (_, at) => at + round)
    for (let at = 0; at < 30; at++) await words.add([{ id: `added ${at}`, vector }])
  }
  await store.close()
}

describe('annals snapshot', () => {
  test('says what it wrote, and that nothing has changed since', async () => {
    const { exitCode, stdout, stderr } = await cli.run('snapshot', cli.store)
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout).toMatch(/^snapshot at LSN 2: wrote [\d.]+ KiB, shares 0 B, in [\d.]+ m?s\n$/)
    const { snapshots, recovery } = await stats()
    expect([snapshots.map(({ lsn, entries }) => [lsn, entries]), recovery.snapshotLsn]).toEqual([[[2, 600]], 2])
    const again = await cli.run('snapshot', cli.store)
    expect(again.stdout).toMatch(/^snapshot at LSN 2: nothing has changed since, in [\d.]+ m?s\n$/)
  })

  test('prints JSON', async () => {
    const first = await snapshot()
    expect(first).toEqual({
      lsn: 2,
      writtenBytes: expect.any(Number),
      sharedBytes: 0,
      durationMs: expect.any(Number),
      droppedLogBytes: 0,
    })
    expect(Number.isInteger(first.durationMs)).toBe(true)
    expect(await snapshot()).toMatchObject({ lsn: 2, writtenBytes: 0, sharedBytes: first.writtenBytes })
  })

  test('removes log only when it is told to', async () => {
    for (let round = 0; round < 3; round++) {
      await addRounds(1)
      expect((await snapshot()).droppedLogBytes).toBe(0)
    }
    const before = await stats()
    expect([before.oldestLsn, before.snapshots.length]).toEqual([0, 3])
    const digest = await cli.json('digest', cli.store)
    const { exitCode, stdout } = await cli.run('snapshot', cli.store, '--drop-log')
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/: nothing has changed since, removed [\d.]+ KiB of log, in /)
    const after = await stats()
    expect(after.snapshots).toEqual(before.snapshots.slice(0, 2))
    expect(after.oldestLsn).toBe(before.snapshots[1]!.lsn)
    expect(after.logBytes).toBeLessThan(before.logBytes)
    expect(await cli.json('digest', cli.store)).toEqual(digest)
    const log = await cli.run('log', cli.store)
    expect([log.exitCode, log.stderr]).toEqual([0, ''])
    expect(log.stdout).not.toMatch(/^ +1 /)
    const gone = await cli.run('log', cli.store, '--from', '1')
    expect([gone.exitCode, gone.stderr]).toEqual([1, expect.stringMatching(/\(ERR_HISTORY_TRUNCATED\)\n$/)])
  })

  test('of an empty store says so', async () => {
    const store = await VectorStore.open(cli.path('empty'))
    await store.close()
    const { exitCode, stdout } = await cli.run('snapshot', cli.path('empty'))
    expect([exitCode, stdout]).toEqual([0, 'nothing to write down: the log is empty\n'])
  })

  test('fails where there is no store, or another one writes', async () => {
    const missing = await cli.run('snapshot', cli.path('nowhere'))
    expect([missing.exitCode, missing.stderr]).toEqual([1, expect.stringMatching(/\(ERR_STORE_NOT_FOUND\)\n$/)])
    const store = await VectorStore.open(cli.store)
    const open = await cli.run('snapshot', cli.store)
    expect([open.exitCode, open.stderr]).toEqual([1, expect.stringMatching(/\(ERR_STORE_OPTIONS\)\n$/)])
    await store.close()
  })

  test('is given up at an interrupt, which leaves the store as it was', async () => {
    const onSigint = (listener: () => void) => {
      listener()
      return () => undefined
    }
    const { exitCode, stdout, stderr } = await cli.runWith({ onSigint }, 'snapshot', cli.store)
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 130,
      stdout: '',
      stderr: 'annals: interrupted before there was a snapshot; the store is as it was\n',
    })
    expect((await stats()).snapshots).toEqual([])
  })
})

describe('--at', () => {
  test('shows the store as it was, by LSN and by time', async () => {
    const { recovery } = await stats()
    expect(recovery.records).toBe(2)
    await snapshot()
    const whole = await cli.json<{ lsn: number }>('digest', cli.store)
    const until = new Date(Date.now()).toISOString()
    await new Promise((resolve) => setTimeout(resolve, 5))
    await cli.json('delete', cli.store, 'words', 'of', 'the')
    for (const at of ['2', until]) {
      expect(await cli.json('digest', cli.store, '--at', at)).toEqual(whole)
      expect(await cli.json('stats', cli.store, '--at', at)).toMatchObject({ lsn: 2, collections: [{ count: 600 }] })
      expect(await cli.json('get', cli.store, 'words', 'the', '--at', at)).toMatchObject({ missing: [] })
      const { hits } = await cli.json<{ hits: unknown[] }>('search', cli.store, 'words', '--id', 'the', '--at', at)
      expect(hits.length).toBe(10)
    }
    expect(await cli.json('stats', cli.store, '--at', '1')).toMatchObject({ lsn: 1, collections: [{ count: 0 }] })
    expect(await cli.json('stats', cli.store)).toMatchObject({ lsn: 3, collections: [{ count: 598 }] })
    const gone = await cli.run('get', cli.store, 'words', 'the')
    expect(gone.exitCode).toBe(1)
  })

  test.each(['yesterday', '-1', '1.5', '2026-02-30T25:00', '', '2026', '1e3'])(
    '%j is wrong usage, or no such moment',
    async (at) => {
      const { exitCode, stdout, stderr } = await cli.run('stats', cli.store, `--at=${at}`)
      expect(stdout).toBe('')
      if (at === '2026') expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/\(ERR_LSN_AHEAD\)\n$/)])
      else expect([exitCode, stderr]).toEqual([2, expect.stringMatching(/^annals: --at must be an LSN or a time/)])
    },
  )

  test('takes days and times with and without zone', async () => {
    for (const at of ['2999-12-31', '2999-12-31T10:00', '2999-12-31T10:00Z', '2999-12-31T10:00:00.5+02:00']) {
      expect((await stats('--at', at)).lsn).toBe(2)
    }
    expect((await stats('--at', '1999-12-31')).lsn).toBe(0)
  })
})

describe('annals stats', () => {
  test('shows how far the index is, and the snapshots', async () => {
    const before = await cli.run('stats', cli.store)
    expect(before.stdout).toMatch(/^snapshots +none$/m)
    expect(before.stdout).toMatch(/^words +0 +600 +0 +0 {2}none {3}nothing {4}settled$/m)
    await cli.json('optimize', cli.store, 'words')
    await snapshot()
    const { exitCode, stdout, stderr } = await cli.run('stats', cli.store)
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout).toMatch(/^snapshots +1, [\d.]+ KiB on disk$/m)
    expect(stdout).toMatch(/^recovery +snapshot at LSN 3, then 0 records, 0 events, /m)
    expect(stdout).toMatch(/^index +indexed +waiting +nodes +dead nodes +codes +in memory +state$/m)
    expect(stdout).toMatch(/^words +600 +0 +600 +0 {2}\S+ +whole +settled$/m)
    expect(stdout).toMatch(/^ +3 {2}\d{4}-\d\d-\d\dT[\d:.]+Z +600 +[\d.]+ KiB$/m)
    const { collections } = await cli.json<{ collections: unknown[] }>('stats', cli.store)
    expect(collections).toMatchObject([{ name: 'words', index: { indexed: 600, waiting: 0, backlog: 0 } }])
  })

  test('says what of a snapshot could not be used', async () => {
    await snapshot()
    await cli.write('store/snapshots/0000000000000002.manifest', 'garbage')
    const { exitCode, stdout } = await cli.run('stats', cli.store)
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^problem +the snapshot snapshots\/0000000000000002.manifest was passed over: /m)
    expect(stdout).toMatch(/^words +600 /m)
  })
})
