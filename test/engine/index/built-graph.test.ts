import { describe, expect, test } from 'vitest'
import { VamanaGraph } from '../../../src/engine/graph/vamana-graph.ts'
import { BuiltGraph } from '../../../src/engine/index/built-graph.ts'
import { expectSound, IndexFixture } from './index-fixture.ts'

async function emptyGraph() {
  const dead = new Set<number>()
  const graph = await VamanaGraph.create({ dimensions: 2, metric: 'euclidean' })
  const built = new BuiltGraph(graph, (slot) => dead.has(slot))
  const kill = (slot: number) => {
    dead.add(slot)
    built.noteDeath(slot)
  }
  return { built, kill, dead }
}

describe('BuiltGraph', () => {
  test('finds a node alive by any of its slots, in whatever order they came', async () => {
    const { built, kill } = await emptyGraph()
    const { live, slots } = built
    built.addSlot(0, 40, true)
    built.addSlot(0, 41, false)
    kill(40)
    // Behind slots that a compaction has given the node already.
    built.addSlot(0, 7, false)
    kill(41)
    expect([live.has(0), live.deadCount, slots.borrowSlots(0)]).toEqual([true, 0, [7, 40, 41]])
    kill(7)
    expect([live.has(0), live.deadCount]).toEqual([false, 1])
    built.addSlot(0, 20, false)
    expect([live.has(0), live.deadCount]).toEqual([true, 0])
  })

  test('knows of deaths that came before, and has nothing to do with slots that have no node', async () => {
    const { built, kill, dead } = await emptyGraph()
    dead.add(3)
    built.addSlot(0, 3, true)
    kill(4)
    expect([built.live.has(0), built.live.deadCount]).toEqual([false, 1])
    built.replaceSlots(0, [5])
    expect([built.live.has(0), built.live.deadCount, built.freedCount]).toEqual([true, 0, 0])
    kill(5)
    built.lookup.add(0, 1)
    built.freeNode(0)
    expect([built.live.deadCount, built.freedCount, built.slots.nodeOf(5)]).toEqual([0, 1, undefined])
    expect(built.lookup.find(1, () => true)).toBeUndefined()
  })

  test('takes no more memory however often all entries are replaced', async () => {
    const store = new IndexFixture()
    const { collection, index } = store
    const bytes: number[] = []
    store.start()
    for (let round = 0; round < 12; round++) {
      store.addRows(Array.from({ length: 300 }, (_, number) => [round, number]))
      if (round === 0) store.bulk()
      else store.insert()
      store.consolidate()
      await index.settled()
      expectSound(collection)
      bytes.push(store.built.lookup.memoryBytes())
    }
    expect(store.built.graph.linkedCount).toBe(300)
    expect(bytes[11]).toBe(bytes[2])
  })
})
