import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { MAX_PAYLOAD_BYTES } from '../../src/base/limits.ts'
import { NodeFiles } from '../../src/base/node-files.ts'
import { everything, nothing } from '../support/crashable-files.ts'
import { LogFixture, readLog, readTexts, START_MS, texts } from '../support/log-fixture.ts'

const SMALL = { segmentSizeBytes: 300 }
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

describe('appending', () => {
  test('resolves with what deliver returned, in order of the calls', async () => {
    const log = await LogFixture.open()
    expect(await log.appendTogether(['a', 'b', 'c'])).toEqual([1, 2, 3])
    expect(await log.append('d')).toBe(4)
    expect(log.delivered.map(({ lsn, text }) => `${lsn}${text}`)).toEqual(['1a', '2b', '3c', '4d'])
  })

  test('delivers the records that a reader will find, to the bit', async () => {
    const log = await LogFixture.open(undefined, SMALL)
    await log.appendTogether(texts(9))
    expect((await readLog(log.files)).records).toEqual(log.delivered)
  })

  test('delivers before it resolves, and nothing before it is on disk', async () => {
    const durable: string[][] = []
    const log: LogFixture = await LogFixture.open(undefined, {
      deliver: () => {
        durable.push(log.files.crashImage(nothing).paths())
        expect(log.files.operations.at(-1)).not.toMatch(/^write wal\/0/)
      },
    })
    await log.append('a')
    expect(durable).toEqual([['wal/0000000000000001.wal', 'wal/durable']])
  })

  test('keeps the times, and never lets them go back', async () => {
    const log = await LogFixture.open()
    for (const timeMs of [START_MS + 5, START_MS, START_MS + 7]) await log.append('x', 'sync', timeMs)
    const again = await log.killAndReopen()
    await again.append('x', 'sync', 1)
    await again.close()
    const last = await again.killAndReopen()
    await last.append('x', 'sync', 2)
    const offsets = (await readLog(last.files)).records.map(({ timeMs }) => timeMs - START_MS)
    expect(offsets).toEqual([5, 5, 7, 7, 7])
  })

  test('begins a new segment with the next record when told to, and none without one', async () => {
    const log = await LogFixture.open()
    log.log.endSegment()
    await log.appendTogether(['a', 'b'])
    log.log.endSegment()
    await log.log.sync()
    expect(log.log.segments.map(({ firstLsn, lastLsn }) => [firstLsn, lastLsn])).toEqual([[1, 2]])
    await log.append('c')
    await log.append('d')
    expect(log.log.segments.map(({ firstLsn, lastLsn }) => [firstLsn, lastLsn])).toEqual([
      [1, 2],
      [3, 4],
    ])
    expect((await readLog(log.files)).records).toEqual(log.delivered)
  })

  test('refuses at once what no record can hold, and is none the worse', async () => {
    const log = await LogFixture.open()
    for (const [payload, timeMs] of [
      [new Uint8Array(0), START_MS],
      [new Uint8Array(MAX_PAYLOAD_BYTES + 1), START_MS],
      [new Uint8Array(1), 1.5],
      [new Uint8Array(1), Number.NaN],
      [new Uint8Array(1), -1],
    ] as const) {
      expect(() => log.log.append(payload, timeMs, 'sync')).toThrow(RangeError)
    }
    expect(await log.append('fine')).toBe(1)
  })

  test('takes the largest payload', async () => {
    const log = await LogFixture.open()
    const payload = new Uint8Array(MAX_PAYLOAD_BYTES).fill(0x61)
    await log.log.append(payload, START_MS, 'sync')
    const { records } = await readLog(log.files)
    expect(records.map(({ text }) => text.length)).toEqual([MAX_PAYLOAD_BYTES])
  })

  test('says how much waits and where the log stands', async () => {
    const log = await LogFixture.open()
    const busy = log.appendTogether(['abc', 'de'], 'async')
    expect([log.log.queuedBytes, log.log.position.lsn, log.log.isSettled]).toEqual([5, 0, false])
    await busy
    expect([log.log.queuedBytes, log.log.position.lsn, log.log.durablePosition.lsn]).toEqual([0, 2, 0])
    await log.log.sync()
    expect([log.log.durablePosition, log.log.isSettled]).toEqual([log.log.position, true])
    expect([log.log.sizeBytes, log.log.segmentCount]).toEqual([80 + 48 + 48, 1])
  })
})

describe('group commit', () => {
  test('10,000 appends in one turn take one write, one sync, one mark, in the order of their calls', async () => {
    const log = await LogFixture.open()
    await log.append('first')
    const before = log.files.operations.length
    const lsns = await log.appendTogether(texts(10_000))
    const group = log.files.operations.slice(before).map((operation) => operation.split(' ').slice(0, 2).join(' '))
    const segment = 'wal/0000000000000001.wal.tmp'
    expect(group).toEqual([`write ${segment}`, `sync ${segment}`, 'write wal/durable'])
    expect(lsns).toEqual(numbers(10_000).map((number) => number + 1))
    expect(log.delivered.slice(1).map(({ text }) => text)).toEqual(texts(10_000))
  })

  test('what arrives during a sync goes out together with the next', async () => {
    const log = await LogFixture.open()
    await log.append('r1')
    const syncs = log.syncs.length
    const waiting: Promise<number>[] = []
    for (const text of texts(60, 2)) {
      waiting.push(log.append(text))
      await undefined
    }
    await Promise.all(waiting)
    expect(log.syncs.length - syncs).toBeLessThan(30)
    expect(await readTexts(log.files)).toEqual(texts(61))
  })

  test('writes large records in writes of a bounded size', async () => {
    const log = await LogFixture.open()
    const payload = new Uint8Array(3 * 1024 * 1024).fill(0x62)
    await Promise.all(numbers(7).map(() => log.log.append(payload, START_MS, 'sync')))
    const sizes = log.files.operations.map((text) => Number(/^write wal\/0\S+ (\d+)@/.exec(text)?.[1] ?? 0))
    expect(Math.max(...sizes)).toBeLessThanOrEqual(8 * 1024 * 1024)
    expect((await readLog(log.files)).records).toHaveLength(7)
  })
})

describe('durability', () => {
  test('sync: what resolved survives a power loss, and the mark in memory says so', async () => {
    const log = await LogFixture.open()
    for (const count of [1, 3, 2]) {
      await log.appendTogether(texts(count, log.delivered.length + 1))
      expect(await readTexts(log.files.crashImage(nothing))).toEqual(texts(log.delivered.length))
      expect(log.log.durablePosition).toEqual(log.log.position)
    }
  })

  test('async: no sync is waited for; a kill loses nothing, a power loss may', async () => {
    const log = await LogFixture.open()
    await log.append('r1')
    const syncs = log.syncs.length
    await log.appendEach(texts(5, 2), 'async')
    expect(log.syncs.length).toBe(syncs)
    expect(await readTexts(log.files.crashImage(nothing))).toEqual(['r1'])
    expect((await log.killAndReopen()).foundTexts).toEqual(texts(6))
  })

  test('one sync append makes the asynchronous ones before it durable', async () => {
    const log = await LogFixture.open()
    await log.appendEach(texts(3), 'async')
    await log.append('r4')
    expect(await readTexts(log.files.crashImage(nothing))).toEqual(texts(4))
  })

  test('sync() is a barrier for all before it, the durable mark included', async () => {
    const log = await LogFixture.open()
    const appended = log.appendTogether(texts(3), 'async')
    await log.log.sync()
    expect(await appended).toEqual([1, 2, 3])
    const { scan } = await readLog(log.files.crashImage(nothing))
    expect([scan.position.lsn, scan.mark?.position.lsn]).toEqual([3, 3])
  })

  test('sync() on a settled log touches nothing', async () => {
    const log = await LogFixture.open()
    await log.append('r1')
    await log.log.sync()
    const before = log.files.operations.length
    await log.log.sync()
    expect(log.files.operations.length).toBe(before)
  })
})

describe('rotation', () => {
  test('ends a segment before the write that would carry it past its size, seals it, and goes on', async () => {
    const log = await LogFixture.open(undefined, SMALL)
    await log.appendEach(texts(9))
    const { scan } = await readLog(log.files)
    expect(scan.segments.map(({ header, sealed, sizeBytes }) => [header.firstLsn, sealed, sizeBytes])).toEqual([
      [1, true, 344],
      [5, true, 344],
      [9, false, 128],
    ])
    expect([log.log.segmentCount, log.log.sizeBytes]).toEqual([3, 344 + 344 + 128])
  })

  test('gives a group that is larger than a segment one of its own', async () => {
    const log = await LogFixture.open(undefined, SMALL)
    await log.append('r1')
    await log.appendTogether(texts(20, 2))
    await log.append('r22')
    const { scan } = await readLog(log.files)
    expect(scan.segments.map(({ header }) => header.firstLsn)).toEqual([1, 2, 22])
  })

  test('makes asynchronous records durable with the segment that they end', async () => {
    const log = await LogFixture.open(undefined, SMALL)
    await log.appendEach(texts(5), 'async')
    const { scan, records } = await readLog(log.files.crashImage(nothing))
    expect([records.length, scan.mark?.position.lsn, log.log.durablePosition.lsn]).toEqual([4, 4, 4])
  })

  test('names a segment only once all before it is sealed on disk', async () => {
    const whole = await LogFixture.open(undefined, SMALL)
    await whole.appendEach(texts(9))
    const renames = [...whole.files.mutations.entries()].filter(([, text]) => text.startsWith('rename wal/0'))
    const found: unknown[] = []
    for (const [index] of renames) {
      const log = await LogFixture.open(undefined, SMALL)
      log.files.crashAt(index + 1, 'before')
      await log.appendEach(texts(9)).catch(() => {})
      const { scan } = await readLog(log.files.crashImage(nothing))
      found.push(scan.segments.map(({ header, sealed }) => [header.firstLsn, sealed]))
    }
    expect(found).toEqual([
      [],
      [[1, true]],
      [
        [1, true],
        [5, true],
      ],
    ])
  })
})

describe('closing', () => {
  test('syncs, seals, and leaves a log that opens clean, also after a power loss', async () => {
    const log = await LogFixture.open(undefined, SMALL)
    await log.appendEach(texts(6), 'async')
    await log.close()
    for (const choose of [nothing, everything]) {
      const { scan, records } = await readLog(log.files.crashImage(choose))
      expect(records.map(({ text }) => text)).toEqual(texts(6))
      expect([scan.segments.at(-1)?.sealed, scan.mark?.position.lsn]).toEqual([true, 6])
    }
  })

  test('waits for what is queued', async () => {
    const log = await LogFixture.open()
    const appended = log.appendTogether(texts(3))
    await log.close()
    expect(await appended).toEqual([1, 2, 3])
    expect((await log.killAndReopen()).foundTexts).toEqual(texts(3))
  })

  test('closes every handle, and twice is no error', async () => {
    const log = await LogFixture.open(undefined, SMALL)
    await log.appendEach(texts(9))
    await log.close()
    await log.close()
    expect(log.log.poison).toBeUndefined()
    const count = (pattern: RegExp) => log.files.operations.filter((text) => pattern.test(text)).length
    // The first look for a mark that is not there opens nothing.
    expect(count(/^close/)).toBe(count(/^open/) - 1)
  })

  test('an empty log leaves no segment', async () => {
    const log = await LogFixture.open()
    await log.close()
    expect(log.files.paths()).toEqual(['wal/durable'])
    expect((await log.killAndReopen()).found).toEqual([])
  })
})

describe('opening again', () => {
  test('goes on in a new segment with the same history', async () => {
    const first = await LogFixture.open()
    await first.appendEach(texts(2))
    await first.close()
    const second = await first.killAndReopen()
    expect([second.foundTexts, second.repair.rewrittenRecords, second.log.position]).toEqual([
      texts(2),
      0,
      first.log.position,
    ])
    expect(await second.append('r3')).toBe(3)
    expect(second.files.paths()).toEqual(['wal/0000000000000001.wal', 'wal/0000000000000003.wal', 'wal/durable'])
    expect(await readTexts(second.files)).toEqual(texts(3))
  })

  test('after a kill seals what was left open before it begins a segment', async () => {
    const first = await LogFixture.open()
    await first.appendEach(texts(2))
    const second = await first.killAndReopen()
    await second.append('r3')
    const { scan } = await readLog(second.files.crashImage(nothing))
    expect(scan.segments.map(({ sealed }) => sealed)).toEqual([true, false])
    expect(second.log.sizeBytes).toBe(80 + 96 + 72 + 80 + 48)
  })

  test('after a kill before any record replaces the empty segment', async () => {
    const first = await LogFixture.open()
    first.files.crashAt(first.files.mutations.length + 6, 'before')
    await first.append('lost').catch(() => {})
    expect(first.files.paths()).toEqual(['wal/0000000000000001.wal', 'wal/durable'])
    const second = await first.killAndReopen()
    expect([await second.append('r1'), second.log.segmentCount, second.log.sizeBytes]).toEqual([1, 1, 128])
    expect(await readTexts(second.files)).toEqual(['r1'])
  })

  test('writes a seal again that a kill may have left unsynced', async () => {
    const first = await LogFixture.open(undefined, SMALL)
    await first.appendEach(texts(4))
    const sealWrite = first.files.mutations.length + 2
    first.files.crashAt(sealWrite, 'after')
    await first.append('lost').catch(() => {})
    expect(first.files.mutations.at(-1)).toMatch(/^write wal\/0\S+ 72@/)
    const second = await first.killAndReopen(SMALL)
    expect([second.scan.segments.at(-1)?.sealed, await second.append('r5')]).toEqual([true, 5])
    expect(await readTexts(second.files.crashImage(nothing))).toEqual(texts(5))
  })

  test('many times adds up to one history', async () => {
    let log = await LogFixture.open(undefined, SMALL)
    for (let round = 0; round < 12; round++) {
      await log.appendTogether(texts(3, round * 3 + 1), round % 3 === 0 ? 'async' : 'sync')
      if (round % 2 === 0) await log.close()
      log = await log.killAndReopen(SMALL)
    }
    expect(log.foundTexts).toEqual(texts(36))
  })
})

test('a log in a directory of Node’s file system is the same', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'annals-log-'))
  try {
    const files = new NodeFiles(directory)
    const first = await LogFixture.open(files, SMALL)
    await first.appendEach(texts(9))
    await first.appendTogether(texts(3, 10), 'async')
    await first.close()
    const second = await LogFixture.open(files, SMALL)
    expect(second.foundTexts).toEqual(texts(12))
    await second.append('r13')
    expect(await readTexts(files)).toEqual(texts(13))
    await second.close()
  } finally {
    await rm(directory, { recursive: true })
  }
})
