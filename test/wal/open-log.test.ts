import { describe, expect, test } from 'vitest'
import {
  genesisOf,
  joined,
  markFile,
  markSlot,
  OTHER_STORE_ID,
  SegmentBuilder,
  STORE_ID,
} from '../support/byte-builder.ts'
import { CrashableFiles, nothing } from '../support/crashable-files.ts'
import { closedLog, errorOf, killedLog, LogFixture, outcomeOf, readLog, texts } from '../support/log-fixture.ts'

const FIRST = 'wal/0000000000000001.wal'

describe('a directory without a store', () => {
  test('becomes one that survives a power loss, with the identity it was given', async () => {
    const { files, scan, log } = await LogFixture.open(undefined, { newStoreId: OTHER_STORE_ID })
    const image = files.crashImage(nothing)
    expect([scan.storeId, image.paths()]).toEqual([undefined, ['wal/durable']])
    expect((await readLog(image)).scan.storeId).toEqual(OTHER_STORE_ID)
    expect(log.position).toEqual({ epoch: 1, lsn: 0, chain: genesisOf(OTHER_STORE_ID) })
  })

  test('is made again where a crash came before its mark', async () => {
    const files = new CrashableFiles()
    files.crashAt(5, 'before')
    await LogFixture.open(files).catch(() => {})
    const log = await LogFixture.open(files.restartImage(), { newStoreId: OTHER_STORE_ID })
    expect([log.scan.storeId, await log.append('r1')]).toEqual([undefined, 1])
  })

  test('but with a mark that cannot be read is refused, and left as it is', async () => {
    const files = new CrashableFiles()
    files.writeWhole('wal/durable', markFile(undefined, undefined))
    const before = files.contentHash()
    const { code, details } = await errorOf(LogFixture.open(files))
    expect([code, details.reason, files.contentHash()]).toEqual([
      'ERR_LOG_CORRUPT',
      'no slot of the durable mark holds',
      before,
    ])
  })
})

describe('an opened log', () => {
  test('has the identity of its files, whatever is offered', async () => {
    const files = await closedLog(texts(2))
    const log = await LogFixture.open(files, { newStoreId: OTHER_STORE_ID })
    expect(log.scan.storeId).toEqual(STORE_ID)
    await log.append('r3')
    expect((await readLog(files)).records).toHaveLength(3)
  })

  test('is at the end of what was found, and its mark says on disk that all of it is there', async () => {
    for (const files of [await closedLog(texts(4)), await killedLog(texts(4))]) {
      const log = await LogFixture.open(files)
      const { scan, records } = await readLog(files.crashImage(nothing))
      expect([log.log.position.lsn, log.log.position.chain]).toEqual([4, records[3]?.chain])
      expect([log.log.durablePosition, scan.mark?.position]).toEqual([log.log.position, log.log.position])
    }
  })

  test('keeps the epoch of its mark and its records', async () => {
    const built = new SegmentBuilder().header({ epoch: 4 }).record('r1', { epoch: 4 })
    const files = new CrashableFiles()
    files.writeWhole(FIRST, built.bytes())
    files.writeWhole('wal/durable', markFile(markSlot({ epoch: 5, lsn: 1, chain: built.chain }), undefined))
    const log = await LogFixture.open(files)
    await log.append('r2')
    expect([log.log.position.epoch, log.delivered[0]?.epoch]).toEqual([5, 5])
  })

  test('takes a mark that a killed process may have named without syncing the directory', async () => {
    const files = new CrashableFiles()
    files.crashAt(7, 'after')
    await LogFixture.open(files).catch(() => {})
    expect(files.mutations.at(-1)).toBe('rename wal/durable.tmp -> wal/durable')
    const log = await LogFixture.open(files.restartImage())
    expect((await readLog(log.files.crashImage(nothing))).scan.markExists).toBe(true)
  })
})

describe('a log that is refused', () => {
  const refused = async (change: (files: CrashableFiles) => void) => {
    const files = await killedLog(texts(3))
    change(files)
    const before = files.contentHash()
    const code = await outcomeOf(LogFixture.open(files))
    const opened = files.operations.filter((text) => text.startsWith('open')).length
    const closed = files.operations.filter((text) => text.startsWith('close')).length
    expect([files.contentHash(), files.mutations, opened]).toEqual([before, [], closed])
    return code
  }

  test('is left as it is, leftovers included, and every handle closed', async () => {
    expect(await refused((files) => files.flipBit(FIRST, 1000))).toBe('ERR_LOG_CORRUPT')
    expect(await refused((files) => files.writeWhole(FIRST, new SegmentBuilder().header({ version: 2 }).bytes()))).toBe(
      'ERR_FORMAT_VERSION',
    )
    expect(
      await refused((files) => {
        files.writeWhole('wal/x.tmp', new Uint8Array(3))
        files.writeWhole(FIRST, joined(files.readWhole(FIRST).subarray(0, 100)))
      }),
    ).toBe('ERR_LOG_CORRUPT')
  })

  test('tells what it knows', async () => {
    const files = await killedLog(texts(3))
    files.cut(FIRST, 130)
    const { message, details } = await errorOf(LogFixture.open(files))
    expect(message).toBe(
      `the log is damaged in ${FIRST} at offset 128, LSN 2: the file ends inside a record header (the durable mark is at LSN 3). Nothing was changed.`,
    )
    expect(details).toEqual({
      segment: FIRST,
      offset: 128,
      lsn: 2,
      reason: 'the file ends inside a record header',
      markLsn: 3,
    })
  })
})

test('an error of the disk at any call of an opening is typed, and every handle is closed', async () => {
  const whole = await killedLog(texts(3))
  await LogFixture.open(whole)
  for (let number = 1; number <= whole.operations.length; number++) {
    const where = whole.operations[number - 1]
    if (where?.startsWith('close')) continue
    const files = await killedLog(texts(3))
    files.failAt(number, 'EIO')
    expect(await outcomeOf(LogFixture.open(files)), where).toBe('ERR_IO')
    const count = (name: string) => files.operations.filter((text) => text.startsWith(name) && text !== where).length
    expect(count('close'), where).toBe(count('open'))
  }
})
