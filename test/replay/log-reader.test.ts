import { describe, expect, test } from 'vitest'
import { encodeCbor } from '../../src/base/cbor.ts'
import { encodeEvents } from '../../src/replay/event-codec.ts'
import { type DescribedRecord, readRecords } from '../../src/replay/log-reader.ts'
import { collect, StoreFixture, someEntries } from '../store/support/store-fixture.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { errorOf } from '../support/log-fixture.ts'
import { addOf, CREATE, checksum, filesOf } from './replay-fixture.ts'

const SEGMENT_PATH = 'wal/0000000000000001.wal'

function read(files: CrashableFiles, range: { from?: number; to?: number; signal?: AbortSignal } = {}) {
  return readRecords(files, { checksum, from: 1, to: Number.MAX_SAFE_INTEGER, ...range })
}

async function lsnsOf(files: CrashableFiles, range: { from?: number; to?: number } = {}): Promise<number[]> {
  return (await collect(read(files, range))).map(({ lsn }) => lsn)
}

/** Opens and closes that are still to be matched. */
function openHandles(files: CrashableFiles): number {
  const count = (verb: string) => files.operations.filter((operation) => operation.startsWith(`${verb} `)).length
  return count('open') - count('close')
}

/** Records 1 to `count`: a create, then adds. */
function logOf(count: number): CrashableFiles {
  const adds = Array.from({ length: count - 1 }, (_, index) => encodeEvents([addOf(`e${index}`, index, 1)]))
  return filesOf(encodeEvents([CREATE]), ...adds)
}

describe('the log as readable records', () => {
  test('shows each event without its vectors, and no more than three ids', async () => {
    const ids = ['a', 'b', 'c', 'd']
    const vectors = new Uint8Array(32)
    const files = filesOf(
      encodeEvents([CREATE]),
      encodeEvents([{ type: 'add', collection: 1, ids, vectors }]),
      encodeEvents([
        { type: 'update', collection: 1, id: 'a', document: undefined },
        { type: 'delete', collection: 1, ids: ['b'] },
      ]),
      encodeEvents([{ type: 'drop', collection: 1 }]),
    )
    const records = await collect(read(files))
    expect(records.map(({ events }) => events)).toEqual([
      [{ type: 'create', name: 'vectors', dimensions: 2, metric: 'euclidean' }],
      [{ type: 'add', collection: 1, ids: ['a', 'b', 'c'], count: 4 }],
      [
        { type: 'update', collection: 1, id: 'a', count: 1 },
        { type: 'delete', collection: 1, ids: ['b'], count: 1 },
      ],
      [{ type: 'drop', collection: 1 }],
    ])
  })

  test('shows what keeps the index in order', async () => {
    const plan = { walkCodes: 'narrow', scale: 1, centre: new Uint8Array(8) } as const
    const [flush, version] = [{ type: 'flush', collection: 1, throughSlot: 10_000 }, { indexVersion: 1 }] as const
    const files = filesOf(
      encodeEvents([CREATE]),
      encodeEvents([{ ...flush, ...version, ...plan, method: 'bulk' }]),
      encodeEvents([{ ...flush, ...version, method: 'insert' }]),
      encodeEvents([{ type: 'rebuild', collection: 1, throughSlot: 7, ...version, ...plan, walkCodes: 'wide' }]),
      encodeEvents([{ type: 'consolidate', collection: 1 }]),
      encodeEvents([{ type: 'compact', collection: 1, chunk: 3 }]),
    )
    const records = await collect(read(files))
    expect(records.slice(1).flatMap(({ events }) => events)).toEqual([
      { ...flush, method: 'bulk', walkCodes: 'narrow' },
      { ...flush, method: 'insert' },
      { type: 'rebuild', collection: 1, throughSlot: 7, walkCodes: 'wide' },
      { type: 'consolidate', collection: 1 },
      { type: 'compact', collection: 1, chunk: 3 },
    ])
  })

  test('says of each record when it was written, how large it is and which history it ends', async () => {
    const payload = encodeEvents([CREATE])
    const [record] = (await collect(read(filesOf(payload)))) as [DescribedRecord]
    expect(record).toMatchObject({ lsn: 1, epoch: 1, time: new Date(1), bytes: payload.byteLength })
    expect(record.chain).toMatch(/^[0-9a-f]{16}$/)
  })

  test.each([
    [{}, [1, 2, 3, 4, 5]],
    [{ from: 3 }, [3, 4, 5]],
    [{ to: 2 }, [1, 2]],
    [{ from: 2, to: 4 }, [2, 3, 4]],
    [{ from: 4, to: 2 }, []],
    [{ from: 9 }, []],
  ])('gives the records of a range: %o', async (range, lsns) => {
    expect(await lsnsOf(logOf(5), range)).toEqual(lsns)
  })

  test('ends at the durable mark', async () => {
    const { fixture, store, vectors } = await StoreFixture.withCollection(undefined, { durability: 'async' })
    await vectors.add(someEntries(1))
    await store.sync()
    await vectors.add(someEntries(2))
    expect(await lsnsOf(fixture.files)).toEqual([1, 2])
    await store.close()
  })

  test('leaves out fields that are not of their kind', async () => {
    const files = filesOf(
      encodeCbor([
        ['add', 'x', [1, 'a', null], 5],
        ['create', 7, 'two', {}],
        ['update', 1],
        ['flush', 1, '7', 1, 2, 3],
        ['compact', 1, null],
      ]),
    )
    expect((await collect(read(files)))[0]?.events).toEqual([
      { type: 'add', ids: ['a'], count: 3 },
      { type: 'create' },
      { type: 'update', collection: 1, count: 1 },
      { type: 'flush', collection: 1 },
      { type: 'compact', collection: 1 },
    ])
  })

  test('goes on behind a record that cannot be decoded, as opening does', async () => {
    const files = filesOf(encodeEvents([CREATE]), Uint8Array.of(0xff), encodeEvents([addOf('a', 1, 2)]))
    const records = await collect(read(files))
    expect(records.map(({ lsn, problem }) => [lsn, problem])).toEqual([
      [1, undefined],
      [2, 'ERR_RECORD_INVALID'],
      [3, undefined],
    ])
  })

  test('gives everything before the damage, then throws it', async () => {
    const files = logOf(5)
    files.flipBit(SEGMENT_PATH, (files.readWhole(SEGMENT_PATH).byteLength - 20) * 8)
    const seen: number[] = []
    const reading = (async () => {
      for await (const { lsn } of read(files)) seen.push(lsn)
    })()
    expect((await errorOf(reading)).code).toBe('ERR_LOG_CORRUPT')
    expect(seen).toEqual([1, 2, 3, 4])
    expect(openHandles(files)).toBe(0)
  })

  test('gives everything before an event of a newer release, then says so', async () => {
    const files = filesOf(encodeEvents([CREATE]), encodeCbor([['fold', 1]]))
    const reader = read(files)
    expect((await reader.next()).value).toMatchObject({ lsn: 1 })
    expect((await errorOf(reader.next())).code).toBe('ERR_FORMAT_VERSION')
    expect(openHandles(files)).toBe(0)
  })

  test.each([1, 2, 5])('gives its files back when the reader leaves after %d', async (count) => {
    const files = logOf(5)
    let seen = 0
    for await (const _ of read(files)) {
      seen += 1
      if (seen === count) break
    }
    expect([seen, openHandles(files)]).toEqual([count, 0])
  })

  test('gives its files back when the reader throws, and touches none when nobody reads', async () => {
    const files = logOf(5)
    const reading = (async () => {
      for await (const _ of read(files)) throw new TypeError('the reader gave up')
    })()
    await expect(reading).rejects.toThrow('the reader gave up')
    expect(openHandles(files)).toBe(0)
    const untouched = logOf(5)
    await read(untouched).return()
    expect(untouched.operations).toEqual([])
  })

  test('reads no faster than it is read', async () => {
    const large = (index: number) =>
      encodeEvents([{ type: 'delete', collection: 1, ids: [`${index}`.repeat(1_000_000)] }])
    const files = filesOf(...Array.from({ length: 8 }, (_, index) => large(index)))
    const bytesRead = () => files.operations.filter((operation) => operation.startsWith(`read ${SEGMENT_PATH}`)).length
    const reader = read(files)
    await reader.next()
    await new Promise((resolve) => setTimeout(resolve, 20))
    const afterFirst = bytesRead()
    await collect(reader)
    expect(afterFirst).toBeLessThanOrEqual(bytesRead() / 2)
  })

  test('stops when it is aborted, before and between records', async () => {
    const aborted = read(logOf(5), { signal: AbortSignal.abort(new Error('enough')) })
    expect((await errorOf(aborted.next())).code).toBe('ERR_ABORTED')
    const controller = new AbortController()
    const files = logOf(5)
    const reader = read(files, { signal: controller.signal })
    await reader.next()
    controller.abort()
    expect((await errorOf(collect(reader))).code).toBe('ERR_ABORTED')
    expect(openHandles(files)).toBe(0)
  })

  test('says that there is no store', async () => {
    expect((await errorOf(collect(read(new CrashableFiles())))).code).toBe('ERR_STORE_NOT_FOUND')
  })

  test('reads beside a writer, who goes on meanwhile', async () => {
    const { fixture, store, vectors } = await StoreFixture.withCollection(undefined, { segmentSizeBytes: 4096 })
    const seen: number[] = []
    await vectors.addAll(someEntries(50), { batchSize: 1 })
    for await (const { lsn } of read(fixture.files)) {
      seen.push(lsn)
      await vectors.add(someEntries(3))
    }
    expect(seen).toEqual(Array.from({ length: 51 }, (_, index) => index + 1))
    await store.close()
  })
})
