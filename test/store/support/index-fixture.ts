import type { Collection } from '../../../src/store/collection.ts'
import type { EntryInput } from '../../../src/store/inputs.ts'
import type { OpenOptions } from '../../../src/store/options.ts'
import type { VectorStore } from '../../../src/store/vector-store.ts'
import type { VectorSet } from '../../engine/graph/graph-fixture.ts'
import { rowsOf } from '../../engine/graph/graph-fixture.ts'
import { readGloveFixture } from '../../fixtures/glove.ts'
import { StoreFixture } from './store-fixture.ts'

/** The most frequent words' vectors. */
export function gloveSet(rows: number, metric: VectorSet['metric'] = 'cosine'): VectorSet {
  return { metric, ...readGloveFixture(rows) }
}

/** Options with which a store orders nothing by itself: a test says when. */
export const ON_DEMAND: OpenOptions = {
  threads: 0,
  bufferEntries: 2 ** 40,
  consolidateShare: 1,
  rebuildShare: Number.POSITIVE_INFINITY,
}

/** The rows of a set as entries `e0`, `e1`, …, from row `from` up to, not including, row `end`. */
export function entriesOf(set: VectorSet, from = 0, end = Number.POSITIVE_INFINITY): EntryInput[] {
  const rows = rowsOf(set).slice(from, end)
  return rows.map((vector, row) => ({ id: `e${from + row}`, vector }))
}

/** How the entries of a set come into the index: all in one build, or batch by batch as a store that is written to does. */
export type Way = 'bulk' | 'insert'

export async function emptyCollectionFor(
  { dimensions, metric }: Pick<VectorSet, 'dimensions' | 'metric'>,
  options: OpenOptions = {},
): Promise<{ fixture: StoreFixture; store: VectorStore; vectors: Collection }> {
  return StoreFixture.withCollection({ dimensions, metric }, { ...ON_DEMAND, ...options })
}

/** A collection of the rows of a set, all of them in its index. */
export async function indexedCollection(
  set: VectorSet,
  { way = 'bulk', batch = 2000, ...options }: OpenOptions & { way?: Way; batch?: number } = {},
): Promise<{ fixture: StoreFixture; store: VectorStore; vectors: Collection }> {
  const opened = await emptyCollectionFor(set, options)
  const entries = entriesOf(set)
  if (way === 'bulk') {
    await opened.vectors.addAll(entries)
    await opened.vectors.optimize()
    return opened
  }
  for (let at = 0; at < entries.length; at += batch) {
    await opened.vectors.addAll(entries.slice(at, at + batch))
    await opened.vectors.flush()
  }
  return opened
}

/**
 * Share of the k nearest that searches find. One that is as near as the k-th counts, so that equal vectors stand for each
 * other. Distances are those of originals either way, to the bit.
 */
export async function recallOf(
  vectors: Collection,
  queries: readonly Float32Array[],
  { k = 10, listSize }: { k?: number; listSize?: number } = {},
): Promise<number> {
  let found = 0
  let wanted = 0
  for (const query of queries) {
    const exact = await vectors.search(query, { k, exact: true })
    const farthest = exact.hits.at(-1)!.distance
    const { hits } = await vectors.search(query, listSize === undefined ? { k } : { k, listSize })
    wanted += exact.hits.length
    found += hits.filter(({ distance }) => distance <= farthest).length
  }
  return found / wanted
}
