import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NodeSlots } from '../../../src/engine/index/node-slots.ts'

/** Slots of nodes in plain maps. */
class SlotsModel {
  readonly nodes = new Map<number, number[]>()
  nextSlot = 0

  get slotCount(): number {
    return this.nextSlot
  }

  nodeOf(slot: number): number | undefined {
    return [...this.nodes].find(([, slots]) => slots.includes(slot))?.[0]
  }
}

const node = fc.oneof({ weight: 9, arbitrary: fc.nat(12) }, { weight: 1, arbitrary: fc.nat(5000) })
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('add' as const), node, gap: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('keep' as const), node, mask: fc.nat(255) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('move' as const), node, place: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('free' as const), node }) },
)

describe('NodeSlots', () => {
  test('agrees with a map of lists', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const slots = new NodeSlots()
        const model = new SlotsModel()
        for (const step of steps) {
          const own = model.nodes.get(step.node) ?? []
          if (step.type === 'add') {
            const slot = model.nextSlot + step.gap
            model.nextSlot = slot + 1
            model.nodes.set(step.node, [...own, slot])
            slots.add(step.node, slot)
            continue
          }
          if (own.length === 0) continue
          const others = replacementOf(step, own, model)
          model.nodes.set(step.node, others)
          slots.replace(step.node, others)
        }
        expectSame(slots, model)
      }),
      { numRuns: 300, seed: 1 },
    )
  })

  test('knows nothing of nodes and slots that it was never told of', () => {
    const slots = new NodeSlots()
    expect([slots.nodeOf(0), slots.firstSlot(0), slots.borrowSlots(0)]).toEqual([undefined, undefined, []])
    slots.add(3, 7)
    expect([slots.nodeOf(6), slots.nodeOf(2 ** 31), slots.firstSlot(2), slots.borrowSlots(9999)]).toEqual([
      undefined,
      undefined,
      undefined,
      [],
    ])
  })

  test('keeps slots in order that come behind one that a compaction moved', () => {
    const slots = new NodeSlots()
    slots.add(0, 2)
    slots.replace(0, [40])
    for (const slot of [7, 50, 9, 8]) slots.add(0, slot)
    expect([slots.firstSlot(0), slots.borrowSlots(0)]).toEqual([7, [7, 8, 9, 40, 50]])
    expect([2, 7, 8, 9, 40, 50].map((slot) => slots.nodeOf(slot))).toEqual([undefined, 0, 0, 0, 0, 0])
  })

  test('takes the highest slots there are', () => {
    const slots = new NodeSlots()
    slots.add(0, 3_000_000)
    slots.add(0, 3_000_001)
    expect([slots.nodeOf(3_000_001), slots.firstSlot(0)]).toEqual([0, 3_000_000])
    expect(slots.memoryBytes()).toBeGreaterThan(3_000_001 * 4)
  })
})

type Replacement = Exclude<typeof step extends fc.Arbitrary<infer Step> ? Step : never, { type: 'add' }>

function replacementOf(step: Replacement, own: readonly number[], model: SlotsModel): number[] {
  if (step.type === 'free') return []
  if (step.type === 'keep') return own.filter((_, place) => (step.mask >> (place % 8)) % 2 === 1)
  const moved = own[step.place % own.length]
  const slot = model.nextSlot++
  return [...own.filter((other) => other !== moved), slot]
}

function expectSame(slots: NodeSlots, model: SlotsModel): void {
  for (const [node, own] of model.nodes) {
    expect(slots.borrowSlots(node)).toEqual(own)
    expect(slots.firstSlot(node)).toBe(own[0])
  }
  for (let slot = 0; slot < model.slotCount + 2; slot++) expect(slots.nodeOf(slot)).toBe(model.nodeOf(slot))
}
