import './support/forced-walks.ts'
import { describe, expect, test, vi } from 'vitest'
import { CHUNK_SLOTS } from '../../src/base/limits.ts'
import type { DistanceMetric as Metric } from '../../src/engine/metric.ts'
import { rowBytesOf, type VectorType } from '../../src/engine/vector-type.ts'
import type { Collection } from '../../src/store/collection.ts'
import { VectorStore } from '../../src/store/vector-store.ts'
import type { VectorInput } from '../../src/store/vector-types.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { Random } from '../support/random.ts'
import { bytesGiven, handedIn, METRICS_OF, randomComponent, VECTOR_TYPES } from '../support/typed-vectors.ts'
import { NONE_UNASKED } from './support/snapshot-files.ts'
import { surroundingsOf } from './support/store-fixture.ts'

// Chunks of 64 slots: what takes many thousands of entries else takes a few hundred.
vi.mock('../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 64,
}))

/** Of bits there are eight to a byte. */
const dimensionsOf = (type: VectorType) => (type === 'binary' ? 24 : 3)
const OPTIONS = { ...NONE_UNASKED, threads: 0, bufferEntries: 100, consolidateShare: 0.2, rebuildShare: 0.5 }

type TypedCollection = Collection<{ n: number; text: string }, VectorType>

interface Entry {
  readonly id: string
  /** As it is handed in. */
  readonly vector: VectorInput<VectorType>
  readonly metadata?: { readonly n: number; readonly text: string }
}

/** The same store twice, with chunks on disk and without, and what should be in them. */
class Twins {
  readonly model = new Map<string, Entry>()
  readonly #files = [new CrashableFiles(), new CrashableFiles()]
  readonly #problems: unknown[] = []
  #stores: VectorStore[] = []
  readonly type: VectorType
  #collections: TypedCollection[] = []

  private constructor(type: VectorType) {
    this.type = type
  }

  static async open(type: VectorType, metric: Metric): Promise<Twins> {
    const twins = new Twins(type)
    await twins.#open()
    for (const store of twins.#stores) {
      twins.#collections.push(await store.collection('c', { dimensions: dimensionsOf(type), metric, type }))
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

  get onDisk(): { store: VectorStore; collection: TypedCollection } {
    return { store: this.#stores[0]!, collection: this.#collections[0]! }
  }

  /** Does the same to both, one after the other, so that the log of both is the same. */
  async both<Result>(change: (collection: TypedCollection, store: VectorStore) => Promise<Result>) {
    const results: Result[] = []
    for (const [place, collection] of this.#collections.entries()) {
      results.push(await change(collection, this.#stores[place]!))
      await collection.settled()
    }
    expect(results[0]).toEqual(results[1])
    return results[0] as Result
  }

  async snapshot(): Promise<void> {
    await this.both(async (_, store) => {
      await store.snapshot()
    })
  }

  async #open(): Promise<void> {
    const onProblem = (problem: unknown) => this.#problems.push(problem)
    const residencies = [{ originals: 'disk', documents: 'disk' }, {}] as const
    this.#stores = await Promise.all(
      residencies.map((residency, place) =>
        VectorStore.openWith(surroundingsOf(this.#files[place]!), { ...OPTIONS, ...residency, onProblem }),
      ),
    )
  }
}

function randomEntry(type: VectorType, random: Random, id: string): Entry {
  const vector = randomVector(type, random)
  if (random.nextInt(3) === 0) return { id, vector }
  return { id, vector, metadata: { n: random.nextInt(100), text: 'x'.repeat(random.nextInt(50)) } }
}

/** None is zero. */
function randomVector(type: VectorType, random: Random) {
  const [first, ...others] = Array.from({ length: dimensionsOf(type) }, () => randomComponent(type, random))
  return handedIn(type, [first || 1, ...others], random.nextBoolean())
}

async function takeStep(twins: Twins, random: Random): Promise<void> {
  const { model, type } = twins
  const someId = () => `e${random.nextInt(900)}`
  const kind = random.nextInt(14)
  if (kind < 5) {
    const entries = Array.from({ length: 1 + random.nextInt(80) }, () => randomEntry(type, random, someId()))
    await twins.both((collection) => collection.add(entries))
    for (const entry of entries) model.set(entry.id, entry)
  } else if (kind < 7) {
    const ids = [...model.keys()].slice(0, random.nextInt(60))
    await twins.both((collection) => collection.delete(ids))
    for (const id of ids) model.delete(id)
  } else if (kind < 9) {
    const id = someId()
    const metadata = random.nextBoolean() ? { n: -1, text: 'new' } : undefined
    const { updated } = await twins.both((collection) => collection.update(id, { metadata }))
    expect(updated).toBe(model.has(id))
    const entry = model.get(id)
    if (entry !== undefined) model.set(id, { id, vector: entry.vector, ...(metadata && { metadata }) })
  } else if (kind === 9) await twins.both((collection) => collection.compact())
  else if (kind === 10) await twins.both((collection) => collection.consolidate())
  else if (kind === 11 && random.nextInt(3) === 0) await twins.both((collection) => collection.optimize())
  else if (kind === 12) await twins.snapshot()
  else if (kind === 13 && random.nextInt(2) === 0) await twins.reopen()
}

async function expectAlike(twins: Twins, random: Random): Promise<void> {
  const { model, type } = twins
  const bytesOf = (vector: VectorInput<VectorType> | undefined) => bytesGiven(type, vector)
  expect(await twins.both((_, store) => store.digest())).toBeTruthy()
  const ids = [...model.keys(), 'no such entry']
  const entries = await twins.onDisk.collection.getMany(ids)
  for (const [place, id] of ids.entries()) {
    const [found, expected] = [entries[place], model.get(id)]
    expect([found?.id, bytesOf(found?.vector), found?.metadata]).toEqual([
      expected?.id,
      bytesOf(expected?.vector),
      expected?.metadata,
    ])
  }
  if (model.size === 0) return
  const query = randomVector(type, random)
  const full = { includeMetadata: true, includeVectors: true, k: 7 }
  const exact = await twins.both((collection) => collection.search(query, { ...full, exact: true }))
  expect(exact.hits.length).toBe(Math.min(7, model.size))
  const walked = await twins.both((collection) => collection.search(query, { ...full, listSize: 1000 }))
  expect(walked.hits).toEqual(exact.hits)
  const some = ids.filter(() => random.nextInt(4) === 0)
  await twins.both((collection) => collection.search(query, { ...full, filter: some }))
  await twins.both((collection) => collection.search(query, { ...full, filter: (metadata) => (metadata?.n ?? 0) > 50 }))
  await twins.both((collection) => collection.searchMany([query, { id: ids[0]! }], full))
}

describe('a store whose vectors and metadata are on disk', () => {
  const cases = [0, 1, 2, 3].map((seed) => ['float32', METRICS_OF.float32[seed % 3]!, seed] as const)
  const typed = VECTOR_TYPES.slice(1).map(
    (type, seed) => [type, METRICS_OF[type][seed % 3] ?? 'hamming', seed] as const,
  )

  test.each([...cases, ...typed])(
    'is the one in memory over a random history: %s, %s (%i)',
    async (type, metric, seed) => {
      const random = new Random(seed)
      const twins = await Twins.open(type, metric)
      for (let step = 0; step < 110; step++) {
        await takeStep(twins, random)
        if (step % 13 === 12) await expectAlike(twins, random)
      }
      await twins.snapshot()
      await twins.reopen()
      const { originals } = twins.onDisk.store.memoryUsage().components
      expect(twins.model.size).toBeGreaterThan(CHUNK_SLOTS)
      expect(originals).toBeLessThanOrEqual(CHUNK_SLOTS * rowBytesOf(type, dimensionsOf(type)))
      await expectAlike(twins, random)
      await twins.close()
    },
  )
})
