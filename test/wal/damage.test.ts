import { describe, expect, test } from 'vitest'
import { isStoreError } from '../../src/base/errors.ts'
import type { CrashableFiles } from '../support/crashable-files.ts'
import { LogFixture, texts } from '../support/log-fixture.ts'
import { aboveMark, SMALL, threeSegments } from '../support/small-logs.ts'

interface Log {
  readonly files: CrashableFiles
  readonly records: number
  /** Records up to which the mark, or its older slot, vouches. */
  readonly marked: number
}

interface Tally {
  refused: number
  whole: number
  shortened: number
}

/**
 * Opens a damaged log. Either it is refused as corrupt and nothing was changed, or it serves a prefix of the records that holds
 * all that the mark covers. A log that was cut at a torn tail serves fewer, and only ones above the mark may be missing.
 */
async function check(damaged: CrashableFiles, { records, marked }: Log, where: string, tally: Tally): Promise<void> {
  const before = damaged.contentHash()
  try {
    const { foundTexts } = await LogFixture.open(damaged, SMALL)
    expect(foundTexts, where).toEqual(texts(foundTexts.length))
    expect(foundTexts.length, where).toBeGreaterThanOrEqual(marked)
    expect(foundTexts.length, where).toBeLessThanOrEqual(records)
    if (foundTexts.length === records) tally.whole++
    else tally.shortened++
  } catch (error) {
    if (!isStoreError(error)) throw error
    expect(error.code, `${where}: ${error.message}`).toBe('ERR_LOG_CORRUPT')
    expect(damaged.contentHash(), where).toBe(before)
    tally.refused++
  }
}

async function flipEveryBit(log: Log): Promise<Tally> {
  const tally = { refused: 0, whole: 0, shortened: 0 }
  for (const path of log.files.paths()) {
    const bits = log.files.readWhole(path).byteLength * 8
    for (let bit = 0; bit < bits; bit++) {
      // The space between the slots of the mark means nothing, so one bit in a byte of it is enough.
      if (path === 'wal/durable' && bit % (4096 * 8) >= 80 * 8 && bit % 512 !== 7) continue
      const damaged = log.files.clone()
      damaged.flipBit(path, bit)
      await check(damaged, log, `bit ${bit % 8} of byte ${Math.floor(bit / 8)} of ${path}`, tally)
    }
  }
  return tally
}

async function cutAtEveryLength(log: Log): Promise<Tally> {
  const tally = { refused: 0, whole: 0, shortened: 0 }
  for (const path of log.files.paths()) {
    const size = log.files.readWhole(path).byteLength
    for (let length = 0; length < size; length++) {
      const damaged = log.files.clone()
      damaged.cut(path, length)
      await check(damaged, log, `${path} cut at ${length}`, tally)
    }
  }
  return tally
}

describe('every flipped bit', () => {
  test('of a log that was closed: refused, or all records are there', async () => {
    const tally = await flipEveryBit({ files: await threeSegments('closed'), records: 8, marked: 8 })
    // What is not refused: both slots of the mark and the space between them, and the seal of the last segment.
    expect(tally).toEqual({ refused: CLOSED_REFUSED_BITS, whole: 2 * 640 + 124 + 72 * 8, shortened: 0 })
  })

  test('of a log that was killed: refused, or all records are there', async () => {
    const tally = await flipEveryBit({ files: await threeSegments('killed'), records: 8, marked: 8 })
    expect(tally).toEqual({ refused: CLOSED_REFUSED_BITS, whole: 2 * 640 + 124, shortened: 0 })
  })

  test('of a log with records above the mark: refused, or all up to the mark are there', async () => {
    const tally = await flipEveryBit({ files: await aboveMark(), records: 6, marked: 4 })
    // Two records of 48 bytes above the mark are a torn tail when damaged.
    expect([tally.shortened, tally.whole]).toEqual([2 * 48 * 8, 2 * 640 + 124])
  })
})

describe('every length', () => {
  test('of a log that was closed: refused, or all records are there', async () => {
    const tally = await cutAtEveryLength({ files: await threeSegments('closed'), records: 8, marked: 8 })
    expect([tally.shortened, tally.whole]).toEqual([0, 8192 + 72])
  })

  test('of a log that was killed: refused, or all records are there', async () => {
    const tally = await cutAtEveryLength({ files: await threeSegments('killed'), records: 8, marked: 8 })
    expect([tally.shortened, tally.whole]).toEqual([0, 8192])
  })

  test('of a log with records above the mark: refused, or all up to the mark are there', async () => {
    const tally = await cutAtEveryLength({ files: await aboveMark(), records: 6, marked: 4 })
    expect([tally.shortened, tally.whole]).toEqual([2 * 48, 8192])
  })
})

/** Three headers, two seals, eight records. */
const CLOSED_REFUSED_BITS = (3 * 80 + 2 * 72 + 8 * 48) * 8
