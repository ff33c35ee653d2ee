// Entry points of the kernel of lean graphs: a query made ready, walks, and the encoding of codes of one bit. What it shares
// with the kernel of whole graphs is compiled into both.
import { encodeVector } from './binary/encode'
import { encodeQuery } from './binary/query'
import { encode } from './encode'
import {
  DOT, FORM_BIAS, FORM_DOT, FOUR, ONE, SETTING_BINARY_FRAME_AT, SETTING_DIMENSIONS, SETTING_LEAN_STRIDE, SETTING_METRIC,
  SETTING_WALK_KIND, THREAD_ADDRESSES_AT, THREAD_BINARY_AT, THREAD_CODE_AT, THREAD_GATHERED_AT, THREAD_VECTOR_AT,
} from './layout'
import { beginWalk, codeOf, computeWalkDistances, continueWalk } from './lean-walk'
import { threadAt } from './memory'
import { takeNarrowQuery, takeWideQuery } from './query'

/**
 * Encodes the vector of a thread as a query, and walks at most `steps` steps; returns 1 if the walk is not at its end.
 */
export function search(thread: u32, steps: u32): u32 {
  const record = threadAt(thread)
  prepareQuery(thread)
  beginWalk(record)
  return continueWalk(record, steps)
}

export function continueSearch(thread: u32, steps: u32): u32 {
  return continueWalk(threadAt(thread), steps)
}

/** Encodes the vector of a thread as a query, for the walk's kind of codes. */
export function prepareQuery(thread: u32): void {
  const record = threadAt(thread)
  const kind = load<u32>(SETTING_WALK_KIND)
  if (kind === ONE) {
    encodeQuery(load<u32>(SETTING_BINARY_FRAME_AT), load<u32>(record + THREAD_BINARY_AT))
    return
  }
  const code = load<u32>(record + THREAD_CODE_AT)
  encode(record, code, 0, true)
  const form = load<u32>(SETTING_METRIC) === DOT ? FORM_DOT : FORM_BIAS
  if (kind === FOUR) takeNarrowQuery(record, code, form)
  else takeWideQuery(record, code, form)
}

/** Distances of the query from `count` gathered nodes. */
export function distancesOfGathered(thread: u32, count: u32): void {
  const record = threadAt(thread)
  const gathered = load<u32>(record + THREAD_GATHERED_AT)
  const addresses = load<u32>(record + THREAD_ADDRESSES_AT)
  for (let i: u32 = 0; i < count; i++) store<u32>(addresses + (i << 2), codeOf(load<u32>(gathered + (i << 2))))
  computeWalkDistances(record, addresses, count)
}

/** Encodes rows of `dimensions` float32 as the codes of one bit of nodes from `node` on. */
export function encodeRows(thread: u32, rows: usize, count: u32, node: u32): void {
  const record = threadAt(thread)
  const vector = load<u32>(record + THREAD_VECTOR_AT)
  const frame = load<u32>(SETTING_BINARY_FRAME_AT)
  const scratch = load<u32>(record + THREAD_BINARY_AT)
  const rowBytes = load<u32>(SETTING_DIMENSIONS) << 2
  let code = codeOf(node)
  for (let row: u32 = 0; row < count; row++) {
    memory.copy(vector, rows + <usize>row * rowBytes, rowBytes)
    encodeVector(frame, scratch, code)
    code += load<u32>(SETTING_LEAN_STRIDE)
  }
}
