import { expect } from 'vitest'
import type { VectorStore } from '../../../src/store/vector-store.ts'

/** How many of the newest entries of a collection are searched for: what is new is what may be in no index yet. */
const SEARCHES = 4

/**
 * Searches for the newest entries of each collection by walking its index and by comparing everything: both must find the same.
 * Half of the entries are asked for: all that the walk finds are then compared on their originals, and what is missing leaves
 * enough others. Where too few were left, everything would be compared instead.
 */
export async function expectSearches(store: VectorStore, where: string): Promise<void> {
  for (const { name, count } of store.collections()) {
    const collection = await store.collection(name)
    const ids: string[] = []
    for await (const id of collection.ids()) ids.push(id)
    const k = Math.ceil(count / 2)
    // One may have no nodes any more, and is walked all the same.
    const hasGraph = collection.stats().index.codes !== undefined
    for (const entry of await collection.getMany(ids.slice(-SEARCHES))) {
      const walked = await collection.search(entry!.vector, { k })
      const compared = await collection.search(entry!.vector, { k, exact: true })
      const [found, there] = [walked, compared].map(({ hits }) => hits.map(({ id, distance }) => `${id} ${distance}`))
      const what = `${where}: neighbours of '${entry!.id}' in '${name}'`
      expect(found, what).toEqual(there)
      expect(walked.exact, `${what}, found without the index`).toBe(!hasGraph)
    }
  }
}
