import { describe, expect, test } from 'vitest'
import { createMark, MarkWriter } from '../../src/wal/durable-mark.ts'
import { SegmentWriter } from '../../src/wal/segment-writer.ts'
import { RollbackFailure, SyncFailure } from '../../src/wal/sync-failure.ts'
import { FIRST_SEGMENT, SegmentBuilder, STORE_ID, utf8 } from '../support/byte-builder.ts'
import { CrashableFiles, nothing } from '../support/crashable-files.ts'
import { checksum, outcomeOf } from '../support/log-fixture.ts'

const PATH = 'wal/0000000000000001.wal'
const sound = () => new SegmentBuilder().header().record('one').record('two')
const pending = (...texts: readonly string[]) =>
  texts.map((text, index) => ({ payload: utf8(text), timeMs: index + 1 }))

async function writerOn(files = new CrashableFiles()) {
  await files.makeDirectory('wal')
  await files.syncDirectory('')
  return { files, writer: await SegmentWriter.create(files, FIRST_SEGMENT, checksum) }
}

async function markOn(files: CrashableFiles): Promise<MarkWriter> {
  const mark = { storeId: STORE_ID, position: { epoch: 1, lsn: 0, chain: 0n }, sequence: 1 }
  await createMark(files, mark, checksum)
  return MarkWriter.open(files, mark, checksum)
}

describe('a segment writer', () => {
  test('publishes an empty segment that survives a power loss', async () => {
    const { files, writer } = await writerOn()
    expect([writer.isEmpty, writer.isSynced, writer.end.offset]).toEqual([true, true, 80])
    expect(files.crashImage(nothing).readWhole(PATH)).toEqual(new SegmentBuilder().header().bytes())
  })

  test('writes the bytes of the table in FORMAT.md, a batch in one write', async () => {
    const { files, writer } = await writerOn()
    const records = await writer.append(pending('one', 'two'))
    expect(files.readWhole(PATH)).toEqual(sound().bytes())
    expect(files.operations.at(-1)).toBe(`write ${PATH}.tmp 96@80`)
    expect(records.map(({ lsn, epoch, timeMs }) => [lsn, epoch, timeMs])).toEqual([
      [1, 1, 1],
      [2, 1, 2],
    ])
    expect(writer.end).toEqual({ lsn: 2, chain: sound().chain, timeMs: 2, epoch: 1, offset: 176 })
    expect(records[1]?.chain).toBe(sound().chain)
  })

  test('leaves nothing of a longer write in the padding of a shorter one', async () => {
    const { files, writer } = await writerOn()
    const payloads = [
      new Uint8Array(500).fill(0xff),
      utf8('x'),
      utf8('three'),
      new Uint8Array(200).fill(0xee),
      utf8('y'),
    ]
    const built = new SegmentBuilder().header()
    for (const [index, payload] of payloads.entries()) {
      await writer.append([{ payload, timeMs: index + 1 }])
      built.record(payload)
    }
    expect(files.readWhole(PATH)).toEqual(built.bytes())
  })

  test('raises a time that goes back', async () => {
    const { writer } = await writerOn()
    const records = await writer.append([5, 3, 9, 8].map((timeMs) => ({ payload: utf8('x'), timeMs })))
    expect(records.map(({ timeMs }) => timeMs)).toEqual([5, 5, 9, 9])
  })

  test('says what is synced', async () => {
    const { files, writer } = await writerOn()
    await writer.append(pending('one', 'two'))
    expect(writer.isSynced).toBe(false)
    await writer.sync()
    expect([writer.isSynced, files.crashImage(nothing).readWhole(PATH)]).toEqual([true, sound().bytes()])
  })

  test('goes on over short writes', async () => {
    const { files, writer } = await writerOn()
    files.failWhen((operation) => operation.startsWith('write'), { shortWrite: 13 }, 4)
    await writer.append(pending('one', 'two'))
    expect(files.readWhole(PATH)).toEqual(sound().bytes())
  })

  test('takes back a write that failed, durably, and goes on', async () => {
    for (const code of ['ENOSPC', 'EIO'] as const) {
      const { files, writer } = await writerOn()
      await writer.append(pending('one'))
      files.failWhen((operation) => operation.startsWith('write'), { code, writtenBytes: 31 })
      expect(await outcomeOf(writer.append(pending('lost')))).toBe(code === 'EIO' ? 'ERR_IO' : 'ERR_DISK_FULL')
      expect(files.crashImage(nothing).readWhole(PATH).byteLength).toBe(128)
      await writer.append([{ payload: utf8('two'), timeMs: 2 }])
      expect(files.readWhole(PATH)).toEqual(sound().bytes())
    }
  })

  test('says so when a write could not be taken back', async () => {
    for (const operation of ['truncate', 'sync']) {
      const { files, writer } = await writerOn()
      files.failWhen((text) => text.startsWith('write'), { code: 'ENOSPC', writtenBytes: 5 })
      files.failWhen((text) => text.startsWith(`${operation} ${PATH}`), 'EIO')
      await expect(writer.append(pending('lost')), operation).rejects.toBeInstanceOf(RollbackFailure)
    }
  })

  test('calls a failed sync by its name', async () => {
    const { files, writer } = await writerOn()
    await writer.append(pending('one'))
    files.failWhen((operation) => operation.startsWith('sync'), 'EIO')
    await expect(writer.sync()).rejects.toBeInstanceOf(SyncFailure)
    expect(writer.isSynced).toBe(false)
  })

  test('closes its file when it cannot be published', async () => {
    for (const matching of ['sync wal/', 'rename', 'syncDirectory wal']) {
      const files = new CrashableFiles()
      files.failWhen((operation) => operation.startsWith(matching), 'EIO')
      await expect(writerOn(files), matching).rejects.toBeDefined()
      expect(files.operations.at(-1), matching).toBe(`close ${PATH}.tmp`)
    }
  })
})

describe('sealing', () => {
  test('syncs the records, then the mark, then the seal', async () => {
    const { files, writer } = await writerOn()
    const mark = await markOn(files)
    await writer.append(pending('one', 'two'))
    await mark.advance({ epoch: 1, lsn: 2, chain: writer.end.chain })
    const before = files.operations.length
    await writer.seal(mark)
    const steps = files.operations.slice(before).map((operation) => operation.replace(`${PATH}.tmp`, 'segment'))
    expect(steps).toEqual(['sync segment', 'sync wal/durable', 'write segment 72@176', 'sync segment'])
    expect(files.crashImage(nothing).readWhole(PATH)).toEqual(sound().seal().bytes())
  })

  test('writes the same bytes again behind records that were sealed before', async () => {
    const { files, writer } = await writerOn()
    const mark = await markOn(files)
    await writer.append(pending('one', 'two'))
    const end = writer.end
    await writer.seal(mark)
    const segment = { path: PATH, header: FIRST_SEGMENT, sizeBytes: 248, end, sealed: true, isLeftAlone: false }
    await (await SegmentWriter.reopen(files, segment, checksum)).seal(mark)
    expect(files.readWhole(PATH)).toEqual(sound().seal().bytes())
  })

  test('on a full disk leaves the segment open, as it was', async () => {
    const { files, writer } = await writerOn()
    const mark = await markOn(files)
    await writer.append(pending('one', 'two'))
    files.failWhen((operation) => operation.startsWith('write'), { code: 'ENOSPC', writtenBytes: 40 })
    expect(await outcomeOf(writer.seal(mark))).toBe('ERR_DISK_FULL')
    expect(files.readWhole(PATH)).toEqual(sound().bytes())
  })
})
