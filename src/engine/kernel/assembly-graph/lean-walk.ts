// The beam search of walk.ts on a lean graph: the same steps in the same order, so that on the same codes it finds the same,
// and computes as many distances. A lean graph never changes, so nothing that is read has to be held within bounds.
import { computeEstimates } from './binary/estimate'
import { computeDistances } from './distances'
import { nextOpen } from './frontier'
import { FARTHEST, keyOf, nodeOf } from './keys'
import {
  GATHERED_SLOTS, LONG_CODE_BYTES, ONE, SETTING_BINARY_FRAME_AT, SETTING_DIMENSIONS, SETTING_ENTRIES_AT,
  SETTING_ENTRY_COUNT, SETTING_LEAN_CODES_AT, SETTING_LEAN_ROWS_AT, SETTING_LEAN_STRIDE, SETTING_NODE_LIMIT,
  SETTING_WALK_KIND, FOUR, THREAD_ADDRESSES_AT, THREAD_BINARY_AT, THREAD_CANDIDATES_AT, THREAD_CURSOR,
  THREAD_DISTANCES_AT, THREAD_EPOCH, THREAD_EXPANDED_COUNT, THREAD_FRONTIER_AT, THREAD_FRONTIER_COUNT,
  THREAD_GATHERED_AT, THREAD_MARKS_AT, THREAD_RESULTS_COUNT, THREAD_SINK, THREAD_VISITED,
} from './layout'
import { narrowCodeBytes, wideCodeBytes } from './shapes'
import { end, expand, offer } from './walk'

const LINE_BYTES: u32 = 64

@inline
export function codeOf(node: u32): usize {
  return load<u32>(SETTING_LEAN_CODES_AT) + node * load<u32>(SETTING_LEAN_STRIDE)
}

/** Empties the lists, forgets the marks, and puts the best of the entries into the frontier. */
export function beginWalk(record: usize): void {
  store<u32>(record + THREAD_FRONTIER_COUNT, 0)
  store<u32>(record + THREAD_RESULTS_COUNT, 0)
  store<u32>(record + THREAD_EXPANDED_COUNT, 0)
  store<u32>(record + THREAD_CURSOR, 0)
  store<u32>(record + THREAD_VISITED, 0)
  nextEpoch(record)
  const best = nearestEntry(record)
  if (best === FARTHEST) return
  store<u8>(load<u32>(record + THREAD_MARKS_AT) + nodeOf(best), load<u8>(record + THREAD_EPOCH))
  const keys = load<u32>(record + THREAD_CANDIDATES_AT)
  store<i64>(keys, best)
  offer(record, keys, 1)
}

function nearestEntry(record: usize): i64 {
  const entries = load<u32>(SETTING_ENTRIES_AT)
  const entryCount = load<u32>(SETTING_ENTRY_COUNT)
  const gathered = load<u32>(record + THREAD_GATHERED_AT)
  const addresses = load<u32>(record + THREAD_ADDRESSES_AT)
  const keys = load<u32>(record + THREAD_CANDIDATES_AT)
  let best: i64 = FARTHEST
  for (let first: u32 = 0; first < entryCount; first += GATHERED_SLOTS) {
    const count = min<u32>(GATHERED_SLOTS, entryCount - first)
    for (let i: u32 = 0; i < count; i++) {
      const entry = load<u32>(entries + ((first + i) << 2))
      store<u32>(gathered + (i << 2), entry)
      store<u32>(addresses + (i << 2), codeOf(entry))
    }
    measure(record, keys, count)
    for (let i: u32 = 0; i < count; i++) best = min(best, load<i64>(keys + (i << 3)))
  }
  return best
}

/** At most `steps` steps of a walk; returns 1 if it is not at its end. */
export function continueWalk(record: usize, steps: u32): u32 {
  const frontier = load<u32>(record + THREAD_FRONTIER_AT)
  const keys = load<u32>(record + THREAD_CANDIDATES_AT)
  const isPair = walkCodeBytes() < <u32>LONG_CODE_BYTES
  for (; steps > 0; steps--) {
    const filled = load<u32>(record + THREAD_FRONTIER_COUNT)
    const first = nextOpen(frontier, load<u32>(record + THREAD_CURSOR), filled)
    if (first >= filled) return end(record)
    const firstKey = load<i64>(frontier + (first << 3))
    expand(record, frontier, first, firstKey)
    let count = gather(record, nodeOf(firstKey), 0)
    let second = first
    if (isPair) second = nextOpen(frontier, first + 1, filled)
    if (second > first && second < filled) {
      const secondKey = load<i64>(frontier + (second << 3))
      expand(record, frontier, second, secondKey)
      count = gather(record, nodeOf(secondKey), count)
    }
    touchNextRows(record, frontier, second + 1, filled)
    store<u32>(record + THREAD_CURSOR, second < filled ? second + 1 : filled)
    measure(record, keys, count)
    offer(record, keys, count)
  }
  return 1
}

function nextEpoch(record: usize): void {
  let epoch = load<u8>(record + THREAD_EPOCH) + 1
  if (epoch === 0) {
    memory.fill(load<u32>(record + THREAD_MARKS_AT), 0, load<u32>(SETTING_NODE_LIMIT))
    epoch = 1
  }
  store<u8>(record + THREAD_EPOCH, epoch)
}

/** Adds the unvisited neighbours of a node, and the addresses of their codes, to the gathered. */
function gather(record: usize, node: u32, count: u32): u32 {
  const codes = load<u32>(SETTING_LEAN_CODES_AT)
  const stride = load<u32>(SETTING_LEAN_STRIDE)
  const marks = load<u32>(record + THREAD_MARKS_AT)
  const epoch = load<u8>(record + THREAD_EPOCH)
  const gathered = load<u32>(record + THREAD_GATHERED_AT)
  const addresses = load<u32>(record + THREAD_ADDRESSES_AT)
  const place: usize = load<u32>(SETTING_LEAN_ROWS_AT) + (node << 2)
  const rowEnd: usize = load<u32>(place, 4)
  for (let at: usize = load<u32>(place); at < rowEnd; at += 4) {
    const neighbour = load<u32>(at)
    const mark = marks + neighbour
    // Whether a neighbour is new is a coin toss, so it is written in any case, and counted without a branch.
    const isNew: u32 = <u32>(load<u8>(mark) !== epoch)
    store<u8>(mark, epoch)
    store<u32>(gathered + (count << 2), neighbour)
    store<u32>(addresses + (count << 2), codes + neighbour * stride)
    count += isNew
  }
  return count
}

/** Touches and measures the gathered, and writes their keys. */
function measure(record: usize, keys: usize, count: u32): void {
  const addresses = load<u32>(record + THREAD_ADDRESSES_AT)
  const gathered = load<u32>(record + THREAD_GATHERED_AT)
  const distances = load<u32>(record + THREAD_DISTANCES_AT)
  store<u32>(record + THREAD_VISITED, load<u32>(record + THREAD_VISITED) + count)
  touch(record, addresses, count)
  computeWalkDistances(record, addresses, count)
  for (let i: u32 = 0; i < count; i++) {
    store<i64>(keys + (i << 3), keyOf(load<f32>(distances + (i << 2)), load<u32>(gathered + (i << 2))))
  }
}

export function computeWalkDistances(record: usize, addresses: usize, count: u32): void {
  const kind = load<u32>(SETTING_WALK_KIND)
  if (kind === ONE) computeEstimates(load<u32>(SETTING_BINARY_FRAME_AT), load<u32>(record + THREAD_BINARY_AT), count)
  else computeDistances(record, kind, addresses, count)
}

/** Reads a word of each line of each code. The sum is stored, so that the reads are not optimised away. */
function touch(record: usize, addresses: usize, count: u32): void {
  const bytes = walkCodeBytes()
  let sum: u32 = 0
  for (let offset: u32 = 0; offset < bytes; offset += LINE_BYTES) {
    for (let i: u32 = 0; i < count; i++) sum += load<u32>(load<u32>(addresses + (i << 2)) + offset)
  }
  if (load<u32>(SETTING_WALK_KIND) === ONE) {
    // They begin anywhere in a line, and end in another one.
    const last = load<u32>(SETTING_LEAN_STRIDE) - 4
    for (let i: u32 = 0; i < count; i++) sum += load<u32>(load<u32>(addresses + (i << 2)) + last)
  }
  store<u32>(record + THREAD_SINK, sum)
}

function walkCodeBytes(): u32 {
  const kind = load<u32>(SETTING_WALK_KIND)
  const dimensions = load<u32>(SETTING_DIMENSIONS)
  if (kind === ONE) return ((dimensions + 127) & ~127) >> 3
  return kind === FOUR ? narrowCodeBytes(dimensions) : wideCodeBytes(dimensions, kind)
}

/** Touches the rows of the two nodes that are next as things stand. */
@inline
function touchNextRows(record: usize, frontier: usize, from: u32, filled: u32): void {
  let sum: u32 = 0
  for (let i: u32 = 0; i < 2; i++) {
    const next = nextOpen(frontier, from, filled)
    if (next >= filled) break
    const place: usize = load<u32>(SETTING_LEAN_ROWS_AT) + (nodeOf(load<i64>(frontier + (next << 3))) << 2)
    const rowEnd: usize = load<u32>(place, 4)
    for (let at: usize = load<u32>(place); at < rowEnd; at += LINE_BYTES) sum += load<u32>(at)
    from = next + 1
  }
  store<u32>(record + THREAD_SINK, sum)
}
