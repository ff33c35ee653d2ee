import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readLog, verifyStore } from '../../src/store/inspect.ts'
import type { Progress } from '../../src/store/options.ts'
import { VectorStore } from '../../src/store/vector-store.ts'
import { errorOf } from '../support/log-fixture.ts'
import { collect, endingOf, StoreFixture, someEntries } from './support/store-fixture.ts'
import { temporaryDirectories } from './support/temporary-directories.ts'

const directory = temporaryDirectories()
const SEGMENT_PATH = join('wal', '0000000000000001.wal')

async function closedStore(): Promise<string> {
  const path = await directory()
  const store = await VectorStore.open(path)
  await (await store.collection('vectors', { dimensions: 2 })).add(someEntries(3))
  await store.close()
  return path
}

describe('store.verify', () => {
  test('reads the log back and compares it with what is in memory', async () => {
    const { store, vectors } = await StoreFixture.withCollection()
    await vectors.add(someEntries(300))
    await vectors.delete(['e5'])
    const { data, lsn } = await store.digest()
    const steps: Progress[] = []
    const report = await store.verify({ onProgress: (progress) => steps.push(progress) })
    expect(report).toMatchObject({ ok: true, problems: [], lsn, durableLsn: lsn, records: 3, digest: data })
    expect(steps.at(-1)).toMatchObject({ phase: 'verify', done: store.stats().logBytes })
    await store.close()
  })

  test('makes asynchronous writes durable first, so that it can find them', async () => {
    const { store, vectors } = await StoreFixture.withCollection(undefined, { durability: 'async' })
    await vectors.add(someEntries(3))
    expect(await store.verify()).toMatchObject({ ok: true, lsn: 2, durableLsn: 2 })
    await store.close()
  })

  test('sees damage that came after opening, and that memory is not what the disk says', async () => {
    const { fixture, store, vectors } = await StoreFixture.withCollection()
    await vectors.add(someEntries(3))
    fixture.files.flipBit('wal/0000000000000001.wal', 200 * 8)
    const report = await store.verify()
    expect(report.ok).toBe(false)
    expect(report.problems).toMatchObject([{ code: 'ERR_LOG_CORRUPT', segment: 'wal/0000000000000001.wal', lsn: 2 }])
    expect(vectors.count()).toBe(3)
    await store.close()
  })

  test('notices a log that is gone', async () => {
    const { fixture, store, vectors } = await StoreFixture.withCollection()
    await vectors.add(someEntries(3))
    await fixture.files.remove('wal/0000000000000001.wal')
    expect((await store.verify()).problems).toMatchObject([{ code: 'ERR_LOG_CORRUPT' }])
    await fixture.files.remove('wal/durable')
    expect(await endingOf(() => store.verify())).toBe('ERR_STORE_NOT_FOUND')
    await store.close()
  })

  test('stops when it is aborted', async () => {
    const { store } = await StoreFixture.withCollection()
    const error = await errorOf(store.verify({ signal: AbortSignal.abort('enough') }))
    expect([error.code, error.cause]).toEqual(['ERR_ABORTED', 'enough'])
    await store.close()
  })
})

describe('verifyStore and readLog', () => {
  test('work without opening the store, and leave no trace', async () => {
    const path = await closedStore()
    const before = (await readdir(path, { recursive: true })).sort()
    expect(await verifyStore(path)).toMatchObject({ ok: true, lsn: 2 })
    const records = await collect(readLog(path))
    expect(records.map(({ lsn, events }) => [lsn, events[0]?.type])).toEqual([
      [1, 'create'],
      [2, 'add'],
    ])
    expect((await readdir(path, { recursive: true })).sort()).toEqual(before)
  })

  test('work beside a writer', async () => {
    const path = await closedStore()
    const store = await VectorStore.open(path)
    await (await store.collection('vectors')).add(someEntries(5))
    expect(await verifyStore(path)).toMatchObject({ ok: true, lsn: 3, digest: (await store.digest()).data })
    expect(await collect(readLog(path, { from: 3 }))).toMatchObject([{ lsn: 3 }])
    await store.close()
  })

  test('work where opening fails, and name the damage', async () => {
    const path = await closedStore()
    const bytes = await readFile(join(path, SEGMENT_PATH))
    bytes[200]! ^= 1
    await writeFile(join(path, SEGMENT_PATH), bytes)
    expect(await endingOf(() => VectorStore.open(path))).toBe('ERR_LOG_CORRUPT')
    const report = await verifyStore(path)
    expect(report).toMatchObject({ ok: false, lsn: 1, problems: [{ code: 'ERR_LOG_CORRUPT', lsn: 2 }] })
    const seen: number[] = []
    const reading = endingOf(async () => {
      for await (const { lsn } of readLog(path)) seen.push(lsn)
    })
    expect([await reading, seen]).toEqual(['ERR_LOG_CORRUPT', [1]])
  })

  test.each([
    ['a directory that is missing', async (path: string) => join(path, 'missing')],
    [
      'a directory without a store',
      async (path: string) => {
        await mkdir(join(path, 'wal'))
        return path
      },
    ],
  ])('say that there is no store: %s', async (_, locationOf) => {
    const location = await locationOf(await directory())
    expect(await endingOf(() => verifyStore(location))).toBe('ERR_STORE_NOT_FOUND')
    expect(await endingOf(() => collect(readLog(location)))).toBe('ERR_STORE_NOT_FOUND')
  })

  test('a store without a record has an empty log', async () => {
    const path = await directory()
    await (await VectorStore.open(path)).close()
    expect(await collect(readLog(path))).toEqual([])
    expect(await verifyStore(path)).toMatchObject({ ok: true, lsn: 0, records: 0 })
  })

  test.each<[string, () => unknown, string]>([
    ['an unknown option', () => collect(readLog('x', { until: 3 } as never)), 'TypeError'],
    ['options that are none', () => collect(readLog('x', null as never)), 'TypeError'],
    ['a first LSN of zero', () => collect(readLog('x', { from: 0 })), 'RangeError'],
    ['a last LSN of a half', () => collect(readLog('x', { to: 1.5 })), 'RangeError'],
    ['a first LSN in text', () => collect(readLog('x', { from: '1' } as never)), 'TypeError'],
    ['an unknown option of verifyStore', () => verifyStore('x', { fast: true } as never), 'TypeError'],
  ])('refuse %s', async (_, call, ending) => {
    expect(await endingOf(call)).toBe(ending)
  })

  test('stop when they are aborted', async () => {
    const path = await closedStore()
    const signal = AbortSignal.abort()
    expect(await endingOf(() => verifyStore(path, { signal }))).toBe('ERR_ABORTED')
    expect(await endingOf(() => collect(readLog(path, { signal })))).toBe('ERR_ABORTED')
  })
})
