import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { setBit } from '../../src/engine/bitmap.ts'
import { BytesColumn } from '../../src/engine/bytes-column.ts'
import { hashBytes, IdentityTable } from '../../src/engine/identity-table.ts'
import { textBytes } from './engine-fixture.ts'

describe('IdentityTable', () => {
  test('agrees with a Map over random histories', () => {
    const id = fc.oneof(
      fc.nat(60).map((number) => `id-${number}`),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
    )
    const step = fc.record({ type: fc.constantFrom('set', 'set', 'set', 'delete', 'get'), id })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
        const { table, ids } = emptyTable()
        const model = new Map<string, number>()
        for (const { type, id } of steps) {
          const bytes = textBytes(id)
          if (type === 'set') {
            ids.append(bytes)
            table.set(bytes, ids.count - 1)
            model.set(id, ids.count - 1)
          } else if (type === 'delete') {
            expect(table.delete(bytes)).toBe(model.delete(id))
          }
          expect(table.get(bytes)).toBe(model.get(id))
        }
        expect(table.count).toBe(model.size)
        for (const [id, slot] of model) expect(table.get(textBytes(id))).toBe(slot)
        expect(table.memoryBytes()).toBeGreaterThanOrEqual(model.size * 4)
      }),
      { numRuns: 100 },
    )
  })

  test('asks for the ids of slots in the table only: those of others may have been freed', () => {
    const step = fc.record({ type: fc.constantFrom('set', 'set', 'delete'), number: fc.nat(400) })
    fc.assert(
      fc.property(fc.array(step, { minLength: 200, maxLength: 600, size: 'max' }), (steps) => {
        const ids = new BytesColumn()
        const slots = new Map<number, number>()
        const inTable = new Set<number>()
        const checked = (slot: number) => {
          if (!inTable.has(slot)) throw new Error(`slot ${slot} is not in the table`)
          return slot
        }
        const table = new IdentityTable({
          equals: (slot, bytes) => ids.equals(checked(slot), bytes),
          hashWith: (hash, slot) => ids.hashWith(hash, checked(slot)),
        })
        for (const { type, number } of steps) {
          const bytes = idOfOnePartition(number)
          const earlier = slots.get(number)
          if (type === 'set') {
            ids.append(bytes)
            expect(table.set(bytes, ids.count - 1)).toBe(earlier)
            slots.set(number, ids.count - 1)
            inTable.add(ids.count - 1)
          } else {
            expect(table.delete(bytes)).toBe(slots.delete(number))
          }
          if (earlier !== undefined) inTable.delete(earlier)
        }
        for (const [number, slot] of slots) expect(table.get(idOfOnePartition(number))).toBe(slot)
      }),
      { numRuns: 50 },
    )
  })

  test('finds what remains after deleting in places that probing passed through', () => {
    const { table, ids } = emptyTable()
    const all = Array.from({ length: 20_000 }, (_, slot) => textBytes(`entry ${slot}`))
    for (const [slot, bytes] of all.entries()) {
      ids.append(bytes)
      table.set(bytes, slot)
    }
    for (let slot = 0; slot < all.length; slot += 3) expect(table.delete(all[slot]!)).toBe(true)
    expect(all.every((bytes, slot) => table.get(bytes) === (slot % 3 === 0 ? undefined : slot))).toBe(true)
    for (let slot = 1; slot < all.length; slot += 3) table.delete(all[slot]!)
    for (let slot = 2; slot < all.length; slot += 3) table.delete(all[slot]!)
    expect([table.count, all.some((bytes) => table.get(bytes) !== undefined)]).toEqual([0, false])
  })

  test('filled at once is as if slots had been set one by one', () => {
    const entry = fc.record({ number: fc.nat(500), isDead: fc.boolean() })
    const entries = fc.uniqueArray(entry, { selector: ({ number }) => number, maxLength: 500, size: 'max' })
    fc.assert(
      fc.property(entries, fc.boolean(), (entries, ofOnePartition) => {
        const idOf = (number: number) => (ofOnePartition ? idOfOnePartition(number) : textBytes(`id-${number}`))
        const live = new Map<number, number>()
        const { table, twice, ids } = filledTable(
          entries.map(({ number }) => idOf(number)),
          (slot) => entries[slot]!.isDead,
          (slot) => live.set(entries[slot]!.number, slot),
        )
        expect([twice, table.count]).toEqual([undefined, live.size])
        for (const [number, slot] of live) expect(table.get(idOf(number))).toBe(slot)
        for (const { number, isDead } of entries) if (isDead) expect(table.get(idOf(number))).toBe(undefined)
        for (const { number } of entries) {
          ids.append(idOf(number))
          expect(table.set(idOf(number), ids.count - 1)).toBe(live.get(number))
        }
      }),
      { numRuns: 60 },
    )
  })

  test('filled at once names the slot of an id that comes twice', () => {
    const names = ['a', 'b', 'c', 'b', 'd'].map(textBytes)
    expect(filledTable(names).twice).toBe(3)
    expect(filledTable(names, (slot) => slot === 1).twice).toBe(undefined)
  })

  test('filled at once stops on the way', () => {
    const names = Array.from({ length: 150_000 }, (_, number) => textBytes(`${number}`))
    const { table, pauses } = filledTable(names)
    expect(pauses).toBeGreaterThanOrEqual(6)
    expect(names.every((bytes, slot) => table.get(bytes) === slot)).toBe(true)
  })

  test('takes 9 to 18 bytes an id, and little when small', () => {
    const { table, ids } = emptyTable()
    const sizes: number[] = []
    for (let slot = 0; slot < 100_000; slot++) {
      const bytes = textBytes(`${slot}`)
      ids.append(bytes)
      table.set(bytes, slot)
      if (slot === 9) expect(table.memoryBytes()).toBeLessThanOrEqual(10 * 48)
      if (slot > 20_000 && slot % 1000 === 0) sizes.push(table.memoryBytes() / (slot + 1))
    }
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(6 / 0.7)
    expect(Math.max(...sizes)).toBeLessThan(18.5)
  })

  test('a new table costs nothing', () => {
    const { table } = emptyTable()
    expect([table.memoryBytes(), table.get(textBytes('x')), table.delete(textBytes('x'))]).toEqual([
      0,
      undefined,
      false,
    ])
  })
})

describe('hashBytes', () => {
  test('spreads ids that differ little over partitions and places alike', () => {
    const kinds: ((number: number) => string)[] = [
      (number) => `${number}`,
      (number) => `user:${number}:profile`,
      (number) => number.toString(2).padStart(20, '0'),
      (number) => `${'x'.repeat(number % 97)}${number}`,
    ]
    for (const kind of kinds) {
      for (const bitsOfHash of [(hash: number) => hash >>> 24, (hash: number) => hash & 255]) {
        const buckets = new Uint32Array(256)
        for (let number = 0; number < 65_536; number++) buckets[bitsOfHash(hashBytes(textBytes(kind(number))))]! += 1
        // 256 expected; seven standard deviations of a fair draw are 112.
        expect(Math.max(...buckets)).toBeLessThan(256 + 112)
        expect(Math.min(...buckets)).toBeGreaterThan(256 - 112)
      }
    }
  })

  test('depends on every byte and on the length', () => {
    const bytes = Uint8Array.from({ length: 23 }, (_, index) => index)
    const hashes = new Set([hashBytes(bytes)])
    for (let index = 0; index < bytes.length; index++) {
      const changed = bytes.slice()
      changed[index]! ^= 1
      hashes.add(hashBytes(changed))
    }
    for (let length = 0; length < bytes.length; length++) hashes.add(hashBytes(new Uint8Array(length)))
    expect(hashes.size).toBe(1 + 23 + 23)
  })
})

/** Ids of one partition, so that probing meets others often. */
const OF_ONE_PARTITION = Array.from({ length: 150_000 }, (_, number) => textBytes(`${number}`)).filter(
  (bytes) => hashBytes(bytes) >>> 24 === 7,
)

function idOfOnePartition(number: number): Uint8Array {
  return OF_ONE_PARTITION[number]!
}

/** A table that was filled with the ids of all slots but dead ones; `onLive` hears of each that is live first. */
function filledTable(
  names: readonly Uint8Array[],
  isDead: (slot: number) => boolean = () => false,
  onLive: (slot: number) => void = () => {},
) {
  const { table, ids } = emptyTable()
  const dead = new Uint8Array(Math.ceil(names.length / 8))
  for (const [slot, bytes] of names.entries()) {
    ids.append(bytes)
    if (isDead(slot)) setBit(dead, slot)
    else onLive(slot)
  }
  const hashes = Uint32Array.from(names, (bytes) => hashBytes(bytes))
  const steps = table.fill(hashes, dead, (slot, other) => ids.equals(slot, ids.borrow(other)!))
  for (let pauses = 0; ; pauses++) {
    const step = steps.next()
    if (step.done) return { table, ids, twice: step.value, pauses }
  }
}

function emptyTable(): { table: IdentityTable; ids: BytesColumn } {
  const ids = new BytesColumn()
  return { table: new IdentityTable(ids), ids }
}
