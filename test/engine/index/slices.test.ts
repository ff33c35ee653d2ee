import { describe, expect, test, vi } from 'vitest'
import type { CollectionState } from '../../../src/engine/collection-state.ts'
import { digestState } from '../../../src/engine/digest.ts'
import { PAUSE } from '../../../src/engine/graph/job.ts'
import { VamanaGraph } from '../../../src/engine/graph/vamana-graph.ts'
import { BuiltGraph } from '../../../src/engine/index/built-graph.ts'
import { consolidateWork, moveWork } from '../../../src/engine/index/index-work.ts'
import { Pace } from '../../../src/engine/index/pace.ts'
import { placeSlots } from '../../../src/engine/index/placing.ts'
import { VectorLookup } from '../../../src/engine/index/vector-lookup.ts'
import { captureState } from '../../../src/engine/state-capture.ts'
import { checksum, EngineFixture } from '../engine-fixture.ts'

const SLOTS = 20_000
const NO_DEAD = new Uint8Array(SLOTS / 8)

/** A collection of different vectors. */
function filled(fixture: EngineFixture, dimensions: number): CollectionState {
  const collection = fixture.create('rows', dimensions)
  const vectors = Float32Array.from({ length: SLOTS * dimensions }, (_, index) => index + 1)
  const ids = Array.from({ length: SLOTS }, (_, row) => `e${row}`)
  fixture.apply({ type: 'add', collection: collection.creationLsn, ids, vectors: new Uint8Array(vectors.buffer) })
  return collection
}

async function emptyGraph(dimensions: number): Promise<BuiltGraph> {
  const graph = await VamanaGraph.create({ dimensions, metric: 'euclidean', seed: 1 })
  return new BuiltGraph(graph, () => false)
}

/** The most that `count` rises by between two pauses of some work. */
function mostBetween(work: Iterator<unknown>, count: () => number): number {
  let most = 0
  for (let before = count(), step = work.next(); ; step = work.next()) {
    most = Math.max(most, count() - before)
    before = count()
    if (step.done) return most
    expect([undefined, PAUSE]).toContain(step.value)
  }
}

async function placed(dimensions: number) {
  const collection = filled(new EngineFixture(), dimensions)
  const built = await emptyGraph(dimensions)
  const range = { fromSlot: 0, throughSlot: SLOTS, dead: NO_DEAD, placed: new Set<number>() }
  return { collection, built, job: placeSlots(built, collection.captureVectors(), range) }
}

describe('a slice', () => {
  test.each([
    [4, 2048],
    [100, 750],
    [1000, 75],
  ])('of placing slots of %i dimensions has %i of them', async (dimensions, most) => {
    const { built, job } = await placed(dimensions)
    expect(mostBetween(job, () => built.graph.nodeCount)).toBe(most)
    expect(built.graph.nodeCount).toBe(SLOTS)
  })

  test('of making room in the table has 8,192 places, and then there is room', () => {
    const lookup = new VectorLookup()
    for (let node = 0; node < 30_000; node++) lookup.add(node, Math.imul(node, 0x9e3779b1) >>> 0)
    let slices = 1
    for (const _ of lookup.makeRoom(100_000)) slices += 1
    expect(slices).toBe(2 ** 16 / 8192 + 1)
    for (let node = 30_000; node < 130_000; node++) lookup.add(node, Math.imul(node, 0x9e3779b1) >>> 0)
    for (const node of [0, 29_999, 30_000, 129_999]) {
      expect(lookup.find(Math.imul(node, 0x9e3779b1) >>> 0, (found) => found === node)).toBe(node)
    }
    expect([...lookup.makeRoom(1000)]).toEqual([])
  })

  test('of looking for dead nodes has 4,096 of them', async () => {
    const { collection, built, job } = await placed(4)
    for (const _ of job);
    const vectors = collection.captureVectors()
    const firstSlot = vi.spyOn(built.slots, 'firstSlot')
    const work = consolidateWork(built, { kind: 'consolidate', dead: NO_DEAD, vectors })
    const looked = () => firstSlot.mock.calls.length
    let most = 0
    for (let before = 0; before < SLOTS; before = looked()) {
      expect(work.next().done).toBe(false)
      most = Math.max(most, looked() - before)
    }
    expect(most).toBeLessThanOrEqual(4096)
  })

  test('of moving entries has 512 of them', async () => {
    const { built, job } = await placed(4)
    for (const _ of job);
    const replaced = vi.spyOn(built, 'replaceSlots')
    const moves = Uint32Array.from({ length: 6000 }, (_, index) => (index % 2 === 0 ? 0 : SLOTS) + (index >> 1))
    expect(mostBetween(moveWork(built, moves), () => replaced.mock.calls.length)).toBe(512)
    expect(replaced).toHaveBeenCalledTimes(3000)
  })

  test('of a digest has 2,048 ids or documents, or a mebibyte', async () => {
    const fixture = new EngineFixture()
    const collection = filled(fixture, 64)
    const capture = captureState(fixture.state)
    const [contents] = capture.collections
    const ids = vi.spyOn(contents!, 'borrowId')
    const rows = vi.spyOn(contents!, 'borrowRows')
    let [idsBefore, rowsBefore, mostIds, mostRows] = [0, 0, 0, 0]
    await digestState(capture, checksum, async () => {
      mostIds = Math.max(mostIds, ids.mock.calls.length - idsBefore)
      mostRows = Math.max(mostRows, rows.mock.calls.length - rowsBefore)
      idsBefore = ids.mock.calls.length
      rowsBefore = rows.mock.calls.length
    })
    expect([mostIds, ids.mock.calls.length]).toEqual([2048, SLOTS])
    // Each gives a mebibyte at most, and the first what the piece before has left.
    expect(mostRows).toBeLessThanOrEqual(2)
    for (const { value } of rows.mock.results) expect(value.bytes.byteLength).toBeLessThanOrEqual(2 ** 20)
    expect(collection.slotCount).toBe(SLOTS)
  })

  test('at a pace has a million steps at most, and the first far fewer', () => {
    const pace = new Pace()
    const sizes: number[] = []
    let steps = 0
    while (sizes.length < 60) {
      steps += 1000
      if (!pace.isSliceFull(1000)) continue
      sizes.push(steps)
      steps = 0
    }
    expect(sizes[0]).toBe(50_000)
    expect(Math.max(...sizes)).toBe(1_000_000)
    expect(sizes).toEqual(sizes.toSorted((a, b) => a - b))
  })
})
