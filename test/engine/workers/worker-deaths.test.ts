import { beforeAll, describe, expect, test } from 'vitest'
import { type Job, phase } from '../../../src/engine/graph/job.ts'
import { WorkerPool } from '../../../src/engine/workers/worker-pool.ts'
import type { WorkerMessage } from '../../../src/engine/workers/worker-source.ts'
import type { StartWorker } from '../../../src/engine/workers/worker-thread.ts'
import { digestOf, gloveSet, jobsOf } from '../../suites/phase-host-suite.ts'
import { Random } from '../../support/random.ts'
import { builtGraph, graphOf, rowsOf, type VectorSet } from '../graph/graph-fixture.ts'
import { terminateWhenUp, WatchedWorkers, yieldToEventLoop } from './watched-workers.ts'

let set: VectorSet
let expected: string

beforeAll(async () => {
  set = gloveSet()
  const graph = await graphOf(set)
  for (const job of jobsOf(graph, set)) graph.run(job())
  expected = digestOf(graph)
})

describe('workers that end while they build', () => {
  test.each([1, 2, 3, 4, 5, 6])('leave the graph as it would have been (%i)', async (seed) => {
    const random = new Random(seed)
    const workers = new WatchedWorkers()
    const pool = new WorkerPool({ threads: random.nextBetween(1, 3), yieldToEventLoop, loadWorkers: workers.load })
    try {
      const graph = await graphOf(set)
      for (const job of jobsOf(graph, set)) {
        let deaths = 0
        // In the middle of a range, or shortly after it, or before it begins.
        workers.onPost = ({ verb }, worker) => {
          if (verb !== 'run' || deaths === 2 || random.nextInt(10) > 0) return
          deaths++
          void terminateWhenUp(worker)
        }
        workers.isDeadly = ({ verb }) => verb === 'run' && deaths++ === 0
        await pool.run(graph.core, job())
      }
      expect(graph.checkInvariants()).toEqual([])
      expect(digestOf(graph)).toBe(expected)
      expect(workers.started.length).toBeGreaterThan(3)
    } finally {
      await pool.close()
    }
  })

  test('are given up for the job after the third', async () => {
    const workers = new WatchedWorkers()
    const pool = new WorkerPool({ threads: 1, yieldToEventLoop, loadWorkers: workers.load })
    workers.isDeadly = ({ verb }) => verb === 'run'
    try {
      const graph = await graphOf(set)
      for (const [index, job] of jobsOf(graph, set).entries()) {
        await pool.run(graph.core, job())
        expect(workers.started).toHaveLength((index + 1) * 3)
      }
      expect(digestOf(graph)).toBe(expected)
    } finally {
      await pool.close()
    }
  })

  test('through a task that fails end its job only', async () => {
    const workers = new WatchedWorkers()
    const pool = new WorkerPool({ threads: 1, yieldToEventLoop, loadWorkers: workers.load })
    try {
      const [failing, graph] = [await graphOf(set), await graphOf(set)]
      const failure = (function* (): Job {
        yield phase('linkFromEdges', 1000, 10, 0xffff_0000, 0, 0)
      })()
      const failed = expect(pool.run(failing.core, failure)).rejects.toThrow('memory access out of bounds')
      for (const job of jobsOf(graph, set)) await pool.run(graph.core, job())
      await failed
      expect(workers.started.filter(({ hasEnded }) => hasEnded)).toHaveLength(3)
      expect(digestOf(graph)).toBe(expected)
    } finally {
      await pool.close()
    }
  })
})

describe('a worker that ends while it searches', () => {
  test('rejects that search and no other', async () => {
    const workers = new WatchedWorkers()
    const pool = new WorkerPool({ threads: 1, yieldToEventLoop, loadWorkers: workers.load })
    const graph = await builtGraph(set, 'bulk')
    const query = set.vectors.subarray(0, set.dimensions)
    const alone = graph.search(query, { listSize: 10 })
    workers.isDeadly = ({ verb }) => verb === 'search' && workers.started.length === 1
    try {
      const lost = pool.search(graph.core, repeated(query, 100), { listSize: 10 })
      const next = pool.search(graph.core, query, { listSize: 10 })
      await expect(lost).rejects.toMatchObject({ name: 'StoreError', code: 'ERR_WORKER' })
      expect(await next).toEqual([alone])
      expect(await pool.search(graph.core, query, { listSize: 10 })).toEqual([alone])
      expect(workers.started).toHaveLength(2)
    } finally {
      await pool.close()
    }
  })
})

describe('workers that cannot be started', () => {
  const refuse: StartWorker = () => {
    throw new Error('not permitted')
  }
  const endAtOnce: StartWorker = (listener) => {
    setImmediate(() => listener.ended(new Error('out of memory')))
    return { post: () => {}, setHeld: () => {}, terminate: async () => {} }
  }
  const refuseMessages: StartWorker = (listener) => {
    setImmediate(() => listener.up())
    const post = (_: WorkerMessage) => {
      throw new Error('cannot be cloned')
    }
    return { post, setHeld: () => {}, terminate: async () => {} }
  }

  test.each<[string, StartWorker]>([
    ['refused', refuse],
    ['over at once', endAtOnce],
    ['unable to take messages', refuseMessages],
  ])('are done without: %s', async (_, start) => {
    let starts = 0
    const loadWorkers = async () => (listener: Parameters<StartWorker>[0]) => {
      starts++
      return start(listener)
    }
    const pool = new WorkerPool({ threads: 3, yieldToEventLoop, loadWorkers })
    try {
      const graph = await graphOf(set)
      for (const job of jobsOf(graph, set)) await pool.run(graph.core, job())
      expect(digestOf(graph)).toBe(expected)
      const queries = rowsOf(set).slice(0, 3)
      const found = await pool.search(graph.core, set.vectors.subarray(0, 3 * set.dimensions), { listSize: 10 })
      expect(found).toEqual(queries.map((query) => graph.search(query, { listSize: 10 })))
      expect(starts).toBeLessThanOrEqual(3)
    } finally {
      await pool.close()
    }
  })
})

function repeated(query: Float32Array, count: number): Float32Array {
  const queries = new Float32Array(query.length * count)
  for (let at = 0; at < queries.length; at += query.length) queries.set(query, at)
  return queries
}
