// A distance and a node in one signed 64-bit key, so that one comparison orders by distance, then by node.
//
//   63          32 31            1   0
//   |  distance  |  node number  |done|
//
// The bits of a float32 order like a signed integer once the lower 31 of a negative one are turned round. -0 cannot
// occur: every distance ends in an addition or subtraction that gives +0 for equal operands.

export const FARTHEST: i64 = 0x7fffffffffffffff

@inline
export function orderedBits(distance: f32): i32 {
  const bits = reinterpret<i32>(distance)
  return bits ^ ((bits >> 31) & 0x7fffffff)
}

@inline
export function keyOf(distance: f32, node: u32): i64 {
  return (<i64>orderedBits(distance) << 32) | ((<i64>node) << 1)
}

@inline
export function nodeOf(key: i64): u32 {
  return <u32>key >> 1
}

@inline
export function distanceOf(key: i64): f32 {
  const bits = <i32>(key >> 32)
  return reinterpret<f32>(bits ^ ((bits >> 31) & 0x7fffffff))
}

/** First place in a sorted array of `count` keys, done bits apart, whose key is not below `key`. */
@inline
export function placeOf(array: usize, count: u32, key: i64): u32 {
  let low: u32 = 0
  let length = count
  // Half of the rest is skipped or not by a conditional move: branches here are wrong half of the time.
  while (length > 1) {
    const half = length >> 1
    low = select<u32>(low + half, low, load<i64>(array + ((low + half - 1) << 3)) < key)
    length -= half
  }
  if (length === 1 && load<i64>(array + (low << 3)) < key) low++
  return low
}

/** Moves the keys from `place` up to `count` by one, and puts `key` there. The array has room for one more. */
@inline
export function insertAt(array: usize, count: u32, place: u32, key: i64): void {
  const first = array + (place << 3)
  let at = array + (count << 3)
  while (at >= first + 16) {
    v128.store(at - 8, v128.load(at - 16))
    at -= 16
  }
  if (at > first) store<i64>(at, load<i64>(at - 8))
  store<i64>(first, key)
}

/** Sorts keys by heap: no recursion, no worst case. */
export function sortKeys(array: usize, count: u32): void {
  if (count < 2) return
  for (let root = count >> 1; root > 0; root--) siftDown(array, root - 1, count)
  for (let end = count - 1; end > 0; end--) {
    const greatest = load<i64>(array)
    store<i64>(array, load<i64>(array + (end << 3)))
    store<i64>(array + (end << 3), greatest)
    siftDown(array, 0, end)
  }
}

function siftDown(array: usize, index: u32, count: u32): void {
  const key = load<i64>(array + (index << 3))
  while (true) {
    let child = index * 2 + 1
    if (child >= count) break
    if (child + 1 < count && load<i64>(array + ((child + 1) << 3)) > load<i64>(array + (child << 3))) child++
    const childKey = load<i64>(array + (child << 3))
    if (childKey <= key) break
    store<i64>(array + (index << 3), childKey)
    index = child
  }
  store<i64>(array + (index << 3), key)
}
