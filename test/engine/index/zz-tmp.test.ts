import { test, vi } from 'vitest'
import { IndexFixture, nearestOf } from './index-fixture.ts'
vi.mock('../../../src/engine/index/scan-or-walk.ts', () => ({ isScanQuicker: () => false }))
import { vectorBytes } from '../engine-fixture.ts'
import { Random } from '../../support/random.ts'
async function recall(store: IndexFixture, label: string) {
  for (const listSize of [20, 100, 400]) {
    let [f, w] = [0, 0]
    for (let slot = 0; slot < store.collection.slotCount; slot += 97) {
      if (store.collection.isDead(slot)) continue
      const vector = store.collection.copyVector(slot)
      const hits = await store.search({ vector, k: 5, listSize })
      const truth = nearestOf(store.collection, vector, 5)
      w += truth.length
      f += hits.scores.filter((s) => s <= truth.at(-1)![1]).length
    }
    console.log(label, listSize, (f / w).toFixed(3), store.built.graph.linkedCount, store.built.live.deadCount)
  }
}
test.each(['lattice', 'random'])('%s', async (kind) => {
  const random = new Random(1)
  for (const share of [0.15, 0.4, 0.8]) {
    const store = new IndexFixture()
    const N = 10000
    const vec = (s: number) => kind === 'lattice' ? [s / 7, (s * 37) % 1009] : [random.nextUnit(), random.nextUnit()]
    for (let first = 0; first < N; first += 2000) {
      const slots = Array.from({ length: 2000 }, (_, at) => first + at)
      store.apply({ type: 'add', collection: 1, ids: slots.map((s) => `e${s}`), vectors: vectorBytes(...slots.map(vec)) })
    }
    store.start(); store.bulk(); await store.index.settled()
    await recall(store, `${kind} ${share} built`)
    store.delete(store.collection, ...Array.from({ length: N }, (_, s) => s).filter((s) => (s % 20) < share * 20).map((s) => `e${s}`))
    await recall(store, `${kind} ${share} dead`)
    store.consolidate(); await store.index.settled()
    await recall(store, `${kind} ${share} consolidated`)
  }
})
