import { describe, expect, test } from 'vitest'
import type { EntryInput } from '../../src/store/inputs.ts'
import type { Progress } from '../../src/store/options.ts'
import { errorOf } from '../support/log-fixture.ts'
import { bitsOf, collect, endingOf, StoreFixture, someEntries, until } from './support/store-fixture.ts'

function* generated(entries: readonly EntryInput[]): Generator<EntryInput> {
  yield* entries
}

async function* awaited(entries: readonly EntryInput[]): AsyncGenerator<EntryInput> {
  for (const entry of entries) {
    await Promise.resolve()
    yield entry
  }
}

describe('addAll', () => {
  test.each<[string, (entries: EntryInput[]) => Iterable<EntryInput> | AsyncIterable<EntryInput>]>([
    ['an array', (entries) => entries],
    ['a set', (entries) => new Set(entries)],
    ['a generator', generated],
    ['an async generator', awaited],
    ['a stream', (entries) => ReadableStream.from(entries) as unknown as AsyncIterable<EntryInput>],
  ])('takes %s, in records of the batch size, in order', async (_, source) => {
    const { store, vectors } = await StoreFixture.withCollection()
    const result = await vectors.addAll(source(someEntries(25)), { batchSize: 10 })
    expect(result).toEqual({ lsn: 4, added: 25, replaced: 0 })
    expect(await collect(vectors.ids())).toEqual(someEntries(25).map(({ id }) => id))
    await store.close()
  })

  test('takes the entries of another collection', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    const copy = await store.collection('copy', { dimensions: 2, metric: 'euclidean' })
    await vectors.addAll(someEntries(30))
    expect(await copy.addAll(vectors)).toMatchObject({ added: 30 })
    expect(await collect(copy)).toEqual(await collect(vectors))
    await store.close()
  })

  test('counts what it replaced, also between its own batches', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    await vectors.add(someEntries(5))
    const result = await vectors.addAll([...someEntries(8), ...someEntries(2)], { batchSize: 4 })
    expect(result).toEqual({ lsn: 5, added: 3, replaced: 7 })
    await store.close()
  })

  test('splits by bytes what would make too large a record', async () => {
    const { store, vectors } = await StoreFixture.withCollection({ dimensions: 8192, metric: 'dot' })
    await vectors.addAll(someEntries(300, 8192), { batchSize: 100_000 })
    expect(store.stats().lsn).toBe(1 + Math.ceil(300 / 128))
    await store.close()
  })

  test.each(['a generator', 'an async generator'])(
    'may be given the same array again and again by %s',
    async (kind) => {
      const { store, vectors } = await StoreFixture.withCollection()
      function* reused(): Generator<EntryInput> {
        const vector = Float32Array.of(0, 1)
        const metadata = { list: [0] }
        const entry = { id: '', vector, metadata }
        for (let index = 0; index < 25; index += 1) {
          entry.id = `e${index}`
          vector[0] = index
          metadata.list[0] = index
          yield entry
        }
      }
      async function* reusedLater(): AsyncGenerator<EntryInput> {
        yield* reused()
      }
      await vectors.addAll(kind === 'a generator' ? reused() : reusedLater(), { batchSize: 10 })
      for (const index of [0, 9, 10, 24]) {
        const entry = await vectors.get(`e${index}`)
        expect(bitsOf(entry?.vector)).toEqual(bitsOf([index, 1]))
        expect(entry?.metadata).toEqual({ list: [index] })
      }
      await store.close()
    },
  )

  test('tells how far it has come after every batch', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    const steps: Progress[] = []
    const onProgress = (progress: Progress) => steps.push(progress)
    await vectors.addAll(someEntries(25), { batchSize: 10, onProgress })
    expect(steps.map(({ phase, done, total }) => [phase, done, total])).toEqual([
      ['add', 10, 25],
      ['add', 20, 25],
      ['add', 25, 25],
    ])
    const bytes = steps.map(({ durableBytes }) => durableBytes!)
    expect(bytes).toEqual([...bytes].sort((left, right) => left - right))
    expect(bytes[2]).toBe(store.stats().logBytes)
    await vectors.addAll(generated(someEntries(1)), { onProgress })
    expect(steps.at(-1)).not.toHaveProperty('total')
    await store.close()
  })

  test('reads no further ahead than two batches', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    let read = 0
    function* counted(): Generator<EntryInput> {
      for (const entry of someEntries(100)) {
        read += 1
        yield entry
      }
    }
    const furthest: number[] = []
    await vectors.addAll(counted(), { batchSize: 10, onProgress: ({ done }) => furthest.push(read - done) })
    expect(Math.max(...furthest)).toBeLessThanOrEqual(30)
    await store.close()
  })
})

describe('addAll that fails', () => {
  test('leaves what was stored before, and throws what the iterable threw', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    let isLeft = false
    function* failing(): Generator<EntryInput> {
      try {
        yield* someEntries(25)
        throw new TypeError('the source is broken')
      } finally {
        isLeft = true
      }
    }
    await expect(vectors.addAll(failing(), { batchSize: 10 })).rejects.toThrow('the source is broken')
    expect([vectors.count(), isLeft]).toEqual([20, true])
    await store.close()
  })

  test('at an entry that does not fit, stores the batches before it and lets the iterable go', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    let isLeft = false
    async function* bad(): AsyncGenerator<EntryInput> {
      try {
        yield* someEntries(15)
        yield { id: 'bad', vector: [1] }
        yield* someEntries(90)
      } finally {
        isLeft = true
      }
    }
    expect(await endingOf(() => vectors.addAll(bad(), { batchSize: 10 }))).toBe('ERR_DIMENSIONS')
    expect([vectors.count(), isLeft]).toEqual([10, true])
    await store.close()
  })

  test('on a full disk, rejects with that and reads no more', async () => {
    const { fixture, store, vectors } = await StoreFixture.withCollection()
    const isAppend = (operation: string) => operation.startsWith('write wal/0')
    let read = 0
    function* counted(): Generator<EntryInput> {
      for (const entry of someEntries(200)) {
        read += 1
        if (read === 50) fixture.files.failWhen(isAppend, 'ENOSPC', 100)
        yield entry
      }
    }
    expect(await endingOf(() => vectors.addAll(counted(), { batchSize: 10 }))).toBe('ERR_DISK_FULL')
    expect(read).toBeLessThan(100)
    expect(vectors.count() % 10).toBe(0)
    fixture.files.clearFaults()
    await store.close()
  })

  test('when its progress callback throws, rejects with that once all is settled', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    const onProgress = () => {
      throw new RangeError('no')
    }
    expect(await endingOf(() => vectors.addAll(someEntries(25), { batchSize: 10, onProgress }))).toBe('RangeError')
    expect(store.stats().lsn).toBe(store.stats().durableLsn)
    await store.close()
  })

  test('when the collection is dropped meanwhile, rejects with that', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    async function* dropping(): AsyncGenerator<EntryInput> {
      yield* someEntries(10)
      await store.drop('vectors')
      yield* someEntries(10)
    }
    expect(await endingOf(() => vectors.addAll(dropping(), { batchSize: 5 }))).toBe('ERR_COLLECTION_NOT_FOUND')
    await store.close()
  })

  test('when the store is closed meanwhile, rejects with that and keeps what was stored', async () => {
    const { fixture, store, vectors } = await StoreFixture.withCollection()
    async function* closing(): AsyncGenerator<EntryInput> {
      yield* someEntries(10)
      await store.close()
      yield* someEntries(20)
    }
    expect(await endingOf(() => vectors.addAll(closing(), { batchSize: 5 }))).toBe('ERR_STORE_CLOSED')
    const reopened = await StoreFixture.open({}, fixture.files)
    expect((await reopened.store.collection('vectors')).count()).toBe(10)
    await reopened.store.close()
  })
})

describe('addAll that is aborted', () => {
  test('before it begins, reads nothing', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    let isRead = false
    function* watched(): Generator<EntryInput> {
      isRead = true
      yield* someEntries(1)
    }
    const error = await errorOf(vectors.addAll(watched(), { signal: AbortSignal.abort('enough') }))
    expect([error.code, error.cause, error.details]).toEqual(['ERR_ABORTED', 'enough', { done: 0, lsn: 1 }])
    expect([isRead, vectors.count()]).toEqual([false, 0])
    await store.close()
  })

  test('while it reads, stores whole batches and says how many entries', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    const controller = new AbortController()
    async function* aborting(): AsyncGenerator<EntryInput> {
      for (const [index, entry] of someEntries(100).entries()) {
        if (index === 25) controller.abort(new Error('enough'))
        yield entry
      }
    }
    const error = await errorOf(vectors.addAll(aborting(), { batchSize: 10, signal: controller.signal }))
    expect(error.code).toBe('ERR_ABORTED')
    expect(error.details).toEqual({ done: 20, lsn: 3 })
    expect(error.message).toBe('addAll was aborted after 20 entries, which are stored')
    expect(vectors.count()).toBe(20)
    await store.close()
  })

  test('while a batch fails, rejects with what failed', async () => {
    const { fixture, store, vectors } = await StoreFixture.withCollection()
    const controller = new AbortController()
    fixture.files.failWhen((operation) => operation.startsWith('write wal/0'), 'ENOSPC')
    async function* aborting(): AsyncGenerator<EntryInput> {
      yield* someEntries(10)
      await until(() => fixture.files.operations.some((operation) => operation.startsWith('truncate')))
      controller.abort()
      yield* someEntries(10)
    }
    const call = () => vectors.addAll(aborting(), { batchSize: 10, signal: controller.signal })
    expect(await endingOf(call)).toBe('ERR_DISK_FULL')
    await store.close()
  })

  test('after the last entry, is not', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    const controller = new AbortController()
    function* aborting(): Generator<EntryInput> {
      yield* someEntries(3)
      controller.abort()
    }
    expect(await vectors.addAll(aborting(), { signal: controller.signal })).toMatchObject({ added: 3 })
    await store.close()
  })
})
