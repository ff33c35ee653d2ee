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
    for (let i: u32 = 0; i < bytes; i += 8) v128.store(query + (i << 1), v128.load_ext<i8>(code + i))
  }
  takeFactors(record, code + bytes, form)
}

/** Makes a wide 8-bit code the query of a thread's dots against narrow codes. */
export function takeNarrowQuery(record: usize, code: usize, form: u32): void {
  const dimensions = load<u32>(SETTING_DIMENSIONS)
  let query: usize = load<u32>(record + THREAD_NARROW_QUERY_AT)
  let sums = i32x4.splat(0)
  let left = dimensions, first: u32 = 0
  // The nibble of bits 4 to 7 is read in place, as 16 times its level, that of bits 8 to 11 as 256 times it, and the
  // other two as they are: the query is multiplied by what is missing to 256. 127 * 256 = 32,512 still has 16 bits.
  while (left > 0) {
    const words: u32 = left > 16 ? 8 : 4
    for (let part: u32 = 0; part < 4; part++) {
      const eight = wordsFrom(code, first + part * words, words, dimensions)
      sums = i32x4.add(sums, i32x4.dot_i16x8_s(eight, i16x8.splat(1)))
      v128.store(query, i16x8.shl(eight, part === 1 ? 4 : part === 2 ? 0 : 8))
      query += 16
    }
    first += 32
    left = left > 32 ? left - 32 : 0
  }
  const sum = i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1) + i32x4.extract_lane(sums, 2) +
    i32x4.extract_lane(sums, 3)
  store<i32>(record + THREAD_QUERY_SUM, sum)
  takeFactors(record, code + wideCodeBytes(dimensions, EIGHT), form)
}

/** Up to `words` components from `first` on, widened; lanes past them or past the last dimension are zero. */
@inline
function wordsFrom(code: usize, first: u32, words: u32, dimensions: u32): v128 {
  if (first >= dimensions) return i16x8.splat(0)
  const present = min<u32>(words, dimensions - first)
  const lanes = i16x8(0, 1, 2, 3, 4, 5, 6, 7)
  return v128.and(v128.load_ext<i8>(code + first), i16x8.lt_u(lanes, i16x8.splat(<i16>present)))
}

function takeFactors(record: usize, factors: usize, form: u32): void {
  store<f32>(record + THREAD_QUERY_SCALE, load<f32>(factors))
  store<f32>(record + THREAD_QUERY_BIAS, load<f32>(factors, 4))
  store<u32>(record + THREAD_FORM, form)
}
