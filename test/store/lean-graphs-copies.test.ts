import './support/forced-walks.ts'
import { MemoryLevel } from 'memory-level'
import { describe, expect, test } from 'vitest'
import type { Collection } from '../../src/store/collection.ts'
import { salvageStore } from '../../src/store/copies.ts'
import { verifyStore } from '../../src/store/inspect.ts'
import type { StoreLocation } from '../../src/store/locations.ts'
import { VectorStore } from '../../src/store/vector-store.ts'
import { ON_DEMAND } from './support/index-fixture.ts'
import { DIMENSIONS, entriesFrom, untilLean, vectorOf } from './support/lean-fixture.ts'
import { NONE_UNASKED } from './support/snapshot-files.ts'
import { temporaryDirectories } from './support/temporary-directories.ts'

const directory = temporaryDirectories()
const OPTIONS = { ...ON_DEMAND, ...NONE_UNASKED }
const LEAN = ['int8', 'binary'] as const

/** A store in a directory whose graph is lean, with some entries behind it in the buffer. */
async function lean(location: StoreLocation, quantization: (typeof LEAN)[number]) {
  const store = await VectorStore.open(location, OPTIONS)
  const vectors = await store.collection('vectors', { dimensions: DIMENSIONS, quantization })
  await vectors.addAll(entriesFrom(0, 300))
  await vectors.optimize()
  await store.snapshot()
  return { store, vectors }
}

async function expectFound(vectors: Collection): Promise<void> {
  for (const place of [0, 150, 299]) {
    expect((await vectors.search(vectorOf(place), { k: 3, listSize: 600 })).hits[0]!.id).toBe(`e${place}`)
  }
}

async function opened(location: StoreLocation) {
  const store = await VectorStore.open(location, OPTIONS)
  return { store, vectors: await store.collection('vectors') }
}

describe.each(LEAN)('a store in %s whose graph is lean', (mode) => {
  test('is verified, and copied by backup and salvage', async () => {
    const path = await directory()
    const { store, vectors } = await lean(path, mode)
    await untilLean(vectors)
    await vectors.addAll(entriesFrom(300, 10))
    const [backup, inDatabase] = [await directory(), new MemoryLevel()]
    await store.backup(backup)
    await store.backup(inDatabase)
    expect(vectors.stats().index.form).toBe('lean')
    expect((await store.verify()).problems).toEqual([])
    const digest = await store.digest()
    await store.close()
    expect((await verifyStore(path)).problems).toEqual([])
    const salvaged = await directory()
    const { data } = await salvageStore(path, salvaged).then(async () => digest)
    for (const [place, isLean] of [
      [backup, true],
      [inDatabase, false],
      [salvaged, true],
    ] as const) {
      const copy = await opened(place)
      if (isLean) await untilLean(copy.vectors)
      else expect(copy.vectors.stats().index.form).toBe('whole')
      expect(await copy.store.digest()).toMatchObject({ data, index: digest.index })
      expect(copy.vectors.stats().quantization).toBe(mode)
      await expectFound(copy.vectors)
      await copy.store.close()
    }
  })

  test('is read beside its writer, whatever that removes', async () => {
    const path = await directory()
    const { store, vectors } = await lean(path, mode)
    await untilLean(vectors)
    const reader = await VectorStore.open(path, { threads: 0, readOnly: true })
    const read = await reader.collection('vectors')
    await untilLean(read)
    const digest = await store.digest()
    for (let round = 0; round < 3; round++) {
      await vectors.addAll(entriesFrom(300 + round * 20, 20))
      await vectors.flush()
      await store.snapshot()
    }
    expect(await reader.digest()).toEqual(digest)
    await expectFound(read)
    await reader.close()
    await expectFound(vectors)
    await store.close()
  })
})
