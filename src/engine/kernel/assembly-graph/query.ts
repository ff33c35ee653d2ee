// A query made ready for the dots: its 8-bit code widened to 16 bits, once in order and once in the order of nibbles.
import {
  EIGHT, FLOAT, SETTING_DIMENSIONS, SETTING_WIDE_KIND, THREAD_FORM, THREAD_NARROW_QUERY_AT, THREAD_QUERY_BIAS,
  THREAD_QUERY_SCALE, THREAD_QUERY_SUM, THREAD_WIDE_QUERY_AT,
} from './layout'
import { wideCodeBytes } from './shapes'

/** Makes a wide code the query of a thread's dots against wide codes. */
export function takeWideQuery(record: usize, code: usize, form: u32): void {
  const dimensions = load<u32>(SETTING_DIMENSIONS)
  const kind = load<u32>(SETTING_WIDE_KIND)
  const bytes = wideCodeBytes(dimensions, kind)
  const query = load<u32>(record + THREAD_WIDE_QUERY_AT)
  if (kind === FLOAT) {
    for (let i: u32 = 0; i < bytes; i += 16) v128.store(query + i, v128.load(code + i))
  } else {
    for (let i: u32 = 0; i < bytes; i += 8) v128.store(query + (i << 1), i16x8.load8x8_s(code + i))
  }
  takeFactors(record, code + bytes, form)
}

/** Makes a wide 8-bit code the query of a thread's dots against narrow codes. */
export function takeNarrowQuery(record: usize, code: usize, form: u32): void {
  const dimensions = load<u32>(SETTING_DIMENSIONS)
  let query: usize = load<u32>(record + THREAD_NARROW_QUERY_AT)
  let sums = i32x4.splat(0)
  let left = dimensions
  let at = code
  // The nibble of bits 4 to 7 is read in place, as 16 times its level, that of bits 8 to 11 as 256 times it, and the other
  // two as they are: the query is multiplied by what is missing to 256. 127 * 256 = 32,512 still has 16 bits.
  while (left > 16) {
    for (let part: u32 = 0; part < 4; part++) {
      const eight = wordsFrom(at + part * 8, dimensions - (<u32>(at - code) + part * 8), <i32>(at - code + part * 8) < <i32>dimensions)
      sums = i32x4.add(sums, i32x4.dot_i16x8_s(eight, i16x8.splat(1)))
      v128.store(query, i16x8.shl(eight, part === 1 ? 4 : part === 2 ? 0 : 8))
      query += 16
    }
    at += 32
    left = left > 32 ? left - 32 : 0
  }
  for (let part: u32 = 0; left > 0 && part < 4; part++) {
    const first = <u32>(at - code) + part * 4
    const eight = wordsFrom(code + first, min<u32>(4, dimensions - first), first < dimensions)
    sums = i32x4.add(sums, i32x4.dot_i16x8_s(eight, i16x8.splat(1)))
    v128.store(query, i16x8.shl(eight, part === 1 ? 4 : part === 2 ? 0 : 8))
    query += 16
  }
  const sum = i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1) + i32x4.extract_lane(sums, 2) +
    i32x4.extract_lane(sums, 3)
  store<i32>(record + THREAD_QUERY_SUM, sum)
  takeFactors(record, code + wideCodeBytes(dimensions, EIGHT), form)
}

/** Eight components from `at` on, widened; from the `count`th on they are zero. */
@inline
function wordsFrom(at: usize, count: u32, present: bool): v128 {
  if (!present) return i16x8.splat(0)
  const eight = i16x8.load8x8_s(at)
  if (count >= 8) return eight
  const lanes = v128(0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0)
  return v128.and(eight, i16x8.lt_u(lanes, i16x8.splat(<i16>count)))
}

function takeFactors(record: usize, factors: usize, form: u32): void {
  store<f32>(record + THREAD_QUERY_SCALE, load<f32>(factors))
  store<f32>(record + THREAD_QUERY_BIAS, load<f32>(factors, 4))
  store<u32>(record + THREAD_FORM, form)
}
