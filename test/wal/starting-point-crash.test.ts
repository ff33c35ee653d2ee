import { describe, expect, test } from 'vitest'
import { joined } from '../support/byte-builder.ts'
import type { CrashableFiles } from '../support/crashable-files.ts'
import { eachCrash, powerLosses } from '../support/each-crash.ts'
import { LogFixture, pointAt, texts } from '../support/log-fixture.ts'
import { aboveMark, SMALL, threeSegments } from '../support/small-logs.ts'

const [SECOND, THIRD] = ['wal/0000000000000004.wal', 'wal/0000000000000007.wal'] as const

/** What a log looks like, the LSN behind which it is opened, and the records that must be found there. */
const SOURCES: [name: string, lsn: number, found: string[], make: () => Promise<CrashableFiles>][] = [
  [
    'damaged below the point, with records above the mark',
    4,
    ['r5', 'r6'],
    async () => {
      const files = await aboveMark()
      files.flipBit(SECOND, 90 * 8)
      return files
    },
  ],
  [
    'damaged below the point, which lies above the mark',
    5,
    ['r6'],
    async () => {
      const files = await aboveMark()
      files.flipBit(SECOND, 20 * 8)
      return files
    },
  ],
  [
    'damaged below the point, with a torn tail',
    7,
    ['r8'],
    async () => {
      const files = await threeSegments('killed')
      files.flipBit(THIRD, 90 * 8)
      files.writeWhole(THIRD, joined(files.readWhole(THIRD), new Uint8Array(30).fill(9)))
      return files
    },
  ],
  [
    'damaged up to its end',
    8,
    [],
    async () => {
      const files = await threeSegments('killed')
      files.flipBit(THIRD, 140 * 8)
      return files
    },
  ],
  [
    'gone but for its mark',
    8,
    [],
    async () => {
      const files = await threeSegments('closed')
      for (const path of files.paths()) if (path !== 'wal/durable') await files.remove(path)
      return files
    },
  ],
]

describe.each(SOURCES)('a crash at every operation of an opening of a log that is %s', (_, lsn, found, make) => {
  test('and of the appends after it, and of the opening after that, loses nothing', async () => {
    const after = await pointAt(await threeSegments('closed'), lsn)
    const source = await make()
    let acknowledged = 0
    const start = (from: CrashableFiles) => () => {
      acknowledged = 0
      return from.clone()
    }
    const work = async (files: CrashableFiles) => {
      const log = await LogFixture.open(files, { ...SMALL, after })
      const first = lsn + log.foundTexts.length + 1
      for (let count = 0; count < 4; count++) {
        await log.append(`r${first + count}`)
        acknowledged = first + count
      }
      await log.close()
    }
    const check = async (image: CrashableFiles, least: number, where: string) => {
      const log = await LogFixture.open(image, { ...SMALL, after })
      expect(log.foundTexts, where).toEqual(texts(log.foundTexts.length, lsn + 1))
      expect(lsn + log.foundTexts.length, where).toBeGreaterThanOrEqual(Math.max(least, lsn + found.length))
    }
    let crashes = 0
    for await (const { files, where } of eachCrash(start(source), work)) {
      crashes++
      const least = acknowledged
      for (const [name, choose] of [['killed', undefined] as const, ...powerLosses(4)]) {
        const image = choose === undefined ? files.restartImage() : files.crashImage(choose)
        await check(image.clone(), least, `${where}, ${name}`)
        if (name !== 'killed' && name !== 'nothing') continue
        for await (const nested of eachCrash(
          () => image.clone(),
          (again) => LogFixture.open(again, { ...SMALL, after }),
        )) {
          for (const [loss, chooseLoss] of powerLosses(1)) {
            const place = `${where}, ${name}, then ${nested.where}, ${loss}`
            await check(nested.files.crashImage(chooseLoss), least, place)
          }
        }
      }
    }
    expect(crashes).toBeGreaterThan(20)
  })
})
