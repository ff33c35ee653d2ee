import { test } from 'vitest'
import { CrashableFiles } from '../support/crashable-files.ts'
import { DrivenStore } from './support/driven-store.ts'
import { workloadHistory } from './support/history.ts'
import { openStore } from './support/open-store.ts'
import { expectIndex, expectState } from './support/check-recovered.ts'
import { checkRecovered } from './support/check-recovered.ts'
import { everything } from '../support/crashable-files.ts'
const timed = async (name: string, n: number, f: () => Promise<unknown>) => {
  const u = process.cpuUsage(); const t = performance.now()
  for (let i = 0; i < n; i++) await f()
  const d = process.cpuUsage(u)
  process.stdout.write(`${name} wall ${((performance.now() - t) / n).toFixed(2)} user ${(d.user / n / 1000).toFixed(2)} sys ${(d.system / n / 1000).toFixed(2)}\n`)
}
test('cost', async () => {
  await timed('history', 1, () => workloadHistory())
  await timed('history', 3, () => workloadHistory())
  const history = await workloadHistory()
  process.stdout.write(`lsns ${history.endLsn} maintenance ${history.logged.filter((l) => l.operation.type === 'maintain').length}\n`)
  let files = new CrashableFiles()
  const g = await import('../../src/engine/graph/vamana-graph.ts'); const v = await g.VamanaGraph.create({ dimensions: 24, metric: 'cosine', seed: 1 }); process.stdout.write('used ' + v.core.memory.usedBytes + ' of ' + v.core.memory.buffer.byteLength + '\n')
  await timed('driven', 60, async () => { files = new CrashableFiles(); await new DrivenStore(files).run(history) })
  process.stdout.write(`mutations ${files.mutations.length} operations ${files.operations.length}\n`)
  await timed('open', 50, async () => { const s = await openStore(files.clone()); await s.close() })
  await timed('open state', 50, async () => { const s = await openStore(files.clone()); await expectState(s, history.endLsn, history, ''); await s.close() })
  await timed('open index', 50, async () => { const s = await openStore(files.clone()); await s.digest(); await s.close() })
  await timed('open state index', 50, async () => { const s = await openStore(files.clone()); await expectState(s, history.endLsn, history, ''); await expectIndex(s, history.endLsn, history, ''); await s.close() })
  await timed('check', 50, async () => { await checkRecovered(files.crashImage(everything), { floorLsn: history.endLsn, ceilingLsn: history.endLsn }, history, '') })
})
