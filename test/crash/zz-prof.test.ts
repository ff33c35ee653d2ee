import { test } from 'vitest'
import { CrashableFiles } from '../support/crashable-files.ts'
import { DrivenStore } from './support/driven-store.ts'
import { workloadHistory } from './support/history.ts'
test('cost', async () => {
  const history = await workloadHistory()
  const bare = { ...history, steps: history.steps.filter((s) => !(s.kind === 'together' && s.operations.every((o) => o.operation.type === 'maintain'))) }
  for (let r = 0; r < 4; r++) {
    for (const [name, plan, searching] of [['full', history, '1'], ['no searches', history, '']] as const) {
      process.env.SEARCHING = searching
      const u = process.cpuUsage()
      for (let i = 0; i < 50; i++) await new DrivenStore(new CrashableFiles()).run(plan)
      const d = process.cpuUsage(u)
      process.stdout.write(`${name} ${d.user / 50000} ${d.system / 50000}\n`)
    }
  }
})
