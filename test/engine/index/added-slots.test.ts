import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AddedSlots } from '../../../src/engine/index/added-slots.ts'

const records = fc.array(fc.record({ slots: fc.nat(4), skipped: fc.nat(3) }), { maxLength: 30 })

describe('AddedSlots', () => {
  test('agrees with a look at every record', () => {
    fc.assert(
      fc.property(records, fc.nat(60), fc.array(fc.nat(60), { maxLength: 4 }), (list, slot, dropped) => {
        const added = new AddedSlots()
        const model: { end: number; lsn: number }[] = []
        let [end, lsn] = [0, 0]
        for (const { slots, skipped } of list) {
          end += slots
          lsn += 1 + skipped
          added.push(end, lsn)
          model.push({ end, lsn })
        }
        for (const below of dropped.sort((a, b) => a - b)) added.dropBelow(below)
        const asked = Math.max(slot, ...dropped)
        const first = model.find((record) => record.end > asked)
        expect(added.lsnBefore(asked)).toBe(first && first.lsn - 1)
      }),
      { seed: 1 },
    )
  })

  test('never says more of slots that it has dropped than that nothing is built', () => {
    const added = new AddedSlots()
    added.push(10, 5)
    added.push(20, 9)
    added.dropBelow(20)
    expect([added.lsnBefore(20), added.lsnBefore(19), added.lsnBefore(0)]).toEqual([undefined, 4, 4])
    added.push(30, 12)
    expect([added.lsnBefore(20), added.lsnBefore(15), added.lsnBefore(30)]).toEqual([11, 4, undefined])
  })

  test('lets go of what it has dropped', () => {
    const added = new AddedSlots()
    for (let record = 1; record <= 1000; record++) added.push(record, record)
    const before = added.memoryBytes()
    added.dropBelow(990)
    expect([before, added.memoryBytes()]).toEqual([16_000, 160])
  })
})
