import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { CHUNK_SLOTS } from '../../src/base/limits.ts'
import type { CollectionCapture } from '../../src/engine/collection-capture.ts'
import { type CollectionState, type CollectionView, MAX_SLOTS } from '../../src/engine/collection-state.ts'
import { compactChunk, isCompactable } from '../../src/engine/compaction.ts'
import { digestState } from '../../src/engine/digest.ts'
import { METRICS } from '../../src/engine/metric.ts'
import { captureState, type StateCapture } from '../../src/engine/state-capture.ts'
import type { VectorCapture } from '../../src/engine/vector-capture.ts'
import { bitsOf, checksum, EngineFixture, noYield, textBytes, vectorBytes } from './engine-fixture.ts'
import { compactModel, type ModelCollection, StoreModel } from './store-model.ts'

// Chunks of 16 slots and collections of 100: what takes many thousands of entries else takes a few.
vi.mock('../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 16,
}))
vi.mock('../../src/engine/collection-state.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../src/engine/collection-state.ts')>()),
  MAX_SLOTS: 100,
}))

const DIMENSIONS = 2
const CHUNKS = [0, 1, 2, 3, 4, 5, 6]
const IDS = Array.from({ length: 20 }, (_, number) => `id-${number}`)
const id = fc.constantFrom(...IDS)
const component = fc.constantFrom(1, -1, 2, -0, 1e-45, -3.4028234663852886e38, 0.1)
const vector = fc.tuple(fc.constantFrom(1, -2), component)
const document = fc.option(fc.uint8Array({ maxLength: 6 }), { nil: undefined })
const entries = fc.array(fc.record({ id, vector, document }), { minLength: 1, maxLength: 12, size: 'max' })

type Step =
  | { type: 'add'; entries: { id: string; vector: number[]; document: Uint8Array | undefined }[] }
  | { type: 'update'; id: string; document: Uint8Array | undefined }
  | { type: 'delete'; ids: string[] }
  | { type: 'compact'; chunk: number }
  | { type: 'capture' }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant('add' as const), entries }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('update' as const), id, document }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('delete' as const), ids: fc.array(id, { maxLength: 9 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('compact' as const), chunk: fc.nat(6) }),
  },
  { weight: 2, arbitrary: fc.constant({ type: 'capture' as const }) },
)

/** A collection beside its model, both of which are told the same. */
class Twins {
  readonly store = new EngineFixture()
  readonly model = new StoreModel()
  readonly collection: CollectionState
  readonly modelled: ModelCollection
  /** Compactions that moved something. */
  moves = 0

  constructor(metric: (typeof METRICS)[number]) {
    this.model.apply({ type: 'create', name: 'c', dimensions: DIMENSIONS, metric }, 1)
    this.collection = this.store.create('c', DIMENSIONS, metric)
    this.modelled = this.model.collections.get('c')!
  }

  take(step: Exclude<Step, { type: 'capture' }>): void {
    const { creationLsn: collection } = this.collection
    if (step.type === 'compact') {
      // Mostly one that fits, if there is one.
      const fitting = CHUNKS.filter((chunk) => isCompactable(this.collection, chunk))
      this.#compact(step.chunk < 6 && fitting.length > 0 ? fitting[step.chunk % fitting.length]! : step.chunk)
    } else if (step.type === 'add') {
      const { entries } = step
      const ids = entries.map(({ id }) => id)
      if (this.collection.slotCount + new Set(ids).size > MAX_SLOTS) return
      const vectors = vectorBytes(...entries.map(({ vector }) => vector))
      this.#apply({ type: 'add', collection, ids, vectors, documents: entries.map(({ document }) => document) })
    } else {
      this.#apply({ ...step, collection })
    }
  }

  #apply(event: Parameters<EngineFixture['apply']>[0]): void {
    const expected = this.model.apply(event, this.store.state.lsn + 1)
    expect(this.store.apply(event)).toEqual(expected)
  }

  #compact(chunk: number): void {
    const { collection, modelled } = this
    const moving = [...modelled.entries.values()].filter(({ slot }) => Math.floor(slot / CHUNK_SLOTS) === chunk)
    const hasRoom = modelled.slotCount + moving.length <= MAX_SLOTS
    const expected = hasRoom ? compactModel(modelled, chunk) : undefined
    expect(isCompactable(collection, chunk)).toBe(expected !== undefined)
    const compacted = compactChunk(collection, chunk)
    expect(compacted).toEqual(
      expected === undefined ? { code: 'ERR_RECORD_INVALID' } : { moves: Uint32Array.from(expected) },
    )
    if (expected !== undefined && expected.length > 0) this.moves += 1
  }
}

describe('compactChunk', () => {
  test('agrees with a model of plain maps over random histories', async () => {
    let moves = 0
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...METRICS),
        fc.array(step, { minLength: 10, maxLength: 40, size: 'max' }),
        async (metric, steps) => {
          const one = new Twins(metric)
          const other = new Twins(metric)
          const moments: { capture: StateCapture; vectors: VectorCapture; model: ModelCollection; digest: bigint }[] =
            []
          for (const step of steps) {
            if (step.type !== 'capture') {
              one.take(step)
              other.take(step)
              continue
            }
            const { store, collection, modelled } = one
            moments.push({
              capture: captureState(store.state),
              vectors: collection.captureVectors(),
              model: structuredClone(modelled),
              digest: await store.digest(),
            })
          }
          expectSame(one.collection, one.modelled)
          expectNothingFreed(one.collection, one.modelled)
          expect(await other.store.digest()).toBe(await one.store.digest())
          one.store.drop(one.collection)
          for (const { capture, vectors, model, digest } of moments) {
            expectSameCapture(capture.collections[0]!, vectors, model)
            expect(await digestState(capture, checksum, noYield)).toBe(digest)
          }
          moves += one.moves
        },
      ),
      { numRuns: 150 },
    )
    expect(moves).toBeGreaterThan(100)
  })

  test('moves what lives to the end, in the order of slots, with its bits, document and norm', () => {
    const { store, words } = chunkOf(['a', 'b', 'c'])
    store.add(words, { last: [9, 9] })
    expect(compactChunk(words, 0)).toEqual({ moves: Uint32Array.of(0, 17, 1, 18, 2, 19) })
    expect([...words.liveSlots()]).toEqual([16, 17, 18, 19])
    expect(['last', 'a', 'b', 'c'].map((id) => words.slotOf(id))).toEqual([16, 17, 18, 19])
    expect([17, 18, 19].map((slot) => words.idAt(slot))).toEqual(['a', 'b', 'c'])
    expect([17, 18, 19].map((slot) => words.documentAt(slot))).toEqual(['a', 'b', 'c'].map(textBytes))
    expect(bitsOf(words.copyVector(17))).toEqual(bitsOf([1, -0]))
    expect([...words.borrowRun(17, 3).norms]).toEqual([1, Math.sqrt(5), Math.sqrt(8)])
    expect([words.slotCount, words.liveCount, words.freedCount, ...words.freedChunks()]).toEqual([20, 4, 1, 0])
  })

  test('a chunk without a live entry is freed, and nothing moves', async () => {
    const { store, words } = chunkOf([])
    const before = await store.digest()
    expect(compactChunk(words, 0)).toEqual({ moves: new Uint32Array(0) })
    expect([words.slotCount, words.freedCount, words.isFreed(15), words.isFreed(16)]).toEqual([16, 1, true, false])
    expect(await store.digest()).toBe(before)
    store.add(words, { a: [1, 2] })
    expect([words.slotOf('a'), words.idAt(16)]).toEqual([16, 'a'])
  })

  test('takes a chunk with one entry less than half, and none with half', () => {
    const { store, words } = chunkOf(IDS.slice(0, 8))
    expect(compactChunk(words, 0)).toEqual({ code: 'ERR_RECORD_INVALID' })
    store.delete(words, 'id-3')
    expect(compactChunk(words, 0)).toMatchObject({ moves: { length: 14 } })
  })

  test.each([
    ['a chunk that is not full', 1],
    ['one beyond the last', 2],
    ['one beyond all numbers', 1e300],
    ['no chunk', -1],
    ['half a chunk', 0.5],
    ['no number', Number.NaN],
    ['text', '0'],
    ['nothing', undefined],
  ])('refuses %s, and changes nothing', async (_, chunk) => {
    const { store, words } = chunkOf(['a'])
    for (let slot = 16; slot < 31; slot++) store.add(words, { x: [slot, 1] })
    const before = await store.digest()
    expect(compactChunk(words, chunk as number)).toEqual({ code: 'ERR_RECORD_INVALID' })
    expect([await store.digest(), words.freedCount, words.slotCount]).toEqual([before, 0, 31])
  })

  test('refuses a chunk that was freed, and one of a collection that was dropped', () => {
    const { store, words } = chunkOf(['a'])
    expect(compactChunk(words, 0)).toMatchObject({ moves: { length: 2 } })
    expect(compactChunk(words, 0)).toEqual({ code: 'ERR_RECORD_INVALID' })
    expect(words.slotCount).toBe(17)
    store.drop(words)
    expect(compactChunk(words, 0)).toEqual({ code: 'ERR_RECORD_INVALID' })
    expect([words.freedCount, words.freedChunks(), words.isFreed(0)]).toEqual([0, [], false])
  })

  test('refuses a chunk that has no room to move to', () => {
    const { store, words } = chunkOf(['a', 'b'])
    while (words.slotCount < MAX_SLOTS - 1) store.add(words, { x: [words.slotCount, 1] })
    expect(compactChunk(words, 0)).toEqual({ code: 'ERR_RECORD_INVALID' })
    store.delete(words, 'a')
    expect(compactChunk(words, 0)).toEqual({ moves: Uint32Array.of(1, MAX_SLOTS - 1) })
  })
})

describe('a freed slot', () => {
  test('says so, to everyone who asks for its content', () => {
    const { store, words } = chunkOf(['a'])
    compactChunk(words, 0)
    store.add(words, { b: [3, 4] })
    const capture = words.capture()
    const vectors = words.captureVectors()
    const reads = [
      () => words.idAt(0),
      () => words.documentAt(15),
      () => words.copyVector(3),
      () => words.borrowRun(15, 9),
      () => capture.borrowId(0),
      () => capture.borrowDocument(0),
      () => capture.borrowRows(0, 1),
      () => vectors.borrowRun(0, 1),
      () => vectors.copyInto(0, new Float32Array(DIMENSIONS)),
    ]
    for (const read of reads) expect(read).toThrow(/^(slot|row) \d+ was freed by a compaction$/)
    for (const read of reads) expect(read).toThrow(RangeError)
    const slots = [0, 15, 16, 17, 18, -1]
    for (const view of [words, capture, vectors]) {
      expect(slots.map((slot) => view.isFreed(slot))).toEqual([true, true, false, false, false, false])
    }
    expect([capture.isDead(0), capture.isDead(16), vectors.slotCount]).toEqual([true, false, 18])
  })

  test('stays readable in what was captured or borrowed before', () => {
    const { store, words } = chunkOf(['a'])
    const capture = words.capture()
    const vectors = words.captureVectors()
    const run = words.borrowRun(0, 16)
    const document = words.documentAt(0)!
    compactChunk(words, 0)
    store.drop(words)
    const target = new Float32Array(DIMENSIONS)
    vectors.copyInto(0, target)
    expect(bitsOf(target)).toEqual(bitsOf([1, -0]))
    expect([...vectors.borrowRun(14, 9).vectors]).toEqual([...run.vectors.subarray(28)])
    expect([run.vectors[6], document, capture.borrowId(0), capture.borrowDocument(0)]).toEqual([
      3,
      textBytes('a'),
      textBytes('a'),
      textBytes('a'),
    ])
    expect([vectors.isFreed(0), capture.isFreed(0), vectors.slotCount]).toEqual([false, false, 16])
    expect(() => vectors.copyInto(16, target)).toThrow(RangeError)
    expect(() => vectors.copyInto(0, new Float32Array(3))).toThrow('target must hold 2 components, not 3')
  })
})

/** A full chunk in which only these ids live. */
function chunkOf(living: readonly string[]): { store: EngineFixture; words: CollectionState } {
  const store = new EngineFixture()
  const words = store.create('words', DIMENSIONS, 'cosine')
  const dying = Array.from({ length: CHUNK_SLOTS - living.length }, (_, at) => `dying ${at}`)
  const ids = [...living, ...dying]
  const vectors = ids.map((_, at) => (at === 0 ? [1, -0] : [at === 1 ? 1 : at, 2]))
  store.add(words, Object.fromEntries(ids.map((id, at) => [id, vectors[at]!])), ids.map(textBytes))
  store.delete(words, ...dying)
  return { store, words }
}

function expectSame(collection: CollectionView, model: ModelCollection): void {
  const sorted = [...model.entries].sort(([, left], [, right]) => left.slot - right.slot)
  expect([collection.slotCount, collection.liveCount]).toEqual([model.slotCount, model.entries.size])
  expect([...collection.liveSlots()]).toEqual(sorted.map(([, { slot }]) => slot))
  for (const [id, { slot, vector, document }] of sorted) {
    expect([collection.slotOf(id), collection.idAt(slot), collection.isFreed(slot)]).toEqual([slot, id, false])
    expect(bitsOf(collection.copyVector(slot))).toEqual(bitsOf(vector))
    expect(collection.documentAt(slot)).toEqual(document)
    expect([...collection.borrowRun(slot, 1).norms]).toEqual(collection.metric === 'cosine' ? [normOf(vector)] : [])
  }
  for (const id of IDS) expect(collection.slotOf(id)).toBe(model.entries.get(id)?.slot)
}

/** Freed chunks are told from others, and the rest is readable in runs that never reach into them. */
function expectNothingFreed(collection: CollectionView, { slotCount, freedChunks }: ModelCollection): void {
  expect(collection.freedChunks()).toEqual([...freedChunks].sort((left, right) => left - right))
  expect(collection.freedCount).toBe(freedChunks.size)
  for (let slot = 0; slot < slotCount; ) {
    const chunk = Math.floor(slot / CHUNK_SLOTS)
    expect(collection.isFreed(slot)).toBe(freedChunks.has(chunk))
    if (freedChunks.has(chunk)) {
      expect(collection.isDead(slot)).toBe(true)
      expect(() => collection.borrowRun(slot, 1)).toThrow(RangeError)
      slot += 1
    } else {
      const { rows } = collection.borrowRun(slot, Number.MAX_SAFE_INTEGER)
      expect([rows > 0, Math.floor((slot + rows - 1) / CHUNK_SLOTS)]).toEqual([true, chunk])
      slot += rows
    }
  }
}

function expectSameCapture(capture: CollectionCapture, vectors: VectorCapture, model: ModelCollection): void {
  const target = new Float32Array(DIMENSIONS)
  expect([capture.slotCount, vectors.slotCount]).toEqual([model.slotCount, model.slotCount])
  for (const [id, { slot, vector, document }] of model.entries) {
    expect([capture.isDead(slot), capture.borrowId(slot), capture.borrowDocument(slot)]).toEqual([
      false,
      textBytes(id),
      document,
    ])
    vectors.copyInto(slot, target)
    expect(bitsOf(target)).toEqual(bitsOf(vector))
    expect(bitsOf(vectors.borrowRun(slot, 1).vectors)).toEqual(bitsOf(vector))
  }
  for (let slot = 0; slot < model.slotCount; slot++) {
    const isFreed = model.freedChunks.has(Math.floor(slot / CHUNK_SLOTS))
    expect([capture.isFreed(slot), vectors.isFreed(slot)]).toEqual([isFreed, isFreed])
  }
}

function normOf(vector: readonly number[]): number {
  return Math.sqrt(vector[0]! * vector[0]! + vector[1]! * vector[1]!)
}
