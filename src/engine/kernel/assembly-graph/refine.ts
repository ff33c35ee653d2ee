// A second look at a graph that was built in leaves: each node walks from itself, and chooses again among the nodes that
// it expanded and the neighbours that it has. Rows are staged, so that the walks of a batch all see the same graph.
import { nodeOf } from './keys'
import {
  MOST_EXPANDED, ROW_BYTES, ROW_SLOTS, THREAD_ALLOWED_AT, THREAD_EXPANDED_AT, THREAD_EXPANDED_COUNT,
  THREAD_EXPANDED_SIZE, THREAD_FRONTIER_SIZE, THREAD_GATHERED_AT, THREAD_KEPT_AT,
} from './layout'
import { takeNode, writeRow } from './insert'
import { rowOf, threadAt } from './memory'
import { chooseNeighbours, hasNode } from './prune'
import { beginWalkAt, continueWalk } from './walk'

const NO_LIMIT: u32 = 0xffffffff

/** `staged` gets a row of 256 bytes an item. No other row is written. */
export function refineNodes(thread: u32, from: u32, to: u32, nodes: usize, staged: usize, listSize: u32): void {
  const record = threadAt(thread)
  // Set by every call: between two of them the thread may have searched.
  store<u32>(record + THREAD_FRONTIER_SIZE, listSize)
  store<u32>(record + THREAD_EXPANDED_SIZE, MOST_EXPANDED)
  store<u32>(record + THREAD_ALLOWED_AT, 0)
  for (let item = from; item < to; item++) {
    const node = load<u32>(nodes + (item << 2))
    takeNode(record, node)
    beginWalkAt(record, node)
    continueWalk(record, NO_LIMIT)
    const kept = chooseNeighbours(record, node, gatherCandidates(record, node))
    const stage = staged + item * ROW_BYTES
    store<u32>(stage, kept)
    memory.copy(stage + 4, load<u32>(record + THREAD_KEPT_AT), kept << 2)
  }
}

/** The expanded nodes but the node itself, and its neighbours that are not among them: fewer than a prune takes. */
function gatherCandidates(record: usize, node: u32): u32 {
  const gathered = load<u32>(record + THREAD_GATHERED_AT)
  const expanded = load<u32>(record + THREAD_EXPANDED_AT)
  const expandedCount = load<u32>(record + THREAD_EXPANDED_COUNT)
  let count: u32 = 0
  for (let i: u32 = 0; i < expandedCount; i++) {
    const other = nodeOf(load<i64>(expanded + (i << 3)))
    if (other === node) continue
    store<u32>(gathered + (count << 2), other)
    count++
  }
  const walked = count
  const row = rowOf(node)
  const degree = min<u32>(load<u32>(row), ROW_SLOTS)
  for (let i: u32 = 0; i < degree; i++) {
    const other = load<u32>(row + (i << 2), 4)
    if (hasNode(gathered, walked, other)) continue
    store<u32>(gathered + (count << 2), other)
    count++
  }
  return count
}

/** Puts staged rows in place. */
export function placeRows(from: u32, to: u32, nodes: usize, staged: usize): void {
  for (let item = from; item < to; item++) {
    const stage = staged + item * ROW_BYTES
    writeRow(load<u32>(nodes + (item << 2)), stage + 4, load<u32>(stage))
  }
}
