// Sorted arrays of keys: the frontier of a walk, and its results where they differ.
import {
  RESULTS_APART, THREAD_ALLOWED_AT, THREAD_ALLOWED_NODES, THREAD_CURSOR, THREAD_FRONTIER_AT, THREAD_FRONTIER_COUNT,
  THREAD_FRONTIER_SIZE, THREAD_RESULTS_AT, THREAD_RESULTS_COUNT, THREAD_RESULTS_KIND, THREAD_RESULTS_SIZE,
} from './layout'
import { FARTHEST, insertAt, nodeOf, placeOf } from './keys'
import { hasBit } from './memory'

/** The key that a new one must be below. */
@inline
function boundOf(array: usize, count: u32, size: u32): i64 {
  return count < size ? FARTHEST : load<i64>(array + ((size - 1) << 3))
}

/** The farthest of the results, if they are kept apart and full. */
@inline
function worstResult(record: usize): i64 {
  if (!load<u32>(record + THREAD_ALLOWED_AT) || load<u32>(record + THREAD_RESULTS_KIND) !== RESULTS_APART) return FARTHEST
  const size = load<u32>(record + THREAD_RESULTS_SIZE)
  return boundOf(load<u32>(record + THREAD_RESULTS_AT), load<u32>(record + THREAD_RESULTS_COUNT), size)
}

/**
 * Puts those of `count` new keys that are near enough into the frontier, and moves the cursor back to the nearest. Where
 * results are kept apart and full, what lies beyond them would never be expanded and is dropped: with lists of 160 and
 * 5 % of the nodes not allowed, a walk took twice the time of a plain one for moving such keys about.
 */
export function offerToFrontier(record: usize, keys: usize, count: u32): void {
  const array = load<u32>(record + THREAD_FRONTIER_AT)
  const size = load<u32>(record + THREAD_FRONTIER_SIZE)
  let filled = load<u32>(record + THREAD_FRONTIER_COUNT)
  let cursor = load<u32>(record + THREAD_CURSOR)
  const worst = worstResult(record)
  while (filled > 0 && load<i64>(array + ((filled - 1) << 3)) > worst) filled--
  cursor = min(cursor, filled)
  let bound = min(worst, boundOf(array, filled, size))
  for (let i: u32 = 0; i < count; i++) {
    const key = load<i64>(keys + (i << 3))
    if (key > bound) continue
    const place = placeOf(array, filled, key)
    if (filled < size) filled++
    insertAt(array, filled - 1, place, key)
    cursor = min(cursor, place)
    bound = min(worst, boundOf(array, filled, size))
  }
  store<u32>(record + THREAD_FRONTIER_COUNT, filled)
  store<u32>(record + THREAD_CURSOR, cursor)
}

/**
 * The same where most nodes may be results: the frontier itself holds them, and the others among them, and is cut behind
 * as many as are wanted. What lies beyond would never be expanded. A list of results of its own took a third more time.
 */
export function offerWithin(record: usize, keys: usize, count: u32): void {
  const array = load<u32>(record + THREAD_FRONTIER_AT)
  const size = load<u32>(record + THREAD_FRONTIER_SIZE)
  const most = load<u32>(record + THREAD_RESULTS_SIZE)
  let filled = load<u32>(record + THREAD_FRONTIER_COUNT)
  let cursor = load<u32>(record + THREAD_CURSOR)
  let results = load<u32>(record + THREAD_RESULTS_COUNT)
  let bound = boundWithin(array, filled, size, results, most)
  for (let i: u32 = 0; i < count; i++) {
    const key = load<i64>(keys + (i << 3))
    if (key >= bound) continue
    const place = placeOf(array, filled, key)
    if (filled < size) filled++
    else results -= <u32>isAllowed(record, load<i64>(array + ((filled - 1) << 3)))
    insertAt(array, filled - 1, place, key)
    cursor = min(cursor, place)
    if (isAllowed(record, key)) {
      if (results === most) filled--
      else results++
      if (results === most) while (!isAllowed(record, load<i64>(array + ((filled - 1) << 3)))) filled--
    }
    bound = boundWithin(array, filled, size, results, most)
  }
  store<u32>(record + THREAD_FRONTIER_COUNT, filled)
  store<u32>(record + THREAD_CURSOR, cursor)
  store<u32>(record + THREAD_RESULTS_COUNT, results)
}

/** Once all results are there, the last key is one of them. */
@inline
function boundWithin(array: usize, filled: u32, size: u32, results: u32, most: u32): i64 {
  return results < most && filled < size ? FARTHEST : load<i64>(array + ((filled - 1) << 3))
}

/** Copies the results out of the frontier, to where they are looked for. */
export function copyResults(record: usize): void {
  const array = load<u32>(record + THREAD_FRONTIER_AT)
  const filled = load<u32>(record + THREAD_FRONTIER_COUNT)
  let to: usize = load<u32>(record + THREAD_RESULTS_AT)
  for (let i: u32 = 0; i < filled; i++) {
    const key = load<i64>(array + (i << 3))
    if (!isAllowed(record, key)) continue
    store<i64>(to, key)
    to += 8
  }
}

/** A node past the end of the bitmap is not allowed. */
@inline
function isAllowed(record: usize, key: i64): bool {
  const node = nodeOf(key)
  return node < load<u32>(record + THREAD_ALLOWED_NODES) && hasBit(load<u32>(record + THREAD_ALLOWED_AT), node)
}

/** The same for the results that are kept apart, of which only allowed nodes become one. */
export function offerToResults(record: usize, keys: usize, count: u32): void {
  const array = load<u32>(record + THREAD_RESULTS_AT)
  const size = load<u32>(record + THREAD_RESULTS_SIZE)
  let filled = load<u32>(record + THREAD_RESULTS_COUNT)
  for (let i: u32 = 0; i < count; i++) {
    const key = load<i64>(keys + (i << 3))
    if (key >= boundOf(array, filled, size) || !isAllowed(record, key)) continue
    const place = placeOf(array, filled, key)
    if (filled < size) filled++
    insertAt(array, filled - 1, place, key)
  }
  store<u32>(record + THREAD_RESULTS_COUNT, filled)
}

/** First key from `from` on that is not done, or `count`. */
@inline
export function nextOpen(array: usize, from: u32, count: u32): u32 {
  while (from < count && (<u32>load<u8>(array + (from << 3)) & 1) !== 0) from++
  return from
}
