import './support/forced-walks.ts'
import { describe, expect, test, vi } from 'vitest'
import { CHUNK_SLOTS } from '../../src/base/limits.ts'
import type { QuantizationMode } from '../../src/engine/quantization.ts'
import type { Collection } from '../../src/store/collection.ts'
import { VectorStore } from '../../src/store/vector-store.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { Random } from '../support/random.ts'
import { ALL_LOG_KEPT } from './support/snapshot-files.ts'
import { bitsOf, surroundingsOf } from './support/store-fixture.ts'

// Chunks of 64 slots: what takes many thousands of entries else takes a few hundred.
vi.mock('../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 64,
}))

const DIMENSIONS = 3
const OPTIONS = { ...ALL_LOG_KEPT, threads: 0, bufferEntries: 100, consolidateShare: 0.2, rebuildShare: 0.5 }
const METRICS = ['cosine', 'euclidean', 'dot'] as const
const MODES = ['none', 'int8', 'binary'] as const
/** Of a list so long all that a walk finds is compared on vectors: it is at most a quarter. */
const LONG_LIST = 4000

/** Files that are not read at once, as those in a database: everything stays in memory, whatever the mode. */
function asDatabase(): CrashableFiles {
  return Object.defineProperty(new CrashableFiles(), 'readsNow', { value: false })
}

interface Past {
  readonly lsn: number
  readonly data: string
  readonly index: string | undefined
  readonly mode: QuantizationMode
}

/**
 * Two stores of one log, of which one can leave vectors on disk and have lean graphs, one that never hears of a switch, and what
 * should be in them.
 */
class Twins {
  readonly model = new Map<string, number[]>()
  readonly past: Past[] = []
  readonly files = [new CrashableFiles(), asDatabase()]
  readonly #problems: unknown[] = []
  #stores: VectorStore[] = []
  #collections: Collection[] = []
  readonly #unswitchedFiles = new CrashableFiles()
  #unswitched: VectorStore | undefined
  mode: QuantizationMode = 'none'

  static async open(metric: (typeof METRICS)[number], quantization: QuantizationMode): Promise<Twins> {
    const twins = new Twins()
    twins.mode = quantization
    await twins.#open()
    for (const store of twins.#stores) {
      twins.#collections.push(await store.collection('c', { dimensions: DIMENSIONS, metric, quantization }))
    }
    await twins.#unswitched!.collection('c', { dimensions: DIMENSIONS, metric })
    return twins
  }

  async reopen(): Promise<void> {
    await this.close()
    await this.#open()
    this.#collections = []
    for (const store of this.#stores) this.#collections.push(await store.collection('c'))
    await this.all(async () => {})
  }

  async close(): Promise<void> {
    expect(this.#problems).toEqual([])
    for (const store of [...this.#stores, this.#unswitched!]) await store.close()
  }

  get onDisk(): Collection {
    return this.#collections[0]!
  }

  get store(): VectorStore {
    return this.#stores[0]!
  }

  /** Does the same to both, one after the other, so that the log of both is the same. */
  async both<Result>(change: (collection: Collection, store: VectorStore) => Promise<Result>) {
    const results: Result[] = []
    for (const [place, collection] of this.#collections.entries()) {
      results.push(await change(collection, this.#stores[place]!))
      await collection.settled()
    }
    expect(results[0]).toEqual(results[1])
    return results[0] as Result
  }

  /** Does the same to all three. */
  async all(change: (collection: Collection, store: VectorStore) => Promise<unknown>): Promise<void> {
    await this.both(async (collection, store) => void (await change(collection, store)))
    const collection = await this.#unswitched!.collection('c')
    await change(collection, this.#unswitched!)
    await collection.settled()
  }

  /** Modes change neither what an index is nor, while they are `none`, what is stored. */
  async expectAsUnswitched(): Promise<void> {
    const [digest, expected] = [await this.store.digest(), await this.#unswitched!.digest()]
    expect(digest.index).toBe(expected.index)
    if (this.mode === 'none') expect(digest.data).toBe(expected.data)
  }

  async #open(): Promise<void> {
    const onProblem = (problem: unknown) => this.#problems.push(problem)
    this.#unswitched = await VectorStore.openWith(surroundingsOf(this.#unswitchedFiles), { ...OPTIONS, onProblem })
    this.#stores = await Promise.all(
      this.files.map((files) => VectorStore.openWith(surroundingsOf(files), { ...OPTIONS, onProblem })),
    )
  }
}

async function takeStep(twins: Twins, random: Random): Promise<void> {
  const { model } = twins
  const kind = random.nextInt(14)
  if (kind < 5) {
    const entries = Array.from({ length: 1 + random.nextInt(80) }, () => {
      const vector = Array.from({ length: DIMENSIONS }, () => Math.fround(random.nextUnit() * 2 - 1))
      return { id: `e${random.nextInt(900)}`, vector }
    })
    await twins.all((collection) => collection.add(entries))
    for (const { id, vector } of entries) model.set(id, vector)
  } else if (kind < 7) {
    const ids = [...model.keys()].slice(0, random.nextInt(60))
    await twins.all((collection) => collection.delete(ids))
    for (const id of ids) model.delete(id)
  } else if (kind === 7) await twins.all((collection) => collection.compact())
  else if (kind === 8) await twins.all((collection) => collection.flush())
  else if (kind === 9 && random.nextInt(3) === 0) await twins.all((collection) => collection.optimize())
  else if (kind === 10) await twins.all((_, store) => store.snapshot())
  else if (kind === 11 && random.nextInt(2) === 0) await twins.reopen()
  else if (kind > 11) {
    const mode = random.pick(MODES)
    await twins.both(async (collection) => void (await collection.quantize(mode)))
    twins.mode = mode
    const { originals, index } = twins.onDisk.stats()
    const { chunks, chunksOnDisk, residence, problem } = originals
    expect([chunksOnDisk, residence, problem]).toEqual(
      mode === 'none' ? [0, 'memory', undefined] : [chunks, 'disk', undefined],
    )
    const form = mode === 'none' ? 'whole' : 'lean'
    expect([index.form, index.formProblem]).toEqual([index.nodes === 0 ? index.form : form, undefined])
  }
}

async function expectAlike(twins: Twins, random: Random): Promise<void> {
  const { model } = twins
  const { lsn, data, index } = await twins.both((_, store) => store.digest())
  await twins.expectAsUnswitched()
  twins.past.push({ lsn, data, index, mode: twins.mode })
  await twins.both(async (collection) => collection.stats().quantization)
  expect(twins.onDisk.stats().quantization).toBe(twins.mode)
  for (const [id, vector] of model) expect(bitsOf((await twins.onDisk.get(id))?.vector)).toEqual(bitsOf(vector))
  expect(twins.onDisk.count()).toBe(model.size)
  if (model.size === 0) return
  const query = Array.from({ length: DIMENSIONS }, () => random.nextUnit() - 0.5)
  const exact = await twins.both((collection) => collection.search(query, { k: 7, exact: true }))
  expect(exact.hits.length).toBe(Math.min(7, model.size))
  for (const rescore of [true, false]) {
    const find = async (collection: Collection) =>
      collection.search(query, { k: 7, listSize: LONG_LIST, rescore, ...(rescore && { includeVectors: true }) })
    // What a walk on other codes visits is another matter, and so are their distances.
    const isAlike = twins.mode !== 'binary'
    const { hits, rescored } = isAlike ? await twins.both(find) : await find(twins.onDisk)
    expect([hits.length, rescored]).toEqual([exact.hits.length, rescore])
    if (rescore) expect(hits.map(({ id, distance }) => ({ id, distance }))).toEqual(exact.hits)
    else if (isAlike)
      for (const [place, { distance }] of hits.entries()) expect(distance).toBeCloseTo(exact.hits[place]!.distance, 4)
  }
  const many = async (collection: Collection) => {
    const results = await collection.searchMany([query, { id: exact.hits[0]!.id }], { k: 3, listSize: LONG_LIST })
    return results.map(({ hits }) => hits)
  }
  await twins.both(many)
}

describe('a store that is switched from mode to mode', () => {
  test.each([0, 1, 2, 3, 4, 5])('is the one that has all in memory, over a random history (%i)', async (seed) => {
    const random = new Random(seed)
    const twins = await Twins.open(METRICS[seed % 3]!, MODES[(seed * 2) % 3]!)
    for (let step = 0; step < 110; step++) {
      await takeStep(twins, random)
      if (step % 13 === 12) await expectAlike(twins, random)
    }
    twins.mode = seed % 2 === 0 ? 'int8' : 'binary'
    await twins.both(async (collection) => void (await collection.quantize(twins.mode)))
    await twins.reopen()
    expect(twins.model.size).toBeGreaterThan(CHUNK_SLOTS)
    expect(twins.store.memoryUsage().components.originals).toBeLessThanOrEqual(CHUNK_SLOTS * DIMENSIONS * 4)
    await expectAlike(twins, random)
    for (const past of twins.past) {
      const reader = await VectorStore.openWith(surroundingsOf(twins.files[0]!), { at: past.lsn, threads: 0 })
      expect(await reader.digest()).toEqual({ lsn: past.lsn, data: past.data, index: past.index })
      expect(reader.collections()[0]!.quantization).toBe(past.mode)
      await reader.close()
    }
    expect((await twins.store.verify()).problems).toEqual([])
    await twins.close()
  })
})
