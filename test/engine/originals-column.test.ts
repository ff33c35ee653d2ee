import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CHUNK_SLOTS, MAX_DIMENSIONS } from '../../src/base/limits.ts'
import { OriginalsColumn } from '../../src/engine/originals-column.ts'
import { bitsOf, vectorBytes } from './engine-fixture.ts'

describe('OriginalsColumn', () => {
  test('gives back the bits of any rows, however they were cut into appends', () => {
    const history = fc.integer({ min: 1, max: 5 }).chain((dimensions) =>
      fc.record({
        dimensions: fc.constant(dimensions),
        appends: fc.array(
          fc.array(fc.uint32Array({ minLength: dimensions, maxLength: dimensions }), { maxLength: 9 }),
          { maxLength: 12 },
        ),
      }),
    )
    fc.assert(
      fc.property(history, ({ dimensions, appends }) => {
        const column = new OriginalsColumn(dimensions)
        for (const rows of appends) column.append(bytesOfWords(rows))
        const model = appends.flat().map((row) => [...row])
        expect(column.count).toBe(model.length)
        expect(model.map((_, slot) => wordsOf(column.copyVector(slot)))).toEqual(model)
        expect(runsOf(column, 3)).toEqual(model)
        expect(column.memoryBytes()).toBeGreaterThanOrEqual(model.length * dimensions * 4)
        expect(column.memoryBytes()).toBeLessThanOrEqual(Math.max(4, model.length * 2) * dimensions * 4)
      }),
      { numRuns: 200 },
    )
  })

  test.each([1, 3, 100, 768, MAX_DIMENSIONS])(
    'cuts a chunk into whole blocks of at most 1 MiB, %i dimensions',
    (dimensions) => {
      const { rowsPerBlock } = new OriginalsColumn(dimensions)
      expect(CHUNK_SLOTS % rowsPerBlock).toBe(0)
      expect(rowsPerBlock * dimensions * 4).toBeLessThanOrEqual(1024 * 1024)
      if (rowsPerBlock < CHUNK_SLOTS) expect(rowsPerBlock * dimensions * 4).toBeGreaterThan(512 * 1024)
    },
  )

  test('runs end with their block and cover everything', () => {
    const column = new OriginalsColumn(MAX_DIMENSIONS)
    const count = column.rowsPerBlock * 2 + 3
    for (let slot = 0; slot < count; slot++) column.append(vectorBytes(new Float32Array(MAX_DIMENSIONS).fill(slot)))
    const runs: number[] = []
    for (let slot = 0; slot < count; slot += runs.at(-1)!) {
      const { elements: vectors, rows } = column.borrowRun(slot, Number.MAX_SAFE_INTEGER)
      expect([vectors.length, vectors[0], vectors.at(-1)]).toEqual([rows * MAX_DIMENSIONS, slot, slot + rows - 1])
      runs.push(rows)
    }
    expect(runs).toEqual([column.rowsPerBlock, column.rowsPerBlock, 3])
  })

  test('one append may cross blocks', () => {
    const column = new OriginalsColumn(1)
    const values = Float32Array.from({ length: column.rowsPerBlock * 2 + 5 }, (_, slot) => slot)
    column.append(vectorBytes(values.subarray(0, 7)))
    column.append(vectorBytes(values.subarray(7)))
    expect(column.count).toBe(values.length)
    const slots = [0, 6, 7, column.rowsPerBlock - 1, column.rowsPerBlock, values.length - 1]
    expect(slots.map((slot) => column.copyVector(slot)[0])).toEqual(slots)
  })

  test('a borrowed run stays as it is while the column grows', () => {
    const column = new OriginalsColumn(2)
    column.append(vectorBytes([1, 2]))
    const { elements: vectors } = column.borrowRun(0, 1)
    for (let slot = 1; slot < 100; slot++) column.append(vectorBytes([slot, slot]))
    expect([...vectors]).toEqual([1, 2])
  })

  test('a copied vector belongs to its caller', () => {
    const column = new OriginalsColumn(2)
    column.append(vectorBytes([1, 2]))
    column.copyVector(0).fill(9)
    expect([...column.copyVector(0)]).toEqual([1, 2])
    expect(column.copyVector(0).buffer.byteLength).toBe(8)
  })

  test('keeps signs of zero, subnormals, extremes and payloads of NaN', () => {
    const words = [0x8000_0000, 0x0000_0001, 0x7f7f_ffff, 0xff7f_ffff, 0x7fc1_2345, 0x7f81_2345]
    const column = new OriginalsColumn(words.length)
    column.append(bytesOfWords([Uint32Array.from(words)]))
    expect(wordsOf(column.copyVector(0))).toEqual(words)
    expect(bitsOf([-0])).toEqual([0x8000_0000])
  })

  test('ten entries of 100 dimensions cost kilobytes', () => {
    const column = new OriginalsColumn(100)
    for (let slot = 0; slot < 10; slot++) column.append(vectorBytes(new Float32Array(100)))
    expect(column.memoryBytes()).toBeLessThanOrEqual(16 * 400)
  })

  test('frees whole blocks, from which captures and borrowed runs keep reading', () => {
    const column = new OriginalsColumn(MAX_DIMENSIONS)
    const { rowsPerBlock } = column
    const count = rowsPerBlock * 4 + 1
    for (let slot = 0; slot < count; slot++) column.append(vectorBytes(new Float32Array(MAX_DIMENSIONS).fill(slot)))
    const capture = column.capture()
    const { elements } = column.borrowRun(rowsPerBlock, 1)
    const before = column.memoryBytes()
    column.free(rowsPerBlock, rowsPerBlock * 3)
    expect(before - column.memoryBytes()).toBe(rowsPerBlock * 2 * MAX_DIMENSIONS * 4)
    column.append(vectorBytes(new Float32Array(MAX_DIMENSIONS).fill(count)))
    expect([column.count, capture.rows]).toEqual([count + 1, count])
    const kept = [0, rowsPerBlock - 1, rowsPerBlock * 3, count - 1]
    expect(kept.map((slot) => column.copyVector(slot)[0])).toEqual(kept)
    expect(column.borrowRun(rowsPerBlock - 2, 100).rows).toBe(2)
    for (const slot of [rowsPerBlock, rowsPerBlock * 3 - 1]) {
      expect(() => column.copyVector(slot)).toThrow(RangeError)
      expect(() => column.borrowRun(slot, 1)).toThrow(`row ${slot} was freed by a compaction`)
      expect([capture.borrowRun(slot, 1).elements[9], elements[9]]).toEqual([slot, rowsPerBlock])
    }
    expect(capture.borrowRun(count - 1, 100).rows).toBe(1)
    expect(() => capture.borrowRun(count, 1)).toThrow(RangeError)
  })

  test('a capture of a first block that grows afterwards stays as it was', () => {
    const column = new OriginalsColumn(1)
    column.append(vectorBytes([1, 2, 3]))
    const capture = column.capture()
    column.append(vectorBytes(new Float32Array(column.rowsPerBlock)))
    column.free(0, column.rowsPerBlock)
    const run = capture.borrowRun(0, 100)
    expect([run.rows, ...run.elements]).toEqual([3, 1, 2, 3])
  })

  test('refuses to free what is no whole block, or not full', () => {
    const column = new OriginalsColumn(1)
    const { rowsPerBlock } = column
    column.append(vectorBytes(new Float32Array(rowsPerBlock + 5)))
    const ranges: [number, number][] = [
      [0, 5],
      [5, rowsPerBlock],
      [0, rowsPerBlock * 2],
      [-rowsPerBlock, 0],
    ]
    for (const [from, end] of ranges) expect(() => column.free(from, end)).toThrow(RangeError)
    expect(column.copyVector(rowsPerBlock)[0]).toBe(0)
  })

  test('refuses parts of rows and slots that are not there', () => {
    const column = new OriginalsColumn(2)
    expect(() => column.append(new Uint8Array(9))).toThrow(RangeError)
    expect(() => column.copyVector(0)).toThrow(RangeError)
    column.append(new Uint8Array(8))
    expect(() => column.copyVector(1)).toThrow(RangeError)
    expect(() => column.copyVector(-1)).toThrow(RangeError)
    expect(() => column.borrowRun(0.5, 1)).toThrow(RangeError)
  })
})

function bytesOfWords(rows: readonly Uint32Array[]): Uint8Array {
  const words = Uint32Array.from(rows.flatMap((row) => [...row]))
  const shifted = new Uint8Array(words.byteLength + 3).subarray(3)
  shifted.set(new Uint8Array(words.buffer))
  return shifted
}

function wordsOf(vector: Float32Array): number[] {
  return [...new Uint32Array(vector.buffer, vector.byteOffset, vector.length)]
}

/** All rows of a column, read in runs of at most `maxRows`. */
function runsOf(column: OriginalsColumn, maxRows: number): number[][] {
  const rows: number[][] = []
  while (rows.length < column.count) {
    const run = column.vectors.borrowRun(rows.length, maxRows)
    expect(run.rows).toBeGreaterThan(0)
    expect(run.rows).toBeLessThanOrEqual(maxRows)
    const words = wordsOf(run.elements)
    for (let row = 0; row < run.rows; row++) {
      rows.push(words.slice(row * column.dimensions, (row + 1) * column.dimensions))
    }
  }
  return rows
}
