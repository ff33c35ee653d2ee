import { type Abortable, throwIfAborted } from '../../base/abort.ts'
import { MAX_K } from '../../base/limits.ts'
import { countBits, hasBit, setBit } from '../bitmap.ts'
import type { CollectionView } from '../collection-state.ts'
import type { GraphHits } from '../graph/graph-search.ts'
import { createSelection, type ScanKernel, type ScanQuery, type Selection } from '../kernel/scan-kernel.ts'
import { offer } from '../kernel/selection.ts'
import type { BuiltGraph } from './built-graph.ts'
import { codeScores } from './code-scores.ts'
import { walkGraph } from './graph-walk.ts'
import type { ServedGraph } from './index-task-runner.ts'
import { listSizeOf, rescoredCount } from './list-sizes.ts'
import { isScanQuicker } from './scan-or-walk.ts'
import { countUnset, slotsOfBits } from './slot-bits.ts'
import { type SlotRange, scanSlots } from './slot-scan.ts'
import type { SlotScorer } from './slot-scorer.ts'

export interface SearchTools {
  readonly kernel: ScanKernel
  readonly scorer: SlotScorer
  readonly yieldToEventLoop: () => Promise<void>
  readonly signal?: Abortable | undefined
  /** Bytes of vectors that are compared between two yields; one row at least. */
  readonly sliceBytes?: number
}

export interface Walked {
  /** What was served when the walk began. */
  readonly served: ServedGraph
  readonly hits: GraphHits
}

export interface PassQuery extends ScanQuery {
  readonly k: number
  readonly listSize: number
  readonly exact: boolean
  /** Whether what a walk finds is compared on originals. */
  readonly rescore: boolean
  /** Bit `slot & 7` of byte `slot >> 3`: only these slots may be hits. Slots beyond its end may not. */
  readonly allowed: Uint8Array | undefined
  /** A slot that is no hit. */
  readonly excludedSlot: number | undefined
  /** Whether the walk passes over the node of that slot, if it has one of its own. */
  readonly leaveOut: boolean
  /** What a walk has found already, with the list of {@link listSizeOf}; of no use once more of the slots are served. */
  readonly walked: Walked | undefined
}

/** How often a list is doubled that did not hold enough hits. */
const MOST_DOUBLINGS = 4
/** Where fewer than so many of all slots may be hits, they are compared one by one. */
const GATHERED_SHARE = 1 / 8
const GATHERED_A_SLICE = 2048
const NO_SLOTS: ReadonlySet<number> = new Set()
const NO_BITS = new Uint8Array(0)

/** One look at what there is when it starts, by the way that is quickest. */
export class SearchPass {
  /** The best so far. */
  readonly selection: Selection
  /** Distances that were computed, on codes or on originals. */
  visited = 0
  /** Whether everything that may be a hit was compared. */
  isExact = true
  readonly #tools: SearchTools
  readonly #view: CollectionView
  readonly #query: PassQuery
  /** The allowed slots that are alive, where only some are allowed. */
  readonly #allowed: Uint8Array | undefined
  readonly #candidateCount: number

  constructor(tools: SearchTools, view: CollectionView, query: PassQuery) {
    this.#tools = tools
    this.#view = view
    this.#query = query
    this.#allowed = query.allowed && liveBits(view, query.allowed)
    this.#candidateCount = this.countCandidates()
    this.selection = createSelection(Math.max(1, Math.min(query.k, this.#candidateCount, MAX_K)))
  }

  /** Entries that may be hits as things stand. */
  countCandidates(): number {
    const { excludedSlot, allowed } = this.#query
    const isExcluded = excludedSlot !== undefined && !this.#view.isDead(excludedSlot)
    if (allowed === undefined) return this.#view.liveCount - (isExcluded ? 1 : 0)
    const count = countBits(liveBits(this.#view, allowed))
    return count - (isExcluded && hasBit(allowed, excludedSlot) ? 1 : 0)
  }

  /** Runs the pass; yields what is to be awaited. */
  *run(): Generator<Promise<void>, void, void> {
    if (this.#candidateCount === 0) return
    const { served } = this.#view.index
    if (served.built === undefined || isScanQuicker(this.#view, this.#query, this.#candidateCount))
      yield* this.#compareAll()
    else yield* this.#walk(served, served.built)
  }

  *#compareAll(): Generator<Promise<void>, void, void> {
    const allowed = this.#allowed
    const isGathered = allowed !== undefined && this.#candidateCount < this.#view.slotCount * GATHERED_SHARE
    yield* isGathered ? this.#gather(allowed) : this.#scan(this.#range(0, NO_SLOTS))
  }

  *#gather(allowed: Uint8Array): Generator<Promise<void>, void, void> {
    const slots = slotsOfBits(allowed)
    for (let first = 0; first < slots.length; first += GATHERED_A_SLICE) {
      if (first > 0) {
        yield this.#tools.yieldToEventLoop()
        throwIfAborted(this.#tools.signal, 'search')
      }
      const some = slots.slice(first, first + GATHERED_A_SLICE).filter((slot) => this.#isCandidate(slot))
      this.#tools.scorer.offer(this.#view, this.#query, some, this.selection)
      this.visited += some.length
    }
  }

  *#scan(range: SlotRange): Generator<Promise<void>, void, void> {
    this.visited += yield* scanSlots(this.#tools, this.#view, this.#query, range, this.selection)
  }

  /** The slots from one on, but for those of a set and those that may not be hits. */
  #range(fromSlot: number, passedOver: ReadonlySet<number>): SlotRange {
    const throughSlot = this.#view.slotCount
    if (fromSlot >= throughSlot) return { fromSlot, throughSlot, dead: NO_BITS }
    const isAnyPassedOver = passedOver.size > 0 || this.#candidateCount < throughSlot
    const dead = isAnyPassedOver ? this.#copyExcluded() : NO_BITS
    for (const slot of passedOver) setBit(dead, slot)
    return { fromSlot, throughSlot, dead }
  }

  /**
   * The graph, then the buffer: what the graph knows is so near that little of the buffer is worth a closer look. What the
   * walk finds is compared in one turn of the event loop.
   */
  *#walk(served: ServedGraph, built: BuiltGraph): Generator<Promise<void>, void, void> {
    const { vector, k, walked } = this.#query
    const buffer = this.#range(served.builtThrough, served.placed)
    const ofBuffer = countUnset(buffer.dead, buffer.fromSlot, buffer.throughSlot)
    const allowed = allowedNodes(built, this.#allowed)
    const passedOver = this.#nodePassedOver(built)
    let listSize = listSizeOf(this.#query, built)
    for (let doublings = 0; ; doublings++) {
      const options = { listSize, ...(allowed && { allowed }), ...(passedOver !== undefined && { passedOver }) }
      const isWalked = doublings === 0 && walked?.served === served
      const hits = isWalked ? walked.hits : yield* walkGraph(built, vector, options, this.#tools)
      if (this.#view.dropped) return
      this.visited += hits.visited
      const places: number[] = []
      const slots = this.#slotsOf(hits, built, served, rescoredCount(k, listSize, built), places)
      if (slots.length + ofBuffer >= this.selection.k || doublings === MOST_DOUBLINGS) {
        if (this.#query.rescore)
          this.#tools.scorer.offer(this.#view, this.#query, new Uint32Array(slots).sort(), this.selection)
        else this.#offerByCode(built, hits, slots, places)
        break
      }
      listSize *= 2
    }
    yield* this.#scan(buffer)
    if (this.selection.count < Math.min(this.selection.k, this.countCandidates())) yield* this.#startOver()
    else this.isExact = false
  }

  /** The walk has not found enough, as where nearly everything near the query is dead. */
  *#startOver(): Generator<Promise<void>, void, void> {
    this.selection.count = 0
    yield* this.#compareAll()
  }

  #nodePassedOver({ slots }: BuiltGraph): number | undefined {
    const { leaveOut, excludedSlot } = this.#query
    if (!leaveOut || excludedSlot === undefined) return undefined
    const node = slots.nodeOf(excludedSlot)
    return node === undefined || slots.borrowChain(node) !== undefined ? undefined : node
  }

  /** Offers slots by the distances that the walk found, each that of the hit at its place. */
  #offerByCode({ graph }: BuiltGraph, hits: GraphHits, slots: readonly number[], places: readonly number[]): void {
    const scores = codeScores(graph.parameters, this.#query, hits.distances)
    for (const [index, slot] of slots.entries()) offer(this.selection, scores[places[index]!]!, slot)
  }

  /** The slots of the nearest nodes that may be hits, nearest first; `places` takes which hit each is of. */
  #slotsOf(hits: GraphHits, built: BuiltGraph, served: ServedGraph, most: number, places: number[]): number[] {
    const { builtThrough, placed } = served
    const isHit = (slot: number) => (slot < builtThrough || placed.has(slot)) && this.#isCandidate(slot)
    const slots: number[] = []
    for (let i = 0; i < hits.nodes.length && slots.length < most; i++) {
      const node = hits.nodes[i]!
      const chain = built.slots.borrowChain(node)
      if (chain === undefined) {
        const slot = built.slots.firstSlot(node)
        if (slot !== undefined && isHit(slot)) places[slots.push(slot) - 1] = i
        continue
      }
      // Equal vectors are equally far: the lowest slots are enough.
      let ofNode = 0
      for (let place = 0; place < chain.length && ofNode < this.selection.k; place++) {
        if (!isHit(chain[place]!)) continue
        places[slots.push(chain[place]!) - 1] = i
        ofNode += 1
      }
    }
    return slots
  }

  #isCandidate(slot: number): boolean {
    if (slot === this.#query.excludedSlot || this.#view.isDead(slot)) return false
    return this.#allowed === undefined || hasBit(this.#allowed, slot)
  }

  /** The slots that may not be hits. */
  #copyExcluded(): Uint8Array {
    const { excludedSlot } = this.#query
    const excluded = this.#view.copyTombstones()
    const allowed = this.#allowed
    if (allowed !== undefined) {
      for (let i = 0; i < excluded.byteLength; i++) excluded[i]! |= ~(allowed[i] ?? 0)
    }
    if (excludedSlot !== undefined && excludedSlot < this.#view.slotCount) setBit(excluded, excludedSlot)
    return excluded
  }
}

/** The nodes of some slots, or all that stand for a live entry; `undefined` where those are all there are. Borrowed. */
export function allowedNodes(built: BuiltGraph, allowedSlots: Uint8Array | undefined): Uint8Array | undefined {
  if (allowedSlots === undefined) return built.live.deadCount === 0 ? undefined : built.live.borrowBits()
  const nodes = new Uint8Array(Math.ceil(built.graph.nodeCount / 8))
  for (const slot of slotsOfBits(allowedSlots)) {
    const node = built.slots.nodeOf(slot)
    if (node !== undefined) setBit(nodes, node)
  }
  return nodes
}

/** Those of some slots that are alive. */
export function liveBits(view: CollectionView, slots: Uint8Array): Uint8Array {
  const live = view.copyTombstones()
  for (let i = 0; i < live.byteLength; i++) live[i] = ~live[i]! & (slots[i] ?? 0)
  const beyond = view.slotCount % 8
  if (beyond !== 0) live[live.byteLength - 1]! &= (1 << beyond) - 1
  return live
}
