import { describe, expect, test } from 'vitest'
import { isStoreError } from '../../src/base/errors.ts'
import { CrashableFiles, type Fault, nothing } from '../support/crashable-files.ts'
import { LogFixture, outcomeOf, readTexts, texts } from '../support/log-fixture.ts'

const SMALL = { segmentSizeBytes: 320 }
const WRITE = /^write /

/** What a workload was told about each of its texts. */
interface Told {
  readonly acknowledged: string[]
  readonly refused: string[]
  readonly codes: Set<string>
  fixture: LogFixture | undefined
}

const toldNothing = (): Told => ({ acknowledged: [], refused: [], codes: new Set(), fixture: undefined })

/** Groups and rotations; goes on after every refusal, and closes. */
async function workload(files: CrashableFiles, told: Told): Promise<void> {
  const fixture = await LogFixture.open(files, SMALL)
  told.fixture = fixture
  let next = 1
  for (const count of [1, 3, 2, 1, 4, 1, 1]) {
    const group = texts(count, next)
    next += count
    const outcomes = await Promise.all(group.map((text) => outcomeOf(fixture.append(text))))
    for (const [index, outcome] of outcomes.entries()) {
      if (typeof outcome === 'number') told.acknowledged.push(group[index]!)
      else {
        told.refused.push(group[index]!)
        told.codes.add(outcome)
      }
    }
  }
  await fixture.close()
}

interface Faulty {
  readonly files: CrashableFiles
  readonly told: Told
  readonly where: string
  readonly operation: string
  readonly failed: unknown
}

/** Runs the workload once for each operation that matches, with a fault there. */
async function* eachFault(matching: RegExp, fault: Fault): AsyncGenerator<Faulty> {
  const whole = new CrashableFiles()
  await workload(whole, toldNothing())
  for (const [index, operation] of whole.operations.entries()) {
    if (!matching.test(operation)) continue
    const files = new CrashableFiles()
    const told = toldNothing()
    files.failAt(index + 1, fault)
    const failed = await workload(files, told).then(
      () => undefined,
      (error: unknown) => error,
    )
    yield { files, told, operation, where: `${operation} (operation ${index + 1}): ${JSON.stringify(fault)}`, failed }
  }
}

describe('a full disk at any write', () => {
  for (const fault of [
    'ENOSPC',
    { code: 'ENOSPC', writtenBytes: 33 },
    { shortWrite: 17, thenDiskFull: true },
  ] satisfies Fault[]) {
    test(`${JSON.stringify(fault)}: rolled back, told, gone on; a reopening shows exactly what was acknowledged`, async () => {
      let refusals = 0
      for await (const { files, told, operation, where, failed } of eachFault(WRITE, fault)) {
        if (told.fixture === undefined) {
          expect(isStoreError(failed, 'ERR_DISK_FULL'), where).toBe(true)
          continue
        }
        expect(failed, where).toBeUndefined()
        const isMark = operation.startsWith('write wal/durable')
        const [firstCode, ...otherCodes] = told.codes
        if (told.refused.length > 0) expect(firstCode, where).toBe(isMark ? 'ERR_INDETERMINATE' : 'ERR_DISK_FULL')
        if (!isMark) expect([otherCodes.length, told.acknowledged.length > 7], where).toEqual([0, true])
        refusals += told.refused.length
        const reopened = await LogFixture.open(files.restartImage(), SMALL)
        expect(told.acknowledged, where).toEqual(
          isMark ? reopened.foundTexts.slice(0, told.acknowledged.length) : reopened.foundTexts,
        )
        expect(await readTexts(files.crashImage(nothing)), where).toEqual(reopened.foundTexts)
      }
      expect(refusals).toBeGreaterThan(10)
    })
  }

  test('nothing of a refused write is left in the file', async () => {
    const log = await LogFixture.open()
    await log.append('r1')
    const before = log.files.readWhole('wal/0000000000000001.wal')
    log.files.failWhen((operation) => WRITE.test(operation), { code: 'ENOSPC', writtenBytes: 40 })
    expect(await Promise.all(texts(3, 2).map((text) => outcomeOf(log.append(text))))).toEqual(
      Array(3).fill('ERR_DISK_FULL'),
    )
    for (const files of [log.files, log.files.crashImage(nothing)]) {
      expect(files.readWhole('wal/0000000000000001.wal')).toEqual(before)
    }
    expect(log.log.position.lsn).toBe(1)
  })

  test('what was queued behind the write is refused with it, because it was admitted as if it had happened', async () => {
    const log = await LogFixture.open()
    await log.append('r1')
    log.files.failWhen((operation) => WRITE.test(operation), 'ENOSPC')
    const first = outcomeOf(log.append('r2'))
    for (let turn = 0; turn < 3; turn++) await undefined
    const behind = outcomeOf(log.append('r3'))
    expect([await first, await behind, await log.append('r2 again')]).toEqual(['ERR_DISK_FULL', 'ERR_DISK_FULL', 2])
  })

  test('a close that meets it in a group still makes durable what was acknowledged before', async () => {
    const log = await LogFixture.open()
    await log.append('r1', 'async')
    log.files.failWhen((operation) => WRITE.test(operation), 'ENOSPC')
    const refused = outcomeOf(log.append('r2'))
    await log.close()
    expect(await refused).toBe('ERR_DISK_FULL')
    expect(await readTexts(log.files.crashImage(nothing))).toEqual(['r1'])
  })

  test('a seal that finds no room does not keep the log from closing', async () => {
    const log = await LogFixture.open()
    await log.append('r1')
    log.files.failWhen((operation) => / 72@/.test(operation), { code: 'ENOSPC', writtenBytes: 20 })
    await log.close()
    const reopened = await log.killAndReopen()
    expect([reopened.foundTexts, reopened.repair.tornBytes]).toEqual([['r1'], 0])
  })
})

describe('an error of the disk at any call', () => {
  for (const fault of ['EIO', { code: 'EIO', writtenBytes: 21 }] satisfies Fault[]) {
    test(`${JSON.stringify(fault)}: every outcome is typed, and a reopening shows all that was acknowledged`, async () => {
      for await (const { files, told, where, failed } of eachFault(/./, fault)) {
        if (failed !== undefined) expect(isStoreError(failed), `${where}: ${failed}`).toBe(true)
        for (const code of told.codes) expect(['ERR_IO', 'ERR_INDETERMINATE', 'ERR_POISONED'], where).toContain(code)
        const isPoisoned = told.codes.has('ERR_INDETERMINATE')
        const { foundTexts } = await LogFixture.open(files.restartImage(), SMALL)
        // Of an indeterminate group, and of it alone, all may be there or nothing.
        if (isPoisoned) expect(foundTexts.slice(0, told.acknowledged.length), where).toEqual(told.acknowledged)
        else expect(foundTexts, where).toEqual(told.acknowledged)
      }
    })
  }
})

describe('short writes', () => {
  test('at every call change nothing', async () => {
    for (const shortWrite of [1, 50]) {
      for await (const { files, told, where } of eachFault(WRITE, { shortWrite })) {
        expect(told.acknowledged, where).toEqual(texts(13))
        expect(await readTexts(files.crashImage(nothing)), where).toEqual(texts(13))
      }
    }
  })

  test('all the time change nothing either', async () => {
    const files = new CrashableFiles()
    files.failWhen((operation) => WRITE.test(operation), { shortWrite: 7 }, Number.POSITIVE_INFINITY)
    const told = toldNothing()
    await workload(files, told)
    expect([told.acknowledged, await readTexts(files)]).toEqual([texts(13), texts(13)])
  })
})
