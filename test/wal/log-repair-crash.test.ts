import { describe, expect, test } from 'vitest'
import { CrashableFiles, nothing } from '../support/crashable-files.ts'
import { eachCrash, powerLosses } from '../support/each-crash.ts'
import { killedLog, LogFixture, outcomeOf, readTexts, texts } from '../support/log-fixture.ts'

const FIRST = 'wal/0000000000000001.wal'
const RECORDS = texts(5)

/** What opening has to mend, all of it on disk: by name, which of the first records the mark covers, and what follows them. */
const SCENES: readonly [name: string, markedRecords: number | undefined, tornBytes: number][] = [
  ['a torn tail', 5, 700],
  ['records above the mark', 2, 0],
  ['records above the mark and a torn tail', 2, 700],
  ['no mark', undefined, 0],
  ['no mark and a torn tail', undefined, 700],
]

async function scene(markedRecords: number | undefined, tornBytes: number): Promise<CrashableFiles> {
  const files = new CrashableFiles()
  const killed = await killedLog(RECORDS)
  const segment = killed.readWhole(FIRST)
  const torn = new Uint8Array(segment.byteLength + tornBytes).fill(0x5a)
  torn.set(segment)
  files.writeWhole(FIRST, torn)
  if (markedRecords !== undefined) {
    const marked = await killedLog(RECORDS.slice(0, markedRecords))
    files.writeWhole('wal/durable', marked.readWhole('wal/durable'))
  }
  return files
}

/** What a crash may leave: a process that was killed, or one of many power losses. */
const outcomesOf = (files: CrashableFiles): [name: string, image: CrashableFiles][] => [
  ['killed', files.restartImage()],
  ...powerLosses().map(([name, choose]): [string, CrashableFiles] => [name, files.crashImage(choose)]),
]

/** Passes each state of a disk once: what is seen, what is durable, and what lies between. */
function onlyNew(): (files: CrashableFiles) => boolean {
  const seen = new Set<string>()
  return (files) => {
    const key = `${files.contentHash()} ${files.crashImage(nothing).contentHash()} ${files.pendingSummary()}`
    return !seen.has(key) && seen.add(key).has(key)
  }
}

/** Opens a log and appends one record, which ends whatever repair began. */
async function reopenAndGoOn(files: CrashableFiles, where: string): Promise<void> {
  const log = await LogFixture.open(files)
  expect(log.foundTexts, where).toEqual(RECORDS)
  await log.append('one more')
  expect(await readTexts(files.crashImage(nothing)), `${where}, gone on`).toEqual([...RECORDS, 'one more'])
}

describe('a crash at every operation of a repair leaves the same records', () => {
  for (const [name, markedRecords, tornBytes] of SCENES) {
    test(`${name}: twice in a row, killed or without power`, async () => {
      const start = await scene(markedRecords, tornBytes)
      const [isNewBetween, isNewAtEnd] = [onlyNew(), onlyNew()]
      let checked = 0
      for await (const first of eachCrash(
        () => start.clone(),
        (files) => LogFixture.open(files),
      )) {
        for (const [firstOutcome, between] of outcomesOf(first.files)) {
          if (!isNewBetween(between)) continue
          for await (const second of eachCrash(
            () => between.clone(),
            (files) => LogFixture.open(files),
          )) {
            for (const [secondOutcome, image] of outcomesOf(second.files)) {
              if (!isNewAtEnd(image)) continue
              checked++
              await reopenAndGoOn(image, `${first.where}, ${firstOutcome}; ${second.where}, ${secondOutcome}`)
            }
          }
        }
      }
      expect(checked).toBeGreaterThan(20)
    })
  }
})

describe('a failing sync at every sync of a repair', () => {
  for (const [name, markedRecords, tornBytes] of SCENES) {
    test(`${name}: rejects, and the next opening and a power loss find the same records`, async () => {
      const start = await scene(markedRecords, tornBytes)
      const whole = start.clone()
      await LogFixture.open(whole)
      const syncs = whole.operations.flatMap((text, index) => (text.startsWith('sync') ? [index + 1] : []))
      for (const number of syncs) {
        for (const [damage, seed] of [
          ['keep', 0],
          ['drop', 0],
          ['mixed', 1],
          ['mixed', 2],
          ['mixed', 3],
        ] as const) {
          const where = `${whole.operations[number - 1]} (operation ${number}) fails, ${damage} ${seed}`
          const files = start.clone()
          files.failAt(number, { sync: damage, seed })
          expect(await outcomeOf(LogFixture.open(files)), where).toBe('ERR_IO')
          for (const [outcome, image] of outcomesOf(files)) {
            const log = await LogFixture.open(image)
            expect(log.foundTexts, `${where}, ${outcome}`).toEqual(RECORDS)
            for (const [later, lost] of outcomesOf(image)) {
              expect(await readTexts(lost), `${where}, ${outcome}, opened, ${later}`).toEqual(RECORDS)
            }
          }
        }
      }
      expect(syncs.length).toBeGreaterThan(2)
    })
  }
})
