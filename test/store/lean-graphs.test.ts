import './support/forced-walks.ts'
import { describe, expect, test, vi } from 'vitest'
import { QUANTIZATION_MODES, type QuantizationMode } from '../../src/engine/quantization.ts'
import type { Collection } from '../../src/store/collection.ts'
import {
  entriesFrom,
  formOf,
  graphParts,
  indexed,
  type Opened,
  openVectors,
  untilLean,
  vectorOf,
} from './support/lean-fixture.ts'

// Chunks of 64 slots: what takes many thousands of entries else takes a few hundred.
vi.mock('../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 64,
}))

const LEAN = ['int8', 'binary'] as const
const FORMS: Record<QuantizationMode, string> = { none: 'whole', int8: 'lean', binary: 'lean' }
const SWITCHES = QUANTIZATION_MODES.flatMap((from) => QUANTIZATION_MODES.map((to) => [from, to] as const))

const indexDigest = async ({ store }: Pick<Opened, 'store'>) => (await store.digest()).index

/** What a store that is never switched comes to by the same events. */
async function expectTwins(switched: Opened, twin: Opened): Promise<void> {
  const [digest, expected] = [await switched.store.digest(), await twin.store.digest()]
  expect(digest.index).toBe(expected.index)
  if (switched.vectors.stats().quantization === 'none') expect(digest.data).toBe(expected.data)
}

async function expectFound(vectors: Collection, places: readonly number[]): Promise<void> {
  for (const place of places) {
    const { hits } = await vectors.search(vectorOf(place), { k: 3, listSize: 600 })
    expect(hits[0]).toEqual({ id: `e${place}`, distance: 0 })
  }
}

describe('a lean graph', () => {
  test.each(SWITCHES)('is the same graph from %s to %s, and finds the same', async (from, to) => {
    const [switched, twin] = [await indexed(300), await indexed(300)]
    await switched.vectors.quantize(from)
    const { before, after, index } = await switched.vectors.quantize(to)
    expect([index, formOf(switched.vectors)]).toEqual([{ form: FORMS[to] }, FORMS[to]])
    await expectTwins(switched, twin)
    expect([before.recall, after.recall]).toEqual([1, 1])
    const total = (form: string) => (form === FORMS[from] ? before : after).memory.total
    if (FORMS[from] !== FORMS[to]) expect(total('lean')).toBeLessThan(total('whole'))
    await expectFound(switched.vectors, [0, 7, 299])
    for (const { store, problems } of [switched, twin]) {
      expect(problems).toEqual([])
      await store.close()
    }
  })

  test.each(LEAN)('is made whole to change, and becomes what it would have become (%s)', async (mode) => {
    const [switched, twin] = [await indexed(300), await indexed(300)]
    await switched.vectors.quantize(mode)
    const changes: [string, (vectors: Collection) => Promise<unknown>][] = [
      ['flush', async (vectors) => [await vectors.addAll(entriesFrom(300, 40)), await vectors.flush()]],
      ['compact', (vectors) => vectors.delete(entriesFrom(20, 90).map(({ id }) => id))],
      ['consolidate', (vectors) => vectors.consolidate()],
      ['flush again', async (vectors) => [await vectors.addAll(entriesFrom(400, 40)), await vectors.flush()]],
      ['optimize', (vectors) => vectors.optimize()],
    ]
    for (const [what, change] of changes) {
      expect(formOf(switched.vectors), what).toBe('lean')
      for (const { vectors } of [switched, twin]) {
        await change(vectors)
        await vectors.settled()
      }
      expect(formOf(switched.vectors), what).toBe('whole')
      await expectTwins(switched, twin)
      await switched.store.snapshot()
      await untilLean(switched.vectors)
      await expectTwins(switched, twin)
      await expectFound(switched.vectors, [3, 150, 299])
    }
    expect(switched.vectors.stats().slots).toBeLessThan(380)
    await switched.vectors.quantize('none')
    expect(formOf(switched.vectors)).toBe('whole')
    await expectTwins(switched, twin)
    expect((await switched.store.verify()).problems).toEqual([])
    expect(switched.problems).toEqual([])
    await switched.store.close()
    await twin.store.close()
  })

  test.each(LEAN)('knows of deaths, and is left out of the next snapshot (%s)', async (mode) => {
    const { store, vectors, files } = await indexed(300, { quantization: mode })
    await store.snapshot()
    await untilLean(vectors)
    const parts = await graphParts(files)
    const digest = await store.digest()
    await vectors.delete(['e5', 'e6'])
    expect((await vectors.search(vectorOf(5), { k: 300, listSize: 600 })).hits.length).toBe(298)
    expect(vectors.stats().index).toMatchObject({ form: 'lean', deadNodes: 2 })
    await store.snapshot()
    await store.snapshot()
    expect(await graphParts(files)).toEqual(parts)
    expect([formOf(vectors), (await store.digest()).index]).toEqual(['lean', digest.index])
    await vectors.consolidate()
    expect(vectors.stats().index).toMatchObject({ form: 'whole', deadNodes: 0, nodes: 298 })
    await store.close()
  })

  test.each(LEAN)('comes back at opening, and the next snapshot writes nothing of it (%s)', async (mode) => {
    const { store, files } = await indexed(300, { quantization: mode })
    await store.snapshot()
    const parts = await graphParts(files)
    const digest = await store.digest()
    await store.close()
    const again = await openVectors(files)
    await untilLean(again.vectors)
    expect(await again.store.digest()).toEqual(digest)
    await again.vectors.delete(['e5'])
    await again.store.snapshot()
    expect(await graphParts(files)).toEqual(parts)
    await again.vectors.addAll(entriesFrom(300, 20))
    await again.vectors.flush()
    expect([formOf(again.vectors), again.problems]).toEqual(['whole', []])
    await expectFound(again.vectors, [0, 310])
    await again.store.close()
  })

  test('comes behind work that the log ordered behind the snapshot', async () => {
    const [switched, twin] = [await indexed(300, { quantization: 'binary' }), await indexed(300)]
    await switched.store.snapshot()
    for (const { vectors } of [switched, twin]) {
      await vectors.addAll(entriesFrom(300, 20))
      await vectors.flush()
    }
    await switched.store.close()
    const again = await openVectors(switched.files)
    expect(await indexDigest(again)).toBe(await indexDigest(twin))
    expect(formOf(again.vectors)).toBe('whole')
    await again.store.snapshot()
    await untilLean(again.vectors)
    await again.store.close()
    await twin.store.close()
  })

  test('serves readers, and the past', async () => {
    const { store, vectors, files } = await indexed(300, {
      quantization: 'binary',
      history: { bytes: Number.POSITIVE_INFINITY },
    })
    await store.snapshot()
    const digest = await store.digest()
    await vectors.addAll(entriesFrom(300, 20))
    await vectors.flush()
    const now = await store.digest()
    for (const [options, expected] of [
      [{ at: digest.lsn }, digest],
      [{ readOnly: true }, now],
    ] as const) {
      const reader = await openVectors(files, { readOnly: true, ...options })
      if (expected === digest) await untilLean(reader.vectors)
      expect(await reader.store.digest()).toEqual(expected)
      await expectFound(reader.vectors, [0, 299])
      await reader.store.close()
    }
    await store.close()
  })
})
