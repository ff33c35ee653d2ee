import { describe, expect, test } from 'vitest'
import { isContradiction } from '../../src/wal/starting-point.ts'
import { joined, markFile, markSlot, OTHER_STORE_ID, SegmentBuilder, STORE_ID } from '../support/byte-builder.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import {
  closedLog,
  errorOf,
  killedLog,
  LogFixture,
  outcomeOf,
  pointAt,
  readAfter,
  readLog,
  START_MS,
  texts,
} from '../support/log-fixture.ts'
import { SMALL, settled, threeSegments } from '../support/small-logs.ts'

const [FIRST, SECOND, THIRD] = [1, 4, 7].map((lsn) => `wal/000000000000000${lsn}.wal`) as [string, string, string]

/** Segment, LSN and reason of a refusal that is no contradiction. */
async function refusalOf(work: Promise<unknown>): Promise<string> {
  const error = await errorOf(work)
  expect([error.code, isContradiction(error)]).toEqual(['ERR_LOG_CORRUPT', false])
  const { segment, lsn, reason } = error.details
  return `${segment}, LSN ${lsn}: ${reason}`
}

async function contradictionOf(work: Promise<unknown>): Promise<string> {
  const error = await errorOf(work)
  expect([error.code, isContradiction(error)]).toEqual(['ERR_LOG_CORRUPT', true])
  return `${error.details.segment}, LSN ${error.details.lsn}: ${error.details.reason}`
}

/** What was read of each file, as `path offset`. */
function readsOf({ operations }: CrashableFiles): string[] {
  return operations.filter((text) => text.startsWith('read ') && !text.includes('durable'))
}

describe('reading behind a starting point', () => {
  test('delivers what follows it and touches no segment that ends at or below it', async () => {
    const files = await threeSegments('closed')
    for (const [lsn, opened] of [
      [0, [FIRST, SECOND, THIRD]],
      [2, [FIRST, SECOND, THIRD]],
      [3, [SECOND, THIRD]],
      [5, [SECOND, THIRD]],
      [6, [THIRD]],
      [8, [THIRD]],
    ] as const) {
      const fresh = settled(files)
      const { scan, found } = await readAfter(fresh, await pointAt(files, lsn))
      expect(found).toEqual(texts(8).slice(lsn))
      const opens = fresh.operations.filter((text) => text.startsWith('open wal/0'))
      expect(opens).toEqual(opened.map((path) => `open ${path} read`))
      expect([...scan.skipped.map(({ path }) => path), ...scan.segments.map(({ path }) => path)]).toEqual([
        FIRST,
        SECOND,
        THIRD,
      ])
      expect([scan.position.lsn, scan.damageBelow]).toEqual([8, undefined])
    }
  })

  test('reads the segment that it lies in once', async () => {
    const files = await closedLog(texts(200))
    const fresh = settled(files)
    await readAfter(fresh, await pointAt(files, 120))
    // The header, then the whole segment in one window.
    expect(readsOf(fresh)).toHaveLength(2)
  })

  test('reports progress over what is read alone', async () => {
    const files = await threeSegments('closed')
    const progress: number[][] = []
    await readAfter(files, await pointAt(files, 7), { onProgress: (done, total) => progress.push([done, total]) })
    const sizeBytes = files.readWhole(THIRD).byteLength
    expect(progress).toEqual([
      [0, sizeBytes],
      [sizeBytes, sizeBytes],
    ])
  })

  test('stops at a limit, also at the starting point itself', async () => {
    const files = await threeSegments('killed')
    const after = await pointAt(files, 2)
    expect((await readAfter(files, after, { limitLsn: 5 })).found).toEqual(['r3', 'r4', 'r5'])
    expect((await readAfter(files, after, { limitLsn: 2 })).found).toEqual([])
    files.flipBit(FIRST, 100 * 8)
    const { scan, found } = await readAfter(files, after, { limitLsn: 2 })
    expect([found, scan.position.lsn]).toEqual([[], 2])
  })

  test('takes an older mark for nothing new, and limits readers to what is known to be on disk', async () => {
    const log = await LogFixture.open(new CrashableFiles())
    await log.appendEach(texts(3))
    const mark = log.files.readWhole('wal/durable')
    await log.appendEach(texts(4, 4))
    log.files.writeWhole('wal/durable', mark)
    const [at5, at2] = [await pointAt(log.files, 5), await pointAt(log.files, 2)]
    expect((await readAfter(log.files, at5, { durableOnly: true })).found).toEqual([])
    expect((await readAfter(log.files, at2, { durableOnly: true })).found).toEqual(['r3'])
    const opened = await LogFixture.open(settled(log.files), { after: at5 })
    expect([opened.foundTexts, opened.repair.rewrittenRecords]).toEqual([['r6', 'r7'], 2])
  })

  test('finds the record behind it by its chain, not by a copy of its header in a payload', async () => {
    const built = new SegmentBuilder().header().record('r1').record('r2')
    const before = built.chain
    const third = new SegmentBuilder({ firstLsn: 3, previousChain: before, previousTimeMs: 2 }).record('r3').bytes()
    // A record with the header of record 3 in its payload, 8-byte aligned and followed by something else.
    const decoy = joined(new Uint8Array(4), third.subarray(0, 36), new Uint8Array(20))
    const first = new SegmentBuilder().header().record(decoy).record('r2')
    const bytes = first.record('r3').record('r4').bytes()
    const files = new CrashableFiles()
    files.writeWhole(FIRST, bytes)
    const after = await pointAt(files, 2)
    files.flipBit(FIRST, (80 + 36) * 8)
    const { scan, found } = await readAfter(files, after)
    expect(found).toEqual(['r3', 'r4'])
    expect(scan.damageBelow).toBe(
      `${FIRST} is damaged at or below LSN 2, which the log is not needed for: at offset 80, LSN 1, the chain of a record is wrong`,
    )
  })

  test('finds it in a large segment, across the pieces that are read', async () => {
    const large = 'x'.repeat(1024 * 1024 - 100)
    for (let shift = 0; shift < 12; shift++) {
      const built = new SegmentBuilder()
        .header()
        .record(large)
        .record('y'.repeat(1 + shift * 8))
        .record('r3')
      const files = new CrashableFiles()
      files.writeWhole(FIRST, built.bytes())
      const after = await pointAt(files, 2)
      files.flipBit(FIRST, 90 * 8)
      expect((await readAfter(files, after)).found, `shift ${shift}`).toEqual(['r3'])
    }
  })
})

describe('a log that needs what follows the starting point', () => {
  test('is refused where segments behind it are missing', async () => {
    const files = await threeSegments('closed')
    const after = await pointAt(files, 2)
    await files.remove(FIRST)
    expect(await refusalOf(readAfter(files, after))).toBe(
      `${SECOND}, LSN 3: LSN 3 is missing: the next segment starts at LSN 4`,
    )
    await files.remove(SECOND)
    expect(await refusalOf(readAfter(files, after))).toBe(
      `${THIRD}, LSN 3: LSN 3 to 6 are missing: the next segment starts at LSN 7`,
    )
    await files.remove(THIRD)
    expect(await refusalOf(readAfter(files, after))).toBe(
      'wal/durable, LSN 3: the log has no segment: LSN 3 to 8 are missing',
    )
  })

  test('is refused where the mark covers records that damage hides', async () => {
    const files = await threeSegments('killed')
    const after = await pointAt(files, 7)
    files.cut(THIRD, 100)
    expect(await refusalOf(readAfter(files, after))).toBe(`${THIRD}, LSN 8: LSN 8 is missing`)
    expect((await readAfter(files, after, { limitLsn: 7 })).found).toEqual([])
  })

  test('is refused where a seal says that there were more records, mark or not', async () => {
    const files = await threeSegments('closed')
    const after = await pointAt(files, 7)
    await files.remove('wal/durable')
    files.flipBit(THIRD, 90 * 8)
    files.flipBit(THIRD, (80 + 48 + 10) * 8)
    expect(await refusalOf(readAfter(files, after))).toBe(`${THIRD}, LSN 8: LSN 8 is missing`)
  })

  test('may have no segment where the mark covers no more, and begins one', async () => {
    const files = await threeSegments('closed')
    const after = await pointAt(files, 8)
    for (const path of [FIRST, SECOND, THIRD]) await files.remove(path)
    const log = await LogFixture.open(files, { ...SMALL, after })
    expect([log.foundTexts, log.log.position.lsn, log.log.oldestLsn, log.log.segments]).toEqual([[], 8, 9, []])
    expect(await log.append('r9', 'sync', START_MS)).toBe(9)
    const again = await LogFixture.open(files.restartImage(), { ...SMALL, after })
    expect(again.foundTexts).toEqual(['r9'])
    expect(again.found[0]?.timeMs).toBe(after.timeMs)
  })

  test('is refused where there is neither a segment nor a mark', async () => {
    const files = await threeSegments('closed')
    const after = await pointAt(files, 8)
    for (const path of [FIRST, SECOND, THIRD, 'wal/durable']) await files.remove(path)
    const expected = 'wal/durable, LSN 9: the log has no segment, and there is no durable mark that can be read'
    expect(await refusalOf(readAfter(files, after))).toBe(expected)
    expect(await refusalOf(LogFixture.open(files, { after }))).toBe(expected)
  })

  test('is refused as newer where a header or a record below is of a newer format', async () => {
    const files = await threeSegments('closed')
    const after = await pointAt(files, 8)
    const newer = new SegmentBuilder({ firstLsn: 7 }).header({ version: 2 }).bytes()
    files.writeWhole(THIRD, newer)
    expect(await outcomeOf(readAfter(files, after))).toBe('ERR_FORMAT_VERSION')
    const built = new SegmentBuilder().header().record('r1', { type: 9 })
    const unknown = new CrashableFiles()
    unknown.writeWhole(FIRST, built.bytes())
    expect(await outcomeOf(readAfter(unknown, { ...after, lsn: 5 }))).toBe('ERR_FORMAT_VERSION')
  })
})

describe('a starting point of another history', () => {
  test('is told from damage: the record is another one', async () => {
    const files = await threeSegments('closed')
    for (const lsn of [1, 3, 5, 8]) {
      const after = { ...(await pointAt(files, lsn)), chain: 1n }
      await files.remove('wal/durable').catch(() => {})
      const before = files.contentHash()
      expect(await contradictionOf(LogFixture.open(files, { after }))).toMatch(`LSN ${lsn}: `)
      expect(files.contentHash()).toBe(before)
    }
    const at3 = { ...(await pointAt(files, 3)), chain: 1n }
    expect(await contradictionOf(readAfter(files, at3))).toBe(
      `${SECOND}, LSN 3: it does not continue the history before it`,
    )
    const at5 = { ...(await pointAt(files, 5)), chain: 1n }
    expect(await contradictionOf(readAfter(files, at5))).toBe(`${SECOND}, LSN 5: the record there is another one`)
  })

  test('is told by the mark', async () => {
    const files = await threeSegments('closed')
    const after = await pointAt(files, 8)
    expect(await contradictionOf(readAfter(files, { ...after, chain: 1n }))).toBe(
      'wal/durable, LSN 8: it was written for another record',
    )
    expect(await contradictionOf(readAfter(files, { ...after, storeId: OTHER_STORE_ID }))).toBe(
      'wal/durable, LSN 8: it belongs to another store',
    )
  })

  test('is told by the store that the segments belong to, where there is no mark', async () => {
    const files = await threeSegments('closed')
    await files.remove('wal/durable')
    for (const lsn of [5, 6]) {
      const after = { ...(await pointAt(files, lsn)), storeId: OTHER_STORE_ID }
      expect(await contradictionOf(readAfter(files, after))).toMatch(`LSN ${lsn}: the segment belongs to another store`)
    }
  })

  test('is told by a seal, where the records before it are damaged', async () => {
    const files = await threeSegments('closed')
    const after = { ...(await pointAt(files, 8)), chain: 1n }
    await files.remove('wal/durable')
    files.flipBit(THIRD, 90 * 8)
    expect(await contradictionOf(readAfter(files, after))).toBe(
      `${THIRD}, LSN 8: the segment was sealed with another chain`,
    )
  })
})

describe('a segment that is damaged below the starting point', () => {
  test('is left as it is where nothing behind the point was found in it', async () => {
    const files = await threeSegments('killed')
    const after = await pointAt(files, 8)
    files.flipBit(THIRD, 140 * 8)
    const before = files.readWhole(THIRD)
    const log = await LogFixture.open(files, { ...SMALL, after })
    await log.appendEach(texts(6, 9))
    await log.close()
    expect(files.readWhole(THIRD)).toEqual(before)
    const again = await LogFixture.open(files, { ...SMALL, after })
    expect([again.foundTexts, again.scan.damageBelow]).toEqual([texts(6, 9), undefined])
    expect(again.log.segments.map(({ firstLsn, lastLsn }) => [firstLsn, lastLsn])).toEqual([
      [1, 3],
      [4, 6],
      [7, 8],
      [9, 11],
      [12, 14],
    ])
  })

  test('is ended as ever where its end was found: cut, kept, sealed', async () => {
    const files = await killedLog(texts(6))
    const after = await pointAt(files, 3)
    files.flipBit(FIRST, 90 * 8)
    files.writeWhole(FIRST, joined(files.readWhole(FIRST), new Uint8Array(9).fill(7)))
    const log = await LogFixture.open(files, { after })
    expect([log.foundTexts, log.repair.tornBytes, log.repair.quarantined]).toEqual([
      texts(3, 4),
      9,
      `quarantine/0000000000000001.wal.368`,
    ])
    await log.append('r7')
    await log.close()
    const again = await LogFixture.open(files, { after })
    expect([again.foundTexts, again.scan.segments[0]?.sealed]).toEqual([texts(4, 4), true])
  })
})

describe('segments that were not read', () => {
  test('are counted with the sizes and times of their headers', async () => {
    const files = await threeSegments('closed')
    const log = await LogFixture.open(files, { ...SMALL, after: await pointAt(files, 8) })
    const sizes = [FIRST, SECOND, THIRD].map((path) => files.readWhole(path).byteLength)
    expect(log.log.segments).toEqual([
      { path: FIRST, firstLsn: 1, lastLsn: 3, startTimeMs: 0, sizeBytes: sizes[0] },
      { path: SECOND, firstLsn: 4, lastLsn: 6, startTimeMs: START_MS + 2, sizeBytes: sizes[1] },
      { path: THIRD, firstLsn: 7, lastLsn: 8, startTimeMs: START_MS + 5, sizeBytes: sizes[2] },
    ])
    expect([log.log.sizeBytes, log.log.segmentCount, log.log.oldestLsn]).toEqual([
      sizes.reduce((sum, size) => sum + size),
      3,
      1,
    ])
  })

  test('need not hold: a time that cannot be read is that of the next segment', async () => {
    const files = await threeSegments('closed')
    const after = await pointAt(files, 8)
    files.flipBit(SECOND, 20 * 8)
    files.failWhen((text) => text.startsWith(`open ${FIRST}`), 'EIO')
    const log = await LogFixture.open(files, { ...SMALL, after })
    expect(log.log.segments.map(({ startTimeMs, sizeBytes }) => [startTimeMs, sizeBytes > 0])).toEqual([
      [START_MS + 5, false],
      [START_MS + 5, true],
      [START_MS + 5, true],
    ])
  })
})

describe('the oldest there is', () => {
  test('is where reading begins when asked to, with the chain and time of its header', async () => {
    const files = await threeSegments('closed')
    await files.remove(FIRST)
    expect(await refusalOf(readLog(files))).toBe(
      `${SECOND}, LSN 1: LSN 1 to 3 are missing: the next segment starts at LSN 4`,
    )
    const found: number[] = []
    const { scan } = await readAfter(files, undefined as never, {
      fromOldest: true,
      onRecord: ({ lsn }) => void found.push(lsn),
    })
    expect([found, scan.position.lsn, scan.timeMs]).toEqual([[4, 5, 6, 7, 8], 8, START_MS + 7])
    await files.remove(THIRD)
    expect(await refusalOf(readAfter(files, undefined as never, { fromOldest: true }))).toBe(
      `${SECOND}, LSN 7: the log ends below the durable mark`,
    )
  })

  test('is no way around damage', async () => {
    const files = await threeSegments('closed')
    await files.remove(FIRST)
    files.flipBit(SECOND, 20 * 8)
    expect(await refusalOf(readAfter(files, undefined as never, { fromOldest: true }))).toBe(
      `${SECOND}, LSN 4: in its header, the checksum is wrong`,
    )
  })
})

describe('a limit in time', () => {
  const TIMES = [100, 100, 200, 200, 300, 400]

  async function timed(): Promise<CrashableFiles> {
    const files = new CrashableFiles()
    const log = await LogFixture.open(files, SMALL)
    for (const [index, timeMs] of TIMES.entries()) await log.append(`r${index + 1}`, 'sync', timeMs)
    await log.close()
    return files
  }

  test.each([
    [0, 0],
    [99, 0],
    [100, 2],
    [150, 2],
    [200, 4],
    [300, 5],
    [399, 5],
    [400, 6],
    [9e9, 6],
  ])('of %d ends behind LSN %d', async (limitTimeMs, lsn) => {
    const files = await timed()
    const whole = await readAfter(files, undefined as never, { limitTimeMs })
    expect([whole.found, whole.scan.position.lsn]).toEqual([texts(lsn), lsn])
    for (let start = 0; start <= lsn; start++) {
      expect((await readAfter(files, await pointAt(files, start), { limitTimeMs })).found).toEqual(
        texts(lsn).slice(start),
      )
    }
  })

  test('does not look at what is damaged behind it', async () => {
    const files = await timed()
    files.flipBit(SECOND, (files.readWhole(SECOND).byteLength - 1) * 8)
    expect((await readAfter(files, undefined as never, { limitTimeMs: 250 })).found).toEqual(texts(4))
  })
})

test('a reader whose segments are removed between listing and opening lists again', async () => {
  const files = await threeSegments('closed')
  const original = files.open.bind(files)
  let removed = false
  files.open = async (path, mode) => {
    if (path === FIRST && !removed) {
      removed = true
      await files.remove(FIRST)
    }
    return original(path, mode)
  }
  expect((await readAfter(files, undefined as never, { fromOldest: true })).found).toEqual(texts(5, 4))
})

test('a segment that the directory names and that cannot be found is an error, not an endless loop', async () => {
  const files = await threeSegments('closed')
  const original = files.open.bind(files)
  files.open = (path, mode) => original(path === SECOND ? 'wal/nothing' : path, mode)
  expect(await outcomeOf(readLog(files))).toBe('ERR_FILE_NOT_FOUND')
})

test('an error of the disk at any call of an opening behind a point is typed, and every handle is closed', async () => {
  const source = await threeSegments('killed')
  source.flipBit(SECOND, 90 * 8)
  const after = await pointAt(await threeSegments('killed'), 5)
  const whole = settled(source)
  await LogFixture.open(whole, { ...SMALL, after })
  let failed = 0
  for (let number = 1; number <= whole.operations.length; number++) {
    const where = whole.operations[number - 1]!
    if (where.startsWith('close')) continue
    const files = settled(source)
    files.failAt(number, 'EIO')
    // Of segments that are not needed only sizes and times are wanted.
    const isNeeded = !where.includes(FIRST)
    const result = await outcomeOf(LogFixture.open(files, { ...SMALL, after }).then(() => 'opened'))
    expect(result, where).toBe(isNeeded ? 'ERR_IO' : 'opened')
    failed++
    const count = (name: string) => files.operations.filter((text) => text.startsWith(name) && text !== where).length
    if (isNeeded) expect(count('close'), where).toBe(count('open'))
  }
  expect(failed).toBeGreaterThan(15)
})

test('a mark of another epoch does not matter to the point', async () => {
  const built = new SegmentBuilder().header({ epoch: 4 }).record('r1', { epoch: 4 }).record('r2', { epoch: 4 })
  const files = new CrashableFiles()
  files.writeWhole(FIRST, built.bytes())
  const after = await pointAt(files, 2)
  files.writeWhole('wal/durable', markFile(markSlot({ epoch: 6, lsn: 2, chain: built.chain }), undefined))
  const log = await LogFixture.open(files, { after })
  expect([log.log.position, log.scan.storeId]).toEqual([{ epoch: 6, lsn: 2, chain: built.chain }, STORE_ID])
})
