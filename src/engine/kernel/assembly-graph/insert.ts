// A batch of nodes joins a frozen graph. Each task writes to places that are fixed by its item, so that any number of
// threads give the same bytes; the steps that depend on each other, counting incoming edges, are one thread's.
//
//   linkNodes      each new node: walk, choose neighbours, write its row. Nothing leads to it yet.
//   collectPairs   (neighbour, new node) for every edge, sorted by neighbour, and where each neighbour's group starts
//   reverseEdges   each group: append to the row if there is room; otherwise choose again, and stage the new row
//   applyReverse   count the new edges, put staged rows in place, keep what would lose its last incoming edge
import { nodeOf } from './keys'
import {
  DOT, FORM_BIAS, FORM_DOT, FOUR, LINKED, MOST_CANDIDATES, MOST_EXPANDED, ROW_BYTES, ROW_SLOTS, SETTING_METRIC,
  SETTING_WALK_KIND, THREAD_ALLOWED_AT, THREAD_EXPANDED_AT, THREAD_EXPANDED_COUNT, THREAD_EXPANDED_SIZE,
  THREAD_FRONTIER_SIZE, THREAD_GATHERED_AT, THREAD_KEPT_AT,
} from './layout'
import { addIncoming, inDegreeOf, removeIncoming, rowOf, stateOf, threadAt, wideCodeOf } from './memory'
import { chooseNeighbours, hasNode } from './prune'
import { takeNarrowQuery, takeWideQuery } from './query'
import { beginWalk, continueWalk } from './walk'

/** A staged row whose count is this was not staged: its sources were appended from the place in its second word on. */
const APPENDED: u32 = 0xffffffff
const NO_LIMIT: u32 = 0xffffffff

/** Makes a node's own code the query of the walk. */
export function takeNode(record: usize, node: u32): void {
  const form = load<u32>(SETTING_METRIC) === DOT ? FORM_DOT : FORM_BIAS
  if (load<u32>(SETTING_WALK_KIND) === FOUR) takeNarrowQuery(record, wideCodeOf(node), form)
  else takeWideQuery(record, wideCodeOf(node), form)
}

/** `near` holds `nearCount` nodes an item: its nearest within the batch, or 0xffffffff. */
export function linkNodes(
  thread: u32, from: u32, to: u32, nodes: usize, near: usize, nearCount: u32, listSize: u32,
): void {
  const record = threadAt(thread)
  // Set by every call: between two of them the thread may have searched.
  store<u32>(record + THREAD_FRONTIER_SIZE, listSize)
  store<u32>(record + THREAD_EXPANDED_SIZE, MOST_EXPANDED)
  store<u32>(record + THREAD_ALLOWED_AT, 0)
  for (let item = from; item < to; item++) {
    const node = load<u32>(nodes + (item << 2))
    takeNode(record, node)
    beginWalk(record)
    continueWalk(record, NO_LIMIT)
    let count = gatherExpanded(record)
    count = addNear(record, count, node, near + ((item * nearCount) << 2), nearCount)
    writeRow(node, load<u32>(record + THREAD_KEPT_AT), chooseNeighbours(record, node, count))
  }
}

/** The expanded nodes become the gathered: they are fewer than the gathered have room for. */
function gatherExpanded(record: usize): u32 {
  const expanded = load<u32>(record + THREAD_EXPANDED_AT)
  const gathered = load<u32>(record + THREAD_GATHERED_AT)
  const count = load<u32>(record + THREAD_EXPANDED_COUNT)
  for (let i: u32 = 0; i < count; i++) store<u32>(gathered + (i << 2), nodeOf(load<i64>(expanded + (i << 3))))
  return count
}

/** Nodes of the batch cannot have been expanded, so that none comes twice. */
function addNear(record: usize, count: u32, node: u32, near: usize, nearCount: u32): u32 {
  const gathered = load<u32>(record + THREAD_GATHERED_AT)
  for (let i: u32 = 0; i < nearCount && count < <u32>MOST_CANDIDATES; i++) {
    const other = load<u32>(near + (i << 2))
    if (other === 0xffffffff || other === node) continue
    store<u32>(gathered + (count << 2), other)
    count++
  }
  return count
}

/** The count comes last, so that a reader never sees a number that is not there yet. */
export function writeRow(node: u32, neighbours: usize, count: u32): void {
  const row = rowOf(node)
  for (let i: u32 = 0; i < count; i++) store<u32>(row + (i << 2), load<u32>(neighbours + (i << 2)), 4)
  store<u32>(row, count)
}

/** Writes the pairs as u64, neighbour above, sorted; and the start of each group; returns the number of groups. */
export function collectPairs(nodes: usize, count: u32, pairs: usize, spare: usize, groups: usize): u32 {
  let filled: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const node = load<u32>(nodes + (i << 2))
    const row = rowOf(node)
    const degree = load<u32>(row)
    store<u8>(stateOf(node), LINKED)
    for (let j: u32 = 0; j < degree; j++) {
      const neighbour = load<u32>(row + (j << 2), 4)
      addIncoming(neighbour)
      store<u64>(pairs + (filled << 3), (<u64>neighbour << 32) | <u64>node)
      filled++
    }
  }
  sortByUpper(pairs, spare, groups, filled)
  let groupCount: u32 = 0
  let last: u32 = 0xffffffff
  for (let i: u32 = 0; i < filled; i++) {
    const neighbour = <u32>(load<u64>(pairs + (i << 3)) >> 32)
    if (neighbour === last) continue
    last = neighbour
    store<u32>(groups + (groupCount << 2), i)
    groupCount++
  }
  store<u32>(groups + (groupCount << 2), filled)
  return groupCount
}

/** Three stable passes of eight bits: node numbers have at most 24. `counts` has room for 256 words. */
function sortByUpper(pairs: usize, spare: usize, counts: usize, count: u32): void {
  let source = pairs, target = spare
  for (let shift: u32 = 32; shift < 56; shift += 8) {
    memory.fill(counts, 0, 1024)
    for (let i: u32 = 0; i < count; i++) {
      const at = counts + ((<u32>(load<u64>(source + (i << 3)) >> shift) & 255) << 2)
      store<u32>(at, load<u32>(at) + 1)
    }
    let sum: u32 = 0
    for (let at = counts; at < counts + 1024; at += 4) {
      const next = sum + load<u32>(at)
      store<u32>(at, sum)
      sum = next
    }
    for (let i: u32 = 0; i < count; i++) {
      const pair = load<u64>(source + (i << 3))
      const at = counts + ((<u32>(pair >> shift) & 255) << 2)
      const place = load<u32>(at)
      store<u32>(at, place + 1)
      store<u64>(target + (place << 3), pair)
    }
    const swapped = source
    source = target
    target = swapped
  }
  if (source !== pairs) memory.copy(pairs, source, count << 3)
}

/** `staged` holds a row of 256 bytes for each group from `firstGroup` on. */
export function reverseEdges(
  thread: u32, from: u32, to: u32, pairs: usize, groups: usize, staged: usize, firstGroup: u32,
): void {
  const record = threadAt(thread)
  for (let item = from; item < to; item++) {
    const group = firstGroup + item
    const first = load<u32>(groups + (group << 2)), end = load<u32>(groups + (group << 2), 4)
    const node = <u32>(load<u64>(pairs + (first << 3)) >> 32)
    const stage = staged + item * ROW_BYTES
    const row = rowOf(node)
    const degree = load<u32>(row)
    if (degree + end - first <= <u32>ROW_SLOTS) {
      store<u32>(stage, APPENDED)
      store<u32>(stage, degree, 4)
      appendSources(row, degree, pairs, first, end)
      continue
    }
    const count = gatherRow(record, row, degree, pairs, first, end)
    const kept = chooseNeighbours(record, node, count)
    const keptAt = load<u32>(record + THREAD_KEPT_AT)
    for (let i: u32 = 0; i < kept; i++) store<u32>(stage + (i << 2), load<u32>(keptAt + (i << 2)), 4)
    store<u32>(stage, kept)
  }
}

@inline
function sourceOf(pairs: usize, index: u32): u32 {
  return <u32>load<u64>(pairs + (index << 3))
}

function appendSources(row: usize, degree: u32, pairs: usize, first: u32, end: u32): void {
  let count = degree
  for (let i = first; i < end; i++) {
    const source = sourceOf(pairs, i)
    if (hasNode(row + 4, degree, source)) continue
    store<u32>(row + (count << 2), source, 4)
    count++
  }
  store<u32>(row, count)
}

/** A row and its new sources, as many as a prune takes. */
function gatherRow(record: usize, row: usize, degree: u32, pairs: usize, first: u32, end: u32): u32 {
  const gathered = load<u32>(record + THREAD_GATHERED_AT)
  for (let i: u32 = 0; i < degree; i++) store<u32>(gathered + (i << 2), load<u32>(row + (i << 2), 4))
  let count = degree
  for (let i = first; i < end && count < <u32>MOST_CANDIDATES; i++) {
    const source = sourceOf(pairs, i)
    if (hasNode(row + 4, degree, source)) continue
    store<u32>(gathered + (count << 2), source)
    count++
  }
  return count
}

/** The groups of one call of {@link reverseEdges}, in order, by one thread. */
export function applyReverse(from: u32, to: u32, pairs: usize, groups: usize, staged: usize, firstGroup: u32): void {
  for (let item = from; item < to; item++) {
    const group = firstGroup + item
    const first = load<u32>(groups + (group << 2)), end = load<u32>(groups + (group << 2), 4)
    const node = <u32>(load<u64>(pairs + (first << 3)) >> 32)
    const stage = staged + item * ROW_BYTES
    const row = rowOf(node)
    if (load<u32>(stage) === APPENDED) {
      const degree = load<u32>(row)
      for (let i = load<u32>(stage, 4); i < degree; i++) addIncoming(load<u32>(row + (i << 2), 4))
    } else {
      replaceRow(row, stage, pairs, first, end)
    }
  }
}

function replaceRow(row: usize, stage: usize, pairs: usize, first: u32, end: u32): void {
  const kept = load<u32>(stage)
  const degree = load<u32>(row)
  let count = kept
  for (let i: u32 = 0; i < kept; i++) {
    const neighbour = load<u32>(stage + (i << 2), 4)
    if (!hasNode(row + 4, degree, neighbour)) addIncoming(neighbour)
  }
  for (let i: u32 = 0; i < degree; i++) {
    const neighbour = load<u32>(row + (i << 2), 4)
    if (hasNode(stage + 4, kept, neighbour) || removeIncoming(neighbour)) continue
    if (count < <u32>ROW_SLOTS) count = append(stage, count, neighbour)
    else store<u8>(inDegreeOf(neighbour), 0)
  }
  for (let i = first; i < end && count < <u32>ROW_SLOTS; i++) {
    const source = sourceOf(pairs, i)
    if (load<u8>(inDegreeOf(source)) || hasNode(row + 4, degree, source)) continue
    count = append(stage, count, source)
    addIncoming(source)
  }
  for (let i: u32 = 0; i < count; i++) store<u32>(row + (i << 2), load<u32>(stage + (i << 2), 4), 4)
  store<u32>(row, count)
}

@inline
function append(stage: usize, count: u32, node: u32): u32 {
  store<u32>(stage + (count << 2), node, 4)
  return count + 1
}
