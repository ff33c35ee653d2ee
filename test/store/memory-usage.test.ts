import { describe, expect, test } from 'vitest'
import type { VectorStore } from '../../src/store/vector-store.ts'
import { StoreFixture, someEntries } from './support/store-fixture.ts'

const DIMENSIONS = 32
const COUNT = 2000

/** What the ledger must hold at every moment. */
function checkedLedger(store: VectorStore) {
  const { total, components } = store.memoryUsage()
  expect(Object.values(components).reduce((sum, bytes) => sum + bytes, 0)).toBe(total)
  for (const [component, bytes] of Object.entries(components)) {
    expect(Number.isInteger(bytes) && bytes >= 0, `${component}: ${bytes}`).toBe(true)
  }
  return { total, components }
}

describe('memoryUsage', () => {
  test('adds up what its components report, at every step', async () => {
    const { store, vectors } = await StoreFixture.withCollection({ dimensions: DIMENSIONS })
    checkedLedger(store)
    for (let round = 0; round < 5; round += 1) {
      const adding = vectors.add(someEntries(COUNT, DIMENSIONS).slice(round * 100))
      expect(checkedLedger(store).components.logQueue).toBeGreaterThan(0)
      await adding
      expect(checkedLedger(store).components.logQueue).toBe(0)
    }
    await vectors.delete(['e500', 'e501'])
    checkedLedger(store)
    await store.close()
  })

  test('names every part that holds something', async () => {
    const { store, vectors } = await StoreFixture.withCollection({ dimensions: DIMENSIONS })
    await vectors.add(someEntries(COUNT, DIMENSIONS))
    await vectors.search({ id: 'e0' })
    const { components } = checkedLedger(store)
    expect(Object.keys(components).sort()).toEqual(
      [
        'buffer',
        'documents',
        'identity',
        'ids',
        'indexSlots',
        'kernel',
        'logQueue',
        'norms',
        'originals',
        'tombstones',
      ].sort(),
    )
    const live = COUNT * DIMENSIONS * 4
    expect(components.originals).toBeGreaterThanOrEqual(live)
    expect(components.originals).toBeLessThan(live * 2.5)
    expect(components.norms).toBeGreaterThanOrEqual(COUNT * 8)
    expect(components.identity).toBeGreaterThanOrEqual(COUNT * 4)
    expect(components.kernel).toBeGreaterThan(0)
    await store.close()
  })

  test('is the sum over collections, each of which says its own', async () => {
    const { store, vectors } = await StoreFixture.withCollection({ dimensions: DIMENSIONS })
    const other = await store.collection('other', { dimensions: 8, metric: 'dot' })
    await vectors.add(someEntries(COUNT, DIMENSIONS))
    await other.add(someEntries(COUNT, 8))
    const { components } = checkedLedger(store)
    for (const component of ['originals', 'ids', 'identity', 'documents', 'norms', 'tombstones']) {
      const own = (vectors.stats().memory[component] ?? 0) + (other.stats().memory[component] ?? 0)
      expect(components[component], component).toBe(own)
    }
    expect(other.stats().memory.norms).toBe(0)
    await store.close()
  })

  test('gives back what a dropped collection held', async () => {
    const { store, vectors } = await StoreFixture.withCollection({ dimensions: DIMENSIONS })
    const empty = checkedLedger(store).total
    await vectors.add(someEntries(COUNT, DIMENSIONS))
    await vectors.search(new Float32Array(DIMENSIONS).fill(1))
    expect(checkedLedger(store).total).toBeGreaterThan(empty + COUNT * DIMENSIONS * 4)
    await store.drop('vectors')
    const { total, components } = checkedLedger(store)
    expect(Object.keys(components).sort()).toEqual(['kernel', 'logQueue'])
    expect(total).toBeLessThanOrEqual(empty + 1024 * 1024)
    await store.close()
  })

  test('is about the same after a reopening', async () => {
    const { fixture, store, vectors } = await StoreFixture.withCollection({ dimensions: DIMENSIONS })
    await vectors.add(someEntries(COUNT, DIMENSIONS))
    const { originals, documents } = checkedLedger(store).components
    const reopened = await fixture.reopen()
    expect(checkedLedger(reopened.store).components).toMatchObject({ originals, documents })
    await reopened.store.close()
  })
})
