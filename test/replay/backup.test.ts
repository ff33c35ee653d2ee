import { MemoryLevel } from 'memory-level'
import { beforeAll, describe, expect, test } from 'vitest'
import { checksumText } from '../../src/base/checksum.ts'
import type { Files } from '../../src/base/files.ts'
import { LevelFiles } from '../../src/base/level-files.ts'
import { type BackupOptions, type BackupReport, backupFiles } from '../../src/replay/backup.ts'
import { recoverForReading, recoverForWriting } from '../../src/replay/recovery.ts'
import { verifyFiles } from '../../src/replay/verify.ts'
import { listSnapshots } from '../../src/snapshots/snapshot-set.ts'
import { MARK_PATH } from '../../src/wal/format.ts'
import { noYield } from '../engine/engine-fixture.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { eachCrash, powerLosses } from '../support/each-crash.ts'
import { errorOf } from '../support/log-fixture.ts'
import {
  addSnapshot,
  damage,
  expectState,
  type History,
  manifestOf,
  OPTIONS,
  randomHistory,
  retain,
  segmentsOf,
  settled,
  withSnapshots,
} from './history-fixture.ts'
import { checksum } from './replay-fixture.ts'

let history: History
let whole: CrashableFiles
let retained: CrashableFiles

beforeAll(async () => {
  history = await randomHistory(8, 40)
  whole = await withSnapshots(history, 12, 20, 30)
  retained = await retain(whole.clone(), [20, 30])
})

function backup(source: Files, target: Files, options: Partial<BackupOptions> = {}): Promise<BackupReport> {
  return backupFiles(source, target, { checksum, yieldToEventLoop: noYield, ...options })
}

/** A copy must be a sound store with the state of an LSN, and go on from there. */
async function expectCopy(files: Files, lsn: number, where = ''): Promise<void> {
  const report = await verifyFiles(files, { checksum, yieldToEventLoop: noYield })
  expect(report, where).toMatchObject({ problems: [], lsn, digest: checksumText(history.digests[lsn]![0]) })
  await expectState((await recoverForReading(files, OPTIONS))!, history, lsn, where)
  const { log } = await recoverForWriting(files, OPTIONS)
  for (let next = lsn; next < history.lastLsn; next++) await log!.append(history.payloads[next]!, 2_000_000, 'sync')
  await log!.close()
  const again = (await recoverForReading(files, OPTIONS))!
  expect(again.report.problems, where).toEqual([])
  expect(again.state.lsn, where).toBe(history.lastLsn)
}

describe('a backup', () => {
  test('is the newest snapshot, byte for byte, and the log behind it', async () => {
    for (const source of [whole, retained]) {
      const [before, target] = [source.contentHash(), new CrashableFiles()]
      const report = await backup(source, target)
      expect(report).toMatchObject({ lsn: 40, snapshotLsn: 30, records: 10, problems: [] })
      expect(report.snapshotDigest).toBe(checksumText(history.digests[30]![0]))
      expect(source.contentHash()).toBe(before)
      const copied = target.paths().filter((path) => path.startsWith('snapshots/'))
      for (const path of copied) expect(target.readWhole(path)).toEqual(source.readWhole(path))
      expect(copied).toContain(manifestOf(30))
      expect(segmentsOf(target)).toEqual(['wal/0000000000000031.wal'])
      const sizes = target.paths().filter((path) => path.endsWith('.part') || path.endsWith('.wal'))
      expect(report.bytes).toBe(sizes.reduce((sum, path) => sum + target.readWhole(path).byteLength, 0))
      await expectCopy(target, 40)
    }
  })

  test('is the whole log where there is no snapshot', async () => {
    const target = new CrashableFiles()
    expect(await backup(history.log, target)).toMatchObject({ lsn: 40, snapshotLsn: undefined, records: 40 })
    await expectCopy(target, 40)
  })

  test('is a snapshot alone where nothing came after it', async () => {
    const [source, target] = [await withSnapshots(history, 40), new CrashableFiles()]
    expect(await backup(source, target)).toMatchObject({ lsn: 40, snapshotLsn: 40, records: 0 })
    expect(segmentsOf(target)).toEqual([])
    await expectCopy(target, 40)
  })

  test.each([0, 1, 11, 12, 13, 29, 30, 31, 40])('may be as of LSN %i', async (lsn) => {
    const target = new CrashableFiles()
    expect(await backup(whole, target, { lsn })).toMatchObject({ lsn })
    await expectCopy(target, lsn)
  })

  test('of a store without a record is one', async () => {
    const [source, target] = [new CrashableFiles(), new CrashableFiles()]
    const { log, storeId } = await recoverForWriting(source, OPTIONS)
    await log!.close()
    expect(await backup(source, target)).toMatchObject({ lsn: 0, records: 0, bytes: 0 })
    expect((await recoverForWriting(target, { ...OPTIONS, newStoreId: new Uint8Array(16) })).storeId).toEqual(storeId)
  })

  test('goes into a database, and out of one', async () => {
    const database = new LevelFiles(new MemoryLevel({ keyEncoding: 'utf8', valueEncoding: 'view' }))
    const target = new CrashableFiles()
    await backup(retained, database)
    expect(await backup(database, target)).toMatchObject({ lsn: 40, snapshotLsn: 30 })
    await expectCopy(database, 40)
    await expectCopy(target, 40)
  })

  test('of a backup is the same', async () => {
    const [first, second] = [new CrashableFiles(), new CrashableFiles()]
    await backup(retained, first)
    await backup(first, second)
    expect(second.contentHash()).toBe(first.contentHash())
  })

  test('tells how far it is', async () => {
    const steps: [number, number][] = []
    await backup(retained, new CrashableFiles(), { onProgress: (done, total) => void steps.push([done, total]) })
    expect(steps.at(-1)![0]).toBe(steps.at(-1)![1])
    expect(steps.length).toBeGreaterThan(5)
  })

  test('can be aborted, and leaves no store', async () => {
    const target = new CrashableFiles()
    let reads = 0
    const signal = {
      get aborted() {
        reads += 1
        return reads > 6
      },
    }
    expect((await errorOf(backup(retained, target, { signal }))).code).toBe('ERR_ABORTED')
    await expectNoStore(target, 'aborted')
  })
})

describe('damage of the source', () => {
  test('of a snapshot is made up for by the older one', async () => {
    for (const path of retained.paths().filter((one) => one.startsWith('snapshots/0000000000000030'))) {
      const [source, target] = [retained.clone(), new CrashableFiles()]
      damage(source, path)
      const report = await backup(source, target)
      expect(report).toMatchObject({ lsn: 40, snapshotLsn: 20 })
      expect(report.problems).toEqual([expect.stringContaining(path)])
      const [named] = target.paths().filter((one) => one.endsWith('.manifest'))
      expect(named).toBe(manifestOf(20))
      await expectCopy(target, 40, path)
    }
  })

  test('of all snapshots by the log, where it is whole', async () => {
    const [source, target] = [whole.clone(), new CrashableFiles()]
    for (const lsn of [12, 20, 30]) damage(source, manifestOf(lsn))
    expect(await backup(source, target)).toMatchObject({ lsn: 40, snapshotLsn: undefined, records: 40 })
    await expectCopy(target, 40)
  })

  test('of the log behind the snapshot is refused', async () => {
    const source = retained.clone()
    damage(source, segmentsOf(source).at(-1)!)
    const target = new CrashableFiles()
    expect((await errorOf(backup(source, target))).code).toBe('ERR_LOG_CORRUPT')
    await expectNoStore(target, 'damaged')
  })

  test.each([
    ['an LSN that is not there yet', { lsn: 41 }, 'ERR_LSN_AHEAD'],
    ['one that is gone', { lsn: 15 }, 'ERR_HISTORY_TRUNCATED'],
  ])('is none, but %s is refused', async (_, options, code) => {
    expect((await errorOf(backup(retained, new CrashableFiles(), options))).code).toBe(code)
  })

  test('a place without a store is none to copy', async () => {
    const target = new CrashableFiles()
    expect((await errorOf(backup(new CrashableFiles(), target))).code).toBe('ERR_STORE_NOT_FOUND')
    expect(target.paths()).toEqual([])
  })
})

/** What is left of a backup must not open as a store of its own, for nobody. */
async function expectNoStore(files: CrashableFiles, where: string): Promise<void> {
  // Nothing at all opens as a new store, as any empty directory does.
  if (!files.paths().includes(MARK_PATH)) {
    expect(files.paths(), where).toEqual([])
    return
  }
  expect((await errorOf(recoverForWriting(files.clone(), OPTIONS))).code, where).toBe('ERR_LOG_CORRUPT')
  const read = recoverForReading(files, OPTIONS).catch((error) => error.code)
  expect([undefined, 'ERR_LOG_CORRUPT'], where).toContain(await read)
}

describe('a place that is not empty', () => {
  test.each([
    ['store', () => settled(retained)],
    ['store', () => settled(history.log)],
    ['occupied', () => written('notes.txt')],
    ['occupied', () => written('wal/other.txt')],
    ['occupied', () => written(MARK_PATH, 'x'.repeat(8192))],
    ['unfinished', () => written(MARK_PATH, 'annals: a copy that is not finished')],
  ])('is refused: %s', async (reason, make) => {
    const target = make()
    const before = target.contentHash()
    const error = await errorOf(backup(retained, target))
    expect([error.code, error.details.reason]).toEqual(['ERR_FILE_EXISTS', reason])
    expect(target.contentHash()).toBe(before)
  })

  test('is not one that holds only the lock of a writer', async () => {
    const target = written('lock/LOCK', '')
    await backup(retained, target)
    await expectCopy(target, 40)
  })

  /** A store whose mark was damaged must never be called a remnant that may be removed. */
  test('is no remnant where a store is damaged', async () => {
    for (const size of [0, 10]) {
      const target = settled(retained)
      target.cut(MARK_PATH, size)
      expect((await errorOf(backup(retained, target))).details.reason).toBe('occupied')
    }
  })
})

function written(path: string, text = 'text'): CrashableFiles {
  const files = new CrashableFiles()
  files.writeWhole(path, new TextEncoder().encode(text))
  return files
}

describe('a crash', () => {
  test.each([
    ['a snapshot and log', () => retained],
    ['a log', () => history.log],
  ])('at any operation leaves the whole copy, or no store and a place that says so: %s', async (_, sourceOf) => {
    const source = sourceOf()
    const outcomes = { whole: 0, none: 0 }
    const known = new Set<string>()
    for await (const { files, where } of eachCrash(
      () => new CrashableFiles(),
      (target) => backup(source, target, { segmentSizeBytes: 1024 }),
    )) {
      for (const [name, choose] of powerLosses(6)) {
        const image = files.crashImage(choose)
        const hash = image.contentHash()
        if (known.has(hash)) continue
        known.add(hash)
        const isWhole = await backup(source, image.clone()).then(
          () => false,
          (error) => error.details.reason === 'store',
        )
        outcomes[isWhole ? 'whole' : 'none'] += 1
        // All of it may be there but the mark.
        const opened = await recoverForWriting(image.clone(), OPTIONS).catch(() => undefined)
        if (isWhole) await expectCopy(image, 40, `${where}, ${name}`)
        else if (opened?.state.lsn === 40) await expectState(opened, history, 40, `${where}, ${name}`)
        else await expectNoStore(image, `${where}, ${name}`)
      }
    }
    expect(outcomes.whole).toBeGreaterThan(0)
    expect(outcomes.none).toBeGreaterThan(30)
  })

  test('after it resolved takes nothing', async () => {
    const target = new CrashableFiles()
    await backup(retained, target)
    for (const [name, choose] of powerLosses(6)) await expectCopy(target.crashImage(choose), 40, name)
  })
})

describe('an I/O error', () => {
  test.each(['EIO', 'ENOSPC'] as const)('%s at any operation fails it, and leaves no store', async (fault) => {
    const counted = new CrashableFiles()
    await backup(retained, counted)
    for (let number = 1; number <= counted.operations.length; number++) {
      const target = new CrashableFiles()
      target.failAt(number, fault)
      const where = `${fault} at ${number}, ${counted.operations[number - 1]}`
      const isDone = await backup(retained, target).then(
        () => true,
        (error) => {
          expect(['ERR_IO', 'ERR_DISK_FULL'], where).toContain(error.code)
          return false
        },
      )
      target.clearFaults()
      const image = settled(target)
      const isStore = await recoverForReading(image, OPTIONS).then(
        (recovered) => recovered !== undefined,
        () => false,
      )
      // Only what comes after the mark has its name may fail with a copy that is there: a sync, and what is read back.
      if (isDone) expect(isStore, where).toBe(true)
      if (isStore) await expectState((await recoverForReading(image, OPTIONS))!, history, 40, where)
    }
  })

  test('of the source at any operation fails it, or is made up for', async () => {
    const counted = retained.clone()
    await backup(counted, new CrashableFiles())
    let done = 0
    for (let number = 1; number <= counted.operations.length; number++) {
      const [source, target] = [retained.clone(), new CrashableFiles()]
      source.failAt(number, 'EIO')
      const report = await backup(source, target).catch((error) => {
        expect(error.code).toBe('ERR_IO')
        return undefined
      })
      if (report === undefined) continue
      done += 1
      await expectState((await recoverForReading(settled(target), OPTIONS))!, history, 40)
    }
    expect(done).toBeGreaterThan(10)
  })
})

describe('beside a writer', () => {
  test('a source that removes what is being copied is copied as it is then', async () => {
    const counted = retained.clone()
    await backup(counted, new CrashableFiles())
    // The same store after it took another snapshot and let go of the oldest, with its log.
    const next = retained.clone()
    const { snapshots } = await listSnapshots(next, checksum)
    await addSnapshot(history, next, 36, { previous: snapshots[0]!.manifest })
    const later = await retain(next, [36])
    for (let number = 3; number <= counted.operations.length; number += 3) {
      const source = retained.clone()
      const target = new CrashableFiles()
      const switching = new SwitchingFiles(source, later, number)
      const report = await backup(switching, target)
      expect([30, 36]).toContain(report.snapshotLsn)
      expect(report.problems).toEqual([])
      await expectState((await recoverForReading(settled(target), OPTIONS))!, history, 40, `${number}`)
      expect(target.paths().filter((path) => path.endsWith('.manifest')).length).toBe(1)
    }
  })
})

/** Files that become others after so many calls. */
class SwitchingFiles implements Files {
  #calls = 0
  readonly #before: Files
  readonly #after: Files
  readonly #at: number

  constructor(before: Files, after: Files, at: number) {
    this.#before = before
    this.#after = after
    this.#at = at
  }

  get #now(): Files {
    this.#calls += 1
    return this.#calls < this.#at ? this.#before : this.#after
  }

  open: Files['open'] = (path, mode) => this.#now.open(path, mode)
  list: Files['list'] = (directory) => this.#now.list(directory)
  rename: Files['rename'] = (from, to) => this.#now.rename(from, to)
  remove: Files['remove'] = (path) => this.#now.remove(path)
  makeDirectory: Files['makeDirectory'] = (path) => this.#now.makeDirectory(path)
  syncDirectory: Files['syncDirectory'] = (path) => this.#now.syncDirectory(path)
}
