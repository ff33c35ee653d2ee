import { throwIfAborted } from '../base/abort.ts'
import { setBit } from '../engine/bitmap.ts'
import type { CollectionView } from '../engine/collection-state.ts'
import { decodeMetadata } from './metadata.ts'

/**
 * Which entries may be hits: a set of ids (those that are not there count for nothing), or a predicate on an entry's
 * metadata and id, which is called for every live entry and must not change the store.
 */
export type SearchFilter<M = object> =
  | readonly string[]
  | ReadonlySet<string>
  | ((metadata: M | undefined, id: string) => boolean)

/** Entries that a predicate is asked about between two turns of the event loop: some 2 ms of decoding. */
const SLICE_ENTRIES = 1024

/** Which slots may be hits. It names the entries until a compaction moves some. */
export interface AllowedSlots {
  /** Bit `slot & 7` of byte `slot >> 3`. */
  readonly slots: Uint8Array
  /** That of the collection when they were looked up. */
  readonly freedCount: number
}

/** A copy that its caller cannot change. @throws TypeError. */
export function copyFilter<M>(filter: SearchFilter<M>): SearchFilter<M> {
  if (typeof filter === 'function') return filter
  if (!isIdList(filter))
    throw new TypeError('filter must be an array or a Set of ids, or a function of metadata and id')
  const ids = [...filter]
  if (ids.every((id) => typeof id === 'string')) return ids
  throw new TypeError('an id of the filter is not a string')
}

/** The slots of the entries that pass. Throws what a predicate throws. */
export async function allowedSlots<M>(
  view: CollectionView,
  filter: SearchFilter<M>,
  turn: { yieldToEventLoop: () => Promise<void>; signal: AbortSignal | undefined },
): Promise<AllowedSlots> {
  const { freedCount } = view
  const slots = new Uint8Array(Math.ceil(view.slotCount / 8))
  if (typeof filter === 'function') {
    await askEach(view, filter, slots, turn)
    return { slots, freedCount }
  }
  for (const id of filter) {
    const slot = view.slotOf(id)
    if (slot !== undefined) setBit(slots, slot)
  }
  return { slots, freedCount }
}

async function askEach<M>(
  view: CollectionView,
  passes: (metadata: M | undefined, id: string) => boolean,
  allowed: Uint8Array,
  turn: { yieldToEventLoop: () => Promise<void>; signal: AbortSignal | undefined },
): Promise<void> {
  const end = allowed.byteLength * 8
  let asked = 0
  for (const slot of view.liveSlots()) {
    if (slot >= end) return
    asked += 1
    if (asked % SLICE_ENTRIES === 0) {
      await turn.yieldToEventLoop()
      throwIfAborted(turn.signal, 'search')
      if (view.dropped) return
      if (view.isDead(slot)) continue
    }
    const document = view.documentAt(slot)
    const metadata = document === undefined ? undefined : decodeMetadata<M>(document)
    const passed: unknown = passes(metadata, view.idAt(slot))
    if (isPromise(passed))
      throw new TypeError('filter gave a promise, for which every entry would pass; it must answer at once')
    if (passed) setBit(allowed, slot)
  }
}

function isPromise(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value
}

/** By tag, so that a Set of another realm counts. */
function isIdList(value: unknown): value is Iterable<unknown> {
  return Array.isArray(value) || Object.prototype.toString.call(value) === '[object Set]'
}
