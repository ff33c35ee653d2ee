// The beam search. There is no prefetch instruction, so a step first gathers all unvisited neighbours of two nodes,
// then touches each one's cache line, and only then computes: the misses overlap each other. 3,400 -> 6,400-6,900
// queries a second on 340,479 x 100; doing the same inside the loop that checks the marks is slower, and so are three
// nodes a step. Of codes of several lines there are enough to wait for with one node: of 768 dimensions two take a tenth
// more time.
import { computeDistances } from './distances'
import { copyResults, nextOpen, offerToFrontier, offerToResults, offerWithin } from './frontier'
import { FARTHEST, keyOf, nodeOf } from './keys'
import {
  BLOCKS_AT, BLOCK_MASK, BLOCK_SHIFT, FOUR, GATHERED_SLOTS, LONG_CODE_BYTES, RESULTS_WITHIN, ROW_SLOTS, SETTING_DIMENSIONS, SETTING_ENTRIES_AT,
  SETTING_ENTRY_COUNT, SETTING_NARROW_OFFSET, SETTING_NARROW_STRIDE, SETTING_NODE_LIMIT, SETTING_WALK_KIND,
  SETTING_WIDE_OFFSET, SETTING_WIDE_STRIDE, THREAD_ADDRESSES_AT, THREAD_ALLOWED_AT, THREAD_CANDIDATES_AT, THREAD_CURSOR,
  THREAD_DISTANCES_AT, THREAD_EPOCH, THREAD_EXPANDED_AT, THREAD_EXPANDED_COUNT, THREAD_EXPANDED_SIZE,
  THREAD_FRONTIER_AT, THREAD_FRONTIER_COUNT, THREAD_GATHERED_AT, THREAD_MARKS_AT, THREAD_RESULTS_AT,
  THREAD_RESULTS_COUNT, THREAD_RESULTS_KIND, THREAD_RESULTS_SIZE, THREAD_SINK, THREAD_VISITED,
} from './layout'
import { blockOf, rowOf } from './memory'
import { narrowCodeBytes, wideCodeBytes } from './shapes'

const LINE_BYTES: u32 = 64

/** Empties the lists, forgets the marks, and puts the best of the entries into the frontier. */
export function beginWalk(record: usize): void {
  clear(record)
  const entries = load<u32>(SETTING_ENTRIES_AT)
  const entryCount = load<u32>(SETTING_ENTRY_COUNT)
  const gathered = load<u32>(record + THREAD_GATHERED_AT)
  const keys = load<u32>(record + THREAD_CANDIDATES_AT)
  const limit = load<u32>(SETTING_NODE_LIMIT)
  let best: i64 = FARTHEST
  for (let first: u32 = 0; first < entryCount; first += GATHERED_SLOTS) {
    const end = min<u32>(first + GATHERED_SLOTS, entryCount)
    let count: u32 = 0
    // A table that is being replaced may have been given back and used for something else: its numbers are held within bounds.
    for (let i = first; i < end; i++) {
      const entry = load<u32>(entries + (i << 2))
      store<u32>(gathered + (count << 2), entry)
      count += <u32>(entry < limit)
    }
    addressesOf(record, count)
    measure(record, keys, count)
    for (let i: u32 = 0; i < count; i++) best = min(best, load<i64>(keys + (i << 3)))
  }
  if (best === FARTHEST) return
  start(record, best)
}

/** Empties the lists, forgets the marks, and puts a node into the frontier as if it were the query itself. */
export function beginWalkAt(record: usize, node: u32): void {
  clear(record)
  start(record, keyOf(0, node))
}

function clear(record: usize): void {
  store<u32>(record + THREAD_FRONTIER_COUNT, 0)
  store<u32>(record + THREAD_RESULTS_COUNT, 0)
  store<u32>(record + THREAD_EXPANDED_COUNT, 0)
  store<u32>(record + THREAD_CURSOR, 0)
  store<u32>(record + THREAD_VISITED, 0)
  nextEpoch(record)
}

function start(record: usize, key: i64): void {
  const node = nodeOf(key)
  store<u8>(blockOf(node) + load<u32>(record + THREAD_MARKS_AT) + (node & BLOCK_MASK), load<u8>(record + THREAD_EPOCH))
  const keys = load<u32>(record + THREAD_CANDIDATES_AT)
  store<i64>(keys, key)
  offer(record, keys, 1)
}

@inline
export function offer(record: usize, keys: usize, count: u32): void {
  if (!load<u32>(record + THREAD_ALLOWED_AT)) {
    offerToFrontier(record, keys, count)
  } else if (load<u32>(record + THREAD_RESULTS_KIND) === RESULTS_WITHIN) {
    offerWithin(record, keys, count)
  } else {
    offerToResults(record, keys, count)
    offerToFrontier(record, keys, count)
  }
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
    offer(record, keys, measure(record, keys, count))
  }
  return 1
}

export function end(record: usize): u32 {
  if (load<u32>(record + THREAD_ALLOWED_AT) && load<u32>(record + THREAD_RESULTS_KIND) === RESULTS_WITHIN) {
    copyResults(record)
  }
  return 0
}

export function nextEpoch(record: usize): u8 {
  let epoch = load<u8>(record + THREAD_EPOCH) + 1
  if (epoch === 0) {
    const blocks = (load<u32>(SETTING_NODE_LIMIT) + BLOCK_MASK) >> BLOCK_SHIFT
    const marks = load<u32>(record + THREAD_MARKS_AT)
    for (let block: u32 = 0; block < blocks; block++) {
      memory.fill(load<u32>(BLOCKS_AT + (block << 2)) + marks, 0, 1 << BLOCK_SHIFT)
    }
    epoch = 1
  }
  store<u8>(record + THREAD_EPOCH, epoch)
  return epoch
}

/** Marks a key of the frontier as done and notes it among the expanded. */
@inline
export function expand(record: usize, frontier: usize, place: u32, key: i64): void {
  store<i64>(frontier + (place << 3), key | 1)
  const count = load<u32>(record + THREAD_EXPANDED_COUNT)
  if (count >= load<u32>(record + THREAD_EXPANDED_SIZE)) return
  store<i64>(load<u32>(record + THREAD_EXPANDED_AT) + (count << 3), key)
  store<u32>(record + THREAD_EXPANDED_COUNT, count + 1)
}

/** Adds the unvisited neighbours of a node, and the addresses of their codes, to the gathered. */
function gather(record: usize, node: u32, count: u32): u32 {
  const isFour = load<u32>(SETTING_WALK_KIND) === FOUR
  const offset = load<u32>(isFour ? SETTING_NARROW_OFFSET : SETTING_WIDE_OFFSET)
  const stride = load<u32>(isFour ? SETTING_NARROW_STRIDE : SETTING_WIDE_STRIDE)
  const marks = load<u32>(record + THREAD_MARKS_AT)
  const epoch = load<u8>(record + THREAD_EPOCH)
  const limit = load<u32>(SETTING_NODE_LIMIT)
  const gathered = load<u32>(record + THREAD_GATHERED_AT)
  const addresses = load<u32>(record + THREAD_ADDRESSES_AT)
  const row = rowOf(node)
  // The row may be half-written by another thread: its count and its numbers are held within bounds.
  const end = row + (min<u32>(load<u32>(row), ROW_SLOTS) << 2)
  for (let at = row; at < end; at += 4) {
    const neighbour = load<u32>(at, 4)
    if (neighbour >= limit) continue
    const block = load<u32>(BLOCKS_AT + ((neighbour >> BLOCK_SHIFT) << 2))
    const position = neighbour & BLOCK_MASK
    const mark = block + marks + position
    // Whether a neighbour is new is a coin toss, so it is written in any case, and counted without a branch.
    const isNew: u32 = <u32>(load<u8>(mark) !== epoch)
    store<u8>(mark, epoch)
    store<u32>(gathered + (count << 2), neighbour)
    store<u32>(addresses + (count << 2), block + offset + position * stride)
    count += isNew
  }
  return count
}

/** Addresses of the codes of the gathered nodes. */
function addressesOf(record: usize, count: u32): void {
  const isFour = load<u32>(SETTING_WALK_KIND) === FOUR
  const offset = load<u32>(isFour ? SETTING_NARROW_OFFSET : SETTING_WIDE_OFFSET)
  const stride = load<u32>(isFour ? SETTING_NARROW_STRIDE : SETTING_WIDE_STRIDE)
  const gathered = load<u32>(record + THREAD_GATHERED_AT)
  const addresses = load<u32>(record + THREAD_ADDRESSES_AT)
  for (let i: u32 = 0; i < count; i++) {
    const node = load<u32>(gathered + (i << 2))
    const block = load<u32>(BLOCKS_AT + ((node >> BLOCK_SHIFT) << 2))
    store<u32>(addresses + (i << 2), block + offset + (node & BLOCK_MASK) * stride)
  }
}

/** Touches and measures the gathered; writes their keys and returns how many there are. */
function measure(record: usize, keys: usize, count: u32): u32 {
  const kind = load<u32>(SETTING_WALK_KIND)
  const addresses = load<u32>(record + THREAD_ADDRESSES_AT)
  const gathered = load<u32>(record + THREAD_GATHERED_AT)
  const distances = load<u32>(record + THREAD_DISTANCES_AT)
  store<u32>(record + THREAD_VISITED, load<u32>(record + THREAD_VISITED) + count)
  touch(record, addresses, count)
  computeDistances(record, kind, addresses, count)
  for (let i: u32 = 0; i < count; i++) {
    store<i64>(keys + (i << 3), keyOf(load<f32>(distances + (i << 2)), load<u32>(gathered + (i << 2))))
  }
  return count
}

/** Reads a word of each line of each code. The sum is stored, so that the reads are not optimised away. */
function touch(record: usize, addresses: usize, count: u32): void {
  const bytes = walkCodeBytes()
  let sum: u32 = 0
  for (let offset: u32 = 0; offset < bytes; offset += LINE_BYTES) {
    for (let i: u32 = 0; i < count; i++) sum += load<u32>(load<u32>(addresses + (i << 2)) + offset)
  }
  store<u32>(record + THREAD_SINK, sum)
}

function walkCodeBytes(): u32 {
  const kind = load<u32>(SETTING_WALK_KIND)
  const dimensions = load<u32>(SETTING_DIMENSIONS)
  return kind === FOUR ? narrowCodeBytes(dimensions) : wideCodeBytes(dimensions, kind)
}

/** Touches the rows of the two nodes that are next as things stand. */
@inline
function touchNextRows(record: usize, frontier: usize, from: u32, filled: u32): void {
  let sum: u32 = 0
  for (let i: u32 = 0; i < 2; i++) {
    const place = nextOpen(frontier, from, filled)
    if (place >= filled) break
    const row = rowOf(nodeOf(load<i64>(frontier + (place << 3))))
    sum += load<u32>(row) + load<u32>(row, 64) + load<u32>(row, 128) + load<u32>(row, 192)
    from = place + 1
  }
  store<u32>(record + THREAD_SINK, sum)
}
