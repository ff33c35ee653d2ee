import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CHUNK_SLOTS } from '../../src/base/limits.ts'
import { type BytesCapture, BytesColumn } from '../../src/engine/bytes-column.ts'

type Value = Uint8Array | undefined

/** Absent, empty, short, at the bounds of pages, and with a page of their own. */
const value: fc.Arbitrary<Value> = fc.oneof(
  fc.constant(undefined),
  fc.constant(new Uint8Array(0)),
  fc.uint8Array({ minLength: 1, maxLength: 40 }),
  fc
    .record({ length: fc.constantFrom(4095, 4096, 4097, 16_384, 16_385, 300_000), fill: fc.nat(255) })
    .map(({ length, fill }) => new Uint8Array(length).fill(fill)),
)

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant('append' as const), value }) },
  { weight: 5, arbitrary: fc.record({ type: fc.constant('replace' as const), at: fc.nat(), value }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('capture' as const) }) },
)

describe('BytesColumn', () => {
  test('agrees with a plain array over random histories, and captures stay as they were', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), fc.constantFrom(0, CHUNK_SLOTS - 3), (steps, filled) => {
        const column = new BytesColumn()
        const model: Value[] = []
        const captures: { capture: BytesCapture; model: Value[] }[] = []
        for (let slot = 0; slot < filled; slot++) append(column, model, undefined)
        for (const change of steps) {
          if (change.type === 'append') append(column, model, change.value)
          else if (change.type === 'capture') captures.push({ capture: column.capture(), model: [...model] })
          else if (model.length > 0) {
            const slot = model.length - 1 - (change.at % Math.min(model.length, 12))
            column.replace(slot, change.value)
            model[slot] = change.value
          }
        }
        expectSame(column, model, filled)
        for (const { capture, model: then } of captures) expectSame(capture, then, filled)
        expect(column.memoryBytes()).toBeGreaterThanOrEqual(sizeOf(model))
        for (const [slot, bytes] of model.entries()) {
          if (bytes !== undefined) expect(column.equals(slot, bytes)).toBe(true)
          expect(column.equals(slot, Uint8Array.from([...(bytes?.subarray(0, 3) ?? []), 7]))).toBe(
            bytes !== undefined && sameBytes(bytes, Uint8Array.from([...bytes.subarray(0, 3), 7])),
          )
        }
      }),
      { numRuns: 60 },
    )
  })

  test('tells absent from empty', () => {
    const column = new BytesColumn()
    for (const bytes of [undefined, new Uint8Array(0), new Uint8Array(1), undefined]) column.append(bytes)
    expect([0, 1, 2, 3].map((slot) => column.borrow(slot)?.byteLength)).toEqual([undefined, 0, 1, undefined])
    expect(column.equals(0, new Uint8Array(0))).toBe(false)
    expect(column.equals(1, new Uint8Array(0))).toBe(true)
  })

  test('copies what it is given, a Buffer too', () => {
    const column = new BytesColumn()
    for (const length of [10, 20_000]) {
      const given = Buffer.alloc(length, 1)
      column.append(given)
      given.fill(2)
    }
    expect([column.borrow(0)![9], column.borrow(1)![9]]).toEqual([1, 1])
  })

  test('bytes handed out stay as they were after they are replaced', () => {
    const column = new BytesColumn()
    column.append(Uint8Array.from([1, 2, 3]))
    const borrowed = column.borrow(0)!
    for (let round = 0; round < 5000; round++) column.replace(0, Uint8Array.from([9, 9, 9]))
    expect([...borrowed]).toEqual([1, 2, 3])
  })

  test('keeps garbage below what is live, or one small page', () => {
    const column = new BytesColumn()
    for (let slot = 0; slot < 100; slot++) column.append(new Uint8Array(1000).fill(slot))
    for (let round = 0; round < 20_000; round++) column.replace(round % 100, new Uint8Array(1000).fill(round % 100))
    // Live and garbage take 200,000 bytes at most, and the page being filled at most as much as all before it.
    expect(column.memoryBytes()).toBeLessThan(2 * 2 * 100_000 + 8192)
    expect([...Array(100).keys()].every((slot) => column.borrow(slot)![999] === slot)).toBe(true)
  })

  test('frees a large value when it is replaced', () => {
    const column = new BytesColumn()
    column.append(new Uint8Array(1_000_000))
    for (let round = 0; round < 100; round++) column.replace(0, new Uint8Array(1_000_000).fill(round))
    expect(column.memoryBytes()).toBeLessThan(1_010_000)
    column.replace(0, undefined)
    expect(column.memoryBytes()).toBeLessThan(10_000)
  })

  test('uses the numbers of freed pages again, so that they never run out', () => {
    const column = new BytesColumn()
    column.append(new Uint8Array(20_000).fill(1))
    column.append(undefined)
    for (let round = 0; round < 2 ** 16 + 10; round++) column.replace(1, new Uint8Array(16_385).fill(2))
    expect([column.borrow(0)![0], column.borrow(1)![0]]).toEqual([1, 2])
  })

  test('a rewrite keeps values with pages of their own', () => {
    const column = new BytesColumn()
    for (let slot = 0; slot < 8; slot++) column.append(new Uint8Array(20_000).fill(slot))
    for (let slot = 0; slot < 4; slot++) column.replace(slot, Uint8Array.of(slot))
    for (let round = 0; round < 10; round++) column.replace(0, new Uint8Array(1000))
    for (let slot = 1; slot < 4; slot++) column.replace(slot, new Uint8Array(20_000).fill(slot))
    expect([1, 2, 3, 4, 5, 6, 7].map((slot) => column.borrow(slot)![0])).toEqual([1, 2, 3, 4, 5, 6, 7])
  })

  test('a capture ends where the column ended', () => {
    const column = new BytesColumn()
    column.append(Uint8Array.of(1))
    const capture = column.capture()
    column.append(Uint8Array.of(2))
    expect([capture.count, capture.borrow(0), capture.borrow(1)]).toEqual([1, Uint8Array.of(1), undefined])
  })

  test('frees a chunk, from which captures and borrowed bytes keep reading', () => {
    const column = new BytesColumn()
    for (let slot = 0; slot <= CHUNK_SLOTS; slot++) column.append(Uint8Array.of(slot, slot >> 8))
    column.replace(1, new Uint8Array(20_000).fill(7))
    const capture = column.capture()
    const borrowed = column.borrow(5)
    column.freeChunk(0)
    column.append(Uint8Array.of(1))
    const later = column.capture()
    expect(column.memoryBytes()).toBeLessThan(5000)
    const reads = [
      () => column.borrow(5),
      () => column.equals(5, Uint8Array.of(5, 0)),
      () => column.hashWith(() => 0, 5),
      () => column.replace(5, undefined),
      () => later.borrow(5),
    ]
    for (const read of reads) expect(read).toThrow(new RangeError('slot 5 was freed by a compaction'))
    expect([capture.borrow(5), borrowed, capture.borrow(1)![19_999]]).toEqual([
      Uint8Array.of(5, 0),
      Uint8Array.of(5, 0),
      7,
    ])
    const kept = Uint8Array.of(0, CHUNK_SLOTS >> 8)
    expect([column.borrow(CHUNK_SLOTS), later.borrow(CHUNK_SLOTS), column.borrow(CHUNK_SLOTS + 1)]).toEqual([
      kept,
      kept,
      Uint8Array.of(1),
    ])
    expect([column.count, later.count, capture.count, later.borrow(CHUNK_SLOTS + 2)]).toEqual([
      CHUNK_SLOTS + 2,
      CHUNK_SLOTS + 2,
      CHUNK_SLOTS + 1,
      undefined,
    ])
  })

  test('refuses to free a chunk that is not full', () => {
    const column = new BytesColumn()
    for (let slot = 0; slot < CHUNK_SLOTS - 1; slot++) column.append(undefined)
    for (const chunk of [0, 1, -1, 0.5]) expect(() => column.freeChunk(chunk)).toThrow(RangeError)
    expect(column.borrow(0)).toBeUndefined()
  })

  test('is small when small, and free of cost where nothing is stored', () => {
    const ten = new BytesColumn()
    for (let slot = 0; slot < 10; slot++) ten.append(new Uint8Array(20))
    expect(ten.memoryBytes()).toBeLessThan(5000)
    const none = new BytesColumn()
    for (let slot = 0; slot < 40_000; slot++) none.append(undefined)
    expect([none.count, none.memoryBytes()]).toEqual([40_000, 0])
  })

  test('refuses slots that are not there', () => {
    const column = new BytesColumn()
    column.append(undefined)
    expect(() => column.borrow(1)).toThrow(RangeError)
    expect(() => column.replace(1, undefined)).toThrow(RangeError)
    expect(() => column.equals(-1, new Uint8Array(0))).toThrow(RangeError)
  })
})

function append(column: BytesColumn, model: Value[], bytes: Value): void {
  column.append(bytes)
  model.push(bytes)
}

function expectSame(column: Pick<BytesCapture, 'count' | 'borrow'>, model: readonly Value[], from: number): void {
  expect(column.count).toBe(model.length)
  for (let slot = Math.max(0, from - 2); slot < model.length; slot++) {
    const [actual, expected] = [column.borrow(slot), model[slot]]
    if (expected === undefined) expect(actual).toBeUndefined()
    else expect(actual !== undefined && sameBytes(actual, expected)).toBe(true)
  }
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0
}

function sizeOf(model: readonly Value[]): number {
  return model.reduce((sum, bytes) => sum + (bytes?.byteLength ?? 0), 0)
}
