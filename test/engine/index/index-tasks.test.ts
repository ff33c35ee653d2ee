import { describe, expect, test, vi } from 'vitest'
import type { ServedGraph } from '../../../src/engine/index/index-task-runner.ts'
import { expectSound, Gate, hostOf, IndexFixture, nearestOf, pairsOf, turn } from './index-fixture.ts'
import { ScriptedPhases } from './scripted-phases.ts'

vi.mock('../../../src/engine/index/scan-or-walk.ts', () => ({
  isScanQuicker: (_: unknown, { exact }: { exact?: boolean }) => exact === true,
}))

const FOREVER = Number.POSITIVE_INFINITY
const row = (number: number): number[] => [number, number % 7]
const rows = (from: number, to: number): number[][] => Array.from({ length: to - from }, (_, at) => row(from + at))

/** A collection of 30, of which nothing has a task yet. */
function storeOf(): IndexFixture {
  const store = new IndexFixture()
  store.addRows(rows(0, 30))
  return store
}

describe('tasks of an index', () => {
  test('wait for a host, then run one by one in the order of the log', async () => {
    const store = storeOf()
    const { index, collection } = store
    store.bulk(10)
    store.insert(20)
    store.delete(collection, 'e3')
    store.consolidate()
    store.insert(30)
    await turn()
    expect([index.backlog, index.flushedThrough, index.served.built]).toEqual([4, 30, undefined])
    const phases = new ScriptedPhases()
    const backlogs: number[] = []
    const host = store.start(hostOf({ phases, onTaskEnd: () => backlogs.push(index.backlog) }))
    expect(index.backlog).toBe(4)
    await index.settled()
    expect(phases.log).toEqual(['run 0', 'end 0', 'run 0', 'end 0', 'run 0', 'end 0', 'run 0', 'end 0'])
    expect(host.ends).toEqual([undefined, undefined, undefined, undefined])
    // Whoever hears of the end of the last one finds that there is none left.
    expect(backlogs).toEqual([3, 2, 1, 0])
    expectSound(collection)
    expect(store.built.graph.linkedCount).toBe(29)
  })

  test('that are ordered when one has ended run after it', async () => {
    const store = storeOf()
    const phases = new ScriptedPhases()
    const onTaskEnd = () => {
      if (store.index.flushedThrough < 30) store.insert(store.index.flushedThrough + 10)
    }
    store.start(hostOf({ phases, onTaskEnd }))
    store.bulk(10)
    await store.index.settled()
    expect(phases.log).toEqual(['run 0', 'end 0', 'run 0', 'end 0', 'run 0', 'end 0'])
    expect(store.index.served.builtThrough).toBe(30)
  })

  test('tell when one has ended, and when all have', async () => {
    const store = storeOf()
    const { index } = store
    const gate = new Gate()
    store.start(hostOf({ yieldToEventLoop: gate.pass }))
    await Promise.all([index.taskEnded(), index.settled()])
    store.bulk(10)
    store.insert(20)
    const ends: string[] = []
    void index.settled().then(() => ends.push(`all at ${index.served.builtThrough}`))
    void index
      .taskEnded()
      .then(() => ends.push(`one at ${index.served.builtThrough}`))
      .then(() => index.taskEnded())
      .then(() => ends.push(`two at ${index.served.builtThrough}`))
    await turn()
    expect(ends).toEqual([])
    while (index.served.builtThrough < 10) await gate.allow(1)
    expect(ends).toEqual(['one at 10'])
    await gate.allow(FOREVER)
    expect(ends.sort()).toEqual(['all at 20', 'one at 10', 'two at 20'])
  })

  test('that a new graph makes needless are not run, but one that runs is run to its end', async () => {
    const store = storeOf()
    const phases = new ScriptedPhases()
    store.bulk(10)
    store.insert(20)
    store.consolidate()
    store.rebuild(25)
    store.insert(27)
    store.start(hostOf({ phases }))
    await store.index.settled()
    expect(phases.log).toEqual(['run 0', 'end 0', 'run 0', 'end 0'])
    expect(store.index.served.builtThrough).toBe(27)
    store.insert(30)
    store.rebuild(30)
    await store.index.settled()
    expect(phases.log.slice(4)).toEqual(['run 0', 'end 0', 'run 1', 'end 1', 'forget 0'])
    expectSound(store.collection)
  })

  test('know of every death, whenever it comes', async () => {
    const store = storeOf()
    const { collection, index } = store
    const victims = Array.from({ length: 20 }, (_, number) => `e${number}`)
    const kill = () => {
      const victim = victims.pop()
      if (victim !== undefined) store.delete(collection, victim)
    }
    const phases = new ScriptedPhases(async () => kill())
    // One at each step between the end of the job and the moment at which its graph is served.
    phases.afterRun = () => {
      let steps = Promise.resolve()
      for (let step = 0; step < 12; step++) steps = steps.then(kill)
    }
    store.start(hostOf({ phases }))
    store.bulk()
    await index.settled()
    await turn()
    expect(victims.length).toBeLessThan(5)
    expectSound(collection)
    store.consolidate()
    await index.settled()
    expectSound(collection)
    expect(store.built.live.deadCount).toBe(20 - victims.length - store.built.freedCount)
  })

  test('say what memory they take while a graph is built beside another, and afterwards', async () => {
    const store = storeOf()
    const gate = new Gate(FOREVER)
    const codes = () => store.index.memory().filter(({ component }) => component === 'indexCodes').length
    expect(store.index.memory()).toEqual([{ component: 'indexSlots', bytes: 16 }])
    store.start(hostOf({ yieldToEventLoop: gate.pass }))
    store.bulk()
    await store.index.settled()
    expect(codes()).toBe(1)
    const slow = new Gate()
    store.start(hostOf({ yieldToEventLoop: slow.pass }))
    store.rebuild()
    await turn()
    expect(codes()).toBe(2)
    await slow.allow(FOREVER)
    await store.index.settled()
    expect(codes()).toBe(1)
    for (const { bytes } of store.index.memory()) expect(bytes).toBeGreaterThanOrEqual(0)
  })

  test('move the LSN through which entries are indexed', async () => {
    const store = new IndexFixture()
    const { collection, index } = store
    const lsn = () => index.indexedThroughLsn(store.state.lsn)
    // Nothing was added, so that everything is indexed.
    expect([store.state.lsn, lsn()]).toEqual([1, 1])
    store.addRows(rows(0, 10))
    store.addRows(rows(10, 20), 10)
    expect([store.state.lsn, lsn()]).toEqual([3, 1])
    store.bulk(15)
    expect(lsn()).toBe(1)
    store.start()
    await index.settled()
    // The second record is in the graph by half.
    expect([store.state.lsn, lsn()]).toEqual([4, 2])
    store.insert(20)
    await index.settled()
    expect([store.state.lsn, lsn()]).toEqual([5, 5])
    store.delete(collection, 'e4')
    expect(lsn()).toBe(6)
    store.addRows(rows(20, 21), 20)
    expect([store.state.lsn, lsn()]).toEqual([7, 6])
    store.rebuild()
    await index.settled()
    expect([store.state.lsn, lsn()]).toEqual([8, 8])
  })
})

describe('a visit', () => {
  test('waits for the tasks before it, and holds back those after it', async () => {
    const store = storeOf()
    const { index } = store
    const phases = new ScriptedPhases()
    store.start(hostOf({ phases }))
    store.bulk(10)
    const log: string[] = []
    let leave = () => {}
    const look = (name: string) => async (served: ServedGraph) => {
      log.push(`${name} sees ${served.builtThrough}`)
      if (name === 'first')
        await new Promise<void>((resolve) => {
          leave = resolve
        })
      log.push(`${name} leaves at ${index.served.builtThrough}`)
      return name
    }
    const visits = [index.visit(look('first')), index.visit(look('second'))]
    store.insert(20)
    visits.push(index.visit(look('third')))
    await turn()
    expect([log, phases.log, index.backlog]).toEqual([['first sees 10'], ['run 0', 'end 0'], 4])
    leave()
    expect(await Promise.all(visits)).toEqual(['first', 'second', 'third'])
    expect(log).toEqual([
      'first sees 10',
      'first leaves at 10',
      'second sees 10',
      'second leaves at 10',
      'third sees 20',
      'third leaves at 20',
    ])
  })

  test('sees no graph where there is none', async () => {
    const store = storeOf()
    store.start()
    expect(await store.index.visit(async ({ built, builtThrough }) => [built, builtThrough])).toEqual([undefined, 0])
  })

  test('that fails is its own affair', async () => {
    const store = storeOf()
    store.start()
    store.bulk(10)
    const failing = store.index.visit(() => Promise.reject(new Error('no')))
    store.insert(20)
    await expect(failing).rejects.toThrow('no')
    await store.index.settled()
    expect([store.index.served.builtThrough, store.index.failure]).toEqual([20, undefined])
  })

  test('does not keep searches from what is there', async () => {
    const store = storeOf()
    store.start()
    store.bulk(10)
    let leave = () => {}
    const visit = store.index.visit(
      () =>
        new Promise<void>((resolve) => {
          leave = resolve
        }),
    )
    store.insert(20)
    await turn()
    const vector = Float32Array.from(row(15))
    expect(pairsOf(await store.search({ vector, k: 3 }))).toEqual(nearestOf(store.collection, vector, 3))
    leave()
    await visit
    await store.index.settled()
  })
})
