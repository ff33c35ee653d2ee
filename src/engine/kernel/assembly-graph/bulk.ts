// The steps of a bulk build around its leaves. Tasks write to places that are fixed by their items; the counting sorts
// are one thread's, as they take a fiftieth of the time.
import { FARTHEST, keyOf, nodeOf } from './keys'
import {
  BLOCKS_AT, BLOCK_MASK, BLOCK_SHIFT, LINKED, MOST_CANDIDATES, ROW_SLOTS, SETTING_WIDE_KIND, THREAD_ADDRESSES_AT,
  THREAD_DISTANCES_AT, THREAD_EPOCH, THREAD_GATHERED_AT, THREAD_KEPT_AT, THREAD_MARKS_AT, THREAD_NEAREST_AT,
} from './layout'
import { computeDistances } from './distances'
import { keep } from './leaf'
import { addIncoming, rowOf, stateOf, threadAt, wideCodeOf } from './memory'
import { chooseNeighbours, hasNode, pruneForm } from './prune'
import { takeWideQuery } from './query'
import { nextEpoch } from './walk'
import { writeRow } from './insert'

const NOBODY: u32 = 0xffffffff

/** Writes the numbers of the `fan` leaders that are nearest to each node. There are at most MOST_CANDIDATES leaders. */
export function assignLeaders(
  thread: u32, from: u32, to: u32, nodes: usize, leaders: usize, leaderCount: u32, out: usize, fan: u32,
): void {
  const record = threadAt(thread)
  const addresses = load<u32>(record + THREAD_ADDRESSES_AT)
  const distances = load<u32>(record + THREAD_DISTANCES_AT)
  const nearest = load<u32>(record + THREAD_NEAREST_AT)
  const kind = load<u32>(SETTING_WIDE_KIND)
  for (let i: u32 = 0; i < leaderCount; i++) {
    store<u32>(addresses + (i << 2), wideCodeOf(load<u32>(leaders + (i << 2))))
  }
  for (let item = from; item < to; item++) {
    takeWideQuery(record, wideCodeOf(load<u32>(nodes + (item << 2))), pruneForm())
    computeDistances(record, kind, addresses, leaderCount)
    for (let i: u32 = 0; i < fan; i++) store<i64>(nearest + (i << 3), FARTHEST)
    let last = FARTHEST
    for (let i: u32 = 0; i < leaderCount; i++) {
      const key = keyOf(load<f32>(distances + (i << 2)), i)
      if (key < last) last = keep(nearest, fan, key)
    }
    for (let i: u32 = 0; i < fan; i++) store<u32>(out + ((item * fan + i) << 2), nodeOf(load<i64>(nearest + (i << 3))))
  }
}

/** Counts, for each node, the edges of members to their nearest, in both directions. `counts` is by node. */
export function countEdges(from: u32, to: u32, members: usize, near: usize, most: u32, counts: usize): void {
  for (let item = from; item < to; item++) {
    const own = counts + (load<u32>(members + (item << 2)) << 2)
    for (let i = item * most; i < (item + 1) * most; i++) {
      const other = load<u32>(near + (i << 2))
      if (other === NOBODY) break
      store<u32>(own, load<u32>(own) + 1)
      const at = counts + (other << 2)
      store<u32>(at, load<u32>(at) + 1)
    }
  }
}

/** Turns counts into starts, in place; one more than `count` places; returns the sum. */
export function sumCounts(counts: usize, count: u32): u32 {
  let sum: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const at = counts + (i << 2)
    const next = sum + load<u32>(at)
    store<u32>(at, sum)
    sum = next
  }
  store<u32>(counts + (count << 2), sum)
  return sum
}

/** Writes what {@link countEdges} counted. `places` begins as a copy of the starts. */
export function fillEdges(
  from: u32, to: u32, members: usize, near: usize, most: u32, places: usize, edges: usize,
): void {
  for (let item = from; item < to; item++) {
    const node = load<u32>(members + (item << 2))
    for (let i = item * most; i < (item + 1) * most; i++) {
      const other = load<u32>(near + (i << 2))
      if (other === NOBODY) break
      put(places + (node << 2), edges, other)
      put(places + (other << 2), edges, node)
    }
  }
}

@inline
function put(place: usize, edges: usize, node: u32): void {
  const index = load<u32>(place)
  store<u32>(place, index + 1)
  store<u32>(edges + (index << 2), node)
}

/** Chooses the neighbours of each node among its edges from the leaves. */
export function linkFromEdges(thread: u32, from: u32, to: u32, nodes: usize, starts: usize, edges: usize): void {
  const record = threadAt(thread)
  const gathered = load<u32>(record + THREAD_GATHERED_AT)
  const marks = load<u32>(record + THREAD_MARKS_AT)
  for (let item = from; item < to; item++) {
    const node = load<u32>(nodes + (item << 2))
    const epoch = nextEpoch(record)
    const end = load<u32>(starts + (node << 2), 4)
    let count: u32 = 0
    for (let i = load<u32>(starts + (node << 2)); i < end && count < <u32>MOST_CANDIDATES; i++) {
      const other = load<u32>(edges + (i << 2))
      const mark = load<u32>(BLOCKS_AT + ((other >> BLOCK_SHIFT) << 2)) + marks + (other & BLOCK_MASK)
      if (load<u8>(mark) === epoch) continue
      store<u8>(mark, epoch)
      store<u32>(gathered + (count << 2), other)
      count++
    }
    writeRow(node, load<u32>(record + THREAD_KEPT_AT), chooseNeighbours(record, node, count))
  }
}

/** Counts the edges that lead to each node. */
export function countReverse(from: u32, to: u32, nodes: usize, counts: usize): void {
  for (let item = from; item < to; item++) {
    const row = rowOf(load<u32>(nodes + (item << 2)))
    const end = row + (load<u32>(row) << 2)
    for (let at = row; at < end; at += 4) {
      const place = counts + (load<u32>(at, 4) << 2)
      store<u32>(place, load<u32>(place) + 1)
    }
  }
}

/** Writes the sources of what {@link countReverse} counted. */
export function fillReverse(from: u32, to: u32, nodes: usize, places: usize, sources: usize): void {
  for (let item = from; item < to; item++) {
    const node = load<u32>(nodes + (item << 2))
    const row = rowOf(node)
    const end = row + (load<u32>(row) << 2)
    for (let at = row; at < end; at += 4) put(places + (load<u32>(at, 4) << 2), sources, node)
  }
}

/** Adds to each node the sources of the edges that lead to it: all if there is room, otherwise it chooses again. */
export function linkReverse(thread: u32, from: u32, to: u32, nodes: usize, starts: usize, sources: usize): void {
  const record = threadAt(thread)
  const gathered = load<u32>(record + THREAD_GATHERED_AT)
  for (let item = from; item < to; item++) {
    const node = load<u32>(nodes + (item << 2))
    const row = rowOf(node)
    const degree = load<u32>(row)
    for (let i: u32 = 0; i < degree; i++) store<u32>(gathered + (i << 2), load<u32>(row + (i << 2), 4))
    const end = load<u32>(starts + (node << 2), 4)
    let count = degree
    for (let i = load<u32>(starts + (node << 2)); i < end && count < <u32>MOST_CANDIDATES; i++) {
      const source = load<u32>(sources + (i << 2))
      if (hasNode(row + 4, degree, source)) continue
      store<u32>(gathered + (count << 2), source)
      count++
    }
    if (count <= <u32>ROW_SLOTS) writeRow(node, gathered, count)
    else writeRow(node, load<u32>(record + THREAD_KEPT_AT), chooseNeighbours(record, node, count))
  }
}

/** Counts the incoming edges of all nodes anew, of the rows of linked nodes; the counts were set to zero. */
export function countIncoming(from: u32, to: u32): void {
  for (let node = from; node < to; node++) {
    if (load<u8>(stateOf(node)) !== LINKED) continue
    const row = rowOf(node)
    const end = row + (load<u32>(row) << 2)
    for (let at = row; at < end; at += 4) addIncoming(load<u32>(at, 4))
  }
}
