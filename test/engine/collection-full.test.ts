import { expect, test, vi } from 'vitest'
import { EngineFixture } from './engine-fixture.ts'

vi.mock('../../src/engine/collection-state.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../src/engine/collection-state.ts')>()),
  MAX_SLOTS: 3,
}))

test('an add beyond the last slot is refused as a whole', async () => {
  const store = new EngineFixture()
  const words = store.create('words', 1)
  store.add(words, { a: [1], b: [2] })
  store.delete(words, 'a')
  const before = await store.digest()
  expect(store.add(words, { c: [3], d: [4] }).code).toBe('ERR_COLLECTION_FULL')
  expect(await store.digest()).toBe(before)
  expect(store.add(words, { c: [3] }).added).toBe(1)
  expect(store.add(words, { c: [4] }).code).toBe('ERR_COLLECTION_FULL')
  expect(words.copyVector(2)[0]).toBe(3)
})
