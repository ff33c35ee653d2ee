import { describe, expect, test } from 'vitest'
import { isStoreError } from '../../src/base/errors.ts'
import { CrashableFiles, everything, type Fault, nothing, random } from '../support/crashable-files.ts'
import { checkRecovered } from './support/check-recovered.ts'
import { budgeted, floorOf, isWithinBudget, report, SEED } from './support/crash-settings.ts'
import { afterKill, afterPowerLoss, boundsOf, type CrashedStore, recover } from './support/crashed-store.ts'
import { DrivenStore } from './support/driven-store.ts'
import { workloadHistory } from './support/history.ts'
import { ImageCheck } from './support/image-check.ts'
import { create } from './support/operations.ts'

const history = await workloadHistory()

/** What a failing sync does to the pages and entries that it should have made durable. */
const DAMAGES: readonly [name: string, fault: Fault][] = [
  ['all kept in the cache', { sync: 'keep' }],
  ['all dropped from the cache', { sync: 'drop' }],
  ...Array.from({ length: budgeted(2) }, (_, index): [string, Fault] => {
    const seed = SEED + index
    return [`kept, dropped or written by seed ${seed}`, { sync: 'mixed', seed }]
  }),
]

const ANOTHER_WRITE = { operation: create('another', 2, 'dot'), lsn: undefined, answer: 'null' }

/**
 * What makes the log's own directory durable, once in the life of a store and before anything is acknowledged. Should it fail
 * and the system keep the entry but call it clean, nothing that this store can do makes it durable: docs/CRASH-SAFETY.md
 * names that limit.
 */
const TOP_DIRECTORY_SYNC = 'syncDirectory '

interface SyncFailed {
  readonly crashed: CrashedStore
  readonly driven: DrivenStore
  /** What the workload ended with. */
  readonly error: unknown
}

/** Runs the workload once for each of its syncs, of files and of directories, and each thing that a failing one may do. */
async function* eachFailingSync(): AsyncGenerator<SyncFailed> {
  const whole = new CrashableFiles()
  await new DrivenStore(whole).run(history)
  const syncs = [...whole.operations.entries()].filter(([, operation]) => operation.startsWith('sync'))
  let cases = 0
  for (const [index, operation] of syncs) {
    for (const [name, fault] of DAMAGES) {
      cases += 1
      if (!isWithinBudget(cases)) continue
      if (operation === TOP_DIRECTORY_SYNC && name !== 'all dropped from the cache') continue
      const files = new CrashableFiles()
      const driven = new DrivenStore(files)
      files.failAt(index + 1, fault)
      const error = await driven.run(history).then(
        () => undefined,
        (reason: unknown) => reason,
      )
      const { durableLsn, acknowledgedLsn, triedLsn } = driven
      const where = `operation ${index + 1}, ${operation}, fails: ${name}`
      yield { crashed: { files, durableLsn, acknowledgedLsn, triedLsn, where }, driven, error }
    }
  }
}

describe('a sync that fails', { timeout: 3_600_000 }, () => {
  test('is typed, is never tried again, and stops the store from writing', async () => {
    for await (const { crashed, driven, error } of eachFailingSync()) {
      const { files, where } = crashed
      // A close that cannot sync the durable mark has lost nothing by it: the log below the mark is on disk.
      if (error === undefined) {
        expect(driven.durableLsn, where).toBe(history.endLsn)
        continue
      }
      expect(isStoreError(error), `${where}: ${error}`).toBe(true)
      if (!driven.isOpen) continue
      expect(['ERR_INDETERMINATE', 'ERR_POISONED'], where).toContain((error as { code: string }).code)
      const before = files.operations.length
      for (const step of [
        { kind: 'sync' } as const,
        { kind: 'together', operations: [ANOTHER_WRITE], timing: 'atOnce' } as const,
      ]) {
        const [again] = await driven.perform(step)
        expect(isStoreError(again?.error, 'ERR_POISONED'), `${where}: ${again?.error}`).toBe(true)
      }
      await driven.close().catch((reason) => expect(isStoreError(reason), `${where}: ${reason}`).toBe(true))
      const after = files.operations.slice(before).filter((operation) => !operation.startsWith('close'))
      expect(after, where).toEqual([])
    }
  })

  test('loses nothing that was acknowledged, nor anything that a reopened store served, in a power loss', async () => {
    const images = new ImageCheck(history)
    let failures = 0
    for await (const { crashed } of eachFailingSync()) {
      failures += 1
      await images.check(afterPowerLoss(crashed, 'power lost, nothing', nothing))
      await images.check(afterPowerLoss(crashed, `power lost, random`, random(SEED + failures)))
      // What was acknowledged as asynchronous may have left the cache with the failed sync.
      const restarted = { ...afterKill(crashed), acknowledgedLsn: crashed.durableLsn }
      const gone = await recover({ ...restarted, files: restarted.files.clone() }, history)
      await checkRecovered(restarted.files, boundsOf(restarted), history, restarted.where)
      const choosers = [nothing, everything, random(SEED + failures), random(SEED - failures)]
      for (const choose of choosers) await images.check(afterPowerLoss(gone, 'restarted, gone on, power lost', choose))
    }
    report(
      `${failures} failed syncs, each with a power loss before and after a restart, ${images.distinct} distinct images, all recovered`,
    )
    expect(failures).toBeGreaterThan(floorOf(350))
  })
})
