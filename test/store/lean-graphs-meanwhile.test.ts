import './support/forced-walks.ts'
import { describe, expect, test, vi } from 'vitest'
import type { QuantizationMode } from '../../src/engine/quantization.ts'
import type { Collection } from '../../src/store/collection.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { entriesFrom, formOf, indexed, openVectors, untilLean, vectorOf } from './support/lean-fixture.ts'
import { replayedDigest } from './support/snapshot-files.ts'
import { endingOf, until } from './support/store-fixture.ts'

// Chunks of 64 slots: what takes many thousands of entries else takes a few hundred.
vi.mock('../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 64,
}))

const SWITCHES: QuantizationMode[] = ['int8', 'none', 'binary', 'int8', 'binary', 'none', 'binary']

/** Searches until some work is over, and says how often. */
async function searchUntil(vectors: Collection, work: Promise<unknown>): Promise<number> {
  let isOver = false
  const ending = work.finally(() => {
    isOver = true
  })
  let searches = 0
  for (; !isOver; searches++) {
    const place = (searches * 37) % 300
    const query = vectorOf(place)
    const [one, [many]] = await Promise.all([
      vectors.search(query, { k: 3, listSize: 600 }),
      vectors.searchMany([query], { k: 3, listSize: 600 }),
    ])
    const expected = { id: `e${place}`, distance: 0 }
    expect([one.hits[0], many!.hits[0]]).toEqual([expected, expected])
  }
  await ending
  return searches
}

describe.each([0, 1])('with %i threads', (threads) => {
  test('searches find what there is while modes change and the index does', async () => {
    const { store, vectors, problems } = await indexed(300, { threads })
    const twin = await indexed(300)
    const changes = async ({ vectors }: { vectors: Collection }, isSwitched: boolean) => {
      for (const [round, mode] of SWITCHES.entries()) {
        const first = 300 + round * 20
        const switching = isSwitched ? vectors.quantize(mode) : Promise.resolve()
        await vectors.addAll(entriesFrom(first, 20))
        await vectors.flush()
        await switching
        if (round % 3 === 2) await vectors.consolidate()
      }
    }
    expect(await searchUntil(vectors, changes({ vectors }, true))).toBeGreaterThan(0)
    await changes(twin, false)
    expect((await store.digest()).index).toBe((await twin.store.digest()).index)
    await store.snapshot()
    await untilLean(vectors)
    expect([vectors.stats().index.codes, problems]).toEqual(['1-bit', []])
    await store.close()
    await twin.store.close()
  })

  test('a store that is written to takes snapshots and builds by itself, and is what its log comes to', async () => {
    const files = new CrashableFiles()
    const { store, vectors, problems } = await openVectors(files, {
      threads,
      quantization: 'binary',
      bufferEntries: 50,
      consolidateShare: 0.1,
      snapshotRecords: 5,
      history: { bytes: Number.POSITIVE_INFINITY },
    })
    const forms = new Set<string | undefined>()
    for (let batch = 0; batch < 40; batch++) {
      await vectors.add(entriesFrom(batch * 20, 20))
      if (batch % 3 === 2) await vectors.delete(entriesFrom(batch * 10, 12).map(({ id }) => id))
      if (batch % 8 === 7) await vectors.quantize(batch % 16 === 7 ? 'int8' : 'binary')
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
      const { hits } = await vectors.search(vectorOf(batch * 20 + 3), { k: 3, listSize: 2000 })
      expect(hits[0]).toEqual({ id: `e${batch * 20 + 3}`, distance: 0 })
      forms.add(formOf(vectors))
    }
    await vectors.settled()
    expect([forms.has('lean'), forms.has('whole'), problems]).toEqual([true, true, []])
    const digest = await store.digest()
    expect((await store.verify()).problems).toEqual([])
    await store.close()
    expect(await replayedDigest(files)).toEqual(digest)
  })

  test('the last of several switches holds', async () => {
    const { store, vectors, problems } = await indexed(300, { threads })
    const { index } = await store.digest()
    await searchUntil(vectors, Promise.all(SWITCHES.map((mode) => vectors.quantize(mode))))
    expect(vectors.stats()).toMatchObject({ quantization: 'binary', index: { form: 'lean', codes: '1-bit' } })
    await Promise.all([vectors.quantize('int8'), vectors.quantize('none')])
    expect([formOf(vectors), (await store.digest()).index, problems]).toEqual(['whole', index, []])
    await store.close()
  })

  test('a switch while a graph is built waits for it', async () => {
    const { store, vectors, problems } = await indexed(300, { threads })
    const building = vectors.optimize()
    const { index } = await vectors.quantize('binary')
    await building
    await store.snapshot()
    await untilLean(vectors)
    expect([index.form === undefined, problems]).toEqual([false, []])
    await vectors.add(entriesFrom(300, 1))
    const [flushing, switching] = [vectors.flush(), vectors.quantize('int8')]
    await Promise.all([flushing, switching])
    await store.snapshot()
    await untilLean(vectors)
    expect(vectors.stats().index).toMatchObject({ nodes: 301, codes: '4-bit' })
    await store.close()
  })

  test.each(['int8', 'none'] as const)(
    'closing in the middle of a switch to %s ends it, and opening goes on',
    async (mode) => {
      for (let turns = 0; turns < 40; turns += 3) {
        const { store, vectors, files, problems } = await indexed(200, {
          threads,
          quantization: mode === 'none' ? 'binary' : 'none',
        })
        await store.snapshot()
        if (mode === 'none') await untilLean(vectors)
        const { index } = await store.digest()
        const switching = endingOf(() => vectors.quantize(mode))
        await until(() => vectors.stats().quantization === mode)
        for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
        await store.close()
        expect(['ok', 'ERR_STORE_CLOSED', 'ERR_ABORTED']).toContain(await switching)
        expect(problems).toEqual([])
        const again = await openVectors(files, { threads })
        expect(again.vectors.stats().quantization).toBe(mode)
        if (mode === 'int8') {
          await again.store.snapshot()
          await untilLean(again.vectors)
        }
        expect((await again.store.digest()).index).toBe(index)
        await again.store.close()
      }
    },
  )

  test('a collection that is dropped in the middle of a switch is gone', async () => {
    for (let turns = 0; turns < 30; turns += 3) {
      const { store, vectors, problems } = await indexed(200, { threads })
      const switching = endingOf(() => vectors.quantize('binary'))
      await until(() => vectors.stats().quantization === 'binary')
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
      await store.drop('vectors')
      expect(['ok', 'ERR_COLLECTION_NOT_FOUND']).toContain(await switching)
      const other = await store.collection('other', { dimensions: 2 })
      await other.add([{ id: 'a', vector: [1, 2] }])
      await store.snapshot()
      expect(problems).toEqual([])
      await store.close()
    }
  })
})
