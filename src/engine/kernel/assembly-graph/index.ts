// Entry points of the graph kernel. The graph has allocated every area and checked every argument. A task has the form
// (thread, from, to, ...): its items are independent of each other, and threads take ranges of them.
import { encode } from './encode'
import { takeNode } from './insert'
import { computeDistances } from './distances'
import {
  CODED, DOT, EIGHT, FORM_BIAS, FORM_DOT, FOUR, SETTING_DIMENSIONS, SETTING_METRIC, SETTING_NARROW_OFFSET, SETTING_NARROW_STRIDE,
  SETTING_WALK_KIND, SETTING_WIDE_KIND, THREAD_ADDRESSES_AT, THREAD_CODE_AT, THREAD_GATHERED_AT,
  THREAD_VECTOR_AT,
} from './layout'
import { codeOf, stateOf, threadAt, wideCodeOf } from './memory'
import { takeNarrowQuery, takeWideQuery } from './query'
import { chooseNeighbours } from './prune'
import { beginWalk, continueWalk } from './walk'

export {
  assignLeaders, countEdges, countIncoming, countReverse, fillEdges, fillReverse, linkFromEdges, linkReverse, sumCounts,
} from './bulk'
export { spliceDead } from './consolidate'
export { applyReverse, collectPairs, linkNodes, reverseEdges } from './insert'
export { nearestInLeaves } from './leaf'
export { reach } from './reach'
export { placeRows, refineNodes } from './refine'
export { spread } from './spread'

/** Encodes the vector of a thread as the codes of a node. */
export function encodeNode(thread: u32, node: u32): void {
  const narrow = load<u32>(SETTING_WIDE_KIND) === EIGHT
    ? codeOf(node, load<u32>(SETTING_NARROW_OFFSET), load<u32>(SETTING_NARROW_STRIDE)) : 0
  encode(threadAt(thread), wideCodeOf(node), narrow, false)
}

/** Encodes staged rows of `dimensions` float32 as the codes of nodes. Items are places in both lists. */
export function encodeNodes(thread: u32, from: u32, to: u32, nodes: usize, rows: usize): void {
  const vector = load<u32>(threadAt(thread) + THREAD_VECTOR_AT)
  const rowBytes = load<u32>(SETTING_DIMENSIONS) << 2
  for (let item = from; item < to; item++) {
    memory.copy(vector, rows + <usize>item * rowBytes, rowBytes)
    const node = load<u32>(nodes + (item << 2))
    encodeNode(thread, node)
    store<u8>(stateOf(node), CODED)
  }
}

/**
 * Encodes the vector of a thread as a query, and walks at most `steps` steps; returns 1 if the walk is not at its end.
 */
export function search(thread: u32, steps: u32): u32 {
  const record = threadAt(thread)
  prepareQuery(thread)
  beginWalk(record)
  return continueWalk(record, steps)
}

export function searchNode(thread: u32, node: u32, steps: u32): u32 {
  const record = threadAt(thread)
  takeNode(record, node)
  beginWalk(record)
  return continueWalk(record, steps)
}

export function continueSearch(thread: u32, steps: u32): u32 {
  return continueWalk(threadAt(thread), steps)
}

/** Encodes the vector of a thread as a query, for the walk's kind of codes. */
export function prepareQuery(thread: u32): void {
  const record = threadAt(thread)
  const code = load<u32>(record + THREAD_CODE_AT)
  encode(record, code, 0, true)
  const form = load<u32>(SETTING_METRIC) === DOT ? FORM_DOT : FORM_BIAS
  if (load<u32>(SETTING_WALK_KIND) === FOUR) takeNarrowQuery(record, code, form)
  else takeWideQuery(record, code, form)
}

/** Distances of the query from `count` gathered nodes, on the codes of the walk. */
export function distancesOfGathered(thread: u32, count: u32): void {
  const record = threadAt(thread)
  const kind = load<u32>(SETTING_WALK_KIND)
  const gathered = load<u32>(record + THREAD_GATHERED_AT)
  const addresses = load<u32>(record + THREAD_ADDRESSES_AT)
  for (let i: u32 = 0; i < count; i++) {
    const node = load<u32>(gathered + (i << 2))
    const address = kind === FOUR
      ? codeOf(node, load<u32>(SETTING_NARROW_OFFSET), load<u32>(SETTING_NARROW_STRIDE)) : wideCodeOf(node)
    store<u32>(addresses + (i << 2), address)
  }
  computeDistances(record, kind, addresses, count)
}

/** Makes the wide code of a node the query of {@link wideDistancesOfGathered}. */
export function takeWideNode(thread: u32, node: u32, form: u32): void {
  takeWideQuery(threadAt(thread), wideCodeOf(node), form)
}

export function wideDistancesOfGathered(thread: u32, count: u32): void {
  const record = threadAt(thread)
  const gathered = load<u32>(record + THREAD_GATHERED_AT)
  const addresses = load<u32>(record + THREAD_ADDRESSES_AT)
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(addresses + (i << 2), wideCodeOf(load<u32>(gathered + (i << 2))))
  }
  computeDistances(record, load<u32>(SETTING_WIDE_KIND), addresses, count)
}

/** Chooses among the gathered nodes; returns how many are kept. */
export function choose(thread: u32, node: u32, count: u32): u32 {
  return chooseNeighbours(threadAt(thread), node, count)
}
