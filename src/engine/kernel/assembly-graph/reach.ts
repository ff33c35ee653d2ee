// Which nodes a walk can come to: breadth first over the rows. `queue` has room for every node, `reached` one byte
// each.
import { ROW_SLOTS, SETTING_NODE_LIMIT } from './layout'
import { rowOf } from './memory'

/** Takes up to `most` nodes from the queue at `head`; returns the new tail. */
export function reach(queue: usize, reached: usize, head: u32, tail: u32, most: u32): u32 {
  const limit = load<u32>(SETTING_NODE_LIMIT)
  const end = head + most
  for (; head < tail && head < end; head++) {
    const row = rowOf(load<u32>(queue + (head << 2)))
    const rowEnd = row + (min<u32>(load<u32>(row), ROW_SLOTS) << 2)
    for (let at = row; at < rowEnd; at += 4) {
      const neighbour = load<u32>(at, 4)
      if (neighbour >= limit || load<u8>(reached + neighbour)) continue
      store<u8>(reached + neighbour, 1)
      store<u32>(queue + (tail << 2), neighbour)
      tail++
    }
  }
  return tail
}
