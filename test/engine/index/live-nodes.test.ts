import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LiveNodes } from '../../../src/engine/index/live-nodes.ts'
import { NodeSlots } from '../../../src/engine/index/node-slots.ts'

/** Nodes with their slots and the tombstones of these, told of as an index tells. */
class NodesFixture {
  readonly slots = new NodeSlots()
  readonly live = new LiveNodes(this.slots)
  readonly dead = new Set<number>()
  /** How often somebody asked whether a slot is dead. */
  asked = 0

  readonly #isDead = (slot: number) => {
    this.asked += 1
    return this.dead.has(slot)
  }

  add(node: number, slot: number): void {
    const isNew = this.slots.firstSlot(node) === undefined
    this.slots.add(node, slot)
    this.live.noteAdded(node, isNew, this.#isDead)
  }

  replace(node: number, ...slots: number[]): void {
    this.slots.replace(node, slots)
    this.live.noteReplaced(node, this.#isDead)
  }

  /** Says `times` that a slot has died, which is true. */
  kill(slot: number, times = 1): void {
    this.dead.add(slot)
    const node = this.slots.nodeOf(slot)
    if (node === undefined) return
    for (let time = 0; time < times; time++) this.live.noteDeath(node, this.#isDead)
  }

  free(node: number): void {
    this.slots.replace(node, [])
    this.live.noteFreed(node)
  }

  isAlive(node: number): boolean {
    return this.slots.borrowSlots(node).some((slot) => !this.dead.has(slot))
  }
}

const node = fc.nat(9)
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant('add' as const), node, isDead: fc.boolean() }) },
  { weight: 5, arbitrary: fc.record({ type: fc.constant('kill' as const), node, place: fc.nat(9), times: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('move' as const), node, place: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('clean' as const), node }) },
)

describe('LiveNodes', () => {
  test('agrees with a look at every slot, whatever it is told twice', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const fixture = new NodesFixture()
        const { live, slots } = fixture
        const used = new Set<number>()
        let nextSlot = 0
        for (const step of steps) {
          const { node } = step
          const own = slots.borrowSlots(node)
          if (step.type === 'add') {
            const slot = nextSlot++
            if (step.isDead) fixture.dead.add(slot)
            fixture.add(node, slot)
            used.add(node)
          } else if (own.length > 0) {
            const slot = own[('place' in step ? step.place : 0) % own.length]!
            if (step.type === 'kill') fixture.kill(slot, step.times + 1)
            else if (step.type === 'move') fixture.replace(node, ...own.filter((other) => other !== slot), nextSlot++)
            else if (fixture.isAlive(node)) fixture.replace(node, ...own.filter((other) => !fixture.dead.has(other)))
            else {
              fixture.free(node)
              used.delete(node)
            }
          }
          const nodes = Array.from({ length: 11 }, (_, number) => number)
          expect(nodes.filter((number) => live.has(number))).toEqual(nodes.filter((number) => fixture.isAlive(number)))
          expect(live.deadCount).toBe([...used].filter((number) => !fixture.isAlive(number)).length)
        }
      }),
      { numRuns: 200, seed: 1 },
    )
  })

  test('lays bit node & 7 into byte node >> 3', () => {
    const fixture = new NodesFixture()
    for (const node of [0, 9, 10, 15]) fixture.add(node, node)
    fixture.kill(10)
    expect([...fixture.live.borrowBits().subarray(0, 3)]).toEqual([0b1, 0b1000_0010, 0])
    expect([fixture.live.has(9), fixture.live.has(10), fixture.live.has(100_000)]).toEqual([true, false, false])
  })

  test('grows with the nodes and keeps what it knows', () => {
    const fixture = new NodesFixture()
    for (let node = 0; node < 30_000; node++) fixture.add(node, node)
    for (let slot = 0; slot < 30_000; slot += 2) fixture.kill(slot)
    expect(fixture.live.deadCount).toBe(15_000)
    expect([fixture.live.has(29_998), fixture.live.has(29_999), fixture.live.has(1)]).toEqual([false, true, true])
    expect(fixture.live.memoryBytes()).toBeGreaterThanOrEqual(30_000 / 8)
  })

  test('asks about each of many equal vectors a few times, in whatever order they die and come', () => {
    const fixture = new NodesFixture()
    const count = 2000
    for (let slot = 0; slot < count; slot++) fixture.add(0, slot)
    for (let slot = 0; slot < count - 1; slot++) fixture.kill(slot)
    for (let slot = count; slot < count * 2; slot++) fixture.add(0, slot)
    expect(fixture.live.has(0)).toBe(true)
    expect(fixture.asked).toBeLessThan(count * 6)
  })
})
