import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { CHUNK_SLOTS } from '../../../src/base/limits.ts'
import type { CollectionState } from '../../../src/engine/collection-state.ts'
import { compactChunk, isCompactable } from '../../../src/engine/compaction.ts'
import { searchIndex } from '../../../src/engine/index/index-search.ts'
import type { SearchTools } from '../../../src/engine/index/search-pass.ts'
import { SlotScorer } from '../../../src/engine/index/slot-scorer.ts'
import { ReferenceKernel } from '../../../src/engine/kernel/reference-kernel.ts'
import type { ScanKernel } from '../../../src/engine/kernel/scan-kernel.ts'
import { loadWasmKernel } from '../../../src/engine/kernel/wasm-kernel.ts'
import { EngineFixture, noYield } from '../engine-fixture.ts'

vi.mock('../../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 16,
}))

const kernels = [new ReferenceKernel(), await loadWasmKernel()]
const ROW_BYTES = 4

describe('searchIndex comparing all, beside compactions', () => {
  test('passes over chunks that are freed', async () => {
    for (const kernel of kernels) {
      const { line } = lineOf(50, (at) => at % 16 < 3)
      compactChunk(line, 0)
      compactChunk(line, 2)
      const hits = await scan(kernel, line, { vector: Float32Array.of(0), k: 99 })
      expect([...hits.scores]).toEqual([0, 1, 2, 16, 17, 18, 32, 33, 34, 48, 49])
      expect(hits.visited).toBe(11)
      expect([...hits.slots]).toEqual([50, 51, 52, 16, 17, 18, 53, 54, 55, 48, 49])
    }
  })

  test('takes no turns for freed chunks', async () => {
    const { store, line } = lineOf(160, (at) => at === 15 || at === 159)
    for (let chunk = 1; chunk < 9; chunk++) compactChunk(line, chunk)
    store.add(line, { more: [1] })
    let yields = 0
    const yieldToEventLoop = async () => {
      yields += 1
    }
    const options = { yieldToEventLoop, sliceBytes: 8 * ROW_BYTES }
    const hits = await scan(kernels[0]!, line, { vector: Float32Array.of(0), k: 2 }, options)
    expect([...hits.scores, yields]).toEqual([1, 15, 4])
  })

  test('finds entries where they have moved to', async () => {
    const { line } = lineOf(40, (at) => at < 7 || at > 31)
    // Before the second slice: the first chunk has been scanned, and its entries are the nearest.
    const yieldToEventLoop = once(() => compactChunk(line, 0))
    const hits = await scan(kernels[0]!, line, { vector: Float32Array.of(20), k: 99 }, { yieldToEventLoop })
    expect([...hits.scores]).toEqual([12, 13, 14, 14, 15, 15, 16, 16, 17, 17, 18, 18, 19, 19, 20])
    expect([...hits.slots].every((slot) => !line.isDead(slot))).toBe(true)
    expect([...hits.slots].filter((slot) => slot >= 40)).toEqual([46, 45, 44, 43, 42, 41, 40])
  })

  test('finds entries of a chunk that is freed before it is come to', async () => {
    const { line } = lineOf(40, (at) => at < 4 || (at >= 16 && at < 20))
    const yieldToEventLoop = once(() => compactChunk(line, 1))
    const options = { yieldToEventLoop, sliceBytes: 10 * ROW_BYTES }
    const hits = await scan(kernels[0]!, line, { vector: Float32Array.of(30), k: 4 }, options)
    expect([...hits.slots].map((slot) => line.idAt(slot))).toEqual(['e19', 'e18', 'e17', 'e16'])
    // A pass that met four of them before the others were gone, and one of all eight.
    expect(hits.visited).toBe(4 + 8)
  })

  test('a compaction in each pass does not use up the repeats', async () => {
    const { line } = lineOf(16 * 12, (at) => at % 16 < 7)
    let chunk = 0
    let yields = 0
    const yieldToEventLoop = async () => {
      yields += 1
      if (yields % 10 === 0 && chunk < 10) compactChunk(line, chunk++)
    }
    const hits = await scan(kernels[0]!, line, { vector: Float32Array.of(0), k: 80 }, { yieldToEventLoop })
    expect(chunk).toBeGreaterThan(4)
    expect([...hits.slots].map((slot) => line.idAt(slot))).toEqual(nearestIds(line, 0, 80))
  })

  test('the excluded entry stays excluded where it moves to', async () => {
    const { line } = lineOf(40, (at) => at < 4 || (at >= 16 && at < 20))
    const yieldToEventLoop = once(() => compactChunk(line, 1))
    const query = { vector: Float32Array.of(17), k: 3, excludeSlot: 17 }
    const hits = await scan(kernels[0]!, line, query, { yieldToEventLoop, sliceBytes: 10 * ROW_BYTES })
    expect([...hits.slots].map((slot) => line.idAt(slot))).toEqual(['e16', 'e18', 'e19'])
  })

  test('under writes and compactions between slices, gives all that lived throughout, where they are now', async () => {
    const write = fc.record({ type: fc.constantFrom('add', 'delete', 'compact', 'compact'), index: fc.nat(60) })
    const scenario = fc.record({
      living: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 64, maxLength: 64, size: 'max' }),
      writes: fc.array(write, { maxLength: 20, size: 'max' }),
      query: fc.nat(64),
      k: fc.integer({ min: 1, max: 70 }),
      rowsPerSlice: fc.integer({ min: 3, max: 20 }),
    })
    let moves = 0
    await fc.assert(
      fc.asyncProperty(scenario, async ({ living, writes, query, k, rowsPerSlice }) => {
        const { store, line } = lineOf(64, (at) => living[at] === 1)
        const before = [...line.liveSlots()].map((slot) => line.idAt(slot))
        const touched = new Set<string>()
        // Deletions and replacements stay within the three repeats.
        let yields = 0
        const yieldToEventLoop = async () => {
          const next = yields++ < 6 ? writes.shift() : undefined
          if (next === undefined) return
          const id = `e${next.index}`
          if (next.type !== 'compact') touched.add(id)
          if (next.type === 'add') store.add(line, { [id]: [next.index + 0.5] })
          else if (next.type === 'delete') store.delete(line, id)
          else moves += compactAny(line, next.index)
        }
        const options = { yieldToEventLoop, sliceBytes: rowsPerSlice * ROW_BYTES }
        const hits = await scan(kernels[0]!, line, { vector: Float32Array.of(query), k }, options)
        const found = [...hits.slots].map((slot) => line.idAt(slot))
        expect([...hits.slots].filter((slot) => line.isDead(slot))).toEqual([])
        expect(new Set(found).size).toBe(found.length)
        const throughout = before.filter((id) => !touched.has(id))
        const expected = nearestIds(line, query, k, new Set([...throughout, ...found]))
        expect(found.map((id) => distance(line, query, id))).toEqual(expected.map((id) => distance(line, query, id)))
      }),
      { numRuns: 300 },
    )
    expect(moves).toBeGreaterThan(100)
  })
})

/** Entries e0, e1, … at 0, 1, … on a line, of which only some live. */
function lineOf(count: number, lives: (at: number) => boolean): { store: EngineFixture; line: CollectionState } {
  const store = new EngineFixture()
  const line = store.create('line', 1)
  const all = Array.from({ length: count }, (_, at) => at)
  store.add(line, Object.fromEntries(all.map((at) => [`e${at}`, [at]])))
  store.delete(line, ...all.filter((at) => !lives(at)).map((at) => `e${at}`))
  return { store, line }
}

function once(act: () => void): () => Promise<void> {
  let isDone = false
  return async () => {
    if (!isDone) act()
    isDone = true
  }
}

/** Compacts a chunk that fits, if there is one, and says how many. */
function compactAny(line: CollectionState, choice: number): number {
  const chunks = Array.from({ length: Math.floor(line.slotCount / CHUNK_SLOTS) }, (_, chunk) => chunk)
  const fitting = chunks.filter((chunk) => isCompactable(line, chunk))
  if (fitting.length === 0) return 0
  compactChunk(line, fitting[choice % fitting.length]!)
  return 1
}

function distance(line: CollectionState, query: number, id: string): number {
  return Math.abs(line.copyVector(line.slotOf(id)!)[0]! - query)
}

/** Ids of the nearest live entries, by slot where they are equally far. */
function nearestIds(line: CollectionState, query: number, k: number, among?: ReadonlySet<string>): string[] {
  return [...line.liveSlots()]
    .map((slot) => line.idAt(slot))
    .filter((id) => among === undefined || among.has(id))
    .sort((left, right) => distance(line, query, left) - distance(line, query, right))
    .slice(0, k)
}

/** Where the entry in `excludeSlot` goes, it is no hit. */
interface Query {
  readonly vector: Float32Array
  readonly k: number
  readonly excludeSlot?: number
}

function scan(
  kernel: ScanKernel,
  collection: CollectionState,
  { vector, k, excludeSlot }: Query,
  options: Partial<SearchTools> = {},
) {
  const tools = {
    kernel,
    scorer: new SlotScorer(kernel),
    yieldToEventLoop: noYield,
    sliceBytes: 16 * ROW_BYTES,
    ...options,
  }
  const isExcluded = excludeSlot !== undefined && !collection.isDead(excludeSlot)
  const excluded = isExcluded ? { excludedId: collection.idAt(excludeSlot) } : {}
  return searchIndex(tools, collection, { vector, k, listSize: 1, exact: true, ...excluded })
}
