// Distances of one query from many codes, whose addresses are gathered and whose lines are touched beforehand.
import { floatDots, floatSquares, narrowDots, wideDots } from './dots'
import {
  COSINE, EIGHT, FLOAT, FORM_BIAS, FORM_DOT, FOUR, SETTING_DIMENSIONS, SETTING_METRIC, THREAD_DISTANCES_AT,
  THREAD_FORM, THREAD_NARROW_QUERY_AT, THREAD_QUERY_BIAS, THREAD_QUERY_SCALE, THREAD_QUERY_SUM,
  THREAD_WIDE_QUERY_AT,
} from './layout'
import { narrowCodeBytes, wideCodeBytes } from './shapes'

/** Computes `count` distances, four at a time. The list of addresses is filled up to a multiple of four. */
export function computeDistances(record: usize, kind: u32, addresses: usize, count: u32): void {
  for (let i = count; (i & 3) !== 0; i++) store<u32>(addresses + (i << 2), load<u32>(addresses))
  if (kind === FOUR) narrowDistances(record, addresses, count)
  else if (kind === EIGHT) wideDistances(record, addresses, count)
  else floatDistances(record, addresses, count)
}

/** The two factors behind four codes, made into four scales and four biases, and the distances from them. */
@inline
function finish(form: u32, dots: v128, scale: v128, bias: v128, a: usize, b: usize, c: usize, d: usize): v128 {
  const ab = v128.load_lane<u64>(b, v128.load64_zero(a), 1)
  const cd = v128.load_lane<u64>(d, v128.load64_zero(c), 1)
  const scales = v128.shuffle<i32>(ab, cd, 0, 2, 4, 6)
  const biases = v128.shuffle<i32>(ab, cd, 1, 3, 5, 7)
  if (form === FORM_BIAS) return f32x4.sub(f32x4.add(biases, bias), f32x4.mul(f32x4.mul(scales, scale), dots))
  if (form === FORM_DOT) return f32x4.sub(f32x4.splat(0), f32x4.mul(f32x4.mul(scales, scale), dots))
  return f32x4.sub(f32x4.splat(1), f32x4.mul(f32x4.mul(biases, bias), dots))
}

function narrowDistances(record: usize, addresses: usize, count: u32): void {
  const dimensions = load<u32>(SETTING_DIMENSIONS)
  const query = load<u32>(record + THREAD_NARROW_QUERY_AT)
  const querySum = load<i32>(record + THREAD_QUERY_SUM)
  const form = load<u32>(record + THREAD_FORM)
  const scale = v128.load32_splat(record + THREAD_QUERY_SCALE), bias = v128.load32_splat(record + THREAD_QUERY_BIAS)
  const bytes = narrowCodeBytes(dimensions)
  const groups = bytes >> 4
  const half = (bytes & 8) !== 0
  let out: usize = load<u32>(record + THREAD_DISTANCES_AT)
  for (let i: u32 = 0; i < count; i += 4) {
    const a = load<u32>(addresses), b = load<u32>(addresses, 4)
    const c = load<u32>(addresses, 8), d = load<u32>(addresses, 12)
    const dots = narrowDots(query, querySum, groups, half, a, b, c, d)
    v128.store(out, finish(form, dots, scale, bias, a + bytes, b + bytes, c + bytes, d + bytes))
    addresses += 16
    out += 16
  }
}

function wideDistances(record: usize, addresses: usize, count: u32): void {
  const query = load<u32>(record + THREAD_WIDE_QUERY_AT)
  const form = load<u32>(record + THREAD_FORM)
  const scale = v128.load32_splat(record + THREAD_QUERY_SCALE), bias = v128.load32_splat(record + THREAD_QUERY_BIAS)
  const bytes = wideCodeBytes(load<u32>(SETTING_DIMENSIONS), EIGHT)
  let out: usize = load<u32>(record + THREAD_DISTANCES_AT)
  for (let i: u32 = 0; i < count; i += 4) {
    const a = load<u32>(addresses), b = load<u32>(addresses, 4)
    const c = load<u32>(addresses, 8), d = load<u32>(addresses, 12)
    const dots = wideDots(query, bytes, a, b, c, d)
    v128.store(out, finish(form, dots, scale, bias, a + bytes, b + bytes, c + bytes, d + bytes))
    addresses += 16
    out += 16
  }
}

/** Few dimensions: differences are squared one by one, because bias and dot would cancel each other near the query. */
function floatDistances(record: usize, addresses: usize, count: u32): void {
  const query = load<u32>(record + THREAD_WIDE_QUERY_AT)
  const form = load<u32>(record + THREAD_FORM)
  const scale = v128.load32_splat(record + THREAD_QUERY_SCALE), bias = v128.load32_splat(record + THREAD_QUERY_BIAS)
  const bytes = wideCodeBytes(load<u32>(SETTING_DIMENSIONS), FLOAT)
  const half = f32x4.splat(load<u32>(SETTING_METRIC) === COSINE ? 0.5 : 1)
  let out: usize = load<u32>(record + THREAD_DISTANCES_AT)
  for (let i: u32 = 0; i < count; i += 4) {
    const a = load<u32>(addresses), b = load<u32>(addresses, 4)
    const c = load<u32>(addresses, 8), d = load<u32>(addresses, 12)
    if (form === FORM_BIAS) {
      v128.store(out, f32x4.mul(floatSquares(query, bytes, a, b, c, d), half))
    } else {
      const dots = floatDots(query, bytes, a, b, c, d)
      v128.store(out, finish(form, dots, scale, bias, a + bytes, b + bytes, c + bytes, d + bytes))
    }
    addresses += 16
    out += 16
  }
}
