import { expect, test } from 'vitest'
import type { GraphCore } from '../../../src/engine/graph/graph-core.ts'
import { type Job, PAUSE, phase } from '../../../src/engine/graph/job.ts'
import { MainThreadHost } from '../../../src/engine/workers/main-thread-host.ts'

test('work on the calling thread is cut into half slices, with a turn for others after each', async () => {
  const events: string[] = []
  const host = new MainThreadHost({ yieldToEventLoop: async () => void events.push('turn') })
  const core = { runTask: (_: unknown, __: number, from: number, to: number) => events.push(`${from}-${to}`) }
  const work = function* (): Job<string> {
    yield phase('encodeNodes', 25, 10)
    yield PAUSE
    yield phase('encodeNodes', 2, 1)
    return 'done'
  }
  expect(await host.run(core as unknown as GraphCore, work())).toBe('done')
  const slices = ['0-5', '5-10', '10-15', '15-20', '20-25'].flatMap((range) => [range, 'turn'])
  expect(events).toEqual([...slices, 'turn', '0-1', 'turn', '1-2', 'turn'])
})
