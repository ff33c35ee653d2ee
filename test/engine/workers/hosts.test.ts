import { MainThreadHost } from '../../../src/engine/workers/main-thread-host.ts'
import { WorkerPool } from '../../../src/engine/workers/worker-pool.ts'
import { phaseHostSuite } from '../../suites/phase-host-suite.ts'
import { searchHostSuite } from '../../suites/search-host-suite.ts'
import { yieldToEventLoop } from './watched-workers.ts'

const mainThread = () => ({ host: new MainThreadHost({ yieldToEventLoop }), close: async () => {} })

const pool = (threads: number) => () => {
  const host = new WorkerPool({ threads, yieldToEventLoop })
  return { host, close: () => host.close() }
}

const poolWithoutWorkers = () => {
  const host = new WorkerPool({ threads: 2, yieldToEventLoop, loadWorkers: async () => undefined })
  return { host, close: () => host.close() }
}

phaseHostSuite('jobs on the main thread', mainThread)
phaseHostSuite('jobs on one worker', pool(1))
phaseHostSuite('jobs on three workers', pool(3))
phaseHostSuite('jobs where there are no workers', poolWithoutWorkers)

searchHostSuite('searches on the main thread', mainThread)
searchHostSuite('searches on one worker', pool(1))
searchHostSuite('searches on three workers', pool(3))
searchHostSuite('searches where there are no workers', poolWithoutWorkers)
