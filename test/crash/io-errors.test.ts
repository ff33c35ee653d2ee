import { describe, expect, test } from 'vitest'
import { CrashableFiles } from '../support/crashable-files.ts'
import { floorOf, report } from './support/crash-settings.ts'
import { workloadHistory } from './support/history.ts'
import { ImageCheck } from './support/image-check.ts'
import { expectRefused, injectErrors } from './support/injected-errors.ts'
import { PersistentRun } from './support/persistent-run.ts'

const history = await workloadHistory()
const images = new ImageCheck(history)

describe('an error of the files', { timeout: 3_600_000 }, () => {
  test('at any call of opening, writing and closing is typed, loses nothing, and leaves a store that goes on', async () => {
    const { runs, failures, restarts } = await injectErrors(history, images)
    report(`${runs} errors injected, one in each run: ${failures} calls failed, ${restarts} reopenings, nothing lost`)
    expect(runs).toBeGreaterThan(floorOf(1500))
  })

  test('a disk that is full at every write refuses each for certain, and the store goes on without being reopened', async () => {
    for (const writtenBytes of [0, 1, 100, 700]) {
      const files = new CrashableFiles()
      const where = `disk full after ${writtenBytes} bytes`
      const run = new PersistentRun(files, history, where, async (refused) => {
        files.clearFaults()
        await expectRefused(refused, history, images)
      })
      await run.run((step) => {
        const isSegmentWrite = (operation: string) => operation.startsWith('write wal/0')
        if (step.kind === 'together')
          files.failWhen(isSegmentWrite, { code: 'ENOSPC', writtenBytes }, Number.MAX_SAFE_INTEGER)
        else files.clearFaults()
      })
      expect(run.restarts, where).toBe(0)
      expect(run.failures, where).toBeGreaterThan(40)
    }
  })
})
