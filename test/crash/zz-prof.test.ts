import { test } from 'vitest'
import { CrashableFiles, everything } from '../support/crashable-files.ts'
import { DrivenStore } from './support/driven-store.ts'
import { workloadHistory } from './support/history.ts'
import { checkRecovered, expectIndex, expectState } from './support/check-recovered.ts'
import { expectSearches } from './support/check-searches.ts'
import { openStore } from './support/open-store.ts'
test('cost', async () => {
  const history = await workloadHistory()
  const images: CrashableFiles[] = []
  for (let m = 20; m < 320; m += 12) {
    const files = new CrashableFiles()
    files.crashAt(m, 'after')
    const driven = new DrivenStore(files)
    await driven.run(history).catch(() => {})
    images.push(files)
  }
  const parts: Record<string, (f: CrashableFiles) => Promise<unknown>> = {
    open: async (f) => (await openStore(f)).close(),
    state: async (f) => { const s = await openStore(f); const { lsn } = s.stats(); await expectState(s, lsn, history, ''); await s.close() },
    digest: async (f) => { const s = await openStore(f); await s.digest(); await s.close() },
    searches: async (f) => { const s = await openStore(f); await s.digest(); await expectSearches(s, ''); await s.close() },
    check: async (f) => { await checkRecovered(f, { floorLsn: 0, ceilingLsn: 1000 }, history, '') },
  }
  for (let r = 0; r < 6; r++) {
    for (const [name, part] of Object.entries(parts)) {
      const u = process.cpuUsage()
      for (const files of images) await part(files.crashImage(everything))
      const d = process.cpuUsage(u)
      if (r > 0) process.stdout.write(`${name} ${(d.user / images.length / 1000).toFixed(2)} ${(d.system / images.length / 1000).toFixed(2)}\n`)
    }
  }
})
