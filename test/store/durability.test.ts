import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { StoreError } from '../../src/base/errors.ts'
import { yieldToEventLoop } from '../../src/store/event-loop.ts'
import type { OpenOptions } from '../../src/store/options.ts'
import { nothing } from '../support/crashable-files.ts'
import { endingOf, StoreFixture, someEntries } from './support/store-fixture.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})

afterEach(() => {
  vi.useRealTimers()
})

function openAsync(options: OpenOptions = {}) {
  return StoreFixture.withCollection(undefined, { durability: 'async', ...options })
}

/** Lets time pass, and all that it sets off come to its end. */
async function pass(milliseconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds)
  await yieldToEventLoop()
}

/** How many entries are there after the power is lost and nothing that was not synced has survived. */
async function countAfterPowerLoss({ files }: StoreFixture): Promise<number> {
  const { store } = await StoreFixture.open({}, files.crashImage(nothing))
  const found = store.collections().find(({ name }) => name === 'vectors')
  await store.close()
  return found?.count ?? 0
}

describe("durability: 'sync'", () => {
  test('resolves when the write is on disk', async () => {
    const { fixture, store, vectors } = await StoreFixture.withCollection()
    await vectors.add(someEntries(3))
    expect(await countAfterPowerLoss(fixture)).toBe(3)
    expect(store.stats()).toMatchObject({ lsn: 2, durableLsn: 2 })
    await store.close()
  })

  test('does not resolve before', async () => {
    const { fixture, store, vectors } = await StoreFixture.withCollection()
    const syncs = fixture.syncs.length
    await vectors.add(someEntries(1)).then(() => expect(fixture.syncs.length).toBeGreaterThan(syncs))
    await store.close()
  })

  test('syncs the durable mark a second later', async () => {
    const { fixture, store, vectors } = await StoreFixture.withCollection()
    await vectors.add(someEntries(1))
    expect(fixture.syncs).not.toContain('sync wal/durable')
    await pass(1000)
    expect(fixture.syncs).toContain('sync wal/durable')
    await store.close()
  })
})

describe("durability: 'async'", () => {
  test('resolves before the write is on disk; it can be read at once', async () => {
    const { fixture, store, vectors } = await openAsync()
    await store.sync()
    const syncs = fixture.syncs.length
    expect(await vectors.add(someEntries(3))).toEqual({ lsn: 2, added: 3, replaced: 0 })
    expect(fixture.syncs.length).toBe(syncs)
    expect([vectors.count(), store.stats().lsn, store.stats().durableLsn]).toEqual([3, 2, 1])
    expect(await countAfterPowerLoss(fixture)).toBe(0)
    await store.close()
  })

  test('is on disk after sync', async () => {
    const { fixture, store, vectors } = await openAsync()
    await vectors.add(someEntries(3))
    await store.sync()
    expect(store.stats().durableLsn).toBe(2)
    expect(await countAfterPowerLoss(fixture)).toBe(3)
    await store.close()
  })

  test('is on disk after close', async () => {
    const { fixture, store, vectors } = await openAsync()
    vectors.add(someEntries(3))
    await store.close()
    expect(await countAfterPowerLoss(fixture)).toBe(3)
  })

  test('is on disk about a second later by itself, and then nothing is left to do', async () => {
    const { fixture, store, vectors } = await openAsync()
    await vectors.add(someEntries(3))
    await pass(999)
    expect(await countAfterPowerLoss(fixture)).toBe(0)
    await pass(2)
    expect(await countAfterPowerLoss(fixture)).toBe(3)
    expect(store.stats().durableLsn).toBe(2)
    const operations = fixture.files.operations.length
    await pass(10_000)
    expect(fixture.files.operations.length).toBe(operations)
    expect(vi.getTimerCount()).toBe(0)
    await store.close()
  })

  test('is synced every second while writing goes on, not after every write', async () => {
    const { fixture, store, vectors } = await openAsync()
    const isSync = (operation: string) => /^sync wal\/0.*wal/.test(operation)
    const before = fixture.files.operations.filter(isSync).length
    for (const entry of someEntries(50)) {
      await vectors.add([entry])
      await pass(100)
    }
    expect(fixture.files.operations.filter(isSync).length - before).toBeLessThanOrEqual(6)
    expect(await countAfterPowerLoss(fixture)).toBeGreaterThanOrEqual(35)
    await store.close()
  })

  test('is on disk a second later, also what was on its way when the timer of an earlier write went off', async () => {
    const { fixture, store, vectors } = await openAsync()
    await vectors.add([{ id: 'early', vector: [1, 2] }])
    await store.sync()
    await pass(999)
    const adding = vectors.add([{ id: 'late', vector: [1, 2] }])
    // The write has left the queue and has not come back.
    for (let turn = 0; turn < 3; turn += 1) await Promise.resolve()
    vi.advanceTimersByTime(1)
    await adding
    await pass(1001)
    expect(await countAfterPowerLoss(fixture)).toBe(2)
    await store.close()
  })

  test('leaves no timer behind when it is closed', async () => {
    const { store, vectors } = await openAsync()
    await vectors.add(someEntries(3))
    await store.close()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('says through onProblem that a sync in the background failed, once', async () => {
    const problems: StoreError[] = []
    const { fixture, store, vectors } = await openAsync({ onProblem: (problem) => problems.push(problem) })
    await vectors.add(someEntries(3))
    fixture.files.failWhen((operation) => operation.startsWith('sync '), { sync: 'drop' })
    await pass(5000)
    expect(problems.map(({ code }) => code)).toEqual(['ERR_INDETERMINATE'])
    expect(store.stats().poisoned).toMatch(/indeterminate/)
    expect(await endingOf(() => vectors.add(someEntries(1)))).toBe('ERR_POISONED')
    expect(await endingOf(() => store.close())).toBe('ERR_INDETERMINATE')
  })

  test('verifies sound while writes that are not on disk yet come in', async () => {
    const { store, vectors } = await openAsync()
    await vectors.add(someEntries(9000))
    let isVerifying = true
    const writing = (async () => {
      for (let index = 0; isVerifying; index += 1) {
        await vectors.delete([`e${index}`])
        await yieldToEventLoop()
      }
    })()
    for (let round = 0; round < 5; round += 1) expect((await store.verify()).problems).toEqual([])
    isVerifying = false
    await writing
    await store.close()
  })
})
