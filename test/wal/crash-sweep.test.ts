import { describe, expect, test } from 'vitest'
import { CrashableFiles } from '../support/crashable-files.ts'
import { eachCrash, powerLosses } from '../support/each-crash.ts'
import { LogFixture, readTexts, texts } from '../support/log-fixture.ts'

const OPTIONS = { segmentSizeBytes: 320 }

/** How far a workload came: records are `r1`, `r2`, … in order of LSN. */
interface Progress {
  /** The last LSN whose append was tried. */
  tried: number
  /** The last LSN that was acknowledged as durable. */
  durable: number
}

/** Groups, rotation, both durabilities, a barrier, a clean close, and a second session on top. */
async function workload(files: CrashableFiles, progress: Progress): Promise<void> {
  const first = await LogFixture.open(files, OPTIONS)
  await appendGroup(first, 3, 'sync', progress)
  await appendGroup(first, 1, 'async', progress)
  await appendGroup(first, 2, 'async', progress)
  await appendGroup(first, 1, 'sync', progress)
  await appendGroup(first, 2, 'async', progress)
  await first.log.sync()
  progress.durable = progress.tried
  await appendGroup(first, 5, 'sync', progress)
  await appendGroup(first, 1, 'async', progress)
  await first.close()
  progress.durable = progress.tried
  const second = await LogFixture.open(files, OPTIONS)
  await appendGroup(second, 2, 'sync', progress)
  await appendGroup(second, 2, 'async', progress)
  await appendGroup(second, 1, 'sync', progress)
}

async function appendGroup(log: LogFixture, count: number, durability: 'sync' | 'async', progress: Progress) {
  const next = texts(count, progress.tried + 1)
  progress.tried += count
  await log.appendTogether(next, durability)
  if (durability === 'sync') progress.durable = progress.tried
}

/** Opens the files, checks that what is found is an exact prefix, and that another power loss takes nothing of it. */
async function checkReopened(files: CrashableFiles, { tried, durable }: Progress, where: string): Promise<string[]> {
  const reopened = await LogFixture.open(files, OPTIONS)
  const found = reopened.foundTexts
  expect(found, where).toEqual(texts(found.length))
  expect(found.length, where).toBeGreaterThanOrEqual(durable)
  expect(found.length, where).toBeLessThanOrEqual(tried)
  for (const [name, choose] of powerLosses(1)) {
    expect(await readTexts(files.crashImage(choose)), `${where}, opened, ${name}`).toEqual(found)
  }
  await reopened.appendTogether(['more', 'and more'])
  for (const [name, choose] of powerLosses(1)) {
    expect(await readTexts(files.crashImage(choose)), `${where}, gone on, ${name}`).toEqual([
      ...found,
      'more',
      'and more',
    ])
  }
  await reopened.close()
  expect(await readTexts(files.crashImage(powerLosses()[0]![1])), where).toEqual([...found, 'more', 'and more'])
  return found
}

describe('a crash at every mutating operation of a workload', () => {
  test('and a power loss: the records are a prefix that holds every acknowledged one', {
    timeout: 60_000,
  }, async () => {
    let progress: Progress = { tried: 0, durable: 0 }
    const start = () => {
      progress = { tried: 0, durable: 0 }
      return new CrashableFiles()
    }
    let crashes = 0
    for await (const { files, where } of eachCrash(start, (files) => workload(files, progress))) {
      crashes++
      for (const [name, choose] of powerLosses())
        await checkReopened(files.crashImage(choose), progress, `${where}, ${name}`)
    }
    expect(crashes).toBeGreaterThan(100)
  })

  test('a kill: every record that was written is there', async () => {
    let progress: Progress = { tried: 0, durable: 0 }
    const start = () => {
      progress = { tried: 0, durable: 0 }
      return new CrashableFiles()
    }
    for await (const { files, where } of eachCrash(start, (files) => workload(files, progress))) {
      await checkReopened(files.restartImage(), progress, `${where}, killed`)
    }
  })
})
