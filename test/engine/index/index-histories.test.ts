import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import type { StoreError } from '../../../src/base/errors.ts'
import { METRICS } from '../../../src/engine/metric.ts'
import { bitsOf } from '../engine-fixture.ts'
import { expectSound, Gate, hostOf, IndexFixture, LONG_LIST, nearestOf, pairsOf, turn } from './index-fixture.ts'
import { DIMENSIONS, type IndexModel, type Step, step, take, vector } from './index-history.ts'

// Chunks of 16 slots, and walks where a scan would be quicker: what takes many thousands of entries else takes a few.
vi.mock('../../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 16,
}))
vi.mock('../../../src/engine/index/scan-or-walk.ts', () => ({
  isScanQuicker: (_: unknown, { exact }: { exact?: boolean }) => exact === true,
}))

const query = fc.record({
  vector,
  k: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 30, max: 60 })),
  allowed: fc.option(fc.uint8Array({ maxLength: 30, size: 'max' }), { nil: undefined, freq: 4 }),
  excludedId: fc.option(
    fc.nat(40).map((number) => `id-${number}`),
    { nil: undefined, freq: 3 },
  ),
})

interface Query {
  readonly vector: readonly number[]
  readonly k: number
  readonly allowed?: Uint8Array | undefined
  readonly excludedId?: string | undefined
}

/** What is done, and how far tasks come before the next thing. */
const moment = fc.record({ step, slices: fc.constantFrom(0, 0, 1, 3, 10, Number.POSITIVE_INFINITY), query })
const moments = fc.array(moment, { minLength: 4, maxLength: 60, size: 'max' })
const metric = fc.constantFrom(...METRICS)
const isMostly = fc.constantFrom(true, true, true, false)

describe('an index over random histories', () => {
  test('finds exactly what a scan finds, however far its tasks have come', async () => {
    let walked = 0
    await fc.assert(
      fc.asyncProperty(metric, moments, isMostly, async (metric, moments, isHosted) => {
        const store = new IndexFixture(DIMENSIONS, metric)
        const model: IndexModel = new Map()
        const gate = new Gate()
        const problems: unknown[] = []
        const onTaskEnd = () => problems.push(...problemsOf(store))
        const host = hostOf({ yieldToEventLoop: gate.pass, onTaskEnd })
        if (isHosted) store.start(host)
        for (const { step, slices, query } of moments) {
          take(store, step, model)
          await gate.allow(slices)
          if (slices === Number.POSITIVE_INFINITY && isHosted) await store.index.settled()
          walked += (await expectFound(store, query)) ? 1 : 0
        }
        expectContent(store, model)
        if (!isHosted) store.start(host)
        await gate.allow(Number.POSITIVE_INFINITY)
        await store.index.settled()
        expect(problems).toEqual([])
        expect(host.ends.filter((error) => error !== undefined)).toEqual([])
        for (const own of model.values()) await expectFound(store, { vector: own, k: 3 })
      }),
      { numRuns: 100, seed: 1 },
    )
    expect(walked).toBeGreaterThan(100)
  })

  test('has the same graph at once, afterwards, and slice by slice while it is searched', async () => {
    await fc.assert(
      fc.asyncProperty(metric, moments, fc.nat(), async (metric, moments, asked) => {
        const stores = Array.from({ length: 3 }, () => new IndexFixture(DIMENSIONS, metric))
        const [live, replayed, sliced] = stores as [IndexFixture, IndexFixture, IndexFixture]
        const gate = new Gate()
        live.start()
        sliced.start(hostOf({ yieldToEventLoop: gate.pass }))
        const askedAt = asked % moments.length
        const digests: Promise<bigint>[] = []
        for (const [index, { step, slices, query }] of moments.entries()) {
          for (const store of stores) take(store, step)
          if (index === askedAt) digests.push(...stores.map((store) => store.indexDigest()))
          await live.index.settled()
          await gate.allow(slices)
          await expectFound(sliced, query)
        }
        replayed.start()
        await gate.allow(Number.POSITIVE_INFINITY)
        for (const store of stores) {
          await store.index.settled()
          expectSound(store.collection)
        }
        const [then, ...others] = await Promise.all(digests)
        expect(others).toEqual([then, then])
        const now = await live.indexDigest()
        expect([await replayed.indexDigest(turn), await sliced.indexDigest()]).toEqual([now, now])
      }),
      { numRuns: 60, seed: 1 },
    )
  })

  test('keeps up with writes that come while it searches', async () => {
    const scenario = fc.record({
      metric,
      before: fc.array(step, { minLength: 5, maxLength: 40, size: 'max' }),
      during: fc.array(step, { minLength: 1, maxLength: 12, size: 'max' }),
      query,
      sliceBytes: fc.constantFrom(8, 24, 64),
    })
    await fc.assert(
      fc.asyncProperty(scenario, async ({ metric, before, during, query, sliceBytes }) => {
        const store = new IndexFixture(DIMENSIONS, metric)
        for (const step of before) take(store, step)
        store.start(hostOf({ yieldToEventLoop: turn }))
        const { collection } = store
        const steady = idsOf(store)
        const writes: Step[] = [...during]
        const yieldToEventLoop = async () => {
          const write = writes.shift()
          if (write !== undefined) take(store, write)
          for (const id of write === undefined ? [] : idsIn(write)) steady.delete(id)
          await turn()
        }
        const { vector, k } = query
        const hits = await store.search({ vector: Float32Array.from(vector), k }, { yieldToEventLoop, sliceBytes })
        for (const slot of hits.slots) expect(collection.isDead(slot)).toBe(false)
        expect([...hits.scores]).toEqual([...hits.scores].sort((a, b) => a - b))
        // Who lived throughout, wherever it was moved, is there unless k others are as near.
        const slots = new Set([...steady].map((id) => collection.slotOf(id)!))
        const nearest = nearestOf(collection, Float32Array.from(vector), k, (slot) => slots.has(slot))
        const found = new Map(pairsOf(hits))
        const worst = hits.scores.at(-1)
        for (const [slot, distance] of nearest) {
          if (found.has(slot)) expect(found.get(slot)).toBe(distance)
          else expect([hits.slots.length, distance >= worst!]).toEqual([k, true])
        }
        await store.index.settled().catch((error: StoreError) => expect(error).toBeUndefined())
        expectSound(collection)
      }),
      { numRuns: 200, seed: 1 },
    )
  })
})

function idsOf({ collection }: IndexFixture): Set<string> {
  return new Set([...collection.liveSlots()].map((slot) => collection.idAt(slot)))
}

/** Whom a write puts in, replaces or takes out. */
function idsIn(step: Step): readonly string[] {
  if (step.type === 'add') return step.entries.map(({ id }) => id)
  return step.type === 'delete' ? step.ids : []
}

/** What is wrong between two tasks: nobody would hear it if it were thrown. */
function problemsOf({ collection }: IndexFixture): unknown[] {
  try {
    expectSound(collection)
    return []
  } catch (error) {
    return [error]
  }
}

/** Whether it was found by a walk. */
async function expectFound(store: IndexFixture, query: Query): Promise<boolean> {
  const { collection } = store
  const { k, allowed, excludedId } = query
  const vector = Float32Array.from(query.vector)
  const excludedSlot = excludedId === undefined ? undefined : collection.slotOf(excludedId)
  const isCandidate = (slot: number) =>
    slot !== excludedSlot && (allowed === undefined || ((allowed[slot >> 3] ?? 0) >> (slot & 7)) % 2 === 1)
  const hits = await store.search({
    vector,
    k,
    listSize: LONG_LIST,
    ...(allowed && { allowed }),
    ...(excludedId !== undefined && { excludedId }),
  })
  expect(pairsOf(hits)).toEqual(nearestOf(collection, vector, k, isCandidate))
  return !hits.exact
}

function expectContent({ collection }: IndexFixture, model: IndexModel): void {
  expect(collection.liveCount).toBe(model.size)
  for (const [id, vector] of model)
    expect(bitsOf(collection.copyVector(collection.slotOf(id)!))).toEqual(bitsOf(vector))
}
