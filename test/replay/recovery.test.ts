import { describe, expect, test } from 'vitest'
import { encodeCbor } from '../../src/base/cbor.ts'
import { digestHex } from '../../src/replay/check-collection.ts'
import { encodeEvents } from '../../src/replay/event-codec.ts'
import { type Recovered, recoverForReading, recoverForWriting } from '../../src/replay/recovery.ts'
import { MARK_PATH } from '../../src/wal/format.ts'
import { withBitFlipped } from '../support/byte-builder.ts'
import type { CrashableFiles } from '../support/crashable-files.ts'
import { errorOf } from '../support/log-fixture.ts'
import { addOf, CREATE, checksum, filesOf } from './replay-fixture.ts'

const SEGMENT_PATH = 'wal/0000000000000001.wal'
const OPTIONS = {
  checksum,
  newStoreId: new Uint8Array(16).fill(7),
  segmentSizeBytes: 1024 * 1024,
  yieldToEventLoop: async () => {},
}

const PAYLOADS = [
  encodeEvents([CREATE]),
  encodeEvents([addOf('a', 1, 2), addOf('b', 3, 4)]),
  encodeEvents([{ type: 'drop', collection: 9 }]),
]

function digestOf({ state }: Recovered): Promise<string> {
  return digestHex(state, { checksum, yieldToEventLoop: async () => {} })
}

/** Appends bytes behind the log that no write ever finished. */
function tear(files: CrashableFiles, bytes: number): void {
  files.writeWhole(SEGMENT_PATH, Uint8Array.of(...files.readWhole(SEGMENT_PATH), ...new Uint8Array(bytes).fill(1)))
}

describe('recovery', () => {
  test('reports how much it replayed and what did not fit', async () => {
    const { report, state, position } = await recoverForWriting(filesOf(...PAYLOADS), OPTIONS)
    expect(report).toEqual({
      records: 3,
      events: 4,
      misfits: 1,
      bytes: expect.any(Number),
      tornBytes: 0,
      quarantined: undefined,
      rewrittenRecords: 0,
      problems: [],
    })
    expect([state.lsn, position.lsn]).toEqual([3, 3])
    expect(state.collectionByName('vectors')?.liveCount).toBe(2)
  })

  test('counts the bytes of the log it read', async () => {
    const files = filesOf(...PAYLOADS)
    const { report } = await recoverForWriting(files, OPTIONS)
    expect(report.bytes).toBe(files.readWhole(SEGMENT_PATH).byteLength)
  })

  test('makes an empty store where there is none, and finds none to read', async () => {
    const files = filesOf()
    files.cut(SEGMENT_PATH, 0)
    await files.remove(SEGMENT_PATH)
    await files.remove(MARK_PATH)
    expect(await recoverForReading(files, OPTIONS)).toBeUndefined()
    const { state, report } = await recoverForWriting(files, OPTIONS)
    expect([state.lsn, report.records, report.problems]).toEqual([0, 0, []])
  })

  test('says where it put the unfinished end of the log', async () => {
    const files = filesOf(...PAYLOADS)
    tear(files, 13)
    const { report } = await recoverForWriting(files, OPTIONS)
    const quarantined = report.quarantined!
    expect(report.tornBytes).toBe(13)
    expect(report.problems).toEqual([
      `13 bytes of an unfinished write were cut from the end of the log (the file ends inside a record header) and kept in ${quarantined}`,
    ])
    expect([...files.readWhole(quarantined)]).toEqual(new Array(13).fill(1))
  })

  test('does not look behind the durable mark when it only reads, and leaves everything as it is', async () => {
    const files = filesOf(...PAYLOADS)
    tear(files, 13)
    const before = files.contentHash()
    const { report, log } = (await recoverForReading(files, OPTIONS))!
    expect(report).toMatchObject({ records: 3, tornBytes: 0, problems: [] })
    expect(log).toBeUndefined()
    expect(files.contentHash()).toBe(before)
    expect(files.mutations).toEqual([])
  })

  test.each([
    ['is missing', undefined, /wal\/durable was missing/],
    ['cannot be read', [0, 4096], /wal\/durable could not be read/],
    ['has lost a slot', [0], /one of the two slots of wal\/durable could not be read/],
  ])('names a durable mark that %s', async (_, damagedAt, problem) => {
    const files = filesOf(...PAYLOADS)
    if (damagedAt === undefined) await files.remove(MARK_PATH)
    for (const offset of damagedAt ?? []) files.flipBit(MARK_PATH, (offset + 20) * 8)
    const { report } = await recoverForWriting(files, OPTIONS)
    expect(report.records).toBe(3)
    expect(report.problems).toEqual([expect.stringMatching(problem)])
  })

  test('gives the same state whether it writes or reads', async () => {
    const reading = (await recoverForReading(filesOf(...PAYLOADS), OPTIONS))!
    expect(await digestOf(reading)).toBe(await digestOf(await recoverForWriting(filesOf(...PAYLOADS), OPTIONS)))
  })

  test.each(['EACCES', 'ENOSPC'] as const)(
    'serves what it can read where the end cannot be mended: %s',
    async (fault) => {
      const files = filesOf(...PAYLOADS)
      tear(files, 13)
      files.failWhen((operation) => operation.startsWith('makeDirectory quarantine'), fault)
      const { state, log, readOnlyBecause } = await recoverForWriting(files, OPTIONS)
      expect(state.lsn).toBe(3)
      expect(log).toBeUndefined()
      expect(readOnlyBecause?.code).toBe(fault === 'EACCES' ? 'ERR_PERMISSION' : 'ERR_DISK_FULL')
    },
  )

  test('does not open where the end cannot be mended for another reason', async () => {
    const files = filesOf(...PAYLOADS)
    tear(files, 13)
    files.failWhen((operation) => operation.startsWith('makeDirectory quarantine'), 'EIO')
    expect((await errorOf(recoverForWriting(files, OPTIONS))).code).toBe('ERR_IO')
  })

  test('refuses an event of a newer release and changes nothing', async () => {
    const files = filesOf(...PAYLOADS, encodeCbor([['fold', 1, 'int8']]))
    const before = files.contentHash()
    expect((await errorOf(recoverForWriting(files, OPTIONS))).code).toBe('ERR_FORMAT_VERSION')
    expect((await errorOf(recoverForReading(files, OPTIONS) as Promise<unknown>)).code).toBe('ERR_FORMAT_VERSION')
    expect(files.contentHash()).toBe(before)
  })

  test('opens whatever a record holds whose chain is right', async () => {
    const files = filesOf(PAYLOADS[0]!, Uint8Array.of(0xff, 0xff), encodeCbor('no events'), PAYLOADS[1]!)
    const { state, report } = await recoverForWriting(files, OPTIONS)
    expect(state.collectionByName('vectors')?.liveCount).toBe(2)
    expect(report).toMatchObject({ records: 4, misfits: 2 })
  })

  test('refuses a damaged record below the mark and leaves all bytes as they are', async () => {
    const files = filesOf(...PAYLOADS)
    files.writeWhole(SEGMENT_PATH, withBitFlipped(files.readWhole(SEGMENT_PATH), 200 * 8))
    const before = files.contentHash()
    const error = await errorOf(recoverForWriting(files, OPTIONS))
    expect(error.code).toBe('ERR_LOG_CORRUPT')
    expect(error.details).toMatchObject({ segment: SEGMENT_PATH, lsn: 2 })
    expect(files.contentHash()).toBe(before)
  })

  test('stops when it is aborted', async () => {
    const options = { ...OPTIONS, signal: AbortSignal.abort(new Error('enough')) }
    const error = await errorOf(recoverForWriting(filesOf(...PAYLOADS), options))
    expect([error.code, error.cause]).toEqual(['ERR_ABORTED', new Error('enough')])
  })
})
