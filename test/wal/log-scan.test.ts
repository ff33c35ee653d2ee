import { describe, expect, test } from 'vitest'
import { scanLog } from '../../src/wal/log-scan.ts'
import { listSegments } from '../../src/wal/segment-list.ts'
import {
  genesisOf,
  joined,
  markFile,
  markSlot,
  OTHER_STORE_ID,
  SegmentBuilder,
  STORE_ID,
} from '../support/byte-builder.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { checksum, closedLog, errorOf, killedLog, readLog, readTexts, texts } from '../support/log-fixture.ts'

const FIRST = 'wal/0000000000000001.wal'
const THIRD = 'wal/0000000000000003.wal'

/** Two segments by hand: records 1 and 2, sealed, then 3. */
function twoSegments(
  second: (previous: SegmentBuilder) => SegmentBuilder = afterFirst,
  mark?: Uint8Array,
): CrashableFiles {
  const files = new CrashableFiles()
  const first = firstSegment()
  files.writeWhole(FIRST, first.seal().bytes())
  files.writeWhole(THIRD, second(first).bytes())
  if (mark !== undefined) files.writeWhole('wal/durable', mark)
  return files
}

const firstSegment = () => new SegmentBuilder().header().record('r1').record('r2')
const following = (previous: SegmentBuilder) =>
  new SegmentBuilder({ firstLsn: 3, previousChain: previous.chain, previousTimeMs: 2 })
const afterFirst = (previous: SegmentBuilder) => following(previous).header().record('r3')
const markAt = (lsn: number, chain: bigint) => markFile(markSlot({ lsn, chain }), undefined)

/** Segment, LSN and reason of the damage that a scan reports, having changed nothing. */
async function damageIn(files: CrashableFiles): Promise<string> {
  const before = files.contentHash()
  const { code, details } = await errorOf(readLog(files))
  expect([code, files.contentHash()]).toEqual(['ERR_LOG_CORRUPT', before])
  return `${details.segment}, LSN ${details.lsn}: ${details.reason}`
}

describe('a log', () => {
  test('of which there is none yet is no error', async () => {
    const { scan, records } = await readLog(new CrashableFiles())
    expect([records, scan.storeId, scan.markExists, scan.position.lsn, scan.segments]).toEqual([
      [],
      undefined,
      false,
      0,
      [],
    ])
  })

  test('is read over all its segments, in order', async () => {
    const files = await closedLog(texts(20), { segmentSizeBytes: 300 })
    const { scan, records } = await readLog(files)
    expect(records.map(({ lsn, text }) => `${lsn} ${text}`)).toEqual(
      texts(20).map((text, index) => `${index + 1} ${text}`),
    )
    expect(scan.segments.map(({ header, sealed }) => [header.firstLsn, sealed])).toEqual([
      [1, true],
      [5, true],
      [9, true],
      [13, true],
      [17, true],
    ])
    expect([scan.position.lsn, scan.position.chain]).toEqual([20, records.at(-1)?.chain])
  })

  test('built by hand reads the same: the format is what the tables say', async () => {
    const { scan, records } = await readLog(twoSegments())
    expect(records.map(({ lsn, timeMs, text }) => [lsn, timeMs, text])).toEqual([
      [1, 1, 'r1'],
      [2, 2, 'r2'],
      [3, 3, 'r3'],
    ])
    expect([scan.storeId, scan.timeMs, scan.torn]).toEqual([STORE_ID, 3, undefined])
  })

  test('reports how far it is', async () => {
    const progress: number[][] = []
    const files = await closedLog(texts(8), { segmentSizeBytes: 300 })
    await scanLog(files, { checksum, onProgress: (done, total) => progress.push([done, total]) })
    expect(progress).toEqual([
      [0, 688],
      [344, 688],
      [688, 688],
    ])
  })

  test('closes every file that it opened, sound or not', async () => {
    const damaged = await closedLog(texts(8), { segmentSizeBytes: 300 })
    damaged.flipBit(FIRST, 1000)
    await damageIn(damaged)
    const count = (name: string) => damaged.operations.filter((text) => text.startsWith(name)).length
    expect(count('close')).toBe(count('open'))
  })

  test('may lie beside files that are none of its own', async () => {
    const files = await killedLog(texts(3))
    for (const name of ['notes.txt', '0000000000000002.wal.tmp', '2.wal'])
      files.writeWhole(`wal/${name}`, new Uint8Array(9))
    expect(await readTexts(files)).toEqual(texts(3))
    expect(await listSegments(files)).toEqual([1])
  })
})

describe('a reader beside a writer', () => {
  test('gets what the limit allows and looks at nothing behind it', async () => {
    const files = twoSegments((previous) => afterFirst(previous).zeros(5))
    expect(await readTexts(files, 3)).toEqual(texts(3))
    expect(await readTexts(files, 1)).toEqual(['r1'])
    expect(await readTexts(files, 0)).toEqual([])
  })

  test('does not mind a torn record behind the limit, nor one that is cut while it reads', async () => {
    const files = new CrashableFiles()
    files.writeWhole(FIRST, joined(firstSegment().bytes(), new Uint8Array(200).fill(3)))
    expect(await readTexts(files, 2)).toEqual(texts(2))
  })

  test('is told when the log ends before the limit that the mark set', async () => {
    const files = twoSegments(afterFirst, markAt(4, 0n))
    expect(await damageIn(files)).toBe(`${THIRD}, LSN 4: the log ends below the durable mark`)
  })
})

describe('damage', () => {
  test('in an older segment', async () => {
    const files = twoSegments()
    files.flipBit(FIRST, 8 * 100)
    expect(await damageIn(files)).toBe(`${FIRST}, LSN 1: the checksum of a record header is wrong`)
  })

  test('of a header', async () => {
    const files = twoSegments()
    files.flipBit(THIRD, 8 * 9)
    expect(await damageIn(files)).toBe(`${THIRD}, LSN 3: in its header, the checksum is wrong`)
  })

  test('of a seal of an older segment, or its absence', async () => {
    const files = twoSegments()
    files.cut(FIRST, files.readWhole(FIRST).byteLength - 1)
    expect(await damageIn(files)).toBe(`${FIRST}, LSN 3: the seal of the segment is missing`)
    files.cut(FIRST, files.readWhole(FIRST).byteLength - 71)
    expect(await damageIn(files)).toBe(`${FIRST}, LSN 3: the seal of the segment is missing`)
  })

  test('that ends an older segment before the next begins', async () => {
    const files = twoSegments()
    files.cut(FIRST, 128)
    expect(await damageIn(files)).toBe(`${FIRST}, LSN 2: the segment ends before the next begins`)
  })

  test('that took a whole segment', async () => {
    const files = twoSegments()
    await files.remove(FIRST)
    expect(await damageIn(files)).toBe(`${THIRD}, LSN 1: LSN 1 to 2 are missing: the next segment starts at LSN 3`)
  })

  test('that took all segments', async () => {
    const files = new CrashableFiles()
    files.writeWhole('wal/durable', markAt(3, 1n))
    expect(await damageIn(files)).toBe('wal/durable, LSN 1: the log has no segment')
  })

  test('of a sealed last segment, behind the mark too', async () => {
    const files = new CrashableFiles()
    files.writeWhole(FIRST, firstSegment().seal().bytes())
    files.flipBit(FIRST, 8 * 170)
    expect(await damageIn(files)).toBe(`${FIRST}, LSN 2: the chain of a record is wrong`)
  })

  test('at or below the mark', async () => {
    const files = new CrashableFiles()
    files.writeWhole(FIRST, firstSegment().bytes())
    files.writeWhole('wal/durable', markAt(2, firstSegment().chain))
    expect(await readTexts(files)).toEqual(texts(2))
    files.flipBit(FIRST, 8 * 170)
    expect(await damageIn(files)).toBe(`${FIRST}, LSN 2: the chain of a record is wrong`)
  })

  test('above the mark in an open last segment is a torn tail', async () => {
    const files = new CrashableFiles()
    files.writeWhole(FIRST, firstSegment().bytes())
    files.writeWhole('wal/durable', markAt(1, new SegmentBuilder().header().record('r1').chain))
    files.flipBit(FIRST, 8 * 170)
    const { scan, records } = await readLog(files)
    expect([records.length, scan.torn]).toEqual([
      1,
      { finding: 'record', reason: 'the chain of a record is wrong', offset: 128, lsn: 2 },
    ])
  })
})

describe('a segment that does not belong', () => {
  const reasonOf = async (second: (previous: SegmentBuilder) => SegmentBuilder) => damageIn(twoSegments(second))

  test('is of another store', async () => {
    const other = new SegmentBuilder({ storeId: OTHER_STORE_ID, firstLsn: 3 }).header()
    expect(await reasonOf(() => other)).toBe(`${THIRD}, LSN 3: the segment belongs to another store`)
  })

  test('has another name than its header', async () => {
    expect(await reasonOf((previous) => following(previous).header({ firstLsn: 4 }))).toBe(
      `${THIRD}, LSN 3: its header says that it starts at LSN 4`,
    )
  })

  test('continues another history', async () => {
    expect(await reasonOf((previous) => following(previous).header({ previousChain: 1n }))).toBe(
      `${THIRD}, LSN 3: it does not continue the history before it`,
    )
  })

  test('goes back in epoch', async () => {
    expect(await reasonOf((previous) => following(previous).header({ epoch: 0 }))).toBe(
      `${THIRD}, LSN 3: epoch 0 follows epoch 1`,
    )
  })

  test('is not the one that the mark was written for', async () => {
    const other = markFile(markSlot({ storeId: OTHER_STORE_ID, lsn: 0 }), undefined)
    expect(await damageIn(twoSegments(afterFirst, other))).toBe(`${FIRST}, LSN 1: the segment belongs to another store`)
    expect(await damageIn(twoSegments(afterFirst, markAt(2, 1n)))).toBe(
      `${FIRST}, LSN 2: the log is not the one that the durable mark was written for`,
    )
  })
})

describe('an interrupted rewrite', () => {
  const rewritten = (previous: SegmentBuilder) => following(previous).header({ flags: 1 }).record('r3')

  test('may have left the older segment unsealed, its old tail behind it, torn or not', async () => {
    for (const tail of [
      new Uint8Array(0),
      new Uint8Array(100).fill(9),
      firstSegment().record('r3').bytes().subarray(176),
    ]) {
      const files = twoSegments(rewritten)
      files.writeWhole(FIRST, joined(firstSegment().bytes(), tail))
      const { scan, records } = await readLog(files)
      expect(records.map(({ text }) => text)).toEqual(texts(3))
      expect(scan.segments.map(({ sealed, end }) => [sealed, end.offset])).toEqual([
        [false, 176],
        [false, 128],
      ])
    }
  })

  test('does not excuse records that are missing between the two', async () => {
    const files = twoSegments(rewritten)
    files.cut(FIRST, 130)
    expect(await damageIn(files)).toBe(`${FIRST}, LSN 2: the file ends inside a record header`)
  })
})

describe('a newer format', () => {
  const refusalOf = async (files: CrashableFiles) => {
    const before = files.contentHash()
    const { code, message } = await errorOf(readLog(files))
    expect([code, files.contentHash()]).toEqual(['ERR_FORMAT_VERSION', before])
    return message
  }

  test('of a segment is refused by name', async () => {
    for (const length of [80, 200]) {
      expect(await refusalOf(twoSegments((previous) => following(previous).header({ version: 2, length })))).toBe(
        `${THIRD} was written by a newer release: format version 2; this release reads up to 1`,
      )
    }
  })

  test('of a record is refused by name, wherever it stands', async () => {
    const files = twoSegments((previous) => afterFirst(previous).record('x', { type: 9 }))
    expect(await refusalOf(files)).toBe(
      `${THIRD} was written by a newer release: record type 9 or its flags are of a newer format`,
    )
    const older = firstSegment()
    const builder = afterFirst(older)
    files.writeWhole(FIRST, older.record('x', { type: 9, lsn: 2 }).bytes())
    files.writeWhole(THIRD, builder.bytes())
    expect(await refusalOf(files)).toContain(`${FIRST} was written by a newer release`)
  })

  test('of the mark is refused by name', async () => {
    const newer = markFile(markSlot({ version: 3 }), markSlot({ sequence: 1 }))
    expect(await refusalOf(twoSegments(afterFirst, newer))).toBe(
      'the durable mark has format version 3; this release reads up to 1',
    )
  })

  test('is damage when its checksum does not hold', async () => {
    expect(await damageIn(twoSegments((previous) => following(previous).header({ version: 2, checksum: 0n })))).toBe(
      `${THIRD}, LSN 3: in its header, the checksum is wrong`,
    )
  })
})

test('the chain of an empty log is that of its store', async () => {
  const files = await killedLog([])
  const { scan } = await readLog(files)
  expect([scan.position, scan.mark?.position.lsn]).toEqual([{ epoch: 0, lsn: 0, chain: genesisOf(STORE_ID) }, 0])
})
