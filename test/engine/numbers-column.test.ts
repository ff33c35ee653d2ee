import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CHUNK_SLOTS } from '../../src/base/limits.ts'
import { NumbersColumn } from '../../src/engine/numbers-column.ts'

describe('NumbersColumn', () => {
  test('gives back what was appended, one by one and in runs', () => {
    fc.assert(
      fc.property(fc.array(fc.double(), { maxLength: 200 }), (numbers) => {
        const column = new NumbersColumn()
        for (const number of numbers) column.append(number)
        expect(column.count).toBe(numbers.length)
        expect(numbers.map((_, slot) => column.get(slot))).toEqual(numbers)
        if (numbers.length > 0) expect([...column.borrowRun(0, Number.MAX_SAFE_INTEGER).elements]).toEqual(numbers)
        expect(column.memoryBytes()).toBeGreaterThanOrEqual(numbers.length * 8)
        expect(column.memoryBytes()).toBeLessThanOrEqual(Math.max(4, numbers.length * 2) * 8)
      }),
    )
  })

  test('runs end with their block', () => {
    const column = new NumbersColumn()
    for (let slot = 0; slot < CHUNK_SLOTS + 10; slot++) column.append(slot)
    const first = column.borrowRun(CHUNK_SLOTS - 5, 100)
    expect([first.rows, ...first.elements]).toEqual([5, ...[5, 4, 3, 2, 1].map((back) => CHUNK_SLOTS - back)])
    const second = column.borrowRun(CHUNK_SLOTS + 2, 3)
    expect([second.rows, ...second.elements]).toEqual([3, CHUNK_SLOTS + 2, CHUNK_SLOTS + 3, CHUNK_SLOTS + 4])
    expect(column.get(CHUNK_SLOTS)).toBe(CHUNK_SLOTS)
  })

  test('frees a chunk, from which captures keep reading', () => {
    const column = new NumbersColumn()
    for (let slot = 0; slot < CHUNK_SLOTS * 2; slot++) column.append(slot)
    const capture = column.capture()
    column.free(0, CHUNK_SLOTS)
    expect(column.memoryBytes()).toBe(CHUNK_SLOTS * 8)
    expect(() => column.get(CHUNK_SLOTS - 1)).toThrow(`row ${CHUNK_SLOTS - 1} was freed by a compaction`)
    expect([column.get(CHUNK_SLOTS), capture.borrowRun(7, 1).elements[0]]).toEqual([CHUNK_SLOTS, 7])
  })

  test('refuses slots that are not there', () => {
    const column = new NumbersColumn()
    expect(() => column.get(0)).toThrow(RangeError)
    expect(() => column.borrowRun(0, 1)).toThrow(RangeError)
  })
})
