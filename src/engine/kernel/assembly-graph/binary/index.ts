// Entry points of the kernel of codes of one bit a dimension. The caller has allocated every area and checked every argument.
import { encodeVector } from './encode'
import { computeEstimates } from './estimate'
import {
  CODE_BLOCK_MASK, CODE_BLOCK_SHIFT, FRAME_BLOCKS, FRAME_DIMENSIONS, FRAME_STRIDE, SCRATCH_ADDRESSES_AT,
  SCRATCH_POSITIONS_AT, SCRATCH_SINK, SCRATCH_VECTOR_AT,
} from './layout'

export { encodeQuery } from './query'
export { rotateUnit } from './rotate'

@inline
function codeOf(frame: usize, position: u32): usize {
  const block = load<u32>(frame + FRAME_BLOCKS + ((position >> CODE_BLOCK_SHIFT) << 2))
  return block + (position & CODE_BLOCK_MASK) * load<u32>(frame + FRAME_STRIDE)
}

/** Encodes rows of `dimensions` float32 as the codes of consecutive positions. */
export function encodeRows(frame: usize, scratch: usize, rows: usize, count: u32, position: u32): void {
  const vector = load<u32>(scratch + SCRATCH_VECTOR_AT)
  const rowBytes = load<u32>(frame + FRAME_DIMENSIONS) << 2
  for (let row: u32 = 0; row < count; row++) {
    memory.copy(vector, rows + <usize>row * rowBytes, rowBytes)
    encodeVector(frame, scratch, codeOf(frame, position + row))
  }
}

/**
 * Compares the query with the codes of gathered positions. A word of every cache line is loaded first: the loads of many
 * codes then wait for memory together, while a comparison would wait for its own four.
 */
export function estimateGathered(frame: usize, scratch: usize, count: u32): void {
  const positions = load<u32>(scratch + SCRATCH_POSITIONS_AT)
  const addresses = load<u32>(scratch + SCRATCH_ADDRESSES_AT)
  const last = load<u32>(frame + FRAME_STRIDE) - 4
  let sink: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const code = codeOf(frame, load<u32>(positions + (i << 2)))
    for (let at: u32 = 0; at < last; at += 64) sink += load<u32>(code + at)
    sink += load<u32>(code + last)
    store<u32>(addresses + (i << 2), <u32>code)
  }
  // Stored, so that the compiler keeps the loads.
  store<u32>(scratch + SCRATCH_SINK, sink)
  computeEstimates(frame, scratch, count)
}

/** Compares the query with the codes of consecutive positions. */
export function estimateRange(frame: usize, scratch: usize, position: u32, count: u32): void {
  const addresses = load<u32>(scratch + SCRATCH_ADDRESSES_AT)
  for (let i: u32 = 0; i < count; i++) store<u32>(addresses + (i << 2), codeOf(frame, position + i))
  computeEstimates(frame, scratch, count)
}
