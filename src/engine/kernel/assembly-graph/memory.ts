// Where a node's parts lie.
import {
  BLOCKS_AT, BLOCK_MASK, BLOCK_SHIFT, ROW_SHIFT, SETTING_IN_DEGREE_OFFSET, SETTING_MARKS_OFFSET, SETTING_STATE_OFFSET,
  SETTING_WIDE_OFFSET, SETTING_WIDE_STRIDE, THREADS_AT, THREAD_SHIFT,
} from './layout'

@inline
export function threadAt(thread: u32): usize {
  return THREADS_AT + (thread << THREAD_SHIFT)
}

@inline
export function blockOf(node: u32): usize {
  return load<u32>(BLOCKS_AT + ((node >> BLOCK_SHIFT) << 2))
}

@inline
export function rowOf(node: u32): usize {
  return blockOf(node) + ((node & BLOCK_MASK) << ROW_SHIFT)
}

@inline
export function codeOf(node: u32, offset: u32, stride: u32): usize {
  return blockOf(node) + offset + (node & BLOCK_MASK) * stride
}

@inline
export function wideCodeOf(node: u32): usize {
  return codeOf(node, load<u32>(SETTING_WIDE_OFFSET), load<u32>(SETTING_WIDE_STRIDE))
}

@inline
export function inDegreeOf(node: u32): usize {
  return blockOf(node) + load<u32>(SETTING_IN_DEGREE_OFFSET) + (node & BLOCK_MASK)
}

@inline
export function stateOf(node: u32): usize {
  return blockOf(node) + load<u32>(SETTING_STATE_OFFSET) + (node & BLOCK_MASK)
}

/** Where the marks of a thread lie, from the start of a block. */
@inline
export function marksOffset(thread: u32): u32 {
  return load<u32>(SETTING_MARKS_OFFSET) + (thread << BLOCK_SHIFT)
}

@inline
export function hasBit(bitmap: usize, bit: u32): bool {
  return ((<u32>load<u8>(bitmap + (bit >> 3)) >> (bit & 7)) & 1) !== 0
}

/** Counts an incoming edge. A count that has reached 255 stays there: it no longer says how many there are. */
@inline
export function addIncoming(node: u32): void {
  const at = inDegreeOf(node)
  const count = load<u8>(at)
  if (count < 255) store<u8>(at, count + 1)
}

/** Takes an incoming edge away, unless it is the last; returns whether it did. */
@inline
export function removeIncoming(node: u32): bool {
  const at = inDegreeOf(node)
  const count = load<u8>(at)
  if (count <= 1) return false
  if (count < 255) store<u8>(at, count - 1)
  return true
}
