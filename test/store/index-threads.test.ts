import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { IndexThreads } from '../../src/store/index-threads.ts'
import { QuietTurns } from '../../src/store/quiet-turns.ts'
import { entriesOf, gloveSet, ON_DEMAND } from './support/index-fixture.ts'
import { StoreFixture } from './support/store-fixture.ts'

const pools: { released: number; isClosed: boolean }[] = []

vi.mock('../../src/engine/workers/worker-pool.ts', async () => {
  const { MainThreadHost } = await import('../../src/engine/workers/main-thread-host.ts')
  /** A pool that works on the calling thread. */
  class WatchedPool extends MainThreadHost {
    released = 0
    isClosed = false

    constructor(options: { yieldToEventLoop: () => Promise<void> }) {
      super(options)
      pools.push(this)
    }

    hold() {
      return () => {}
    }

    async releaseIdle() {
      this.released += 1
    }

    async close() {
      this.isClosed = true
    }
  }
  return { WorkerPool: WatchedPool }
})

describe('workers that have nothing to do', () => {
  beforeEach(() => {
    pools.length = 0
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  })

  afterEach(() => void vi.useRealTimers())

  test('end five seconds after the last piece of work', async () => {
    const threads = new IndexThreads(2)
    vi.advanceTimersByTime(60_000)
    expect(pools[0]?.released).toBe(0)
    threads.noteEnd()
    vi.advanceTimersByTime(4999)
    threads.noteEnd()
    vi.advanceTimersByTime(4999)
    expect(pools[0]?.released).toBe(0)
    vi.advanceTimersByTime(1)
    expect(pools[0]?.released).toBe(1)
    vi.advanceTimersByTime(60_000)
    expect(pools[0]?.released).toBe(1)
    await threads.close()
  })

  test('end with the store at once, and not again', async () => {
    const threads = new IndexThreads(1)
    threads.noteEnd()
    await threads.close()
    threads.noteEnd()
    vi.advanceTimersByTime(60_000)
    expect(pools).toMatchObject([{ released: 0, isClosed: true }])
  })

  test.each(['optimize', 'searchMany'] as const)('end after %s', async (verb) => {
    const { store, vectors } = await StoreFixture.withCollection({ dimensions: 100 }, { ...ON_DEMAND, threads: 1 })
    await vectors.addAll(entriesOf(gloveSet(300)))
    await vectors.optimize()
    vi.advanceTimersByTime(5000)
    const [pool] = pools
    expect(pool?.released).toBe(1)
    if (verb === 'optimize') await vectors.optimize()
    else await vectors.searchMany([{ id: 'e1' }])
    expect(pool?.released).toBe(1)
    vi.advanceTimersByTime(5000)
    expect(pool?.released).toBe(2)
    await store.close()
  })
})

describe('quiet turns', () => {
  test('come in the order in which they were asked for, after what else waits', async () => {
    const turns = new QuietTurns()
    turns.hold()
    const seen: string[] = []
    setImmediate(() => seen.push('immediate'))
    await Promise.all([turns.turn().then(() => seen.push('first')), turns.turn().then(() => seen.push('second'))])
    expect(seen).toEqual(['immediate', 'first', 'second'])
    turns.close()
  })

  test('are one turn of the event loop each, however quickly one is asked for after the other', async () => {
    const turns = new QuietTurns()
    turns.hold()
    let loops = 0
    const count = () => {
      loops += 1
      immediate = setImmediate(count)
    }
    let immediate = setImmediate(count)
    for (let turn = 0; turn < 100; turn++) await turns.turn()
    clearImmediate(immediate)
    expect(loops).toBeGreaterThanOrEqual(100)
    turns.close()
  })

  test('are over when they are closed, those under way as well as later ones', async () => {
    const turns = new QuietTurns()
    const underWay = turns.turn()
    turns.close()
    await underWay
    await turns.turn()
  })
})
