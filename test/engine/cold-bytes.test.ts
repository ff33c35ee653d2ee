import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CHUNK_SLOTS } from '../../src/base/limits.ts'
import { type BytesCapture, BytesColumn } from '../../src/engine/bytes-column.ts'
import type { ColdValues } from '../../src/engine/cold-sources.ts'

type Value = Uint8Array | undefined

const HELD_BYTES = 777

/** Values kept elsewhere, as they were when a chunk was captured. */
class KeptValues implements ColdValues {
  reads = 0
  readonly #values: readonly Value[]

  constructor(values: readonly Value[]) {
    this.#values = values
  }

  lengthOf(row: number): number | undefined {
    return this.#values[row]?.byteLength
  }

  read(row: number): Value {
    this.reads += 1
    return this.#values[row]?.slice()
  }

  memoryBytes(): number {
    return HELD_BYTES
  }
}

/** Two full chunks and a few slots. */
const SLOTS = CHUNK_SLOTS * 2 + 5

function filled(): { column: BytesColumn; model: Value[] } {
  const column = new BytesColumn()
  const model: Value[] = []
  for (let slot = 0; slot < SLOTS; slot++) {
    const value = slot % 3 === 0 ? undefined : new Uint8Array(slot % 40).fill(slot)
    column.append(value)
    model.push(value)
  }
  return { column, model }
}

/** The slots that a history touches are few, and they are looked at all. */
const PLACES = [
  0,
  1,
  2,
  5,
  CHUNK_SLOTS - 1,
  CHUNK_SLOTS,
  CHUNK_SLOTS + 4,
  CHUNK_SLOTS * 2 - 1,
  CHUNK_SLOTS * 2,
  SLOTS - 1,
]

const value = fc.option(fc.uint8Array({ maxLength: 60 }), { nil: undefined })
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('replace' as const), place: fc.nat(PLACES.length - 1), value }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('capture' as const) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('cool' as const), chunk: fc.nat(1), capture: fc.nat(3) }) },
)

describe('a column of bytes with cold chunks', () => {
  test('agrees with a plain array over random histories, and captures stay as they were', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const { column, model } = filled()
        const captures: { capture: BytesCapture; model: Value[] }[] = []
        for (const change of steps) {
          if (change.type === 'capture') captures.unshift({ capture: column.capture(), model: [...model] })
          else if (change.type === 'replace') {
            const slot = PLACES[change.place]!
            column.replace(slot, change.value)
            model[slot] = change.value
          } else {
            const of = captures[change.capture]
            if (of === undefined) continue
            const [from, end] = [change.chunk * CHUNK_SLOTS, (change.chunk + 1) * CHUNK_SLOTS]
            const kept = of.model.slice(from, end)
            // What was replaced by an equal value may count as replaced.
            const isSame = kept.every((then, row) => then === model[from + row])
            if (column.makeCold(change.chunk, new KeptValues(kept), of.capture)) expect(isSame).toBe(true)
          }
        }
        expectSame(column, model)
        for (const { capture, model: then } of captures) {
          expectSame(capture, then)
          expect(PLACES.map((slot) => capture.lengthOf(slot))).toEqual(PLACES.map((slot) => then[slot]?.byteLength))
        }
      }),
      { numRuns: 60 },
    )
  })

  test('lets go of what was not replaced since the capture, and of nothing else', () => {
    const { column, model } = filled()
    const capture = column.capture()
    column.replace(CHUNK_SLOTS + 1, Uint8Array.of(9))
    const before = column.memoryBytes()
    const source = new KeptValues(model.slice(0, CHUNK_SLOTS))
    expect(column.makeCold(1, new KeptValues([]), capture)).toBe(false)
    expect([column.makeCold(0, source, capture), column.coldChunk(0), column.coldChunk(1)]).toEqual([
      true,
      source,
      undefined,
    ])
    expect(before - column.memoryBytes()).toBeGreaterThan(CHUNK_SLOTS * 10)
    expect([...column.borrow(4)!, ...column.borrow(CHUNK_SLOTS + 1)!]).toEqual([4, 4, 4, 4, 9])
    expect([column.borrow(3), source.reads]).toEqual([undefined, 2])
    expect(() => column.makeCold(2, source, capture)).toThrow('chunk 2 of 32773 slots is not full')
  })

  test('replacing a cold value reads nothing and costs little; the next part takes it over', () => {
    const { column, model } = filled()
    const source = new KeptValues(model.slice(0, CHUNK_SLOTS))
    column.makeCold(0, source, column.capture())
    const cold = column.memoryBytes()
    const given = Buffer.from([1, 2, 3])
    column.replace(7, given)
    given.fill(0)
    column.replace(8, undefined)
    expect([...column.borrow(7)!]).toEqual([1, 2, 3])
    expect([column.borrow(8), source.reads]).toEqual([undefined, 0])
    expect(column.memoryBytes() - cold).toBe(203)
    const capture = column.capture()
    expect([capture.chunk(0)!.coldSource, capture.lengthOf(7), capture.lengthOf(4)]).toEqual([undefined, 3, 4])
    const next = new KeptValues([
      ...model.slice(0, 7),
      Uint8Array.of(1, 2, 3),
      undefined,
      ...model.slice(9, CHUNK_SLOTS),
    ])
    expect(column.makeCold(0, next, capture)).toBe(true)
    expect([column.memoryBytes() - cold, ...column.borrow(7)!]).toEqual([0, 1, 2, 3])
    expect(column.capture().chunk(0)!.coldSource).toBe(next)
    expect([...capture.borrow(7)!, ...capture.borrow(4)!]).toEqual([1, 2, 3, 4, 4, 4, 4])
  })

  test('a freed chunk is freed, cold or not', () => {
    const { column, model } = filled()
    const capture = column.capture()
    column.makeCold(0, new KeptValues(model.slice(0, CHUNK_SLOTS)), capture)
    column.freeChunk(0)
    column.freeChunk(1)
    expect(() => column.borrow(4)).toThrow('slot 4 was freed by a compaction')
    expect(column.makeCold(0, new KeptValues([]), capture)).toBe(false)
    expect(column.makeCold(1, new KeptValues([]), capture)).toBe(false)
    expect(column.capture().chunk(0)).toBe(undefined)
    expect([...capture.borrow(4)!]).toEqual([4, 4, 4, 4])
  })

  test('is restored with chunks that are cold from the beginning', () => {
    const column = new BytesColumn()
    column.appendCold(new KeptValues([undefined, Uint8Array.of(1)]))
    column.append(Uint8Array.of(2))
    expect([column.count, column.borrow(0), ...column.borrow(1)!, ...column.borrow(CHUNK_SLOTS)!]).toEqual([
      CHUNK_SLOTS + 1,
      undefined,
      1,
      2,
    ])
    expect(() => column.appendCold(new KeptValues([]))).toThrow(RangeError)
  })
})

function expectSame(column: Pick<BytesCapture, 'borrow'>, model: readonly Value[]): void {
  expect(PLACES.map((slot) => column.borrow(slot))).toEqual(PLACES.map((slot) => model[slot]))
}
