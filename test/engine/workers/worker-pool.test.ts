import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Job, PAUSE } from '../../../src/engine/graph/job.ts'
import type { VamanaGraph } from '../../../src/engine/graph/vamana-graph.ts'
import { WorkerPool } from '../../../src/engine/workers/worker-pool.ts'
import { gloveSet } from '../../suites/phase-host-suite.ts'
import { allNodes, builtGraph, graphOf, rowsOf, type VectorSet } from '../graph/graph-fixture.ts'
import { WatchedWorkers, yieldToEventLoop } from './watched-workers.ts'

let set: VectorSet
let built: VamanaGraph
let workers: WatchedWorkers
let pool: WorkerPool

beforeAll(async () => {
  set = gloveSet(1000)
  built = await builtGraph(set, 'bulk')
})
beforeEach(() => {
  workers = new WatchedWorkers()
  pool = new WorkerPool({ threads: 2, yieldToEventLoop, loadWorkers: workers.load })
})
afterEach(() => pool.close())

const build = async () => {
  const graph = await graphOf(set)
  await pool.run(graph.core, graph.bulk(allNodes(graph)))
  return graph
}
const search = (listSize = 10) => pool.search(built.core, set.vectors, { listSize })

describe('options', () => {
  test.each([0, 8, 1.5, Number.NaN])('%d threads are refused', (threads) => {
    expect(() => new WorkerPool({ threads, yieldToEventLoop })).toThrow(RangeError)
  })

  test('seven threads work', async () => {
    const seven = new WorkerPool({ threads: 7, yieldToEventLoop, loadWorkers: workers.load })
    try {
      const [first] = await seven.search(built.core, set.vectors, { listSize: 10 })
      expect(first!.nodes[0]).toBe(0)
      expect(workers.started.length).toBe(7)
      const graph = await graphOf(set)
      await seven.run(graph.core, graph.bulk(allNodes(graph)))
      expect(graph.exportEdges()).toEqual(built.exportEdges())
    } finally {
      await seven.close()
    }
  })
})

describe('workers', () => {
  test('are started when there is something to do, and kept', async () => {
    const graph = await graphOf(set)
    await pool.run(
      graph.core,
      (function* (): Job {
        yield PAUSE
      })(),
    )
    expect(workers.started).toHaveLength(0)
    await pool.run(graph.core, graph.bulk(allNodes(graph)))
    await search()
    await build()
    expect(workers.started).toHaveLength(2)
  })

  test('learn of a graph once', async () => {
    await search()
    await search()
    const opened = workers.messages.filter(({ verb }) => verb === 'open')
    expect(opened).toHaveLength(workers.started.length)
  })

  test('do all that can be divided, and the smallest phases nobody but the main thread', async () => {
    const graph = await graphOf(set)
    const ran: number[] = []
    const runTask = graph.core.runTask.bind(graph.core)
    graph.core.runTask = (phase, thread, from, to) => {
      ran.push((to - from) / phase.sliceItems)
      runTask(phase, thread, from, to)
    }
    await pool.run(graph.core, graph.insert(allNodes(graph)))
    expect(ran.length).toBeGreaterThan(0)
    expect(Math.max(...ran)).toBeLessThan(0.05)
  })

  test('end when nothing is under way, and are started again', async () => {
    await search()
    await pool.releaseIdle()
    expect(workers.living).toHaveLength(0)
    const before = workers.started.length
    await search()
    expect(workers.started.length).toBeGreaterThan(before)
  })

  test('do not end while something is under way', async () => {
    const running = build()
    await pool.releaseIdle()
    await yieldToEventLoop()
    const searching = search()
    await pool.releaseIdle()
    expect((await running).exportEdges()).toEqual(built.exportEdges())
    await searching
    expect(workers.living).toHaveLength(workers.started.length)
  })

  test('end with a graph that is forgotten, if they know it', async () => {
    await search()
    const { started } = workers
    pool.forget((await graphOf(set)).core)
    expect(started.every(({ hasEnded }) => !hasEnded)).toBe(true)
    pool.forget(built.core)
    await pool.releaseIdle()
    expect(started.every(({ hasEnded }) => hasEnded)).toBe(true)
    expect((await search())[0]!.nodes[0]).toBe(0)
  })

  test('end with a forgotten graph only after what they are doing for another', async () => {
    await search()
    const before = workers.started.length
    workers.onPost = ({ verb }) => {
      if (verb === 'run') pool.forget(built.core)
    }
    expect((await build()).exportEdges()).toEqual(built.exportEdges())
    expect(workers.started.slice(0, before).some(({ hasEnded }) => hasEnded)).toBe(true)
    expect(workers.started.length).toBeGreaterThan(before)
  })
})

describe('keeping the process alive', () => {
  test('is left to those who hold', async () => {
    await search()
    const held = () => workers.started.map(({ isHeld }) => isHeld)
    expect(held()).not.toContain(true)
    const [first, second] = [pool.hold(), pool.hold()]
    expect(held()).not.toContain(false)
    first()
    first()
    expect(held()).not.toContain(false)
    second()
    expect(held()).not.toContain(true)
  })

  test('a search holds until it ends, a job does not', async () => {
    const held: boolean[] = []
    workers.onPost = (_, { isHeld }) => held.push(isHeld)
    await search()
    expect(held).not.toContain(false)
    held.length = 0
    await build()
    expect(held).not.toContain(true)
    const release = pool.hold()
    held.length = 0
    await build()
    expect(held).not.toContain(false)
    release()
  })
})

describe('closing', () => {
  const closed = { code: 'ERR_STORE_CLOSED' }

  test('ends what is under way, workers included', async () => {
    const log: string[] = []
    const graph = await graphOf(set)
    const job = (function* (): Job {
      try {
        yield* graph.bulk(allNodes(graph))
      } finally {
        log.push('finally')
      }
    })()
    const running = expect(pool.run(graph.core, job)).rejects.toMatchObject(closed)
    const searching = expect(search(200)).rejects.toMatchObject(closed)
    while (workers.messages.length < 3) await yieldToEventLoop()
    await pool.close()
    expect(log).toEqual(['finally'])
    expect(workers.living).toHaveLength(0)
    await Promise.all([running, searching])
  })

  test('ends what is under way where there are no workers', async () => {
    const alone = new WorkerPool({ threads: 2, yieldToEventLoop, loadWorkers: async () => undefined })
    const graph = await graphOf(set)
    const running = expect(alone.run(graph.core, graph.bulk(allNodes(graph)))).rejects.toMatchObject(closed)
    const searching = expect(alone.search(built.core, set.vectors, { listSize: 10 })).rejects.toMatchObject(closed)
    await yieldToEventLoop()
    await alone.close()
    await Promise.all([running, searching])
  })

  test('refuses whatever comes later', async () => {
    await pool.close()
    await pool.close()
    const graph = await graphOf(set)
    await expect(pool.run(graph.core, graph.bulk(allNodes(graph)))).rejects.toMatchObject(closed)
    await expect(search()).rejects.toMatchObject(closed)
    pool.forget(graph.core)
    await pool.releaseIdle()
    expect(workers.started).toHaveLength(0)
  })
})

test('a search has its turn while a job runs, and the job has its own while searches go on', async () => {
  const graph = await graphOf(gloveSet(4000))
  const order: string[] = []
  workers.onPost = ({ verb }) => order.push(verb)
  let isOver = false
  const running = pool.run(graph.core, graph.bulk(allNodes(graph))).finally(() => {
    isOver = true
  })
  let searches = 0
  while (!isOver) {
    await Promise.all([search(), search()])
    searches++
  }
  await running
  expect(searches).toBeGreaterThan(2)
  const alternations = order.filter((verb, index) => verb === 'run' && order[index - 1] === 'search').length
  expect(alternations).toBeGreaterThan(2)
})

test('hits are those of single searches', async () => {
  const found = await search()
  expect(found).toEqual(rowsOf(set).map((query) => built.search(query, { listSize: 10 })))
})
