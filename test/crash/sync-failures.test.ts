import { describe, expect, test } from 'vitest'
import { isStoreError } from '../../src/base/errors.ts'
import { floorOf, report } from './support/crash-settings.ts'
import { checkFailedSync, eachFailingSync } from './support/failing-syncs.ts'
import { workloadHistory } from './support/history.ts'
import { ImageCheck } from './support/image-check.ts'
import { create } from './support/operations.ts'

const history = await workloadHistory()

const ANOTHER_WRITE = { operation: create('another', 2, 'dot'), lsn: undefined, answer: 'null' }

describe('a sync that fails', { timeout: 3_600_000 }, () => {
  test('is typed, is never tried again, and stops the store from writing', async () => {
    for await (const { crashed, driven, error } of eachFailingSync(history)) {
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
        { kind: 'snapshot', operations: [], isBuilding: false } as const,
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
    for await (const { crashed } of eachFailingSync(history)) {
      failures += 1
      await checkFailedSync(crashed, history, images, failures)
    }
    report(
      `${failures} failed syncs, each with a power loss before and after a restart, ${images.distinct} distinct images, all recovered`,
    )
    expect(failures).toBeGreaterThan(floorOf(350))
  })
})
