import { expect, test } from 'vitest'
import { CHUNK_SLOTS } from '../../src/base/limits.ts'
import { ledgerOf } from '../../src/engine/memory-ledger.ts'
import { EngineFixture } from './engine-fixture.ts'

test('ledgerOf adds up all entries, and those of one name together', () => {
  const entries = [
    { component: 'ids', bytes: 3 },
    { component: 'originals', bytes: 10 },
    { component: 'ids', bytes: 4 },
  ]
  expect(ledgerOf(entries)).toEqual({ total: 17, components: { ids: 7, originals: 10 } })
  expect(ledgerOf([])).toEqual({ total: 0, components: {} })
})

test('what a dropped collection had is told as long as somebody holds it', () => {
  const dimensions = 32
  const chunkBytes = CHUNK_SLOTS * dimensions * 4
  const store = new EngineFixture()
  const collection = store.create('c', dimensions)
  const ids = Array.from({ length: CHUNK_SLOTS }, (_, place) => `e${place}`)
  const vectors = new Uint8Array(new Float32Array(CHUNK_SLOTS * dimensions).fill(3).buffer)
  store.apply({ type: 'add', collection: collection.creationLsn, ids, vectors })
  const told = () => ledgerOf(collection.memory()).components
  expect(told()).toMatchObject({ originals: chunkBytes })
  expect(told()).not.toHaveProperty('awaitingCollection')
  const held = collection.borrowRun(0, 1)
  store.drop(collection)
  expect(told()).toMatchObject({ originals: 0, awaitingCollection: chunkBytes })
  expect(held.vectors[0]).toBe(3)
})
