import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { Level } from 'level'
import { MemoryLevel } from 'memory-level'
import { describe, expect, test } from 'vitest'
import type { Files, OpenFile, OpenMode } from '../../src/base/files.ts'
import { MainThreadHost } from '../../src/engine/workers/main-thread-host.ts'
import { salvageFiles } from '../../src/replay/salvage.ts'
import { verifyFiles } from '../../src/replay/verify.ts'
import { backupStore, salvageStore } from '../../src/store/copies.ts'
import { verifyStore } from '../../src/store/inspect.ts'
import type { StoreLocation } from '../../src/store/locations.ts'
import type { OpenOptions } from '../../src/store/options.ts'
import { VectorStore } from '../../src/store/vector-store.ts'
import { checksum } from '../replay/replay-fixture.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { history } from '../support/store-generators.ts'
import { expectContent } from './support/expect-content.ts'
import { HistoryRun, type Place } from './support/history-run.ts'
import { NONE_UNASKED } from './support/snapshot-files.ts'
import { endingOf, someEntries, surroundingsOf } from './support/store-fixture.ts'
import { temporaryDirectories } from './support/temporary-directories.ts'

const directory = temporaryDirectories()

const PLACES: [string, () => Promise<StoreLocation>][] = [
  ['a directory', async () => directory()],
  ['a directory that is not there yet', async () => join(await directory(), 'new', 'place')],
  ['a MemoryLevel', async () => new MemoryLevel()],
  ['a Level', async () => new Level(await directory())],
]
const TOOLS = { checksum, yieldToEventLoop: async () => {} }
const OPTIONS: OpenOptions = { ...NONE_UNASKED, threads: 0 }

async function fill(location: StoreLocation): Promise<VectorStore> {
  const store = await VectorStore.open(location, OPTIONS)
  const vectors = await store.collection('vectors', { dimensions: 2, metric: 'euclidean' })
  await vectors.add(someEntries(300))
  await vectors.delete(['e5', 'e250'])
  await vectors.optimize()
  return store
}

async function contentOf(location: StoreLocation, options: OpenOptions = {}) {
  const store = await VectorStore.open(location, { ...OPTIONS, readOnly: true, ...options })
  const digest = await store.digest()
  await store.close()
  return digest
}

describe('a backup of an open store', () => {
  test.each(PLACES)('into %s has its digests, and is a store that goes on', async (_, make) => {
    const [place, store] = [await make(), await fill(await directory())]
    const report = await store.backup(place)
    const digest = await store.digest()
    expect(report).toMatchObject({ lsn: digest.lsn, snapshotLsn: digest.lsn, records: 0, problems: [] })
    expect(report.snapshotDigest).toBe(digest.data)
    expect(store.stats().snapshots.map(({ lsn }) => lsn)).toEqual([digest.lsn])
    expect(await contentOf(place)).toEqual(digest)
    expect(await verifyStore(place)).toMatchObject({ ok: true, lsn: digest.lsn })
    const copy = await VectorStore.open(place, OPTIONS)
    expect(copy.stats()).toMatchObject({ storeId: store.stats().storeId, epoch: 1 })
    await (await copy.collection('vectors')).add([{ id: 'later', vector: [1, 1] }])
    expect([copy.stats().lsn, store.stats().lsn]).toEqual([digest.lsn + 1, digest.lsn])
    await copy.close()
    await store.close()
  })

  test('is taken while it is written to, and has a state of that time', async () => {
    const [place, store] = [await directory(), await fill(await directory())]
    const vectors = await store.collection('vectors')
    const digests = new Map([[store.stats().lsn, (await store.digest({ index: false })).data]])
    const phases: string[] = []
    const backing = store.backup(place, { onProgress: ({ phase }) => void phases.push(phase) })
    let isDone = false
    const done = backing.finally(() => {
      isDone = true
    })
    for (let round = 0; !isDone; round++) {
      await vectors.add([{ id: `meanwhile ${round}`, vector: [round, 1] }])
      const { lsn, data } = await store.digest({ index: false })
      digests.set(lsn, data)
    }
    const { lsn } = await done
    expect(digests.size).toBeGreaterThan(2)
    expect((await contentOf(place)).data).toBe(digests.get(lsn))
    expect(new Set(phases)).toEqual(new Set(['snapshot', 'backup']))
    await store.close()
  })

  test('holds on to its snapshot, however many newer ones are taken meanwhile', async () => {
    const files = new PausingFiles(new CrashableFiles())
    const store = await VectorStore.openWith(surroundingsOf(files), OPTIONS)
    const vectors = await store.collection('vectors', { dimensions: 2 })
    await vectors.add(someEntries(50))
    const { lsn } = await store.snapshot()
    const reached = files.pauseAt((path) => path.endsWith('.part'))
    const backing = store.backup(new MemoryLevel())
    await reached
    for (let round = 0; round < 4; round++) {
      await vectors.add([{ id: `round ${round}`, vector: [round, 1] }])
      await store.snapshot()
    }
    expect(store.stats().snapshots.map((snapshot) => snapshot.lsn)).toEqual([lsn + 4, lsn + 3, lsn])
    files.goOn()
    expect(await backing).toMatchObject({ lsn, snapshotLsn: lsn, problems: [] })
    await vectors.add([{ id: 'last', vector: [9, 9] }])
    await store.snapshot()
    expect(store.stats().snapshots.map((snapshot) => snapshot.lsn)).toEqual([lsn + 5, lsn + 4])
    await store.close()
  })

  test('of a reader has what the reader sees', async () => {
    const path = await directory()
    const store = await fill(path)
    await store.snapshot()
    const reader = await VectorStore.open(path, { ...OPTIONS, readOnly: true })
    const past = await VectorStore.open(path, { ...OPTIONS, at: 2 })
    await (await store.collection('vectors')).add([{ id: 'later', vector: [1, 1] }])
    for (const one of [reader, past]) {
      const place = await directory()
      expect(await one.backup(place)).toMatchObject({ lsn: one.stats().lsn })
      expect(await contentOf(place)).toEqual(await one.digest())
      await one.close()
    }
    await store.close()
  })

  test('of an empty store is an empty store', async () => {
    const [place, store] = [await directory(), await VectorStore.open(await directory())]
    expect(await store.backup(place)).toMatchObject({ lsn: 0, records: 0 })
    expect(await contentOf(place)).toEqual(await store.digest())
    await store.close()
  })

  test('is refused where something stands, and that stays as it is', async () => {
    const [place, store] = [await directory(), await fill(await directory())]
    await writeFile(join(place, 'notes.txt'), 'mine')
    expect(await endingOf(() => store.backup(place))).toBe('ERR_FILE_EXISTS')
    expect(await readdir(place)).toEqual(['notes.txt'])
    expect(await endingOf(() => store.backup(join(place, 'notes.txt')))).toBe('ERR_FILE_EXISTS')
    const taken = await directory()
    await store.backup(taken)
    expect(await endingOf(() => store.backup(taken))).toBe('ERR_FILE_EXISTS')
    await store.close()
  })

  test.each<[string, (store: VectorStore, place: string) => unknown, string]>([
    ['an unknown option', (store, place) => store.backup(place, { fast: true } as never), 'TypeError'],
    ['no place', (store) => store.backup(undefined as never), 'TypeError'],
    ['an aborted signal', (store, place) => store.backup(place, { signal: AbortSignal.abort() }), 'ERR_ABORTED'],
  ])('is refused with %s', async (_, call, ending) => {
    const store = await fill(await directory())
    const place = await directory()
    expect(await endingOf(() => call(store, place))).toBe(ending)
    await store.close()
    expect(await endingOf(() => store.backup(place))).toBe('ERR_STORE_CLOSED')
  })
})

/** Files of which one call waits until it is let go. */
class PausingFiles implements Files {
  readonly #files: Files
  #isPaused: (path: string) => boolean = () => false
  #arrived = () => {}
  #pause: Promise<void> | undefined
  goOn = () => {}

  constructor(files: Files) {
    this.#files = files
  }

  /** Resolves when a file is about to be opened that `isPaused` says. */
  pauseAt(isPaused: (path: string) => boolean): Promise<void> {
    this.#isPaused = isPaused
    this.#pause = new Promise((resolve) => {
      this.goOn = resolve
    })
    return new Promise((resolve) => {
      this.#arrived = resolve
    })
  }

  async open(path: string, mode: OpenMode): Promise<OpenFile> {
    if (this.#isPaused(path)) {
      this.#isPaused = () => false
      this.#arrived()
      await this.#pause
    }
    return this.#files.open(path, mode)
  }

  list: Files['list'] = (path) => this.#files.list(path)
  rename: Files['rename'] = (from, to) => this.#files.rename(from, to)
  remove: Files['remove'] = (path) => this.#files.remove(path)
  makeDirectory: Files['makeDirectory'] = (path) => this.#files.makeDirectory(path)
  syncDirectory: Files['syncDirectory'] = (path) => this.#files.syncDirectory(path)
}

describe('backupStore', () => {
  test('copies a store beside its writer, up to its durable end', async () => {
    const [path, place] = [await directory(), await directory()]
    const store = await fill(path)
    await store.snapshot()
    await (await store.collection('vectors')).add([{ id: 'later', vector: [1, 1] }])
    const { lsn } = store.stats()
    expect(await backupStore(path, place)).toMatchObject({ lsn, snapshotLsn: lsn - 1, records: 1 })
    expect(await contentOf(place)).toEqual(await store.digest())
    await store.close()
  })

  test('finds no store where there is none', async () => {
    const place = await directory()
    expect(await endingOf(() => backupStore(join(place, 'nowhere'), join(place, 'new')))).toBe('ERR_STORE_NOT_FOUND')
    expect(await endingOf(async () => backupStore(await directory(), place))).toBe('ERR_STORE_NOT_FOUND')
  })
})

describe('salvageStore', () => {
  test.each(PLACES)('into %s copies a store that does not open', async (_, make) => {
    const [path, place] = [await directory(), await make()]
    const store = await fill(path)
    const { data } = await store.digest()
    const { lsn, storeId } = store.stats()
    await (await store.collection('vectors')).add(someEntries(100))
    await store.close()
    const [segment] = await readdir(join(path, 'wal'))
    const bytes = await readFile(join(path, 'wal', segment!))
    bytes[bytes.length - 2000]! ^= 1
    await writeFile(join(path, 'wal', segment!), bytes)
    expect(await endingOf(() => VectorStore.open(path))).toBe('ERR_LOG_CORRUPT')
    const report = await salvageStore(path, place)
    expect(report).toMatchObject({
      lsn,
      epoch: 2,
      digest: data,
      lost: { from: lsn + 1, to: lsn + 1 },
      hasIndexes: true,
    })
    expect(await readFile(join(path, 'wal', segment!))).toEqual(bytes)
    const copy = await VectorStore.open(place, OPTIONS)
    expect(copy.stats()).toMatchObject({ lsn, epoch: 2, storeId })
    expect((await copy.digest()).data).toBe(data)
    await (await copy.collection('vectors')).add([{ id: 'later', vector: [1, 1] }])
    await copy.close()
  })

  test.each<[string, object, string]>([
    ['an unknown option', { until: 3 }, 'TypeError'],
    ['an LSN of zero', { to: 0 }, 'RangeError'],
    ['an LSN that is none', { to: '3' }, 'TypeError'],
    ['an LSN behind the end', { to: 99 }, 'ERR_LSN_AHEAD'],
    ['an aborted signal', { signal: AbortSignal.abort() }, 'ERR_ABORTED'],
  ])('refuses %s', async (_, options, ending) => {
    const [path, place] = [await directory(), await directory()]
    await (await fill(path)).close()
    expect(await endingOf(() => salvageStore(path, place, options))).toBe(ending)
  })

  test('of a random history with snapshots and one damaged file has the contents of the model', async () => {
    const outcomes = { whole: 0, less: 0, none: 0 }
    const property = fc.asyncProperty(history, fc.nat(), fc.nat(), async (generated, which, where) => {
      const files = new CrashableFiles()
      const open = (options: OpenOptions) => VectorStore.openWith(surroundingsOf(files), { ...OPTIONS, ...options })
      const place: Place = {
        open: ({ durability, segmentSizeBytes }) => open({ durability, segmentSizeBytes, snapshotRecords: 4 }),
        openReader: () => open({ readOnly: true }),
      }
      const run = new HistoryRun(place, generated)
      await run.run()
      await run.store.close()
      expect((await verifyFiles(files, TOOLS))!.problems).toEqual([])
      const paths = files.paths().filter((path) => path !== 'wal/durable')
      if (paths.length === 0) return
      const path = paths[which % paths.length]!
      files.flipBit(path, where % (files.readWhole(path).byteLength * 8))
      const target = new CrashableFiles()
      const report = await salvageFiles(files, target, { ...TOOLS, phases: new MainThreadHost(TOOLS) }).catch(
        (error) => {
          expect(error.code).toBe('ERR_LOG_CORRUPT')
          outcomes.none += 1
        },
      )
      if (report === undefined) return
      const store = await VectorStore.openWith(surroundingsOf(target), { ...OPTIONS, readOnly: true })
      // What stood there earlier is compared by digest elsewhere; here all that was written has to be there, or be told of.
      const isWhole = report.lsn === run.model.lsn && report.leftOut.length === 0
      if (isWhole) await expectContent(store, run.model, generated.query)
      else expect([report.lsn < run.model.lsn, report.leftOut.length > 0]).toContain(true)
      expect(report.problems.length > 0 || isWhole).toBe(true)
      outcomes[isWhole ? 'whole' : 'less'] += 1
      await store.close()
    })
    await fc.assert(property, { numRuns: 150, endOnFailure: true })
    expect(Math.min(...Object.values(outcomes)), JSON.stringify(outcomes)).toBeGreaterThan(0)
  })
})
