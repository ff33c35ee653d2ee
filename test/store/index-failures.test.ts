import './support/forced-walks.ts'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { StoreError } from '../../src/base/errors.ts'
import type { OpenOptions } from '../../src/store/options.ts'
import { rowsOf } from '../engine/graph/graph-fixture.ts'
import { errorOf } from '../support/log-fixture.ts'
import { entriesOf, gloveSet } from './support/index-fixture.ts'
import { ordersIn } from './support/log-events.ts'
import { endingOf, StoreFixture, until } from './support/store-fixture.ts'

const failures: { bulk?: Error; insert?: Error } = {}

vi.mock('../../src/engine/index/index-work.ts', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../src/engine/index/index-work.ts')>()
  function* failingAtTheEnd(work: Generator, kind: 'bulk' | 'insert') {
    const result = yield* work
    if (failures[kind] !== undefined) throw failures[kind]
    return result
  }
  return {
    ...original,
    bulkWork: (...input: Parameters<typeof original.bulkWork>) => failingAtTheEnd(original.bulkWork(...input), 'bulk'),
    insertWork: (...input: Parameters<typeof original.insertWork>) =>
      failingAtTheEnd(original.insertWork(...input), 'insert'),
  }
})

beforeEach(() => {
  delete failures.bulk
  delete failures.insert
})

const SET = gloveSet(1500)
const ROWS = rowsOf(SET)

async function watchedStore(options: OpenOptions = {}) {
  const problems: StoreError[] = []
  const onProblem = (problem: StoreError) => void problems.push(problem)
  const opened = await StoreFixture.withCollection(
    { dimensions: 100 },
    { threads: 0, bufferEntries: 500, onProblem, ...options },
  )
  return { ...opened, problems }
}

describe.each([0, 1])('work on the index that fails, with %d threads,', (threads) => {
  test('is told once, leaves every search right, and is made good by a new index', async () => {
    const { store, vectors, problems } = await watchedStore({ threads, maxUnindexedEntries: 600 })
    failures.bulk = new RangeError('no memory')
    await vectors.add(entriesOf(SET, 0, 550))
    const error = await errorOf(vectors.settled())
    expect([error.code, error.cause]).toEqual(['ERR_WORKER', failures.bulk])
    expect(problems.map(({ code, message, cause, details }) => ({ code, message, cause, details }))).toEqual([
      {
        code: 'ERR_WORKER',
        message: "the index of 'vectors' could not be kept up: no memory",
        cause: failures.bulk,
        details: { collection: 'vectors' },
      },
    ])
    expect(vectors.stats().index).toMatchObject({ indexed: 0, waiting: 550, backlog: 0, problem: 'no memory' })
    // Nothing will be built, so nobody waits for it.
    await vectors.add(entriesOf(SET, 550))
    for (const row of [0, 549, 550, 1499]) {
      expect((await vectors.search(ROWS[row]!, { k: 1 })).hits[0]?.id).toBe(`e${row}`)
    }
    expect(await endingOf(() => store.digest())).toBe('ERR_WORKER')
    expect(await store.digest({ index: false })).toEqual({ lsn: store.stats().lsn, data: expect.any(String) })
    expect(await endingOf(() => vectors.optimize())).toBe('ERR_WORKER')
    delete failures.bulk
    await vectors.optimize()
    expect(vectors.stats().index).toMatchObject({ indexed: 1500, waiting: 0, unreachable: 0 })
    expect(vectors.stats().index).not.toHaveProperty('problem')
    expect(problems).toHaveLength(2)
    await vectors.settled()
    await store.close()
  })

  test('keeps the graph that was there, and builds no further on it', async () => {
    const { fixture, store, vectors, problems } = await watchedStore({ threads })
    await vectors.add(entriesOf(SET, 0, 600))
    await vectors.settled()
    failures.insert = new Error('broken')
    await vectors.add(entriesOf(SET, 600, 1150))
    await expect(vectors.settled()).rejects.toMatchObject({ code: 'ERR_WORKER', cause: failures.insert })
    delete failures.insert
    await vectors.add(entriesOf(SET, 1150))
    await expect(vectors.settled()).rejects.toThrow('broken')
    expect(problems).toHaveLength(1)
    expect(vectors.stats().index).toMatchObject({ indexed: 600, waiting: 900, problem: 'broken' })
    for (const row of [0, 599, 600, 1149, 1150, 1499]) {
      expect((await vectors.search(ROWS[row]!, { k: 1 })).hits[0]?.id).toBe(`e${row}`)
    }
    expect(await ordersIn(fixture.files)).toEqual(['flush bulk', 'flush insert'])
    await vectors.optimize()
    const digest = await store.digest()
    const reopened = await fixture.reopen({ threads: 0 })
    expect(await reopened.store.digest()).toEqual(digest)
    await reopened.store.close()
  })
})

describe('an order that cannot be logged', () => {
  async function poisonedStore() {
    const opened = await watchedStore()
    const { fixture, store, vectors } = opened
    await vectors.add(entriesOf(SET, 0, 600))
    fixture.files.failWhen((operation) => operation.startsWith('sync '), { sync: 'drop' })
    await until(() => store.stats().poisoned !== undefined)
    return opened
  }

  test('is told once, and to who waits for it', async () => {
    const { store, vectors, problems } = await poisonedStore()
    await until(() => problems.length > 0)
    expect(problems.map(({ details }) => details)).toEqual([{ collection: 'vectors' }])
    for (const verb of ['settled', 'optimize', 'flush'] as const) {
      expect(await endingOf(() => vectors[verb]())).toBe('ERR_POISONED')
    }
    expect((await vectors.search(ROWS[3]!, { k: 1 })).hits[0]?.id).toBe('e3')
    await store.close()
  })

  test('does not make adds wait for ever', async () => {
    const opened = await watchedStore({ maxUnindexedEntries: 500 })
    const { fixture, store, vectors } = opened
    await vectors.add(entriesOf(SET, 0, 600))
    fixture.files.failWhen((operation) => operation.startsWith('sync '), { sync: 'drop' })
    expect(await endingOf(() => vectors.add(entriesOf(SET, 600)))).toMatch(/ERR_INDETERMINATE|ERR_POISONED/)
    await store.close()
  })

  test('is ordered again by who opens the store next', async () => {
    const { fixture } = await poisonedStore()
    const next = await StoreFixture.open({ threads: 0, bufferEntries: 500 }, fixture.files.restartImage())
    const vectors = await next.store.collection('vectors')
    await vectors.settled()
    expect(vectors.stats().index).toMatchObject({ indexed: 600, waiting: 0 })
    await next.store.close()
  })
})
