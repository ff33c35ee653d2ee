import { describe, expect, test } from 'vitest'
import { CrashableFiles } from '../support/crashable-files.ts'
import { eachCrash, powerLosses } from '../support/each-crash.ts'
import { errorOf, LogFixture, outcomeOf, pointAt, readAfter, readTexts, texts } from '../support/log-fixture.ts'
import { SMALL, settled, threeSegments } from '../support/small-logs.ts'

/** A log of 15 records in five segments, open; the last segment is the one that is appended to. */
async function fiveSegments(files = new CrashableFiles()): Promise<LogFixture> {
  const log = await LogFixture.open(files, SMALL)
  await log.appendEach(texts(14))
  return log
}

const firstLsnsOf = ({ log }: LogFixture) => log.segments.map(({ firstLsn }) => firstLsn)
const filesOf = (files: CrashableFiles) => files.paths().filter((path) => path.endsWith('.wal'))

describe('dropping the beginning of a log', () => {
  test.each([
    [0, [1, 4, 7, 10, 13]],
    [1, [1, 4, 7, 10, 13]],
    [3, [1, 4, 7, 10, 13]],
    [4, [4, 7, 10, 13]],
    [6, [4, 7, 10, 13]],
    [7, [7, 10, 13]],
    [13, [13]],
    [1000, [13]],
  ])('below %d leaves the segments that begin at %j', async (lsn, firstLsns) => {
    const log = await fiveSegments()
    const after = await pointAt(log.files, 12)
    const sizes = log.log.segments.map(({ sizeBytes }) => sizeBytes)
    const totalBytes = log.log.sizeBytes
    const dropped = await log.log.dropBelow(lsn)
    const count = 5 - firstLsns.length
    const bytes = sizes.slice(0, count).reduce((sum, size) => sum + size, 0)
    expect(dropped).toEqual({ segments: count, bytes })
    expect([firstLsnsOf(log), log.log.oldestLsn]).toEqual([firstLsns, firstLsns[0]])
    expect([log.log.sizeBytes, log.log.segmentCount]).toEqual([totalBytes - bytes, firstLsns.length])
    expect(filesOf(log.files)).toHaveLength(firstLsns.length)
    await log.append('r15')
    await log.close()
    const again = await LogFixture.open(log.files.crashImage(powerLosses()[0]![1]), { ...SMALL, after })
    expect([again.foundTexts, again.scan.damageBelow]).toEqual([texts(3, 13), undefined])
  })

  test('syncs the directory after each file', async () => {
    const log = await fiveSegments()
    const before = log.files.mutations.length
    await log.log.dropBelow(8)
    expect(log.files.mutations.slice(before)).toEqual([
      'remove wal/0000000000000001.wal',
      'syncDirectory wal',
      'remove wal/0000000000000004.wal',
      'syncDirectory wal',
    ])
  })

  test('never takes the last segment, written to or not', async () => {
    const files = await threeSegments('closed')
    const after = await pointAt(files, 8)
    const log = await LogFixture.open(files, { ...SMALL, after })
    expect(await log.log.dropBelow(9)).toMatchObject({ segments: 2 })
    expect([firstLsnsOf(log), log.log.oldestLsn]).toEqual([[7], 7])
    await log.append('r9')
    expect(firstLsnsOf(log)).toEqual([7, 9])
    expect(await log.log.dropBelow(9)).toMatchObject({ segments: 1 })
    expect([firstLsnsOf(log), log.log.oldestLsn]).toEqual([[9], 9])
    expect(await log.log.dropBelow(99)).toEqual({ segments: 0, bytes: 0 })
  })

  test('takes segments that were not read, damaged or gone', async () => {
    const files = await threeSegments('closed')
    const after = await pointAt(files, 8)
    files.flipBit('wal/0000000000000004.wal', 90 * 8)
    const log = await LogFixture.open(files, { ...SMALL, after })
    await files.remove('wal/0000000000000001.wal')
    expect(await log.log.dropBelow(9)).toMatchObject({ segments: 2 })
    expect(filesOf(files)).toEqual(['wal/0000000000000007.wal'])
  })

  test('goes on beside appends and rotations, and beside another drop', async () => {
    const log = await fiveSegments()
    const after = await pointAt(log.files, 14)
    const appends: Promise<number>[] = []
    const drops: Promise<unknown>[] = []
    for (let round = 0; round < 12; round++) {
      for (let count = 0; count < 3; count++) appends.push(log.append(`r${15 + appends.length}`))
      drops.push(log.log.dropBelow(15 + round * 3), log.log.dropBelow(5))
      await Promise.all(appends)
    }
    await Promise.all(drops)
    const lsns = await Promise.all(appends)
    expect(lsns).toEqual(Array.from({ length: 36 }, (_, index) => 15 + index))
    const image = log.files.crashImage(powerLosses()[0]![1])
    const { oldestLsn } = log.log
    expect(oldestLsn).toBeGreaterThan(40)
    const point = { ...(await pointAtOldest(log, oldestLsn)), storeId: after.storeId }
    expect((await readAfter(image, point)).found).toEqual(texts(51 - oldestLsn, oldestLsn))
  })

  test('lets a rotation wait that begins while a file is being removed', async () => {
    const log = await fiveSegments()
    const drop = log.log.dropBelow(13)
    const append = log.appendTogether(texts(3, 15))
    await Promise.all([drop, append])
    const changes = log.files.mutations.filter((text) => /^(remove|rename|syncDirectory)/.test(text))
    for (const [index, change] of changes.entries()) {
      if (!change.startsWith('syncDirectory'))
        expect(changes[index + 1], change).toMatch(/^(syncDirectory|rename|remove)/)
      if (change.startsWith('remove') && !change.endsWith('.tmp')) expect(changes[index + 1]).toBe('syncDirectory wal')
    }
  })

  test('stops at a poisoned log, and when the log is closed', async () => {
    const log = await fiveSegments()
    const closing = log.close()
    const drop = log.log.dropBelow(13)
    await Promise.all([closing, drop])
    expect(filesOf(log.files).length).toBeGreaterThan(0)
    expect(await log.log.dropBelow(13)).toEqual({ segments: 0, bytes: 0 })

    const poisoned = await fiveSegments()
    poisoned.files.failWhen((text) => text.startsWith('sync '), { sync: 'keep' })
    expect(await outcomeOf(poisoned.append('r15'))).toBe('ERR_INDETERMINATE')
    expect(await outcomeOf(poisoned.log.dropBelow(13))).toBe('ERR_POISONED')
    expect(filesOf(poisoned.files)).toHaveLength(5)
  })
})

/** The point right before the oldest segment, from its header. */
async function pointAtOldest({ files, log }: LogFixture, oldestLsn: number) {
  const view = new DataView(files.readWhole(log.segments[0]!.path).buffer)
  return {
    epoch: 1,
    lsn: oldestLsn - 1,
    chain: view.getBigUint64(48, true),
    timeMs: Number(view.getBigUint64(56, true)),
  }
}

describe('a drop that is cut short', () => {
  test('by a crash at any operation leaves the end of the log, whatever was lost, and loses no record', async () => {
    const source = settled((await fiveSegments()).files)
    const after = await pointAt(source, 13)
    let acknowledged = 14
    const start = () => {
      acknowledged = 14
      return source.clone()
    }
    const work = async (files: CrashableFiles) => {
      const log = await LogFixture.open(files, { ...SMALL, after })
      const append = async (first: number, count: number) => {
        await log.appendEach(texts(count, first))
        acknowledged = first + count - 1
      }
      await Promise.all([log.log.dropBelow(14), append(15, 7)])
      await append(22, 2)
      await log.log.dropBelow(14)
      await log.close()
    }
    let crashes = 0
    for await (const { files, where } of eachCrash(start, work)) {
      crashes++
      for (const [name, choose] of [['killed', undefined] as const, ...powerLosses(8)]) {
        const image = choose === undefined ? files.restartImage() : files.crashImage(choose)
        const left = filesOf(image).map((path) => Number(path.slice(4, 20)))
        const whole = filesOf(source).map((path) => Number(path.slice(4, 20)))
        const old = left.filter((lsn) => lsn <= 13)
        expect(old, `${where}, ${name}`).toEqual(whole.slice(whole.length - old.length))
        const log = await LogFixture.open(image, { ...SMALL, after })
        const found = log.foundTexts
        expect(found, `${where}, ${name}`).toEqual(texts(found.length, 14))
        expect(found.length, `${where}, ${name}`).toBeGreaterThanOrEqual(acknowledged - 13)
        await log.log.dropBelow(14)
        expect(log.log.oldestLsn, `${where}, ${name}`).toBeGreaterThanOrEqual(13)
        await log.append('more')
        const again = await readAfter(image.crashImage(powerLosses()[0]![1]), after)
        expect(again.found, `${where}, ${name}`).toEqual([...found, 'more'])
      }
    }
    expect(crashes).toBeGreaterThan(50)
  })

  test('by an error at any call is typed; the log goes on and a later drop finishes', async () => {
    const whole = await fiveSegments()
    const opened = whole.files.operations.length
    await whole.log.dropBelow(13)
    const count = whole.files.operations.length - opened
    expect(count).toBe(8)
    for (let number = 1; number <= count; number++) {
      const log = await fiveSegments()
      log.files.failAt(opened + number, 'EIO')
      const error = await errorOf(log.log.dropBelow(13))
      const where = log.files.operations.at(-1)!
      expect([error.code, log.log.poison], where).toEqual(['ERR_IO', undefined])
      expect(await log.append('r15')).toBe(15)
      const left = firstLsnsOf(log)
      if (where.startsWith('remove')) {
        expect(await log.log.dropBelow(13)).toMatchObject({ segments: left.length - 1 })
      } else {
        // Whether the last removal is on disk is unknown, so nothing behind it goes until the log is opened anew.
        expect(await errorOf(log.log.dropBelow(13))).toBe(error)
        expect(firstLsnsOf(log)).toEqual(left)
      }
      await log.close()
    }
  })

  test('by a failed sync takes no entry with it that a rotation makes meanwhile', async () => {
    for (const sync of ['keep', 'drop', 'mixed'] as const) {
      const log = await fiveSegments()
      const after = await pointAt(log.files, 14)
      log.files.failWhen((text) => text === 'syncDirectory wal', { sync, seed: 5 })
      const drop = outcomeOf(log.log.dropBelow(13))
      await log.appendTogether(texts(3, 15))
      expect(await drop).toBe('ERR_IO')
      const { found } = await readAfter(log.files.crashImage(powerLosses()[0]![1]), after)
      expect(found, sync).toEqual(texts(3, 15))
    }
  })
})

test('a log whose beginning was dropped is refused where nothing makes up for it', async () => {
  const log = await fiveSegments()
  await log.log.dropBelow(8)
  await log.close()
  expect(await outcomeOf(readTexts(log.files))).toBe('ERR_LOG_CORRUPT')
})
