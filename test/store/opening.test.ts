import { readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { OpenOptions, Progress } from '../../src/store/options.ts'
import { VectorStore } from '../../src/store/vector-store.ts'
import { errorOf } from '../support/log-fixture.ts'
import { endingOf, someEntries } from './support/store-fixture.ts'
import { temporaryDirectories } from './support/temporary-directories.ts'

const directory = temporaryDirectories()
const SHAPE = { dimensions: 2 }

/** A closed store with three entries. */
async function storeWithEntries(): Promise<string> {
  const path = await directory()
  const store = await VectorStore.open(path)
  await (await store.collection('vectors', SHAPE)).add(someEntries(3))
  await store.close()
  return path
}

async function scribble(lock: string): Promise<void> {
  for (const name of await readdir(lock)) await writeFile(join(lock, name), 'garbage')
}

describe('opening a directory', () => {
  test('makes it, and the ones above it', async () => {
    const path = join(await directory(), 'a', 'b')
    const store = await VectorStore.open(path)
    expect(store.readOnly).toBe(false)
    expect(store.stats()).toMatchObject({ lsn: 0, durableLsn: 0, readOnly: false, collections: [] })
    expect((await readdir(path)).sort()).toEqual(['lock', 'wal'])
    await store.close()
  })

  test('gives back what was stored, and says how it went', async () => {
    const path = await storeWithEntries()
    const steps: Progress[] = []
    const store = await VectorStore.open(path, { onProgress: (progress) => steps.push(progress) })
    expect((await store.collection('vectors')).count()).toBe(3)
    const { recovery, storeId, epoch } = store.stats()
    expect(recovery).toEqual({
      records: 2,
      events: 2,
      bytes: expect.any(Number),
      durationMs: expect.any(Number),
      problems: [],
    })
    expect([storeId.length, epoch]).toEqual([32, 1])
    expect(steps.at(-1)).toEqual({ phase: 'replay', done: steps.at(-1)?.total, total: steps.at(-1)?.total })
    await store.close()
  })

  test('keeps the identity of the store', async () => {
    const path = await storeWithEntries()
    const storeIds: string[] = []
    for (const options of [{}, {}, { readOnly: true }]) {
      const store = await VectorStore.open(path, options)
      storeIds.push(store.stats().storeId)
      await store.close()
    }
    expect(storeIds).toEqual(new Array(3).fill(expect.stringMatching(/^[0-9a-f]{32}$/)))
    expect(new Set(storeIds).size).toBe(1)
  })

  test.each<[string, unknown, string]>([
    ['an unknown option', { readonly: true }, 'TypeError'],
    ['null', null, 'TypeError'],
    ['readOnly that is no boolean', { readOnly: 1 }, 'TypeError'],
    ['another durability', { durability: 'full' }, 'TypeError'],
    ['a segment size in text', { segmentSizeBytes: '4096' }, 'TypeError'],
    ['too small a segment', { segmentSizeBytes: 4095 }, 'RangeError'],
    ['a segment of a fraction', { segmentSizeBytes: 4096.5 }, 'RangeError'],
    ['a queue of nothing', { maxQueueBytes: 0 }, 'RangeError'],
    ['a queue without end', { maxQueueBytes: Number.POSITIVE_INFINITY }, 'RangeError'],
    ['threads in text', { threads: '1' }, 'TypeError'],
    ['fewer threads than none', { threads: -1 }, 'RangeError'],
    ['half a thread', { threads: 0.5 }, 'RangeError'],
    ['more threads than there may be', { threads: 8 }, 'RangeError'],
    ['a buffer of nothing', { bufferEntries: 0 }, 'RangeError'],
    ['a buffer without end', { bufferEntries: Number.POSITIVE_INFINITY }, 'RangeError'],
    ['a buffer in text', { bufferEntries: '10' }, 'TypeError'],
    ['no entries that may wait', { maxUnindexedEntries: 0 }, 'RangeError'],
    ['a share of nothing', { consolidateShare: 0 }, 'RangeError'],
    ['a share below nothing', { rebuildShare: -0.1 }, 'RangeError'],
    ['a share that is no number', { rebuildShare: Number.NaN }, 'RangeError'],
    ['a share in text', { consolidateShare: '0.1' }, 'TypeError'],
    ['snapshots after nothing', { snapshotBytes: 0 }, 'RangeError'],
    ['snapshots after bytes in text', { snapshotBytes: '1' }, 'TypeError'],
    ['snapshots after no records', { snapshotRecords: 0 }, 'RangeError'],
    ['snapshots after records that are no number', { snapshotRecords: Number.NaN }, 'RangeError'],
    ['a history that is a number', { history: 7 }, 'TypeError'],
    ['no history at all', { history: null }, 'TypeError'],
    ['an unknown history', { history: { days: 7 } }, 'TypeError'],
    ['a history before the future', { history: { ms: -1 } }, 'RangeError'],
    ['a history of bytes in text', { history: { bytes: '1' } }, 'TypeError'],
    ['a point in time to write at', { at: 1, readOnly: false }, 'TypeError'],
    ['a point in time in text', { at: '2026-01-01' }, 'TypeError'],
    ['no point in time', { at: null }, 'TypeError'],
    ['an LSN below nothing', { at: -1 }, 'RangeError'],
    ['half an LSN', { at: 1.5 }, 'RangeError'],
    ['a date that is none', { at: new Date('never') }, 'RangeError'],
  ])('refuses %s and makes nothing', async (_, options, ending) => {
    const path = join(await directory(), 'new')
    expect(await endingOf(() => VectorStore.open(path, options as OpenOptions))).toBe(ending)
    expect(await endingOf(() => VectorStore.ephemeral(options as OpenOptions))).toBe(ending)
    expect(await endingOf(() => readdir(path))).toBe('Error')
  })

  test.each([[undefined], [null], [7], [''], [{}], [{ batch: 1 }]])('refuses the location %j', async (location) => {
    expect(await endingOf(() => VectorStore.open(location as never))).toBe('TypeError')
  })

  test('refuses what is a file', async () => {
    const path = join(await directory(), 'file')
    await writeFile(path, '')
    expect(await endingOf(() => VectorStore.open(path))).toBe('ERR_FILE_EXISTS')
  })

  test('is stopped by its signal, and can be tried again', async () => {
    const path = await storeWithEntries()
    const error = await errorOf(VectorStore.open(path, { signal: AbortSignal.abort('enough') }))
    expect([error.code, error.cause]).toEqual(['ERR_ABORTED', 'enough'])
    const store = await VectorStore.open(path)
    expect((await store.collection('vectors')).count()).toBe(3)
    await store.close()
    const empty = join(await directory(), 'empty')
    const signal = AbortSignal.abort()
    expect(await endingOf(() => VectorStore.open(empty, { signal }))).toBe('ERR_ABORTED')
    expect(await endingOf(() => VectorStore.ephemeral({ signal }))).toBe('ERR_ABORTED')
    expect(await endingOf(() => readdir(empty))).toBe('Error')
  })

  test.each<[string, (lock: string) => Promise<void>]>([
    ['CURRENT holds something else', (lock) => writeFile(join(lock, 'CURRENT'), 'garbage')],
    ['CURRENT is empty', (lock) => writeFile(join(lock, 'CURRENT'), '')],
    ['CURRENT names a file that is not there', (lock) => writeFile(join(lock, 'CURRENT'), 'MANIFEST-999999\n')],
    ['CURRENT is gone', (lock) => rm(join(lock, 'CURRENT'))],
    ['every file holds something else', scribble],
    ['the LOCK is gone', (lock) => rm(join(lock, 'LOCK'))],
    ['all of it is gone', (lock) => rm(lock, { recursive: true })],
  ])('is not kept from it by a damaged lock: %s', async (_, damage) => {
    const path = await storeWithEntries()
    await damage(join(path, 'lock'))
    const store = await VectorStore.open(path)
    expect((await store.collection('vectors')).count()).toBe(3)
    await store.close()
  })

  test('that fails gives the lock back', async () => {
    const path = await storeWithEntries()
    const segment = join(path, 'wal', '0000000000000001.wal')
    await writeFile(segment, 'no segment')
    expect(await endingOf(() => VectorStore.open(path))).toBe('ERR_LOG_CORRUPT')
    await rm(join(path, 'wal'), { recursive: true })
    const store = await VectorStore.open(path)
    expect(store.stats().lsn).toBe(0)
    await store.close()
  })
})

describe('opening a directory that this process has open', () => {
  test('shares it where the options are equal, and closes it with the last', async () => {
    const path = await storeWithEntries()
    const [first, second] = await Promise.all([VectorStore.open(path), VectorStore.open(path)])
    const [ofFirst, ofSecond] = [await first.collection('vectors'), await second.collection('vectors')]
    await ofFirst.add(someEntries(5))
    expect(ofSecond.count()).toBe(5)
    await first.close()
    expect(await endingOf(() => ofFirst.count())).toBe('ERR_STORE_CLOSED')
    expect(await ofSecond.add(someEntries(7))).toMatchObject({ added: 2 })
    await second.close()
    const third = await VectorStore.open(path, { durability: 'async' })
    expect((await third.collection('vectors')).count()).toBe(7)
    await third.close()
  })

  test('shares it through a symbolic link', async () => {
    const path = await storeWithEntries()
    const link = join(await directory(), 'link')
    await symlink(path, link)
    const [first, second] = [await VectorStore.open(path), await VectorStore.open(link)]
    await (await first.collection('vectors')).add(someEntries(9))
    expect((await second.collection('vectors')).count()).toBe(9)
    await first.close()
    await second.close()
  })

  test.each<OpenOptions>([
    { durability: 'async' },
    { segmentSizeBytes: 8192 },
    { maxQueueBytes: 1 },
    { threads: 0 },
    { bufferEntries: 100 },
    { consolidateShare: 0.5 },
    { rebuildShare: Number.POSITIVE_INFINITY },
    { maxUnindexedEntries: 1000 },
    { snapshotBytes: 1000 },
    { snapshotRecords: Number.POSITIVE_INFINITY },
    { history: { ms: 1 } },
  ])('refuses other options: %o', async (options) => {
    const path = await storeWithEntries()
    const store = await VectorStore.open(path)
    const error = await errorOf(VectorStore.open(path, options))
    expect(error.code).toBe('ERR_STORE_OPTIONS')
    expect(error.message).toContain(Object.keys(options)[0]!)
    expect((await store.collection('vectors')).count()).toBe(3)
    await store.close()
    await (await VectorStore.open(path, options)).close()
  })

  test('does not mind options that are no difference', async () => {
    const path = await storeWithEntries()
    const store = await VectorStore.open(path, { onProgress: () => {} })
    const same = await VectorStore.open(path, { durability: 'sync', onProblem: () => {} })
    await store.close()
    await same.close()
  })

  test('waits while it is being closed', async () => {
    const path = await storeWithEntries()
    const store = await VectorStore.open(path)
    const vectors = await store.collection('vectors')
    const adding = vectors.add(someEntries(500))
    const closing = store.close()
    const reopened = await Promise.all([VectorStore.open(path), VectorStore.open(path)])
    await Promise.all([adding, closing])
    for (const handle of reopened) expect((await handle.collection('vectors')).count()).toBe(500)
    for (const handle of reopened) await handle.close()
  })

  test('closing one handle twice does not close the other', async () => {
    const path = await storeWithEntries()
    const [first, second] = [await VectorStore.open(path), await VectorStore.open(path)]
    await Promise.all([first.close(), first.close(), first[Symbol.asyncDispose]()])
    expect((await second.collection('vectors')).count()).toBe(3)
    await second.close()
  })

  test('closing a handle that is not the last makes what it wrote durable', async () => {
    const path = await directory()
    const options = { durability: 'async' } as const
    const [first, second] = [await VectorStore.open(path, options), await VectorStore.open(path, options)]
    const vectors = await first.collection('vectors', SHAPE)
    vectors.add(someEntries(3))
    await first.close()
    expect(second.stats().durableLsn).toBe(2)
    await second.close()
  })

  test('fails for all who share an opening that fails, each with an error of its own', async () => {
    const path = await storeWithEntries()
    await writeFile(join(path, 'wal', '0000000000000001.wal'), 'no segment')
    const endings = [1, 2, 3].map(() => endingOf(() => VectorStore.open(path)))
    expect(await Promise.all(endings)).toEqual(new Array(3).fill('ERR_LOG_CORRUPT'))
  })

  test.each(['first', 'second'])('is not ended by the signal of another, who came %s', async (place) => {
    const path = await storeWithEntries()
    const controller = new AbortController()
    const abortedOptions = { signal: controller.signal, onProgress: () => controller.abort() }
    const ownOptions = { onProgress: () => controller.abort() }
    const [options, otherOptions] = place === 'first' ? [abortedOptions, ownOptions] : [ownOptions, abortedOptions]
    const opening = [VectorStore.open(path, options), VectorStore.open(path, otherOptions)]
    const [aborted, own] = place === 'first' ? opening : opening.toReversed()
    expect(await endingOf(() => aborted)).toBe('ERR_ABORTED')
    const store = (await own)!
    expect((await store.collection('vectors')).count()).toBe(3)
    await store.close()
    await (await VectorStore.open(path, { durability: 'async' })).close()
  })
})

describe('opening for reading', () => {
  test('where there is nothing finds nothing and makes nothing', async () => {
    const parent = await directory()
    const open = (path: string) => endingOf(() => VectorStore.open(path, { readOnly: true }))
    expect(await open(join(parent, 'missing'))).toBe('ERR_STORE_NOT_FOUND')
    expect(await open(parent)).toBe('ERR_STORE_NOT_FOUND')
    expect(await readdir(parent)).toEqual([])
  })

  test('beside a writer sees what is on disk as of now, and keeps its view', async () => {
    const path = await storeWithEntries()
    const writer = await VectorStore.open(path)
    const vectors = await writer.collection('vectors')
    await vectors.add(someEntries(5))
    const reader = await VectorStore.open(path, { readOnly: true })
    const digest = await reader.digest()
    expect(digest).toEqual(await writer.digest())
    await vectors.add(someEntries(9))
    await writer.drop('vectors')
    const seen = await reader.collection('vectors')
    expect([seen.count(), (await seen.search([1, 2], { k: 9 })).hits.length]).toEqual([5, 5])
    expect(await reader.digest()).toEqual(digest)
    expect((await reader.verify()).ok).toBe(true)
    await reader.close()
    await writer.close()
  })

  test('does not see what only the operating system has', async () => {
    const path = await directory()
    const writer = await VectorStore.open(path, { durability: 'async' })
    const vectors = await writer.collection('vectors', SHAPE)
    await vectors.add(someEntries(3))
    await writer.sync()
    await vectors.add(someEntries(9))
    const reader = await VectorStore.open(path, { readOnly: true })
    expect((await reader.collection('vectors')).count()).toBe(3)
    expect(reader.stats()).toMatchObject({ lsn: 2, durableLsn: 2, readOnly: true })
    await reader.close()
    await writer.close()
  })

  test('takes no writes and changes no file', async () => {
    const path = await storeWithEntries()
    const reader = await VectorStore.open(path, { readOnly: true })
    const vectors = await reader.collection('vectors')
    const calls = [
      () => vectors.add(someEntries(1)),
      () => vectors.add([]),
      () => vectors.addAll(someEntries(1)),
      () => vectors.update('e0', { metadata: {} }),
      () => vectors.delete(['e0']),
      () => reader.drop('vectors'),
      () => reader.collection('new', SHAPE),
    ]
    for (const call of calls) expect(await endingOf(call)).toBe('ERR_READ_ONLY')
    expect(await endingOf(() => reader.sync())).toBe('ok')
    expect((await reader.collection('vectors', SHAPE)).count()).toBe(3)
    expect(reader.readOnly).toBe(true)
    await reader.close()
  })

  test('any number may, with any options', async () => {
    const path = await storeWithEntries()
    const readers = await Promise.all(
      [{}, { segmentSizeBytes: 4096 }, { durability: 'async' } as const].map((options) =>
        VectorStore.open(path, { ...options, readOnly: true }),
      ),
    )
    for (const reader of readers) expect((await reader.collection('vectors')).count()).toBe(3)
    for (const reader of readers) await reader.close()
  })
})
