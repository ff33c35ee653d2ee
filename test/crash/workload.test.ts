import { describe, expect, test } from 'vitest'
import { loadChecksum } from '../../src/base/checksum.ts'
import { decodeEvents } from '../../src/replay/event-codec.ts'
import { scanLog } from '../../src/wal/log-scan.ts'
import type { LogRecord } from '../../src/wal/record.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { contentOf } from './support/content.ts'
import { DrivenStore } from './support/driven-store.ts'
import { workloadHistory } from './support/history.ts'
import { openStore } from './support/open-store.ts'

describe('the workload of the crash suite, uninterrupted', () => {
  test('answers each call as the model does, one at a time and together, and ends with its content', async () => {
    const history = await workloadHistory()
    const files = new CrashableFiles()
    const driven = new DrivenStore(files, { searches: true })
    await driven.run(history)
    expect(driven.durableLsn).toBe(history.endLsn)
    const store = await openStore(files)
    expect(await store.digest()).toEqual({ lsn: history.endLsn, ...history.digests[history.endLsn] })
    expect(await contentOf(store)).toBe(history.contents[history.endLsn])
    expect((await store.verify()).problems).toEqual([])
  })

  test('takes the same course every time', async () => {
    const history = await workloadHistory()
    const [first, second] = [new CrashableFiles(), new CrashableFiles()]
    await new DrivenStore(first).run(history)
    await new DrivenStore(second).run(history)
    expect(second.operations).toEqual(first.operations)
    expect(second.contentHash()).toBe(first.contentHash())
  })

  test('has everything in it that the sweeps are about', async () => {
    const history = await workloadHistory()
    const files = new CrashableFiles()
    await new DrivenStore(files).run(history)
    expect(files.paths().filter((path) => path.endsWith('.wal')).length).toBeGreaterThanOrEqual(8)
    expect(files.mutations.length).toBeGreaterThan(200)
    expect(await kindsOfEvents(files)).toEqual(
      'add consolidate create delete drop flush:bulk flush:insert quantize rebuild update'.split(' '),
    )
    expect(new Set(history.digests.map(({ data }) => data)).size).toBeGreaterThan(history.endLsn * 0.8)
  })
})

async function kindsOfEvents(files: CrashableFiles): Promise<string[]> {
  const kinds = new Set<string>()
  const onRecord = ({ payload }: LogRecord) => {
    for (const event of decodeEvents(payload)) {
      kinds.add(event.type === 'flush' ? `flush:${event.method}` : event.type)
    }
    return undefined
  }
  await scanLog(files, { checksum: await loadChecksum(), onRecord })
  return [...kinds].sort()
}
