import { describe, expect, test } from 'vitest'
import { createMark, type Mark, MarkWriter, readMark } from '../../src/wal/durable-mark.ts'
import { eachBitFlipped, markFile, markSlot, STORE_ID } from '../support/byte-builder.ts'
import { CrashableFiles, everything, nothing } from '../support/crashable-files.ts'
import { checksum, outcomeOf } from '../support/log-fixture.ts'

const POSITION = { epoch: 2, lsn: 9, chain: 0xabcd_ef01_2345_6789n }
const MARK: Mark = { storeId: STORE_ID, position: POSITION, sequence: 5 }
const FIELDS = { epoch: 2, lsn: 9, chain: POSITION.chain }

function withMark(bytes: Uint8Array): CrashableFiles {
  const files = new CrashableFiles()
  files.writeWhole('wal/durable', bytes)
  return files
}

async function created(mark: Mark = MARK): Promise<CrashableFiles> {
  const files = new CrashableFiles()
  await files.makeDirectory('wal')
  await files.syncDirectory('')
  await createMark(files, mark, checksum)
  return files
}

const read = (files: CrashableFiles) => readMark(files, checksum)
const at = (lsn: number) => ({ ...POSITION, lsn })

describe('the durable mark', () => {
  test('is the bytes of the table in FORMAT.md: both slots hold from the beginning', async () => {
    const files = await created()
    const expected = markFile(markSlot({ ...FIELDS, sequence: 4 }), markSlot({ ...FIELDS, sequence: 5 }))
    expect(files.readWhole('wal/durable')).toEqual(expected)
  })

  test('comes back as it was, also after a power loss', async () => {
    const files = await created()
    expect(await read(files)).toEqual({ mark: MARK, exists: true, damagedSlots: 0 })
    expect(await read(files.crashImage(nothing))).toEqual({ mark: MARK, exists: true, damagedSlots: 0 })
  })

  test('that is not there is no error', async () => {
    expect(await read(new CrashableFiles())).toEqual({ mark: undefined, exists: false, damagedSlots: 0 })
  })

  test('is the slot with the higher sequence, whichever it is', async () => {
    const [even, odd] = [markSlot({ lsn: 3, sequence: 8 }), markSlot({ lsn: 2, sequence: 7 })]
    expect((await read(withMark(markFile(even, odd)))).mark?.position.lsn).toBe(3)
    expect((await read(withMark(markFile(even, markSlot({ lsn: 4, sequence: 9 }))))).mark?.position.lsn).toBe(4)
  })

  test('survives any one flipped bit in either slot by the other', async () => {
    const slots = [markSlot({ lsn: 3, sequence: 8 }), markSlot({ lsn: 2, sequence: 7 })] as const
    for (const [bitIndex, even] of eachBitFlipped(slots[0])) {
      const { mark, damagedSlots } = await read(withMark(markFile(even, slots[1])))
      expect([mark?.position.lsn, damagedSlots], `bit ${bitIndex} of the even slot`).toEqual([2, 1])
    }
    for (const [bitIndex, odd] of eachBitFlipped(slots[1])) {
      const { mark, damagedSlots } = await read(withMark(markFile(slots[0], odd)))
      expect([mark?.position.lsn, damagedSlots], `bit ${bitIndex} of the odd slot`).toEqual([3, 1])
    }
  })

  test('of which no slot holds is there, and says nothing', async () => {
    for (const bytes of [markFile(undefined, undefined), new Uint8Array(0), new Uint8Array(20).fill(1)]) {
      expect(await read(withMark(bytes))).toEqual({ mark: undefined, exists: true, damagedSlots: 2 })
    }
  })

  test('does not take a slot in the other one’s place, nor numbers that no writer has', async () => {
    for (const fields of [
      { sequence: 7 },
      { sequence: 2n ** 53n },
      { lsn: 2n ** 53n, sequence: 8 },
      { magic: 'annalsWL' },
    ]) {
      expect((await read(withMark(markFile(markSlot(fields), undefined)))).damagedSlots).toBe(2)
    }
  })

  test('of a newer release is refused by name, when its checksum holds', async () => {
    const newer = withMark(markFile(markSlot({ version: 2, length: 120 }), undefined))
    await expect(read(newer)).rejects.toMatchObject({
      code: 'ERR_FORMAT_VERSION',
      details: { path: 'wal/durable', version: 2 },
    })
    expect((await read(withMark(markFile(markSlot({ version: 2, checksum: 1n }), undefined)))).damagedSlots).toBe(2)
  })
})

describe('the writer of the mark', () => {
  test('overwrites the slots in turn', async () => {
    const files = await created()
    const writer = await MarkWriter.open(files, MARK, checksum)
    await writer.advance(at(10))
    await writer.advance(at(11))
    const writes = files.operations.filter((operation) => operation.startsWith('write wal/durable '))
    expect(writes).toEqual(['write wal/durable 80@0', 'write wal/durable 80@4096'])
    expect((await read(files)).mark).toEqual({ ...MARK, position: at(11), sequence: 7 })
  })

  test('says whether a power loss could set it back, and only then syncs', async () => {
    const files = await created()
    const writer = await MarkWriter.open(files, MARK, checksum)
    await writer.sync()
    expect([writer.isSynced, files.operations.includes('sync wal/durable')]).toEqual([true, false])
    await writer.advance(at(10))
    expect([writer.isSynced, (await read(files.crashImage(nothing))).mark?.position.lsn]).toEqual([false, 9])
    await writer.sync()
    expect([writer.isSynced, (await read(files.crashImage(nothing))).mark?.position.lsn]).toEqual([true, 10])
  })

  test('leaves the older slot whole when a write is cut short', async () => {
    const files = await created()
    const writer = await MarkWriter.open(files, MARK, checksum)
    files.failWhen((operation) => operation.startsWith('write wal/durable'), { code: 'EIO', writtenBytes: 41 })
    expect(await outcomeOf(writer.advance(at(10)))).toBe('ERR_IO')
    expect([writer.position.lsn, (await read(files)).mark?.position.lsn, (await read(files)).damagedSlots]).toEqual([
      9, 9, 1,
    ])
  })

  test('takes the place of a mark that cannot be read, whole or not at all', async () => {
    const files = withMark(markFile(undefined, undefined))
    files.writeWhole('wal/durable.tmp', new Uint8Array(3))
    await createMark(files, MARK, checksum)
    expect(files.paths()).toEqual(['wal/durable'])
    expect((await read(files.crashImage(everything))).mark).toEqual(MARK)
  })
})
