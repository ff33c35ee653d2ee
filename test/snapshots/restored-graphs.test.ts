import { describe, expect, test } from 'vitest'
import type { CollectionState } from '../../src/engine/collection-state.ts'
import type { Metric } from '../../src/engine/metric.ts'
import { StoreState } from '../../src/engine/store-state.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { open, SnapshotFixture } from './snapshot-fixture.ts'

/** Few different vectors, so that many share a node; 0 and -0 do not. */
const row = (kind: number) => [kind % 13, 1, kind % 2 === 0 ? 0 : -0]

function add(store: SnapshotFixture, collection: CollectionState, first: number, count: number, kinds: number): void {
  const rows = Array.from({ length: count }, (_, i) => [`e${first + i}`, row((first + i) % kinds)])
  store.add(collection, Object.fromEntries(rows))
}

/** A graph with nodes of many slots, and nodes that were freed. */
async function filled(metric: Metric): Promise<SnapshotFixture> {
  const store = new SnapshotFixture(new StoreState())
  const collection = store.create('c', 3, metric)
  store.startIndexes()
  add(store, collection, 0, 300, 26)
  store.flush(collection, 'bulk')
  for (let entry = 0; entry < 300; entry++) if (entry % 26 < 5) store.delete(collection, `e${entry}`)
  store.apply({ type: 'consolidate', collection: collection.creationLsn })
  return store
}

const later: [string, (store: SnapshotFixture, collection: CollectionState) => void][] = [
  ['nothing', () => {}],
  [
    'entries equal to some that are in it, to some that were freed, and to none',
    (store, collection) => {
      add(store, collection, 300, 40, 40)
      store.flush(collection, 'insert')
    },
  ],
  [
    'a consolidation, and entries in the place of freed ones',
    (store, collection) => {
      for (let entry = 0; entry < 300; entry++) if (entry % 26 > 20) store.delete(collection, `e${entry}`)
      store.apply({ type: 'consolidate', collection: collection.creationLsn })
      add(store, collection, 300, 60, 33)
      store.flush(collection, 'insert')
    },
  ],
]

describe.each<Metric>(['cosine', 'euclidean', 'dot'])('a restored %s graph', (metric) => {
  test.each(later)('becomes what it would have become after %s', async (_, change) => {
    const store = await filled(metric)
    const files = new CrashableFiles()
    await store.write(files)
    const restored = new SnapshotFixture((await open(files, store.state.lsn)).state)
    for (const each of [store, restored]) change(each, each.state.collections()[0]! as CollectionState)
    expect(await restored.digests()).toEqual(await store.digests())
    const graphs = [store, restored].map(({ state }) => state.collections()[0]!.index.served.built!.graph)
    expect(graphs.map((graph) => graph.checkInvariants())).toEqual([[], []])
  })
})
