import { describe, expect, test, vi } from 'vitest'
import type { CollectionState, CollectionView } from '../../src/engine/collection-state.ts'
import { compactChunk } from '../../src/engine/compaction.ts'
import { checkCollection } from '../../src/replay/check-collection.ts'
import { EngineFixture, noYield } from '../engine/engine-fixture.ts'

vi.mock('../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 16,
}))

describe('checkCollection', () => {
  test('finds nothing wrong after compactions, nor beside one', async () => {
    const words = wordsOf(5000, (at) => at % 3 === 0)
    compactChunk(words, 0)
    let chunk = 1
    const yieldToEventLoop = async () => {
      for (const end = chunk + 60; chunk < end; chunk++) compactChunk(words, chunk)
      compactChunk(words, 250 + chunk)
    }
    expect(await checkCollection(words, { yieldToEventLoop })).toEqual([])
    expect(words.freedCount).toBeGreaterThan(100)
    expect(await checkCollection(words, { yieldToEventLoop: noYield })).toEqual([])
  })

  test.each([
    ['counts more', { liveCount: 3 }, '1 entries are live, 3 are counted'],
    ['leads elsewhere', { slotOf: () => 17 }, 'the entry in slot 16 is found in slot 17'],
    [
      'was freed in part',
      { isFreed: (slot: number) => slot === 16 },
      'the entry in slot 16 is live, but its chunk was freed',
    ],
  ])('tells of a collection that %s', async (_, lie, message) => {
    const words = wordsOf(16, (at) => at === 0)
    compactChunk(words, 0)
    const problems = await checkCollection(lyingView(words, lie), { yieldToEventLoop: noYield })
    expect(problems).toEqual([{ code: 'ERR_RECORD_INVALID', message: `collection 'words': ${message}` }])
  })
})

/** Entries of which only some live. */
function wordsOf(count: number, lives: (at: number) => boolean): CollectionState {
  const store = new EngineFixture()
  const words = store.create('words', 1)
  const all = Array.from({ length: count }, (_, at) => at)
  store.add(words, Object.fromEntries(all.map((at) => [`word ${at}`, [at]])))
  store.delete(words, ...all.filter((at) => !lives(at)).map((at) => `word ${at}`))
  return words
}

/** The collection, except for what `lies` says of it. */
function lyingView(collection: CollectionState, lies: Partial<CollectionView>): CollectionView {
  return new Proxy(collection, {
    get: (target, key) => {
      if (key in lies) return Reflect.get(lies, key)
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
