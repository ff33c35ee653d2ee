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
const MODES = ['none', 'int8'] as const

/** Files that are not read at once, as those in a database: all vectors stay in memory, whatever the mode. */
function asDatabase(): CrashableFiles {
  return Object.defineProperty(new CrashableFiles(), 'readsNow', { value: false })
}

interface Past {
  readonly lsn: number
  readonly data: string
  readonly index: string | undefined
  readonly mode: QuantizationMode
}

/** Two stores of one log, one of which can leave vectors on disk, and what should be in them. */
class Twins {
  readonly model = new Map<string, number[]>()
  readonly past: Past[] = []
  readonly files = [new CrashableFiles(), asDatabase()]
  readonly #problems: unknown[] = []
  #stores: VectorStore[] = []
  #collections: Collection[] = []
  mode: QuantizationMode = 'none'

  static async open(metric: (typeof METRICS)[number], quantization: QuantizationMode): Promise<Twins> {
    const twins = new Twins()
    twins.mode = quantization
    await twins.#open()
    for (const store of twins.#stores) {
      twins.#collections.push(await store.collection('c', { dimensions: DIMENSIONS, metric, quantization }))
    }
    return twins
  }

  async reopen(): Promise<void> {
    await this.close()
    await this.#open()
    this.#collections = []
    for (const store of this.#stores) this.#collections.push(await store.collection('c'))
    await this.both(async () => {})
  }

  async close(): Promise<void> {
    expect(this.#problems).toEqual([])
    for (const store of this.#stores) await store.close()
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

  async #open(): Promise<void> {
    const onProblem = (problem: unknown) => this.#problems.push(problem)
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
    await twins.both((collection) => collection.add(entries))
    for (const { id, vector } of entries) model.set(id, vector)
  } else if (kind < 7) {
    const ids = [...model.keys()].slice(0, random.nextInt(60))
    await twins.both((collection) => collection.delete(ids))
    for (const id of ids) model.delete(id)
  } else if (kind === 7) await twins.both((collection) => collection.compact())
  else if (kind === 8) await twins.both((collection) => collection.flush())
  else if (kind === 9 && random.nextInt(3) === 0) await twins.both((collection) => collection.optimize())
  else if (kind === 10) await twins.both(async (_, store) => void (await store.snapshot()))
  else if (kind === 11 && random.nextInt(2) === 0) await twins.reopen()
  else if (kind > 11) {
    const mode = random.pick(MODES)
    await twins.both(async (collection) => void (await collection.quantize(mode)))
    twins.mode = mode
    const { chunks, chunksOnDisk, residence, problem } = twins.onDisk.stats().originals
    expect([chunksOnDisk, residence, problem]).toEqual(
      mode === 'int8' ? [chunks, 'disk', undefined] : [0, 'memory', undefined],
    )
  }
}

async function expectAlike(twins: Twins, random: Random): Promise<void> {
  const { model } = twins
  const { lsn, data, index } = await twins.both((_, store) => store.digest())
  twins.past.push({ lsn, data, index, mode: twins.mode })
  await twins.both(async (collection) => collection.stats().quantization)
  expect(twins.onDisk.stats().quantization).toBe(twins.mode)
  for (const [id, vector] of model) expect(bitsOf((await twins.onDisk.get(id))?.vector)).toEqual(bitsOf(vector))
  expect(twins.onDisk.count()).toBe(model.size)
  if (model.size === 0) return
  const query = Array.from({ length: DIMENSIONS }, () => random.nextUnit() - 0.5)
  const exact = await twins.both((collection) => collection.search(query, { k: 7, exact: true }))
  expect(exact.hits.length).toBe(Math.min(7, model.size))
  const walked = await twins.both((collection) =>
    collection.search(query, { k: 7, listSize: 1000, includeVectors: true }),
  )
  expect(walked.hits.map(({ id, distance }) => ({ id, distance }))).toEqual(exact.hits)
  const coded = await twins.both((collection) => collection.search(query, { k: 7, listSize: 1000, rescore: false }))
  expect([coded.hits.length, coded.rescored, walked.rescored]).toEqual([exact.hits.length, false, true])
  for (const [place, { distance }] of coded.hits.entries()) expect(distance).toBeCloseTo(exact.hits[place]!.distance, 4)
  await twins.both((collection) => collection.searchMany([query, { id: exact.hits[0]!.id }], { k: 3 }))
}

describe('a store that is switched from mode to mode', () => {
  test.each([0, 1, 2, 3, 4, 5])('is the one that has all in memory, over a random history (%i)', async (seed) => {
    const random = new Random(seed)
    const twins = await Twins.open(METRICS[seed % 3]!, MODES[seed % 2]!)
    for (let step = 0; step < 110; step++) {
      await takeStep(twins, random)
      if (step % 13 === 12) await expectAlike(twins, random)
    }
    await twins.both(async (collection) => void (await collection.quantize('int8')))
    twins.mode = 'int8'
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
