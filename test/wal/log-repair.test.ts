import { describe, expect, test } from 'vitest'
import { StoreError } from '../../src/base/errors.ts'
import { blocksWritingOnly } from '../../src/wal/log-repair.ts'
import { joined, SegmentBuilder, STORE_ID } from '../support/byte-builder.ts'
import { CrashableFiles, nothing } from '../support/crashable-files.ts'
import { killedLog, LogFixture, outcomeOf, readLog, readTexts, texts } from '../support/log-fixture.ts'
import { Random } from '../support/random.ts'

const FIRST = 'wal/0000000000000001.wal'
const THIRD = 'wal/0000000000000003.wal'
const QUARANTINED = 'quarantine/0000000000000001.wal.320'
const GARBAGE = new Random(5).nextBytes(77)

/** Five records in one open segment; the mark says two of them were synced. */
async function markBehind(): Promise<CrashableFiles> {
  const log = await LogFixture.open()
  await log.appendEach(texts(2))
  const mark = log.files.readWhole('wal/durable')
  await log.appendEach(texts(3, 3))
  return settled(log.files, { 'wal/durable': mark })
}

/** Five records, all below the mark, and the beginning of a sixth that was never finished. */
async function tornTail(): Promise<CrashableFiles> {
  const files = await killedLog(texts(5))
  return settled(files, { [FIRST]: joined(files.readWhole(FIRST), GARBAGE) })
}

/** Both at once. */
async function tornAboveMark(): Promise<CrashableFiles> {
  const files = await markBehind()
  return settled(files, { [FIRST]: joined(files.readWhole(FIRST), GARBAGE) })
}

/** The files as they are seen, all durable, some of them changed. */
function settled(files: CrashableFiles, changes: Readonly<Record<string, Uint8Array>>): CrashableFiles {
  const copy = new CrashableFiles()
  for (const path of files.paths()) copy.writeWhole(path, changes[path] ?? files.readWhole(path))
  return copy
}

const segmentsOf = async (files: CrashableFiles) =>
  (await readLog(files)).scan.segments.map(({ header, end, sealed }) => [header.firstLsn, end.lsn, sealed])

describe('a torn tail', () => {
  test('is copied away byte for byte, cut, and reported', async () => {
    const log = await LogFixture.open(await tornTail())
    expect([log.foundTexts, log.repair]).toMatchObject([
      texts(5),
      {
        tornBytes: 77,
        tornReason: 'the checksum of a record header is wrong',
        quarantined: QUARANTINED,
        rewrittenRecords: 0,
      },
    ])
    const image = log.files.crashImage(nothing)
    expect([image.readWhole(QUARANTINED), image.readWhole(FIRST).byteLength]).toEqual([GARBAGE, 320])
  })

  test('of any length is cut', async () => {
    const next = new SegmentBuilder({ firstLsn: 6 }).record('r6').bytes()
    const files = await killedLog(texts(5))
    const whole = files.readWhole(FIRST)
    for (let length = 1; length < next.byteLength; length++) {
      const torn = settled(files, { [FIRST]: joined(whole, next.subarray(0, length)) })
      const log = await LogFixture.open(torn)
      expect([log.foundTexts, log.repair.tornBytes], `${length} bytes`).toEqual([texts(5), length])
    }
  })

  test('leaves a log that goes on at the same LSN', async () => {
    const log = await LogFixture.open(await tornTail())
    expect(await log.append('another r6')).toBe(6)
    expect(await readTexts(log.files)).toEqual([...texts(5), 'another r6'])
  })

  test('is gone at the next opening', async () => {
    const log = await LogFixture.open(await tornTail())
    const again = await log.killAndReopen()
    expect([again.foundTexts, again.repair]).toMatchObject([texts(5), { tornBytes: 0, quarantined: undefined }])
  })

  test('that is zeros, as a file that grew and was never written, is one too', async () => {
    const files = await killedLog(texts(5))
    const log = await LogFixture.open(settled(files, { [FIRST]: joined(files.readWhole(FIRST), new Uint8Array(4096)) }))
    expect([log.foundTexts, log.repair.tornBytes]).toEqual([texts(5), 4096])
  })
})

describe('records above the mark', () => {
  test('are written again into a segment of their own, and the old one ends at the mark', async () => {
    const log = await LogFixture.open(await markBehind())
    expect([log.foundTexts, log.repair.rewrittenRecords]).toEqual([texts(5), 3])
    expect(await segmentsOf(log.files.crashImage(nothing))).toEqual([
      [1, 2, true],
      [3, 5, false],
    ])
    const { scan, records } = await readLog(log.files.crashImage(nothing))
    expect([scan.mark?.position.lsn, scan.segments.map(({ header }) => header.rewritten)]).toEqual([5, [false, true]])
    expect(records).toEqual(log.found)
  })

  test('keep their bytes', async () => {
    const files = await markBehind()
    const before = files.readWhole(FIRST)
    await LogFixture.open(files)
    expect(files.readWhole(THIRD).subarray(80)).toEqual(before.subarray(80 + 2 * 48))
    expect(files.readWhole(FIRST).subarray(0, 80 + 2 * 48)).toEqual(before.subarray(0, 80 + 2 * 48))
  })

  test('are followed by appends in the same segment', async () => {
    const log = await LogFixture.open(await markBehind())
    await log.append('r6')
    expect(await segmentsOf(log.files)).toEqual([
      [1, 2, true],
      [3, 6, false],
    ])
    expect([log.log.segmentCount, log.log.sizeBytes]).toEqual([2, 176 + 72 + 80 + 4 * 48])
  })

  test('are all of the segment where there is no mark, and it is replaced under its own name', async () => {
    for (const mark of [undefined, new Uint8Array(8192)]) {
      const files = await killedLog(texts(3))
      if (mark === undefined) await files.remove('wal/durable')
      else files.writeWhole('wal/durable', mark)
      const log = await LogFixture.open(settled(files, {}))
      expect([log.foundTexts, log.repair.rewrittenRecords]).toEqual([texts(3), 3])
      expect([log.scan.markExists, log.scan.damagedMarkSlots]).toEqual(mark === undefined ? [false, 0] : [true, 2])
      const { scan } = await readLog(log.files.crashImage(nothing))
      expect([scan.mark?.position.lsn, scan.damagedMarkSlots, scan.segments.length]).toEqual([3, 0, 1])
    }
  })

  test('are fewer where one slot of the mark is damaged, and the slot is mended', async () => {
    const files = await killedLog(texts(3))
    const { scan: before } = await readLog(files)
    files.flipBit('wal/durable', ((before.mark?.sequence ?? 0) % 2) * 4096 * 8 + 300)
    const log = await LogFixture.open(files)
    expect([log.foundTexts, log.scan.damagedMarkSlots, log.repair.rewrittenRecords]).toEqual([texts(3), 1, 1])
    expect((await readLog(log.files)).scan.damagedMarkSlots).toBe(0)
  })

  test('are none in a segment that shows a seal: they were synced before it', async () => {
    const log = await LogFixture.open()
    await log.appendEach(texts(3))
    const mark = log.files.readWhole('wal/durable')
    await log.append('r4')
    await log.close()
    const again = await LogFixture.open(settled(log.files, { 'wal/durable': mark }))
    expect([again.foundTexts, again.repair.rewrittenRecords]).toEqual([texts(4), 0])
  })

  test('with a torn tail behind them: it is quarantined, they are rewritten', async () => {
    const log = await LogFixture.open(await tornAboveMark())
    expect([log.foundTexts, log.repair]).toMatchObject([
      texts(5),
      { tornBytes: 77, quarantined: QUARANTINED, rewrittenRecords: 3 },
    ])
    expect(log.files.readWhole(QUARANTINED)).toEqual(GARBAGE)
    expect(await segmentsOf(log.files)).toEqual([
      [1, 2, true],
      [3, 5, false],
    ])
  })

  test('of 10 MiB are copied in bounded memory', async () => {
    const log = await LogFixture.open()
    await log.append('r1')
    const mark = log.files.readWhole('wal/durable')
    await log.log.append(new Uint8Array(10 * 1024 * 1024).fill(0x61), 0, 'sync')
    const files = settled(log.files, { 'wal/durable': mark })
    const { repair } = await LogFixture.open(files)
    const writes = files.operations.flatMap((text) => /^write wal\/0\S+ (\d+)@/.exec(text)?.[1] ?? [])
    expect([repair.rewrittenRecords, Math.max(...writes.map(Number))]).toEqual([1, 1024 * 1024])
  })
})

describe('leftovers', () => {
  test('under temporary names are removed and never block', async () => {
    const files = await killedLog(texts(3))
    for (const name of ['durable.tmp', '0000000000000004.wal.tmp', '0000000000000001.wal.tmp']) {
      files.writeWhole(`wal/${name}`, GARBAGE)
    }
    const log = await LogFixture.open(files)
    expect([log.foundTexts, files.paths()]).toEqual([texts(3), [FIRST, 'wal/durable']])
  })

  test('of an unfinished rewrite are finished: the old segment is cut at the new one and sealed', async () => {
    const files = await markBehind()
    const before = files.readWhole(FIRST)
    await LogFixture.open(files)
    for (const old of [before, joined(before, GARBAGE), before.subarray(0, 200), before.subarray(0, 176)]) {
      const log = await LogFixture.open(settled(files, { [FIRST]: old }))
      expect(log.foundTexts).toEqual(texts(5))
      expect(await segmentsOf(log.files)).toEqual([
        [1, 2, true],
        [3, 5, false],
      ])
    }
  })
})

describe('where nothing can be written', () => {
  test('the log is left as it is, and opens once it can be', async () => {
    for (const [operation, fault, code] of [
      ['makeDirectory quarantine', 'EACCES', 'ERR_PERMISSION'],
      ['open quarantine/', 'EACCES', 'ERR_PERMISSION'],
      ['open quarantine/', 'ENOSPC', 'ERR_DISK_FULL'],
      ['write quarantine/', 'ENOSPC', 'ERR_DISK_FULL'],
      ['sync quarantine/', 'EIO', 'ERR_IO'],
      ['rename quarantine/', 'EIO', 'ERR_IO'],
    ] as const) {
      const files = await tornAboveMark()
      files.writeWhole('wal/0000000000000009.wal.tmp', GARBAGE)
      const before = files.paths().map((path) => [path, files.readWhole(path)])
      files.failWhen((text) => text.startsWith(operation), fault)
      expect(await outcomeOf(LogFixture.open(files)), operation).toBe(code)
      const after = files.paths().filter((path) => path.startsWith('wal/'))
      expect(
        after.map((path) => [path, files.readWhole(path)]),
        operation,
      ).toEqual(before)
      expect(await readTexts(files, 2), operation).toEqual(texts(2))
      expect((await LogFixture.open(files.restartImage())).foundTexts, operation).toEqual(texts(5))
    }
  })

  test('a full disk at any write of the repair is told, and the next opening mends', async () => {
    const whole = await tornAboveMark()
    await LogFixture.open(whole)
    const writes = whole.operations.flatMap((text, index) => (/^(write|open \S+ create)/.test(text) ? [index + 1] : []))
    expect(writes.length).toBeGreaterThan(5)
    for (const number of writes) {
      const files = await tornAboveMark()
      files.failAt(number, 'ENOSPC')
      expect(await outcomeOf(LogFixture.open(files)), whole.operations[number - 1]).toBe('ERR_DISK_FULL')
      const log = await LogFixture.open(files.restartImage())
      expect(log.foundTexts, whole.operations[number - 1]).toEqual(texts(5))
    }
  })

  test('only a full disk and a lack of rights leave a store that can be read', () => {
    const codes = ['ERR_DISK_FULL', 'ERR_PERMISSION', 'ERR_IO', 'ERR_LOG_CORRUPT'] as const
    expect(codes.map((code) => blocksWritingOnly(new StoreError(code, '')))).toEqual([true, true, false, false])
    expect(blocksWritingOnly(new TypeError('no'))).toBe(false)
  })
})

test('a copy that does not read the same twice is never published', async () => {
  const files = await markBehind()
  const open = files.open.bind(files)
  files.open = async (path, mode) => {
    const file = await open(path, mode)
    if (path === `${THIRD}.tmp`) {
      const write = file.write.bind(file)
      file.write = (bytes, position) => write(position === 0 ? bytes : bytes.map((byte) => byte ^ 1), position)
    }
    return file
  }
  const before = files.readWhole(FIRST)
  expect(await outcomeOf(LogFixture.open(files))).toBe('ERR_IO')
  expect([files.readWhole(FIRST), files.paths().includes(THIRD)]).toEqual([before, false])
})

test('a log with no records has nothing to mend', async () => {
  const log = await LogFixture.open(await killedLog([]))
  expect([log.repair, log.log.position.lsn, log.scan.storeId]).toEqual([
    { segments: [], tornBytes: 0, tornReason: undefined, quarantined: undefined, rewrittenRecords: 0 },
    0,
    STORE_ID,
  ])
})
