import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CHUNK_SLOTS } from '../../src/base/limits.ts'
import type { ColdRows } from '../../src/engine/cold-sources.ts'
import { OriginalsColumn } from '../../src/engine/originals-column.ts'
import { RunScratch } from '../../src/engine/run-scratch.ts'
import { Random } from '../support/random.ts'
import { bytesGiven, bytesOfComponents, componentsOf, type VectorType } from '../support/typed-vectors.ts'

const DIMENSIONS = 3
const ROW_BYTES = DIMENSIONS * 4
/** Of those three columns a row has 12 bytes too, of the last one 3. */
const TYPED: readonly [VectorType, dimensions: number, rowBytes: number][] = [
  ['float32', 3, 12],
  ['float16', 6, 12],
  ['int8', 12, 12],
  ['uint8', 12, 12],
  ['binary', 24, 3],
]

/** A chunk kept elsewhere, which says what was read of it. */
class KeptRows implements ColdRows {
  readonly reads: [row: number, rows: number][] = []
  readonly #bytes: Uint8Array
  readonly #rowBytes: number

  constructor(bytes: Uint8Array, rowBytes = ROW_BYTES) {
    this.#bytes = bytes
    this.#rowBytes = rowBytes
  }

  read(row: number, target: Uint8Array): void {
    this.reads.push([row, target.byteLength / this.#rowBytes])
    target.set(this.#bytes.subarray(row * this.#rowBytes, row * this.#rowBytes + target.byteLength))
  }
}

/** Any bits: payloads of NaN too. */
function randomRows(rows: number, seed = 1): Uint8Array {
  return new Random(seed).nextBytes(rows * ROW_BYTES)
}

/** Any bits that stand for finite numbers. */
function finiteRows(type: VectorType, length: number): Uint8Array {
  const bytes = new Random(1).nextBytes(length)
  const size = { float32: 4, float16: 2, int8: 1, uint8: 1, binary: 1 }[type]
  // Without its highest bit an exponent is not all ones.
  if (size > 1) for (let at = size - 1; at < length; at += size) bytes[at]! &= 0xbf
  return bytes
}

function chunkOf(bytes: Uint8Array, chunk: number, rowBytes = ROW_BYTES): Uint8Array {
  return bytes.subarray(chunk * CHUNK_SLOTS * rowBytes, (chunk + 1) * CHUNK_SLOTS * rowBytes)
}

function bytesOf(vector: Float32Array | Uint8Array): Uint8Array {
  return new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength)
}

describe('a column of vectors with cold chunks', () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant('append' as const), rows: fc.integer({ min: 1, max: CHUNK_SLOTS + 100 }) }),
    fc.record({ type: fc.constantFrom('cool' as const, 'free' as const), chunk: fc.nat(3) }),
    fc.record({ type: fc.constant('capture' as const) }),
  )

  test.each(TYPED)('agrees with plain bytes over random histories, captures too: %s', (type, dimensions, rowBytes) => {
    // Any bits, but no NaN and no infinity where components are looked at.
    const all = finiteRows(type, CHUNK_SLOTS * 8 * rowBytes)
    const chunkBytes = CHUNK_SLOTS * rowBytes
    fc.assert(
      fc.property(fc.array(step, { maxLength: 14 }), fc.boolean(), (steps, isScratchGiven) => {
        const column = new OriginalsColumn(dimensions, type)
        const scratch = isScratchGiven ? new RunScratch() : undefined
        const freed = new Set<number>()
        const cold = new Set<number>()
        const captures: { capture: ReturnType<OriginalsColumn['captureVectors']>; freed: Set<number> }[] = []
        for (const change of steps) {
          const full = Math.floor(column.count / CHUNK_SLOTS)
          if (change.type === 'append') {
            const end = Math.min(CHUNK_SLOTS * 5, column.count + change.rows)
            column.append(all.subarray(column.count * rowBytes, end * rowBytes))
          } else if (change.type === 'capture')
            captures.push({ capture: column.captureVectors(), freed: new Set(freed) })
          else if (change.chunk >= full || freed.has(change.chunk)) {
            if (change.type === 'cool')
              expect(() => column.makeCold(change.chunk, new KeptRows(all, rowBytes))).toThrow(RangeError)
          } else if (change.type === 'cool') {
            column.makeCold(change.chunk, new KeptRows(chunkOf(all, change.chunk, rowBytes), rowBytes))
            cold.add(change.chunk)
          } else {
            column.free(change.chunk * CHUNK_SLOTS, (change.chunk + 1) * CHUNK_SLOTS)
            freed.add(change.chunk)
            cold.delete(change.chunk)
          }
        }
        const copied = new Float32Array(dimensions + 2)
        expectRows(column.count, freed, (slot) => {
          column.copyComponents(slot, copied, 1)
          expect([copied[0], copied[dimensions + 1]]).toEqual([0, 0])
          expect(copied.subarray(1, dimensions + 1)).toEqual(column.copyVector(slot))
          expect(column.vectors.borrowRun(slot, 1, scratch)).toEqual({ rows: 1, elements: column.copyVector(slot) })
          expect([...column.copyVector(slot)]).toEqual(componentsOf(type, column.vectors.borrowBytes(slot, 1).bytes))
          expect(bytesGiven(type, column.copyOriginal(slot))).toEqual(column.vectors.borrowBytes(slot, 1).bytes)
          return column.vectors.borrowBytes(slot, 1, scratch).bytes
        })
        for (const { capture, freed: then } of captures) {
          expectRows(capture.rows, then, (slot) => capture.vectors.borrowBytes(slot, 1).bytes)
          expectRows(capture.rows, then, (slot) => {
            capture.vectors.copyInto(slot, copied, 1)
            return bytesOfComponents(type, [...copied.subarray(1, dimensions + 1)])
          })
        }
        const warm = Math.ceil(column.count / CHUNK_SLOTS) - freed.size - cold.size
        expect(column.memoryBytes()).toBeLessThanOrEqual(warm * chunkBytes)
        if (column.count >= CHUNK_SLOTS) expect(column.memoryBytes()).toBeGreaterThan((warm - 1) * chunkBytes)
      }),
      { numRuns: 40 },
    )

    function expectRows(count: number, freed: ReadonlySet<number>, read: (slot: number) => Uint8Array): void {
      for (let slot = 0; slot < count; slot += 1 + (slot % 977)) {
        if (freed.has(Math.floor(slot / CHUNK_SLOTS))) expect(() => read(slot)).toThrow('was freed by a compaction')
        else expect(read(slot)).toEqual(all.subarray(slot * rowBytes, (slot + 1) * rowBytes))
      }
    }
  })

  test('reads a row alone, and a run up to the end of its block', () => {
    const wide = 100
    const bytes = new Random(3).nextBytes(CHUNK_SLOTS * wide * 4)
    const column = new OriginalsColumn(wide)
    const source = new KeptRows(bytes, wide * 4)
    column.extendCold(source)
    column.append(bytes.subarray(0, wide * 4 * 3))
    expect([column.count, column.coldChunk(0), column.coldChunk(1)]).toEqual([CHUNK_SLOTS + 3, source, undefined])
    expect(bytesOf(column.copyVector(77))).toEqual(bytes.subarray(77 * 400, 78 * 400))
    const { rows, elements } = column.borrowRun(column.rowsPerBlock - 5, 1000)
    expect([rows, elements.length, elements.buffer.byteLength]).toEqual([5, 5 * wide, 5 * wide * 4])
    column.borrowRun(CHUNK_SLOTS - 1, 10)
    expect(source.reads).toEqual([
      [77, 1],
      [column.rowsPerBlock - 5, 5],
      [CHUNK_SLOTS - 1, 1],
    ])
    expect(bytesOf(column.borrowRun(CHUNK_SLOTS, 10).elements)).toEqual(bytes.subarray(0, 1200))
    expect(source.reads.length).toBe(3)
  })

  test('lets what cannot be read be known, and keeps it out of nothing else', () => {
    const bytes = randomRows(CHUNK_SLOTS * 2)
    const column = new OriginalsColumn(DIMENSIONS)
    column.append(bytes)
    const run = column.borrowRun(5, 2)
    const capture = column.capture()
    column.makeCold(0, {
      read: () => {
        throw new Error('damaged')
      },
    })
    for (const read of [
      () => column.copyVector(5),
      () => column.copyRow(5, new Float32Array(DIMENSIONS), 0),
      () => column.borrowRun(5, 2),
      () => column.capture().borrowRun(5, 2),
    ]) {
      expect(read).toThrow('damaged')
    }
    expect(bytesOf(run.elements)).toEqual(bytes.subarray(5 * ROW_BYTES, 7 * ROW_BYTES))
    expect(bytesOf(capture.borrowRun(5, 2).elements)).toEqual(bytes.subarray(5 * ROW_BYTES, 7 * ROW_BYTES))
    expect(bytesOf(column.copyVector(CHUNK_SLOTS))).toEqual(chunkOf(bytes, 1).subarray(0, ROW_BYTES))
  })

  test('comes back block by block, and is cold until all of it is there', () => {
    const wide = 100
    const bytes = new Random(3).nextBytes(CHUNK_SLOTS * wide * 4)
    const column = new OriginalsColumn(wide)
    const source = new KeptRows(bytes, wide * 4)
    column.extendCold(source)
    const { rowsPerBlock } = column
    const rowOf = (slot: number) => [...bytesOf(column.copyVector(slot))]
    const bytesOfRow = (slot: number) => [...bytes.subarray(slot * wide * 4, (slot + 1) * wide * 4)]
    expect(column.warm(0).next().done).toBe(false)
    expect([column.coldChunk(0), column.memoryBytes()]).toEqual([source, rowsPerBlock * wide * 4])
    for (const slot of [3, rowsPerBlock, CHUNK_SLOTS - 1]) expect(rowOf(slot)).toEqual(bytesOfRow(slot))
    expect(source.reads.slice(1)).toEqual([
      [rowsPerBlock, 1],
      [CHUNK_SLOTS - 1, 1],
    ])
    column.makeCold(0, source)
    expect(column.memoryBytes()).toBe(0)
    expect([...column.warm(0)].length).toBe(CHUNK_SLOTS / rowsPerBlock - 1)
    expect([column.coldChunk(0), column.memoryBytes()]).toEqual([undefined, bytes.byteLength])
    for (const slot of [3, rowsPerBlock, CHUNK_SLOTS - 1]) expect(rowOf(slot)).toEqual(bytesOfRow(slot))
  })

  test('takes cold chunks behind full ones only', () => {
    const column = new OriginalsColumn(DIMENSIONS)
    column.append(randomRows(5))
    expect(() => column.extendCold(new KeptRows(randomRows(5)))).toThrow('the last chunk of 5 rows is not full')
    expect(() => column.makeCold(0, new KeptRows(randomRows(5)))).toThrow(RangeError)
    expect(() => column.makeCold(-1, new KeptRows(randomRows(5)))).toThrow(RangeError)
  })
})
