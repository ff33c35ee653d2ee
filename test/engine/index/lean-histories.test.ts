import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { METRICS } from '../../../src/engine/metric.ts'
import { expectSound, Gate, hostOf, IndexFixture, LONG_LIST, nearestOf, pairsOf } from './index-fixture.ts'
import { DIMENSIONS, step, take, vector } from './index-history.ts'
import { WholeCopy } from './whole-source.ts'

// Chunks of 16 slots, and walks where a scan would be quicker: what takes many thousands of entries else takes a few.
vi.mock('../../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 16,
}))
vi.mock('../../../src/engine/index/scan-or-walk.ts', () => ({
  isScanQuicker: (_: unknown, { exact }: { exact?: boolean }) => exact === true,
}))

const form = fc.constantFrom('walk', 'binary', 'whole', undefined, undefined)
const slices = fc.constantFrom(0, 0, 1, 3, 10, Number.POSITIVE_INFINITY)
const moments = fc.array(fc.record({ step, form, slices, vector, k: fc.integer({ min: 1, max: 12 }) }), {
  minLength: 4,
  maxLength: 50,
  size: 'max',
})

type Form = 'walk' | 'binary' | 'whole' | undefined

/** What became of every wish that a graph be lean or whole. */
class Wishes {
  readonly sources: WholeCopy[] = []
  readonly ends: Promise<boolean>[] = []

  /** The source is a copy of what a twin has, which has run all that was ordered by now, as a snapshot of it would be. */
  async make(form: Form, store: IndexFixture, twin: IndexFixture): Promise<void> {
    if (form === undefined) return
    if (form === 'whole') {
      this.ends.push(store.index.makeWhole())
      return
    }
    if (twin.index.served.built === undefined || store.index.backlog > 0) return
    const source = await WholeCopy.of(twin.index, twin.collection.slotCount)
    this.sources.push(source)
    this.ends.push(store.index.makeLean(form, source))
  }
}

describe('an index over random histories in which its graph becomes lean and whole', () => {
  test('finds what a scan finds, and has the same graph as one that never was', async () => {
    let lean = 0
    let walked = 0
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...METRICS), moments, async (metric, moments) => {
        const [store, twin] = [new IndexFixture(DIMENSIONS, metric), new IndexFixture(DIMENSIONS, metric)]
        const gate = new Gate()
        const host = hostOf({ yieldToEventLoop: gate.pass })
        const wishes = new Wishes()
        store.start(host)
        twin.start()
        for (const { step, form, slices, vector, k } of moments) {
          for (const one of [store, twin]) take(one, step)
          await twin.index.settled()
          await wishes.make(form, store, twin)
          await gate.allow(slices)
          const query = Float32Array.from(vector)
          const hits = await store.search({ vector: query, k, listSize: LONG_LIST })
          expect(pairsOf(hits)).toEqual(nearestOf(store.collection, query, k))
          if (store.index.served.built?.leanCodes !== undefined && !hits.exact) walked += 1
        }
        await gate.allow(Number.POSITIVE_INFINITY)
        await store.index.settled()
        expect(host.ends.filter((error) => error !== undefined)).toEqual([])
        lean += (await Promise.all(wishes.ends)).filter((isDone) => isDone).length
        expect(await store.indexDigest()).toBe(await twin.indexDigest())
        await store.index.makeWhole()
        expectSound(store.collection)
        expect(wishes.sources.map(({ releases }) => releases)).toEqual(wishes.sources.map(() => 1))
      }),
      { numRuns: 100, seed: 1 },
    )
    expect(lean).toBeGreaterThan(200)
    expect(walked).toBeGreaterThan(200)
  })
})
