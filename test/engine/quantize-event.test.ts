import { describe, expect, test } from 'vitest'
import type { StoreEvent } from '../../src/engine/events.ts'
import { EngineFixture } from './engine-fixture.ts'

const CREATE = { type: 'create', name: 'c', dimensions: 2, metric: 'dot' } as const
const DONE = { added: 0, replaced: 0, removed: 0 }

describe('a mode', () => {
  test('is none unless a collection was created with another, and changes with the event', () => {
    const store = new EngineFixture()
    store.apply(CREATE)
    store.apply({ ...CREATE, name: 'd', quantization: 'int8' })
    const modes = () => store.state.collections().map(({ quantization }) => quantization)
    expect(modes()).toEqual(['none', 'int8'])
    expect(store.apply({ type: 'quantize', collection: 1, mode: 'int8' })).toEqual(DONE)
    expect(store.apply({ type: 'quantize', collection: 2, mode: 'none' })).toEqual(DONE)
    expect(modes()).toEqual(['int8', 'none'])
  })

  test('is in the data digest where it is not none', async () => {
    const store = new EngineFixture()
    store.apply(CREATE)
    const none = await store.digest()
    store.apply({ type: 'quantize', collection: 1, mode: 'int8' })
    const int8 = await store.digest()
    expect(int8).not.toBe(none)
    const other = new EngineFixture()
    other.apply({ ...CREATE, quantization: 'int8' })
    expect(await other.digest()).toBe(int8)
    store.apply({ type: 'quantize', collection: 1, mode: 'none' })
    expect(await store.digest()).toBe(none)
  })

  test.each([
    ['ERR_COLLECTION_NOT_FOUND', { type: 'quantize', collection: 9, mode: 'int8' }],
    ['ERR_RECORD_INVALID', { type: 'quantize', collection: 1, mode: 'int1' }],
    ['ERR_RECORD_INVALID', { type: 'quantize', collection: 1 }],
    ['ERR_RECORD_INVALID', { ...CREATE, name: 'd', quantization: 8 }],
  ])('that does not fit is refused with %s and changes nothing: %j', async (code, event) => {
    const store = new EngineFixture()
    store.apply(CREATE)
    const digest = await store.digest()
    expect(store.apply(event as StoreEvent)).toEqual({ code, added: 0, replaced: 0, removed: 0 })
    expect(await store.digest()).toBe(digest)
  })
})
