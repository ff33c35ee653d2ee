import { describe, expect, test } from 'vitest'
import { isStoreError } from '../../src/base/errors.ts'
import { scanLog } from '../../src/wal/log-scan.ts'
import type { StartingPoint } from '../../src/wal/starting-point.ts'
import type { CrashableFiles } from '../support/crashable-files.ts'
import { checksum, LogFixture, pointAt, readLog, texts } from '../support/log-fixture.ts'
import { aboveMark, SMALL, threeSegments } from '../support/small-logs.ts'

/** A log, what is where in it, and a starting point at each of its LSNs. */
interface Subject {
  readonly files: CrashableFiles
  readonly records: number
  readonly marked: number
  readonly segments: readonly Layout[]
  readonly points: readonly StartingPoint[]
}

/** A segment, and where in it each thing begins: its header, its records, what is behind them. */
interface Layout {
  readonly path: string
  readonly firstLsn: number
  readonly lastLsn: number
  readonly isLast: boolean
  readonly starts: readonly { readonly offset: number; readonly lsn: number }[]
}

async function subjectOf(files: CrashableFiles): Promise<Subject> {
  const { scan, records } = await readLog(files)
  const offsets = new Map<number, number>()
  await scanLog(files, { checksum, onRecord: ({ lsn }, { offset }) => void offsets.set(lsn, offset) })
  const segments = scan.segments.map(({ path, header: { firstLsn }, end }, index) => {
    const lsns = Array.from({ length: end.lsn - firstLsn + 1 }, (_, i) => firstLsn + i)
    const starts = [{ offset: 0, lsn: firstLsn }, ...lsns.map((lsn) => ({ offset: offsets.get(lsn)!, lsn }))]
    const isLast = index === scan.segments.length - 1
    return { path, firstLsn, lastLsn: end.lsn, isLast, starts: [...starts, { offset: end.offset, lsn: end.lsn + 1 }] }
  })
  const points = await Promise.all([0, ...records.map(({ lsn }) => lsn)].map((lsn) => pointAt(files, lsn)))
  return { files, records: records.length, marked: scan.mark!.position.lsn, segments, points }
}

/** The LSN to which the byte at an offset belongs; behind the last record, the one that would follow. */
function lsnAt({ starts }: Layout, offset: number): number {
  return starts.findLast((start) => start.offset <= offset)!.lsn
}

type Outcome = 'refused' | string[]

async function outcome(files: CrashableFiles, after?: StartingPoint) {
  const before = files.contentHash()
  try {
    const log = await LogFixture.open(files, { ...SMALL, after })
    return { found: log.foundTexts as Outcome, damageBelow: log.scan.damageBelow, log }
  } catch (error) {
    if (!isStoreError(error, 'ERR_LOG_CORRUPT')) throw error
    expect(files.contentHash()).toBe(before)
    return { found: 'refused' as Outcome, damageBelow: undefined, log: undefined }
  }
}

/** What opening without a starting point makes of the damage, as far as it is about what follows the point. */
async function judgedAsNow(damaged: CrashableFiles, lsn: number): Promise<Outcome> {
  const { found } = await outcome(damaged.clone())
  return found === 'refused' ? found : found.slice(lsn)
}

let checks = 0

/** Opens behind a point and checks; each third time goes on with the log, and opens it again behind the same point. */
async function check(
  damaged: CrashableFiles,
  after: StartingPoint,
  expected: Outcome,
  isReported: boolean,
  where: string,
): Promise<void> {
  const { found, damageBelow, log } = await outcome(damaged, after)
  expect(found, where).toEqual(expected)
  if (log === undefined || expected === 'refused') return
  expect(damageBelow !== undefined, `${where}: ${damageBelow}`).toBe(isReported)
  expect(log.log.position.lsn, where).toBe(after.lsn + expected.length)
  checks++
  if (checks % 3 !== 0) return
  await log.appendEach(['more', 'and more'])
  const { found: again } = await outcome(damaged.restartImage(), after)
  expect(again, `${where}, gone on`).toEqual([...expected, 'more', 'and more'])
  await log.close()
  const { found: closed } = await outcome(damaged, after)
  expect(closed, `${where}, closed`).toEqual([...expected, 'more', 'and more'])
}

const SUBJECTS: [name: string, make: () => Promise<CrashableFiles>][] = [
  ['that was closed', () => threeSegments('closed')],
  ['that was killed', () => threeSegments('killed')],
  ['with records above the mark', aboveMark],
]

describe.each(SUBJECTS)('behind every LSN of a log %s', (_, make) => {
  test('every flipped byte: at or below it opens and is told, above it is judged as ever', async () => {
    const subject = await subjectOf(await make())
    let told = 0
    for (const segment of subject.segments) {
      const sizeBytes = subject.files.readWhole(segment.path).byteLength
      for (let offset = 0; offset < sizeBytes; offset++) {
        const lsn = lsnAt(segment, offset)
        for (const after of subject.points) {
          const damaged = subject.files.clone()
          damaged.flipBit(segment.path, offset * 8 + (offset % 8))
          const isSkipped = segment.lastLsn <= after.lsn && !segment.isLast
          const isBelow = isSkipped || lsn <= after.lsn
          const expected = isBelow ? texts(subject.records).slice(after.lsn) : await judgedAsNow(damaged, after.lsn)
          const isReported = isBelow && !isSkipped
          if (isReported) told++
          await check(damaged, after, expected, isReported, `byte ${offset} of ${segment.path}, after ${after.lsn}`)
        }
      }
    }
    expect(told).toBeGreaterThan(500)
  })

  test('every length', async () => {
    const subject = await subjectOf(await make())
    for (const segment of subject.segments) {
      const sizeBytes = subject.files.readWhole(segment.path).byteLength
      for (let length = 0; length < sizeBytes; length++) {
        const lsn = lsnAt(segment, length)
        for (const after of subject.points) {
          const damaged = subject.files.clone()
          damaged.cut(segment.path, length)
          const isSkipped = segment.lastLsn <= after.lsn && !segment.isLast
          const isBelow = isSkipped || lsn <= after.lsn
          const isLost = segment.isLast && subject.marked <= after.lsn ? [] : 'refused'
          const expected = !isBelow
            ? await judgedAsNow(damaged, after.lsn)
            : segment.lastLsn <= after.lsn
              ? texts(subject.records).slice(after.lsn)
              : isLost
          await check(
            damaged,
            after,
            expected,
            isBelow && !isSkipped,
            `${segment.path} cut at ${length}, after ${after.lsn}`,
          )
        }
      }
    }
  })

  test('every segment missing', async () => {
    const subject = await subjectOf(await make())
    for (const { path, firstLsn, lastLsn, isLast } of subject.segments) {
      for (const after of subject.points) {
        const damaged = subject.files.clone()
        await damaged.remove(path)
        // Of the last one nothing says that it was there but the mark.
        const isUnknown = isLast && Math.max(after.lsn, firstLsn - 1) >= subject.marked
        const isBelow = lastLsn <= after.lsn
        const expected = isBelow
          ? texts(subject.records).slice(after.lsn)
          : isUnknown
            ? texts(firstLsn - 1).slice(after.lsn)
            : 'refused'
        await check(damaged, after, expected, isLast && firstLsn <= after.lsn, `${path} removed, after ${after.lsn}`)
      }
    }
  })

  test('every byte of the mark, none of its slots, and no mark at all', async () => {
    const subject = await subjectOf(await make())
    const slots = Array.from({ length: 80 }, (_, index) => [index, 4096 + index]).flat()
    for (const after of subject.points) {
      const rest = texts(subject.records).slice(after.lsn)
      for (const offset of slots) {
        const damaged = subject.files.clone()
        damaged.flipBit('wal/durable', offset * 8 + (offset % 8))
        await check(damaged, after, rest, false, `byte ${offset} of the mark, after ${after.lsn}`)
      }
      for (const bytes of [0, 4096]) {
        const damaged = subject.files.clone()
        damaged.cut('wal/durable', bytes)
        await check(damaged, after, rest, false, `mark cut at ${bytes}, after ${after.lsn}`)
      }
      const without = subject.files.clone()
      await without.remove('wal/durable')
      await check(without, after, rest, false, `no mark, after ${after.lsn}`)
    }
  })
})
