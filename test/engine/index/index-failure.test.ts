import { describe, expect, test, vi } from 'vitest'
import { expectSound, Gate, hostOf, IndexFixture, nearestOf, pairsOf, turn } from './index-fixture.ts'
import { ScriptedPhases } from './scripted-phases.ts'

vi.mock('../../../src/engine/index/scan-or-walk.ts', () => ({
  isScanQuicker: (_: unknown, { exact }: { exact?: boolean }) => exact === true,
}))

const ERROR = new Error('out of memory')
const rows = (from: number, to: number): number[][] =>
  Array.from({ length: to - from }, (_, at) => [from + at, (from + at) % 7])

/** A collection of 40, of which the first 20 are in a graph, and its phases. */
async function storeOf() {
  const store = new IndexFixture()
  store.addRows(rows(0, 40))
  const phases = new ScriptedPhases()
  const host = store.start(hostOf({ phases }))
  store.bulk(20)
  await store.index.settled()
  return { store, phases, host }
}

/** How a promise ends, for those that may end before anybody waits for them. */
function endOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => ['done', value],
    (error) => ['failed', error],
  )
}

/** That searches find all there is, and nothing else. */
async function expectAllFound(store: IndexFixture): Promise<void> {
  const { collection } = store
  for (const slot of collection.liveSlots()) {
    const vector = collection.copyVector(slot)
    expect(pairsOf(await store.search({ vector, k: 5 }))).toEqual(nearestOf(collection, vector, 5))
  }
  const all = await store.search({ vector: Float32Array.of(9, 9), k: 1000 })
  expect(all.slots.length).toBe(collection.liveCount)
}

describe('a task that fails', () => {
  test.each([0, 1, 2, 4, 6])(
    'at phase %d of an insertion leaves what it was to build to scans',
    async (afterPhases) => {
      const { store, phases, host } = await storeOf()
      const { collection, index } = store
      phases.failNext(ERROR, afterPhases)
      store.insert(30)
      store.delete(collection, 'e2', 'e25')
      store.consolidate()
      store.insert(35)
      await expect(index.settled()).rejects.toBe(ERROR)
      expect([index.failure, index.backlog, index.served.builtThrough]).toEqual([ERROR, 0, 20])
      expect(host.ends).toEqual([undefined, ERROR])
      // The consolidation and the second insertion were not run.
      expect(phases.log).toEqual(['run 0', 'end 0', 'run 0', 'end 0'])
      await expectAllFound(store)
      // What is ordered later is not run either, and everything that is written is found.
      store.addRows(rows(40, 45), 40)
      store.delete(collection, 'e4', 'e41')
      store.insert(45)
      await expect(index.settled()).rejects.toBe(ERROR)
      expect(phases.log.length).toBe(4)
      await expectAllFound(store)
      expect(index.indexedThroughLsn(store.state.lsn)).toBe(1)
    },
  )

  test('refuses visits behind it, not before it', async () => {
    const { store, phases } = await storeOf()
    const { index } = store
    const before = index.visit(async ({ builtThrough }) => builtThrough)
    phases.failNext(ERROR)
    store.insert(30)
    const behind = endOf(index.visit(async () => {}))
    const digest = endOf(store.indexDigest())
    expect(await before).toBe(20)
    expect(await behind).toEqual(['failed', ERROR])
    expect(await digest).toEqual(['failed', ERROR])
    await expect(index.visit(async () => {})).rejects.toBe(ERROR)
    await index.taskEnded()
  })

  test.each([
    ['bulk', 'bulk'],
    ['rebuild', 'rebuild'],
  ] as const)('is made up for by a new graph: %s', async (_, method) => {
    const { store, phases } = await storeOf()
    const { collection, index } = store
    phases.failNext(ERROR, 3)
    store.insert(30)
    await expect(index.settled()).rejects.toBe(ERROR)
    store.delete(collection, 'e7')
    store.insert(33)
    store[method](35)
    store.insert(40)
    await index.settled()
    expect([index.failure, index.served.builtThrough, store.built.graph.linkedCount]).toEqual([undefined, 40, 39])
    expectSound(collection)
    expect(await index.visit(async ({ builtThrough }) => builtThrough)).toBe(40)
    const twin = new IndexFixture()
    twin.addRows(rows(0, 40))
    twin.delete(twin.collection, 'e7')
    twin[method](35)
    twin.insert(40)
    twin.start()
    expect(await store.indexDigest()).toBe(await twin.indexDigest())
  })

  test.each([0, 1, 3])('at phase %d of a new graph leaves the old one', async (afterPhases) => {
    const { store, phases, host } = await storeOf()
    const { index } = store
    const { built } = store
    phases.failNext(ERROR, afterPhases)
    store.rebuild()
    await expect(index.settled()).rejects.toBe(ERROR)
    expect(index.served).toMatchObject({ built, builtThrough: 20 })
    expect(phases.log.slice(2)).toEqual(['run 1', 'end 1', 'forget 1'])
    expect(index.memory().filter(({ component }) => component === 'indexCodes')).toHaveLength(1)
    store.delete(store.collection, 'e3')
    await expectAllFound(store)
    phases.failNext(ERROR)
    store.rebuild()
    await expect(index.settled()).rejects.toBe(ERROR)
    store.rebuild()
    await index.settled()
    expect(host.ends).toEqual([undefined, ERROR, ERROR, undefined])
    expect(phases.log.slice(-3)).toEqual(['run 3', 'end 3', 'forget 0'])
    expectSound(store.collection)
  })

  test('of a consolidation leaves all that live to be found', async () => {
    const { store, phases } = await storeOf()
    const { collection, index } = store
    store.delete(collection, 'e1', 'e5', 'e11')
    phases.failNext(ERROR, 2)
    store.consolidate()
    await expect(index.settled()).rejects.toBe(ERROR)
    await expectAllFound(store)
  })

  test('is no matter any more when the graph is given up', async () => {
    const { store, phases } = await storeOf()
    const { index } = store
    phases.failNext(ERROR)
    store.insert(30)
    await expect(index.settled()).rejects.toBe(ERROR)
    store.forget()
    await index.settled()
    expect([index.failure, index.served.built, phases.log.at(-1)]).toEqual([undefined, undefined, 'forget 0'])
    await expectAllFound(store)
  })
})

describe('an index that is stopped', () => {
  const reason = new Error('closed')

  test('before it has a host refuses what waits, and everything later', async () => {
    const store = new IndexFixture()
    store.addRows(rows(0, 40))
    const { index } = store
    store.bulk(20)
    const settled = endOf(index.settled())
    const visit = endOf(index.visit(async () => {}))
    const ended = index.taskEnded()
    index.stop(reason)
    expect(await settled).toEqual(['failed', reason])
    expect(await visit).toEqual(['failed', reason])
    await ended
    store.insert(30)
    expect(index.backlog).toBe(0)
    await expect(index.visit(async () => {})).rejects.toBe(reason)
    await expect(index.settled()).rejects.toBe(reason)
    await expectAllFound(store)
  })

  test.each(['insert', 'consolidate', 'rebuild'] as const)(
    'ends the task that runs, and only then lets go of graphs: %s',
    async (task) => {
      const store = new IndexFixture()
      store.addRows(rows(0, 40))
      const { index } = store
      const gate = new Gate(Number.POSITIVE_INFINITY)
      store.bulk(20)
      const slow = new Gate()
      const phases = new ScriptedPhases(() => (index.served.built === undefined ? gate : slow).pass())
      const host = store.start(hostOf({ phases }))
      await index.settled()
      store.delete(store.collection, 'e1', 'e2')
      store[task]()
      store.insert(40)
      await slow.allow(2)
      const running = task === 'rebuild' ? 1 : 0
      expect(phases.log).toEqual(['run 0', 'end 0', `run ${running}`])
      const settled = endOf(index.settled())
      index.stop(reason)
      expect(await settled).toEqual(['failed', reason])
      expect(phases.log.filter((line) => line.startsWith('forget'))).toEqual([])
      await slow.allow(1)
      expect(phases.log.slice(3)).toEqual(running === 0 ? ['end 0', 'forget 0'] : ['end 1', 'forget 1', 'forget 0'])
      expect([index.backlog, index.served.built, index.failure]).toEqual([0, undefined, undefined])
      expect(host.ends).toEqual([undefined])
      expect(slow.passed).toBe(3)
    },
  )

  test('when a new graph has just been built lets go of both', async () => {
    const { store, phases } = await storeOf()
    phases.afterRun = () => store.index.stop(reason)
    store.rebuild()
    await turn()
    expect(phases.log.slice(2).sort()).toEqual(['end 1', 'forget 0', 'forget 1', 'run 1'])
    expect(store.index.served.built).toBeUndefined()
  })

  test('lets a visit end that is under way', async () => {
    const { store, phases } = await storeOf()
    const { index } = store
    let leave = () => {}
    const visit = index.visit(async ({ built }) => {
      await new Promise<void>((resolve) => {
        leave = resolve
      })
      return built?.graph.linkedCount
    })
    store.insert(30)
    const behind = endOf(index.visit(async () => {}))
    await turn()
    index.stop(reason)
    expect(await behind).toEqual(['failed', reason])
    leave()
    expect(await visit).toBe(20)
    await turn()
    expect(phases.log.slice(2)).toEqual(['forget 0'])
  })

  test('by its host says nothing of the task that it broke off', async () => {
    const store = new IndexFixture()
    store.addRows(rows(0, 40))
    store.bulk()
    const gate = new Gate()
    const phases = new ScriptedPhases(gate.pass)
    const host = store.start(hostOf({ phases }))
    await gate.allow(1)
    host.controller.abort('closing')
    await gate.allow(1)
    await store.index.settled()
    expect([host.ends, store.index.failure, phases.log]).toEqual([[], undefined, ['run 0', 'end 0', 'forget 0']])
  })

  test('with its collection, while a task runs and while it is searched', async () => {
    for (let pauses = 0; pauses < 12; pauses++) {
      const { store } = await storeOf()
      const { collection, index } = store
      const building = new Gate()
      store.start(hostOf({ yieldToEventLoop: building.pass }))
      store.insert(30)
      await building.allow(pauses % 4)
      const searching = new Gate(pauses)
      const tools = { yieldToEventLoop: searching.pass, sliceBytes: 8 }
      const search = store.search({ vector: Float32Array.of(3, 3), k: 5 }, tools)
      const visit = endOf(index.visit(async () => {}))
      await turn()
      store.drop(collection)
      await searching.allow(Number.POSITIVE_INFINITY)
      await building.allow(Number.POSITIVE_INFINITY)
      expect(await visit).toMatchObject(['failed', { code: 'ERR_COLLECTION_NOT_FOUND' }])
      await expect(index.settled()).rejects.toMatchObject({ code: 'ERR_COLLECTION_NOT_FOUND' })
      const { slots, scores } = await search
      // The buffer is 20 slots of 8 bytes, so that the search had ended before where it had so many pauses.
      expect([slots.length, scores.length]).toEqual(searching.passed > pauses ? [0, 0] : [5, 5])
      expect([index.backlog, index.served.built]).toEqual([0, undefined])
      expect((await store.search({ vector: Float32Array.of(3, 3) })).slots.length).toBe(0)
    }
  })
})
