import { describe, expect, test } from 'vitest'
import type { CollectionView } from '../../src/engine/collection-state.ts'
import { IndexPolicy, type PolicySettings } from '../../src/store/index-policy.ts'

const SETTINGS: PolicySettings = { bufferEntries: 100, consolidateShare: 0.15, rebuildShare: 0.4 }
const CHUNK = 16_384

interface Situation {
  /** Slots that are filled, those that flushes have taken in, and those that are dead. */
  readonly slots?: number
  readonly flushed?: number
  readonly isDead?: (slot: number) => boolean
  readonly freed?: readonly number[]
  readonly placed?: readonly number[]
  /** The graph: its nodes, those that are dead, those that were freed, and how many entries it was made with. */
  readonly nodes?: number
  readonly deadNodes?: number
  readonly freedNodes?: number
  readonly firstEntries?: number
  readonly backlog?: number
  readonly failure?: unknown
  readonly dropped?: boolean
}

/** What a policy sees of a collection. It may be changed under it. */
class FakeView {
  situation: Situation
  /** How often the policy has asked about a slot. */
  asked = 0

  constructor(situation: Situation) {
    this.situation = situation
  }

  get dropped() {
    return this.situation.dropped ?? false
  }

  get slotCount() {
    return this.situation.slots ?? 0
  }

  get freedCount() {
    return this.situation.freed?.length ?? 0
  }

  get liveCount() {
    return Array.from({ length: this.slotCount }, (_, slot) => slot).filter((slot) => !this.#isDead(slot)).length
  }

  isDead(slot: number) {
    this.asked += 1
    return this.#isDead(slot)
  }

  #isDead(slot: number) {
    return slot >= this.slotCount || this.isFreed(slot) || (this.situation.isDead?.(slot) ?? false)
  }

  isFreed(slot: number) {
    return this.situation.freed?.includes(Math.floor(slot / CHUNK)) ?? false
  }

  get index() {
    const { flushed = 0, placed = [], nodes, deadNodes = 0, freedNodes = 0, backlog = 0, failure } = this.situation
    const { firstEntries = nodes } = this.situation
    const built =
      nodes === undefined
        ? undefined
        : { graph: { linkedCount: nodes }, live: { deadCount: deadNodes }, freedCount: freedNodes, firstEntries }
    return {
      flushedThrough: flushed,
      backlog,
      failure,
      served: { built, builtThrough: flushed, placed: new Set(placed) },
    }
  }
}

function policyFor(situation: Situation, settings: Partial<PolicySettings> = {}) {
  const view = new FakeView(situation)
  return { view, policy: new IndexPolicy(view as unknown as CollectionView, { ...SETTINGS, ...settings }) }
}

const nextOf = (situation: Situation, settings?: Partial<PolicySettings>) =>
  policyFor(situation, settings).policy.next()
const below = (end: number) => (slot: number) => slot < end

describe('a flush', () => {
  test.each<[string, Situation, string | undefined]>([
    ['not of an empty collection', {}, undefined],
    ['not before the buffer is full', { slots: 99 }, undefined],
    ['in bulk where there is no graph', { slots: 100 }, 'bulk'],
    ['in bulk where as many wait as are in it', { slots: 2000, flushed: 1000, nodes: 1000 }, 'bulk'],
    ['by insertion where fewer wait', { slots: 1999, flushed: 1000, nodes: 1000 }, 'insert'],
    [
      'by insertion where many are equal and share few nodes',
      { slots: 1999, flushed: 1000, nodes: 2, firstEntries: 500 },
      'insert',
    ],
    [
      'by insertion up to four times what it was made with',
      { slots: 4000, flushed: 3900, nodes: 3900, firstEntries: 1000 },
      'insert',
    ],
    ['in bulk beyond', { slots: 4001, flushed: 3900, nodes: 3900, firstEntries: 1000 }, 'bulk'],
    ['not while it is full of the dead', { slots: 300, isDead: below(250) }, undefined],
    ['of a long range, however few of it live', { slots: 400, isDead: below(399) }, 'bulk'],
    ['not of a range in which nothing lives', { slots: 1000, isDead: below(1000) }, undefined],
    [
      'not of entries that a compaction has moved and the graph has',
      { slots: 1100, flushed: 1000, nodes: 1000, placed: [1050] },
      undefined,
    ],
    ['not behind work that waits', { slots: 5000, backlog: 1 }, undefined],
    ['not after a failure', { slots: 5000, failure: new Error('full') }, undefined],
    ['not of a dropped collection', { slots: 5000, dropped: true }, undefined],
  ])('is due: %s', (_, situation, due) => {
    expect(nextOf(situation)).toBe(due)
  })

  test('is due when the missing entries have come, and not looked for before', () => {
    const { policy, view } = policyFor({ slots: 300, isDead: below(260) })
    expect(policy.next()).toBeUndefined()
    view.asked = 0
    for (let slots = 301; slots < 360; slots++) {
      view.situation = { slots, isDead: below(260) }
      expect(policy.next()).toBeUndefined()
    }
    expect(view.asked).toBe(0)
    view.situation = { slots: 360, isDead: below(260) }
    expect(policy.next()).toBe('bulk')
  })

  test('on demand takes however few there are', () => {
    expect(policyFor({}).policy.flushNow()).toBeUndefined()
    expect(policyFor({ slots: 1 }).policy.flushNow()).toBe('bulk')
    expect(policyFor({ slots: 1001, flushed: 1000, nodes: 1000 }).policy.flushNow()).toBe('insert')
    expect(
      policyFor({ slots: 1001, flushed: 1000, nodes: 1000, isDead: (slot) => slot === 1000 }).policy.flushNow(),
    ).toBeUndefined()
  })
})

describe('cleaning', () => {
  const graph = { slots: 1000, flushed: 1000, nodes: 1000 }

  test.each<[string, Situation, string | undefined]>([
    ['nothing up to the share of the dead', { ...graph, deadNodes: 150 }, undefined],
    ['consolidates beyond it', { ...graph, deadNodes: 151 }, 'consolidate'],
    ['before it flushes', { ...graph, slots: 1500, deadNodes: 151 }, 'consolidate'],
    ['consolidates up to the share of what has gone', { ...graph, deadNodes: 160, freedNodes: 176 }, 'consolidate'],
    ['rebuilds where cleaning would bring it beyond', { ...graph, deadNodes: 160, freedNodes: 177 }, 'rebuild'],
    ['rebuilds beyond it', { ...graph, deadNodes: 1, freedNodes: 400 }, 'rebuild'],
    [
      'consolidates where nothing lives that could be built',
      { ...graph, deadNodes: 1000, isDead: below(1000) },
      'consolidate',
    ],
    ['nothing where the graph is empty', { ...graph, nodes: 0, freedNodes: 1000, isDead: below(1000) }, undefined],
    ['nothing where there is no graph', { slots: 99, isDead: below(50) }, undefined],
  ])('%s', (_, situation, due) => {
    expect(nextOf(situation)).toBe(due)
  })

  test('is never due with shares of 1 and Infinity', () => {
    const never = { consolidateShare: 1, rebuildShare: Number.POSITIVE_INFINITY }
    expect(nextOf({ ...graph, deadNodes: 1000, freedNodes: 100_000 }, never)).toBeUndefined()
  })
})

describe('a compaction', () => {
  const slots = CHUNK * 3
  const settled = { slots, flushed: slots, nodes: slots }
  /** A share of each chunk dies, by its number. */
  const dying =
    (...shares: readonly number[]) =>
    (slot: number) =>
      slot % CHUNK < CHUNK * (shares[Math.floor(slot / CHUNK)] ?? 0)

  test.each<[string, Situation, string | undefined]>([
    ['is due of a chunk that is less than half alive', { ...settled, isDead: dying(0.1, 0.51, 0) }, 'compact'],
    ['not of one that is half alive', { ...settled, isDead: dying(0.1, 0.5, 0.5) }, undefined],
    ['not of one that is freed', { ...settled, freed: [1], isDead: dying(0.2, 1, 0.2) }, undefined],
    [
      'not of the last one before it is full',
      { slots: slots + 5000, flushed: slots + 5000, nodes: slots, isDead: below(0) },
      undefined,
    ],
  ])('%s', (_, situation, due) => {
    expect(nextOf(situation, { consolidateShare: 1, rebuildShare: Number.POSITIVE_INFINITY })).toBe(due)
  })

  test('names the first such chunk', () => {
    const { policy } = policyFor({ ...settled, isDead: dying(0.1, 0.6, 0.9) })
    expect(policy.chunkToCompact()).toBe(1)
  })

  test('looks again when a quarter of a chunk has died since, or when it is told to', () => {
    const { policy, view } = policyFor({ ...settled, isDead: dying(0.4, 0, 0) })
    expect(policy.chunkToCompact()).toBeUndefined()
    view.situation = { ...settled, isDead: dying(0.6, 0, 0) }
    expect(policy.chunkToCompact()).toBeUndefined()
    expect(policy.chunkToCompact({ always: true })).toBe(0)
    view.situation = { ...settled, isDead: dying(0.66, 0, 0) }
    expect(policy.chunkToCompact()).toBe(0)
  })

  test('counts anew when a chunk was freed', () => {
    const { policy, view } = policyFor({ ...settled, isDead: dying(0.49, 0.49, 0.49) })
    expect(policy.chunkToCompact()).toBeUndefined()
    view.situation = { ...settled, freed: [0], isDead: dying(1, 0.1, 0) }
    expect(policy.chunkToCompact()).toBeUndefined()
    view.situation = { ...settled, freed: [0], isDead: dying(1, 0.6, 0) }
    expect(policy.chunkToCompact()).toBe(1)
  })
})
