import { beforeAll, describe, expect, test } from 'vitest'
import { GraphRestorer } from '../../../src/engine/index/graph-restorer.ts'
import {
  blocksOf,
  captureIndex,
  type GraphCapture,
  type IndexCapture,
} from '../../../src/engine/index/index-capture.ts'
import { IndexFixture } from './index-fixture.ts'

let capture: IndexCapture
let graph: GraphCapture

beforeAll(async () => {
  const store = new IndexFixture()
  store.addRows([
    [1, 1],
    [2, 1],
    [1, 1],
    [3, 5],
  ])
  store.bulk()
  store.start()
  capture = await store.index.visit(async (served) => {
    const steps = captureIndex(store.index.moment(), served)
    for (;;) {
      const step = steps.next()
      if (step.done) return step.value
    }
  })
  graph = capture.graph!
})

interface Slots {
  readonly slotOffsets?: number[]
  readonly slots?: number[]
}

async function restore({ slotOffsets, slots }: Slots = {}, slotCount = 4, dead: readonly number[] = []) {
  const block = blocksOf(graph)[0]!
  const isDead = (slot: number) => dead.includes(slot)
  const restorer = await GraphRestorer.create(graph, graph, { slotCount, isDead })
  const { wideCodes, narrowCodes } = restorer.extendCodes(block.nodes)
  wideCodes.set(block.wideCodes)
  narrowCodes.set(block.narrowCodes)
  restorer.takeRows(0, block)
  restorer.takeSlots(0, {
    offsets: slotOffsets === undefined ? block.slotOffsets : Uint32Array.from(slotOffsets),
    slots: slots === undefined ? block.slots : Uint32Array.from(slots),
    hashes: block.hashes,
  })
  const steps = restorer.finish(graph.nodeCount, capture.builtThrough, isDead)
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

describe('a graph that is restored', () => {
  test('has the slots that it had', async () => {
    const block = blocksOf(graph)[0]!
    expect([[...block.slotOffsets], [...block.slots]]).toEqual([
      [0, 2, 3, 4],
      [0, 2, 1, 3],
    ])
    const built = await restore({}, 4, [1])
    expect([0, 1, 2].map((node) => built.slots.borrowSlots(node))).toEqual([[0, 2], [1], [3]])
    expect([0, 1, 2].map((node) => built.live.has(node))).toEqual([true, false, true])
    expect([built.live.deadCount, built.firstEntries, built.freedCount]).toEqual([1, 4, 0])
  })

  test.each<[string, Slots, number?]>([
    ['a slot that the collection has not', {}, 3],
    ['a slot of two nodes', { slots: [0, 2, 2, 3] }],
    ['slots that fall', { slots: [2, 0, 1, 3] }],
    ['a linked node without slots', { slotOffsets: [0, 3, 3, 4], slots: [0, 1, 2, 3] }],
    ['offsets beyond the slots', { slotOffsets: [0, 2, 3, 5] }],
    ['offsets that fall', { slotOffsets: [0, 3, 2, 4] }],
    ['a live slot without a node', { slotOffsets: [0, 1, 2, 3], slots: [0, 1, 3] }],
  ])('is refused with %s', async (_, slots, slotCount) => {
    await expect(restore(slots, slotCount)).rejects.toThrow(RangeError)
  })
})
