import { describe, expect, test, vi } from 'vitest'
import type { QuantizationMode } from '../../src/engine/quantization.ts'
import type { Collection } from '../../src/store/collection.ts'
import { readLog } from '../../src/store/inspect.ts'
import type { OpenOptions, Progress } from '../../src/store/options.ts'
import { VectorStore } from '../../src/store/vector-store.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { powerLosses } from '../support/each-crash.ts'
import { ON_DEMAND } from './support/index-fixture.ts'
import { NONE_UNASKED } from './support/snapshot-files.ts'
import { bitsOf, endingOf, StoreFixture, until } from './support/store-fixture.ts'
import { temporaryDirectories } from './support/temporary-directories.ts'

// Chunks of 256 slots: what takes many thousands of entries else takes a thousand.
vi.mock('../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 256,
}))

const directory = temporaryDirectories()
const CHUNK = 256
const ENTRIES = CHUNK * 3 + 50
const DIMENSIONS = 40
const CHUNK_BYTES = CHUNK * DIMENSIONS * 4

const vectorOf = (place: number) =>
  Array.from({ length: DIMENSIONS }, (_, at) => Math.fround(Math.sin(place * 7 + at * at)))
const entriesFrom = (first: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({ id: `e${first + index}`, vector: vectorOf(first + index) }))

/** Three full chunks and some entries, all but the last 50 in the index. */
async function filled(options: OpenOptions = {}, files = new CrashableFiles(), quantization?: QuantizationMode) {
  const problems: unknown[] = []
  const onProblem = (problem: unknown) => problems.push(problem)
  const opened = { ...ON_DEMAND, ...NONE_UNASKED, onProblem, ...options }
  const fixture = await StoreFixture.open(opened, files)
  const { store } = fixture
  const vectors = await store.collection('vectors', {
    dimensions: DIMENSIONS,
    metric: 'euclidean',
    ...(quantization && { quantization }),
  })
  await vectors.addAll(entriesFrom(0, ENTRIES - 50))
  await vectors.optimize()
  await vectors.addAll(entriesFrom(ENTRIES - 50, 50))
  return { files, fixture, store, vectors, problems, options: opened }
}

const originalsOf = (store: VectorStore) => store.memoryUsage().components.originals!

async function expectEntries(vectors: Collection, count = ENTRIES): Promise<void> {
  expect(vectors.count()).toBe(count)
  for (let place = 0; place < count; place += 37) {
    expect(bitsOf((await vectors.get(`e${place}`))?.vector)).toEqual(bitsOf(vectorOf(place)))
  }
}

describe('quantize', () => {
  test('lets originals leave memory, and brings them back', async () => {
    const { store, vectors } = await filled()
    const [before, digest] = [originalsOf(store), await store.digest()]
    const hits = async () => (await vectors.search(vectorOf(3), { k: 20, listSize: 200 })).hits
    const hitsBefore = await hits()
    const progress: Progress[] = []
    const report = await vectors.quantize('int8', { onProgress: (state) => progress.push(state) })
    expect(report).toEqual({
      collection: 'vectors',
      lsn: digest.lsn + 1,
      before: { mode: 'none', recall: 1, latencyMs: expect.anything(), memory: expect.anything() },
      after: { mode: 'int8', recall: 1, latencyMs: expect.anything(), memory: expect.anything() },
      queries: 100,
      originals: { residence: 'disk', chunks: 3, chunksOnDisk: 3 },
      index: { form: 'lean' },
      durationMs: expect.any(Number),
    })
    expect(before - originalsOf(store)).toBe(CHUNK_BYTES * 3)
    expect(report.before.memory.components.originals! - report.after.memory.components.originals!).toBe(CHUNK_BYTES * 3)
    for (const component of ['indexCodes', 'indexGraph', 'indexScratch', 'indexSlots']) {
      const [held, left] = [report.before, report.after].map(({ memory }) => memory.components[component]!)
      expect(left, component).toBeLessThan(held!)
    }
    for (const { memory } of [report.before, report.after]) {
      expect(Object.values(memory.components).reduce((sum, bytes) => sum + bytes, 0)).toBe(memory.total)
    }
    expect(new Set(progress.map(({ phase }) => phase))).toEqual(new Set(['measure', 'snapshot']))
    expect(vectors.stats()).toMatchObject({ quantization: 'int8', originals: report.originals })
    await expectEntries(vectors)
    expect(await hits()).toEqual(hitsBefore)
    expect((await store.digest()).index).toBe(digest.index)
    const back = await vectors.quantize('none')
    expect([back.before.mode, back.after.mode, back.after.recall]).toEqual(['int8', 'none', 1])
    expect(back.originals).toEqual({ residence: 'memory', chunks: 3, chunksOnDisk: 0 })
    expect(originalsOf(store)).toBe(before)
    expect(await hits()).toEqual(hitsBefore)
    expect(await store.digest()).toEqual({ ...digest, lsn: digest.lsn + 2 })
    await store.close()
  })

  test('holds for vectors that come later, from the next snapshot on, and is not a second snapshot where one will do', async () => {
    const { store, vectors, files } = await filled()
    await store.snapshot()
    const snapshots = store.stats().snapshots.length
    await vectors.quantize('int8')
    expect([store.stats().snapshots.length, vectors.stats().originals.chunksOnDisk]).toEqual([snapshots, 3])
    await vectors.addAll(entriesFrom(ENTRIES, CHUNK))
    expect(vectors.stats().originals).toEqual({ residence: 'disk', chunks: 4, chunksOnDisk: 3 })
    await store.snapshot()
    expect(vectors.stats().originals.chunksOnDisk).toBe(4)
    await vectors.optimize()
    await expectEntries(vectors, ENTRIES + CHUNK)
    expect((await vectors.search({ id: `e${ENTRIES + 7}` }, { k: 1 })).hits.length).toBe(1)
    await store.close()
    const again = await StoreFixture.open({ ...ON_DEMAND, ...NONE_UNASKED }, files)
    const reopened = await again.store.collection('vectors')
    expect(reopened.stats()).toMatchObject({ quantization: 'int8', originals: { chunks: 4, chunksOnDisk: 4 } })
    await expectEntries(reopened, ENTRIES + CHUNK)
    await again.store.close()
  })

  test('is followed at opening where the log behind the snapshot has the switch', async () => {
    for (const mode of ['int8', 'none'] as const) {
      const { store, vectors, files, options, fixture } = await filled({}, undefined, mode === 'none' ? 'int8' : 'none')
      await store.snapshot()
      await vectors.quantize(mode)
      const digest = await store.digest()
      await store.close()
      const reopened = await StoreFixture.open(options, files)
      const found = await reopened.store.collection('vectors')
      const wanted = mode === 'int8' ? 3 : 0
      expect((await found.search(vectorOf(5), { k: 1 })).hits[0]!.id).toBe('e5')
      await until(() => found.stats().originals.chunksOnDisk === wanted)
      expect(await reopened.store.digest()).toEqual(digest)
      await reopened.store.close()
      const reader = await fixture.openReader()
      const read = await reader.store.collection('vectors')
      await until(() => read.stats().originals.chunksOnDisk === wanted)
      await expectEntries(read)
      await reader.store.close()
    }
  })

  test('goes on with searches and writes meanwhile, and the last switch holds', async () => {
    const { store, vectors } = await filled()
    const switches = (['int8', 'none', 'int8', 'none', 'int8'] as const).map((mode) => vectors.quantize(mode))
    const added = vectors.add(entriesFrom(ENTRIES, 10))
    for (let round = 0; round < 50; round++) {
      const { hits } = await vectors.search(vectorOf(round * 9), { k: 3, listSize: 200 })
      expect(hits[0]).toEqual({ id: `e${round * 9}`, distance: 0 })
    }
    await added
    await Promise.all(switches)
    expect(vectors.stats()).toMatchObject({ quantization: 'int8', originals: { chunksOnDisk: 3 } })
    await expectEntries(vectors, ENTRIES + 10)
    await store.close()
  })

  test('an abort before the switch changes nothing, and one behind it says that it holds', async () => {
    const { store, vectors } = await filled()
    const { lsn } = await store.digest()
    const signal = AbortSignal.abort()
    expect(await endingOf(() => vectors.quantize('int8', { signal }))).toBe('ERR_ABORTED')
    expect((await store.digest()).lsn).toBe(lsn)
    const stopping = new AbortController()
    const work = vectors.quantize('int8', {
      signal: stopping.signal,
      onProgress: ({ phase }) => phase === 'snapshot' && stopping.abort(),
    })
    await expect(work).rejects.toMatchObject({ code: 'ERR_ABORTED', details: { lsn: lsn + 1, mode: 'int8' } })
    expect(vectors.stats()).toMatchObject({ quantization: 'int8', originals: { residence: 'disk', chunksOnDisk: 0 } })
    await store.snapshot()
    expect(vectors.stats().originals.chunksOnDisk).toBe(3)
    await store.close()
  })

  test('says why vectors stay in memory where files cannot be read at once', async () => {
    const store = await VectorStore.ephemeral({ ...ON_DEMAND })
    const vectors = await store.collection('vectors', { dimensions: DIMENSIONS, quantization: 'int8' })
    await vectors.addAll(entriesFrom(0, ENTRIES))
    const problem = 'the files of this store cannot be read in the middle of a search, so the vectors stay in memory'
    const originals = { residence: 'memory', chunks: 3, chunksOnDisk: 0, problem }
    expect(vectors.stats().originals).toEqual(originals)
    const formProblem = 'the files of this store cannot be read in the middle of a search, so the index stays whole'
    await vectors.optimize()
    for (const mode of ['int8', 'binary'] as const) {
      expect(await vectors.quantize(mode)).toMatchObject({ originals, index: { form: 'whole', formProblem } })
      expect(vectors.stats().index).toMatchObject({ form: 'whole', formProblem })
    }
    const { originals: back, index } = await vectors.quantize('none')
    expect([back, index]).toEqual([{ residence: 'memory', chunks: 3, chunksOnDisk: 0 }, { form: 'whole' }])
    await store.close()
  })

  test('says what could not move, and leaves it where it is', async () => {
    const { store, vectors, files, problems } = await filled()
    files.failWhen((operation) => operation.startsWith('write snapshots/'), 'ENOSPC', 1000)
    const { originals, index } = await vectors.quantize('int8')
    expect(originals).toMatchObject({ residence: 'disk', chunks: 3, chunksOnDisk: 0 })
    expect(originals.problem).toMatch(/^the vectors stay in memory until a snapshot holds them: /)
    expect(index.form).toBe('whole')
    expect(index.formProblem).toMatch(/^the index stays whole until a snapshot holds it: /)
    files.clearFaults()
    await vectors.quantize('int8')
    expect(vectors.stats().originals).toEqual({ residence: 'disk', chunks: 3, chunksOnDisk: 3 })
    expect(vectors.stats().index.form).toBe('lean')
    const held = originalsOf(store)
    files.failWhen((operation) => operation.startsWith('readNow'), 'EIO', 1000)
    const work = vectors.quantize('none')
    await expect(work).rejects.toMatchObject({ code: 'ERR_IO' })
    files.clearFaults()
    expect(vectors.stats().quantization).toBe('int8')
    expect([originalsOf(store), problems.length]).toEqual([held, 0])
    await expectEntries(vectors)
    await store.close()
  })

  test('refuses what is no mode', async () => {
    const { store, vectors } = await filled()
    const { lsn } = await store.digest()
    expect(await endingOf(() => vectors.quantize('int4' as never))).toBe('TypeError')
    expect(await endingOf(() => vectors.quantize('int8', { force: true } as never))).toBe('TypeError')
    const create = (quantization: unknown) => () =>
      store.collection('other', { dimensions: 2, quantization: quantization as never })
    expect(await endingOf(create('int4'))).toBe('TypeError')
    expect(await endingOf(create(8))).toBe('TypeError')
    expect((await store.digest()).lsn).toBe(lsn)
    await store.close()
  })

  test('is in the log, and a collection that was created with a mode says so', async () => {
    const path = await directory()
    const store = await VectorStore.open(path, { ...ON_DEMAND })
    const vectors = await store.collection('vectors', { dimensions: 2, quantization: 'int8' })
    expect(store.collections()[0]!.quantization).toBe('int8')
    const { after, queries } = await vectors.quantize('none')
    expect([after, queries]).toEqual([{ mode: 'none', memory: expect.anything() }, 0])
    // A collection that is there keeps the mode it has.
    await store.collection('vectors', { dimensions: 2, quantization: 'int8' })
    expect(vectors.stats().quantization).toBe('none')
    await store.close()
    const events = []
    for await (const record of readLog(path)) events.push(...record.events)
    expect(events).toEqual([
      { type: 'create', name: 'vectors', dimensions: 2, metric: 'cosine', quantization: 'int8' },
      { type: 'quantize', collection: 1, mode: 'none' },
    ])
  })
})

describe('a crash in the middle of a switch', () => {
  test.each(['int8', 'binary', 'none'] as const)(
    'to %s leaves the mode before it or the one behind, and all entries',
    async (mode) => {
      const base = new CrashableFiles()
      const { store, vectors } = await filled({}, base, mode === 'none' ? 'int8' : 'none')
      if (mode === 'none') await store.snapshot()
      const digests = new Map<QuantizationMode, string>([[vectors.stats().quantization, (await store.digest()).data]])
      await store.close()
      const open = (files: CrashableFiles) => StoreFixture.open({ ...ON_DEMAND, ...NONE_UNASKED }, files)
      const last = await open(base.clone())
      await (await last.store.collection('vectors')).quantize(mode)
      digests.set(mode, (await last.store.digest()).data)
      await last.store.close()
      const work = async (files: CrashableFiles) => {
        const opened = await open(files)
        await (await opened.store.collection('vectors')).quantize(mode)
      }
      const whole = base.clone()
      await work(whole)
      const seen = new Set<string>()
      for (let mutation = 1; mutation <= whole.mutations.length; mutation += 2) {
        const files = base.clone()
        files.crashAt(mutation, mutation % 4 === 1 ? 'before' : 'after')
        await work(files).catch(() => {})
        // The last one may be the mark of a sync that a timer makes.
        if (!files.isCrashed) continue
        const where = `crash at ${files.mutations.at(-1)}`
        for (const [name, choose] of powerLosses(1)) {
          const { store: after } = await open(files.crashImage(choose))
          const found = await after.collection('vectors')
          const { quantization } = found.stats()
          expect((await after.digest()).data, `${where}, ${name}`).toBe(digests.get(quantization))
          expect((await found.search(vectorOf(300), { k: 1 })).hits[0]).toEqual({ id: 'e300', distance: 0 })
          await expectEntries(found)
          seen.add(quantization)
          await after.close()
        }
      }
      expect([...seen].sort()).toEqual([...digests.keys()].sort())
    },
  )
})
