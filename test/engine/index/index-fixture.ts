import { expect } from 'vitest'
import { MAX_K } from '../../../src/base/limits.ts'
import type { CollectionState, CollectionView } from '../../../src/engine/collection-state.ts'
import { digestIndexes } from '../../../src/engine/digest.ts'
import type { EventOutcome, LoggedPlan } from '../../../src/engine/events.ts'
import type { BuiltGraph } from '../../../src/engine/index/built-graph.ts'
import { type DiskANNIndex, INDEX_VERSION, type IndexHost } from '../../../src/engine/index/disk-ann-index.ts'
import { type IndexHits, type IndexQuery, searchIndex } from '../../../src/engine/index/index-search.ts'
import type { SearchTools } from '../../../src/engine/index/search-pass.ts'
import { SlotScorer } from '../../../src/engine/index/slot-scorer.ts'
import { ReferenceKernel } from '../../../src/engine/kernel/reference-kernel.ts'
import { createSelection } from '../../../src/engine/kernel/scan-kernel.ts'
import { loadWasmKernel } from '../../../src/engine/kernel/wasm-kernel.ts'
import type { Metric } from '../../../src/engine/metric.ts'
import { normOf } from '../../../src/engine/vector-math.ts'
import { MainThreadHost } from '../../../src/engine/workers/main-thread-host.ts'
import type { PhaseHost } from '../../../src/engine/workers/phase-host.ts'
import { bitsOf, checksum, EngineFixture, noYield } from '../engine-fixture.ts'

export const kernel = await loadWasmKernel()
const reference = new ReferenceKernel()

/** Lists that hold all there is in a small collection, so that a walk finds everything. */
export const LONG_LIST = 400
export const PLAN: LoggedPlan = { walkCodes: 'wide', scale: 1 }

/** Lets everything happen that can happen by itself. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export const toolsOf = (tools: Partial<SearchTools> = {}): SearchTools => ({
  kernel,
  scorer: new SlotScorer(kernel),
  yieldToEventLoop: noYield,
  ...tools,
})

/** Lets work on the main thread go on for as many slices as it is allowed. */
export class Gate {
  #permits: number
  #waiting: (() => void)[] = []
  /** Slices so far. */
  passed = 0

  constructor(permits = 0) {
    this.#permits = permits
  }

  readonly pass = async (): Promise<void> => {
    while (this.#permits === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#permits -= 1
    this.passed += 1
  }

  /** Allows so many slices more, and resolves when they are done or there is nothing to do. */
  async allow(permits: number): Promise<void> {
    this.#permits += permits
    for (const resolve of this.#waiting.splice(0)) resolve()
    await turn()
  }
}

export interface HostFixture extends IndexHost {
  readonly controller: AbortController
  /** What tasks ended with, `undefined` where they succeeded. */
  readonly ends: unknown[]
}

/** A host on the main thread. */
export function hostOf(
  options: { yieldToEventLoop?: () => Promise<void>; phases?: PhaseHost; onTaskEnd?: (error?: unknown) => void } = {},
): HostFixture {
  const { yieldToEventLoop = noYield, phases = new MainThreadHost({ yieldToEventLoop }), onTaskEnd } = options
  const controller = new AbortController()
  const ends: unknown[] = []
  const end = (error?: unknown) => {
    ends.push(error)
    onTaskEnd?.(error)
  }
  return { controller, ends, phases, signal: controller.signal, onTaskEnd: end }
}

/** One collection and its index. */
export class IndexFixture extends EngineFixture {
  readonly collection: CollectionState

  constructor(dimensions = 2, metric: Metric = 'euclidean') {
    super()
    this.collection = this.create('c', dimensions, metric)
  }

  get index(): DiskANNIndex {
    return this.collection.index
  }

  get built(): BuiltGraph {
    return this.index.served.built!
  }

  /** Adds rows under ids that count on from `first`. */
  addRows(rows: readonly (readonly number[])[], first = 0): void {
    this.add(this.collection, Object.fromEntries(rows.map((row, index) => [`e${first + index}`, row])))
  }

  bulk(throughSlot = this.collection.slotCount, plan = PLAN): EventOutcome {
    const collection = this.collection.creationLsn
    return this.apply({ type: 'flush', method: 'bulk', collection, throughSlot, indexVersion: INDEX_VERSION, ...plan })
  }

  rebuild(throughSlot = this.collection.slotCount, plan = PLAN): EventOutcome {
    const collection = this.collection.creationLsn
    return this.apply({ type: 'rebuild', collection, throughSlot, indexVersion: INDEX_VERSION, ...plan })
  }

  insert(throughSlot = this.collection.slotCount): EventOutcome {
    const collection = this.collection.creationLsn
    return this.apply({ type: 'flush', method: 'insert', collection, throughSlot, indexVersion: INDEX_VERSION })
  }

  /** A flush by the rules of a release that is newer. */
  forget(throughSlot = this.collection.slotCount): EventOutcome {
    const [collection, indexVersion] = [this.collection.creationLsn, INDEX_VERSION + 1]
    return this.apply({ type: 'flush', method: 'bulk', collection, throughSlot, indexVersion, ...PLAN })
  }

  consolidate(): EventOutcome {
    return this.apply({ type: 'consolidate', collection: this.collection.creationLsn })
  }

  compact(chunk: number): EventOutcome {
    return this.apply({ type: 'compact', collection: this.collection.creationLsn, chunk })
  }

  start(host = hostOf()): HostFixture {
    this.index.start(host)
    return host
  }

  search(query: Partial<IndexQuery> & Pick<IndexQuery, 'vector'>, tools?: Partial<SearchTools>): Promise<IndexHits> {
    return searchIndex(toolsOf(tools), this.collection, { k: 10, listSize: LONG_LIST, ...query })
  }

  indexDigest(yieldToEventLoop = noYield): Promise<bigint> {
    return digestIndexes(this.state, checksum, yieldToEventLoop)
  }
}

/** Slots and distances of the nearest, by comparing one after another. */
export function nearestOf(
  view: CollectionView,
  vector: Float32Array,
  k: number,
  isCandidate: (slot: number) => boolean = () => true,
): [slot: number, distance: number][] {
  const scored = [...view.liveSlots()].filter(isCandidate).map((slot): [number, number] => {
    const { metric, distanceMetric } = view
    const best = createSelection(1)
    const run = { ...view.borrowRun(slot, 1), firstSlot: 0, dead: new Uint8Array(0) }
    reference.scan({ metric, vector, norm: normOf(vector) }, run, best)
    return [slot, distanceMetric === 'euclidean' ? Math.sqrt(best.scores[0]!) : best.scores[0]!]
  })
  return scored
    .sort(([slot, score], [otherSlot, other]) => score - other || slot - otherSlot)
    .slice(0, Math.min(k, MAX_K))
}

export function pairsOf({ slots, scores }: Pick<IndexHits, 'slots' | 'scores'>): [number, number][] {
  return Array.from(slots, (slot, index) => [slot, scores[index]!])
}

/** That an index between two tasks is what the tombstones and vectors of its collection demand. */
export function expectSound(view: CollectionView): void {
  const { built, builtThrough, placed } = view.index.served
  if (built === undefined) expect([builtThrough, placed.size]).toEqual([0, 0])
  else expect(problemsOf(view, built)).toEqual([])
}

function problemsOf(view: CollectionView, { graph, slots, live }: BuiltGraph): string[] {
  const { builtThrough, placed } = view.index.served
  const problems = graph.checkInvariants()
  const vectors = new Set<string>()
  let [used, dead, readable] = [0, 0, 0]
  for (let node = 0; node < graph.nodeCount; node++) {
    const own = slots.borrowSlots(node)
    if (own.length === 0) continue
    used += 1
    const isAlive = own.some((slot) => !view.isDead(slot))
    if (!isAlive) dead += 1
    if (live.has(node) !== isAlive) problems.push(`node ${node} has the slots ${own} and counts as ${live.has(node)}`)
    if (own.some((slot, place) => place > 0 && own[place - 1]! >= slot)) problems.push(`slots do not rise: ${own}`)
    if (own.some((slot) => slots.nodeOf(slot) !== node)) problems.push(`a slot of ${own} has not the node ${node}`)
    const bits = new Set(own.filter((slot) => !view.isFreed(slot)).map((slot) => `${bitsOf(view.copyVector(slot))}`))
    if (bits.size > 1) problems.push(`slots of different vectors share a node: ${own}`)
    if (bits.size > 0) readable += 1
    for (const text of bits) vectors.add(text)
  }
  if (graph.unreachable !== 0) problems.push(`${graph.unreachable} nodes are unreachable`)
  if (used !== graph.linkedCount) problems.push(`${used} nodes have slots, ${graph.linkedCount} are linked`)
  if (dead !== live.deadCount) problems.push(`${dead} nodes are dead, ${live.deadCount} are counted`)
  if (readable !== vectors.size) problems.push(`${readable} nodes for ${vectors.size} vectors`)
  for (const slot of view.liveSlots()) {
    const isServed = slot < builtThrough || placed.has(slot)
    if (isServed && slots.nodeOf(slot) === undefined) problems.push(`slot ${slot} has no node`)
  }
  return problems
}
