import * as fc from 'fast-check'
import { MemoryLevel } from 'memory-level'
import { describe, expect, test, vi } from 'vitest'
import { StoreError } from '../../src/base/errors.ts'
import type { Collection } from '../../src/store/collection.ts'
import type { OpenOptions } from '../../src/store/options.ts'
import { VectorStore } from '../../src/store/vector-store.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { ON_DEMAND } from './support/index-fixture.ts'
import { NONE_UNASKED } from './support/snapshot-files.ts'
import { bitsOf, endingOf, StoreFixture } from './support/store-fixture.ts'
import { temporaryDirectories } from './support/temporary-directories.ts'

// Chunks of 256 slots: what takes many thousands of entries else takes a thousand.
vi.mock('../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 256,
}))

const directory = temporaryDirectories()
const MIB = 2 ** 20
const DIMENSIONS = 256
const LIMIT_BYTES = MIB
const FEW = 8
const CHUNK_BYTES = 256 * DIMENSIONS * 4
/** Blocks of columns and tables that double are allocated whole. */
const SLACK_BYTES = MIB

/** Some 200 directions, no two of which are close. */
const vectorOf = (place: number) =>
  Array.from({ length: DIMENSIONS }, (_, at) => ((place * 31 + at * at * 7) % 211) + place)
const entriesFrom = (first: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({ id: `e${first + index}`, vector: vectorOf(first + index) }))

async function opened(options: OpenOptions, files = new CrashableFiles()) {
  const fixture = await StoreFixture.open({ ...ON_DEMAND, ...NONE_UNASKED, ...options }, files)
  const vectors = await fixture.store.collection('vectors', { dimensions: DIMENSIONS, metric: 'euclidean' })
  return { fixture, files, store: fixture.store, vectors }
}

/** Adds entries until not even a few are taken; gives the last error and how many there are. */
async function fill(vectors: Collection): Promise<{ error: StoreError; count: number }> {
  let count = 0
  for (let batch = 128; ; ) {
    try {
      await vectors.add(entriesFrom(count, batch))
      count += batch
    } catch (error) {
      if (batch === FEW) return { error: error as StoreError, count }
      batch /= 2
    }
  }
}

const usedBytes = (store: VectorStore) => store.stats().memory.usedBytes

describe('memoryLimitBytes', () => {
  test('is no limit unless it is given', async () => {
    const { store, vectors } = await opened({})
    await vectors.add(entriesFrom(0, 100))
    const { usedBytes: used, ...others } = store.stats().memory
    expect(others).toEqual({ reservedBytes: 0 })
    expect(used).toBe(store.memoryUsage().total)
    await store.close()
  })

  test('refuses what would go beyond it before anything is logged, with figures', async () => {
    const { store, vectors } = await opened({ memoryLimitBytes: LIMIT_BYTES })
    const { error, count } = await fill(vectors)
    expect(error).toBeInstanceOf(StoreError)
    expect(error.code).toBe('ERR_MEMORY_LIMIT')
    expect(error.details).toMatchObject({ collection: 'vectors', limitBytes: LIMIT_BYTES })
    const { usedBytes: used, bytes, reservedBytes } = error.details as Record<string, number>
    expect(used! + bytes! + reservedBytes!).toBeGreaterThan(LIMIT_BYTES)
    expect(vectors.count()).toBe(count)
    const { lsn } = store.stats()
    expect(await endingOf(() => vectors.add(entriesFrom(count, 64)))).toBe('ERR_MEMORY_LIMIT')
    expect(store.stats().lsn).toBe(lsn)
    expect(store.stats().memory.limitBytes).toBe(LIMIT_BYTES)
    expect(store.stats().memory.usedBytes).toBeLessThanOrEqual(LIMIT_BYTES)
    await store.close()
  })

  test('brings vectors to disk first, taking a snapshot for it, and goes on', async () => {
    const { store, vectors } = await opened({ memoryLimitBytes: LIMIT_BYTES })
    const { count } = await fill(vectors)
    // More vectors than would have fitted into all of it.
    expect(count * DIMENSIONS * 4).toBeGreaterThan(LIMIT_BYTES)
    const { residence, chunks, chunksOnDisk } = vectors.stats().originals
    expect([residence, chunksOnDisk]).toEqual(['disk', chunks])
    expect(store.stats().snapshots.length).toBeGreaterThan(0)
    for (const place of [0, 300, count - 1])
      expect(bitsOf((await vectors.get(`e${place}`))?.vector)).toEqual(bitsOf(vectorOf(place)))
    await store.close()
  })

  test('leaves reading, deleting, maintenance and snapshots alone', async () => {
    const { store, vectors } = await opened({ memoryLimitBytes: LIMIT_BYTES })
    const { count } = await fill(vectors)
    expect((await vectors.search(vectorOf(5), { k: 1 })).hits[0]?.id).toBe('e5')
    expect((await vectors.delete(['e1', 'e2'])).deleted).toBe(2)
    expect(vectors.count()).toBe(count - 2)
    await store.snapshot()
    await vectors.quantize('int8')
    expect(vectors.stats().quantization).toBe('int8')
    await vectors.compact()
    await store.close()
  })

  test('counts metadata, and lets it be taken away', async () => {
    const { store, vectors } = await opened({ memoryLimitBytes: LIMIT_BYTES })
    await fill(vectors)
    const metadata = { text: 'x'.repeat(60_000) }
    expect(await endingOf(() => vectors.update('e0', { metadata }))).toBe('ERR_MEMORY_LIMIT')
    expect(await endingOf(() => vectors.update('e0', { metadata: undefined }))).toBe('ok')
    await store.close()
  })

  test('ends addAll with what was stored before', async () => {
    const { store, vectors } = await opened({ memoryLimitBytes: LIMIT_BYTES })
    const endless = (function* () {
      for (let place = 0; ; place++) yield* entriesFrom(place, 1)
    })()
    expect(await endingOf(() => vectors.addAll(endless, { batchSize: 64 }))).toBe('ERR_MEMORY_LIMIT')
    expect(vectors.count()).toBeGreaterThan(64)
    expect(vectors.count() % 64).toBe(0)
    await store.close()
  })

  test('keeps the order of writes while vectors move', async () => {
    const { store, vectors } = await opened({ memoryLimitBytes: LIMIT_BYTES })
    let count = 0
    while (store.stats().snapshots.length === 0) {
      const adding = vectors.add(entriesFrom(count, 64))
      const deleting = vectors.delete([`e${count}`])
      const [{ lsn: added }, { lsn: deleted, deleted: found }] = await Promise.all([adding, deleting])
      expect([deleted, found]).toEqual([added + 1, 1])
      count += 64
    }
    await store.close()
  })

  test('needs room for a second index, which is built within the limit', async () => {
    const { store, vectors } = await opened({ memoryLimitBytes: 12 * MIB, bufferEntries: 500, threads: 0 })
    const { count } = await fill(vectors)
    expect(count).toBeGreaterThan(1000)
    expect(store.stats().memory.reservedBytes).toBeGreaterThan(count * DIMENSIONS)
    await vectors.settled()
    let mostBytes = 0
    const timer = setInterval(() => {
      mostBytes = Math.max(mostBytes, usedBytes(store))
    }, 1)
    await vectors.optimize()
    clearInterval(timer)
    expect(Math.max(mostBytes, usedBytes(store))).toBeLessThanOrEqual(12 * MIB)
    await store.close()
  })

  test('refuses at once where vectors cannot be on disk', async () => {
    const store = await VectorStore.open(new MemoryLevel(), { memoryLimitBytes: LIMIT_BYTES, ...ON_DEMAND })
    const vectors = await store.collection('vectors', { dimensions: DIMENSIONS, metric: 'euclidean' })
    const { count } = await fill(vectors)
    expect(count * DIMENSIONS * 4).toBeLessThan(LIMIT_BYTES)
    expect(store.stats().snapshots).toEqual([])
    await store.close()
  })

  test('refuses, and says why, where the snapshot for it cannot be taken', async () => {
    const { store, files, vectors } = await opened({ memoryLimitBytes: LIMIT_BYTES })
    files.failWhen((operation) => operation.startsWith('open snapshots/'), 'EACCES', 1000)
    const { error } = await fill(vectors)
    expect(error.code).toBe('ERR_MEMORY_LIMIT')
    expect((error.cause as StoreError).code).toBe('ERR_PERMISSION')
    await store.close()
  })
})

describe('opening beyond the limit', () => {
  async function filled(files: CrashableFiles, count: number) {
    const { store, vectors } = await opened({}, files)
    await vectors.addAll(entriesFrom(0, count))
    await store.close()
  }

  test('moves vectors to disk', async () => {
    const files = new CrashableFiles()
    await filled(files, 2048)
    const { store, vectors } = await opened({ memoryLimitBytes: LIMIT_BYTES }, files)
    expect(usedBytes(store)).toBeLessThanOrEqual(LIMIT_BYTES)
    expect(vectors.stats().originals.chunksOnDisk).toBe(8)
    expect(bitsOf((await vectors.get('e77'))?.vector)).toEqual(bitsOf(vectorOf(77)))
    await store.close()
  })

  test('does not bring them into memory in the first place where a snapshot has them', async () => {
    const files = new CrashableFiles()
    const { store: first, vectors: full } = await opened({}, files)
    await full.addAll(entriesFrom(0, 2048))
    await first.snapshot()
    await first.close()
    const { store, vectors } = await opened({ memoryLimitBytes: LIMIT_BYTES }, files)
    expect(vectors.stats().originals.chunksOnDisk).toBe(8)
    expect(store.memoryUsage().components.originals).toBeLessThan(CHUNK_BYTES)
    await store.close()
  })

  test('refuses where that is not enough, with figures, and leaves the store as it is', async () => {
    const path = await directory()
    const settings = { dimensions: DIMENSIONS, metric: 'euclidean' } as const
    const store = await VectorStore.open(path, ON_DEMAND)
    await (await store.collection('vectors', settings)).addAll(entriesFrom(0, 2048))
    await store.close()
    const opening = VectorStore.open(path, { ...ON_DEMAND, memoryLimitBytes: 100_000 })
    const error = await opening.then(
      () => undefined,
      (reason: StoreError) => reason,
    )
    expect(error?.code).toBe('ERR_MEMORY_LIMIT')
    expect(error?.details.limitBytes).toBe(100_000)
    expect(error?.details.usedBytes).toBeGreaterThan(100_000)
    const reading = VectorStore.open(path, { readOnly: true, memoryLimitBytes: 100_000 })
    expect(await endingOf(() => reading)).toBe('ERR_MEMORY_LIMIT')
    const again = await VectorStore.open(path, ON_DEMAND)
    expect((await again.collection('vectors')).count()).toBe(2048)
    await again.close()
  })
})

test('whatever is done, what is reported stays within the limit', async () => {
  let refused = 0
  const action = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('add' as const), count: fc.integer({ min: 1, max: 300 }) }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('delete' as const), count: fc.integer({ min: 1, max: 300 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('optimize' as const), count: fc.constant(0) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('snapshot' as const), count: fc.constant(0) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('search' as const), count: fc.constant(0) }) },
  )
  const limits = fc.integer({ min: 5, max: 8 }).map((mebibytes) => mebibytes * MIB)
  const property = fc.asyncProperty(
    limits,
    fc.array(action, { minLength: 8, maxLength: 20 }),
    async (limit, actions) => {
      const { store, vectors } = await opened({ memoryLimitBytes: limit, bufferEntries: 400, threads: 0 })
      let mostBytes = 0
      const look = () => {
        mostBytes = Math.max(mostBytes, usedBytes(store))
      }
      const timer = setInterval(look, 1)
      let next = 0
      for (const { kind, count } of actions) {
        if (kind === 'add') {
          const ending = await endingOf(() => vectors.add(entriesFrom(next, count)))
          expect(['ok', 'ERR_MEMORY_LIMIT']).toContain(ending)
          if (ending !== 'ok') refused += 1
          next += count
        } else if (kind === 'delete') {
          await vectors.delete(Array.from({ length: count }, (_, at) => `e${at * 3}`))
        } else if (kind === 'optimize') await vectors.optimize()
        else if (kind === 'snapshot') await store.snapshot()
        else if (next > 0) await vectors.search(vectorOf(1), { k: 3 })
        look()
      }
      await vectors.settled()
      look()
      clearInterval(timer)
      expect(mostBytes).toBeLessThanOrEqual(limit + SLACK_BYTES)
      await store.close()
    },
  )
  await fc.assert(property, { numRuns: 6, seed: 20 })
  expect(refused).toBeGreaterThan(0)
}, 120_000)
