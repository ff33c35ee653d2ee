// The nearest of each node within a leaf: all pairs, each computed once and offered to both.
//
// Bytes are widened to 16 bits and packed four nodes to a panel, so that no dot ends in a horizontal sum:
//
//   panel, step k:   a(2k) a(2k+1)  b(2k) b(2k+1)  c(2k) c(2k+1)  d(2k) d(2k+1)      eight words of 16 bits
//   one node x:      x(2k) x(2k+1)  x(2k) x(2k+1)  x(2k) x(2k+1)  x(2k) x(2k+1)      one load that splats
//   dot_i16x8:           x . a          x . b          x . c          x . d          four sums of 32 bits
//
// Four nodes against two panels are eight sums in registers, and six loads for 64 products.
import { computeDistances } from './distances'
import { FARTHEST, distanceOf, keyOf, nodeOf } from './keys'
import {
  EIGHT, FORM_BIAS, FORM_DOT, SETTING_DIMENSIONS, SETTING_WIDE_KIND, THREAD_ADDRESSES_AT, THREAD_DISTANCES_AT,
  THREAD_NEAREST_AT, THREAD_PANELS_AT,
} from './layout'
import { threadAt, wideCodeOf } from './memory'
import { takeWideQuery } from './query'
import { wideCodeBytes } from './shapes'

const NOBODY: u32 = 0xffffffff

/**
 * Leaf i has the members from `starts[i]` to `starts[i + 1]`, no more than the panels hold. `out` gets `most` nodes a
 * member, nearest first, then 0xffffffff.
 */
export function nearestInLeaves(
  thread: u32, from: u32, to: u32, starts: usize, members: usize, out: usize, most: u32, form: u32,
): void {
  const record = threadAt(thread)
  for (let leaf = from; leaf < to; leaf++) {
    const first = load<u32>(starts + (leaf << 2))
    const count = load<u32>(starts + (leaf << 2), 4) - first
    const leafMembers = members + (first << 2)
    const nearest = load<u32>(record + THREAD_NEAREST_AT)
    for (let i: u32 = 0; i < count * most; i++) store<i64>(nearest + (i << 3), FARTHEST)
    if (load<u32>(SETTING_WIDE_KIND) === EIGHT) comparePanels(record, leafMembers, count, most, form)
    else compareFloats(record, leafMembers, count, most, form)
    const leafOut = out + ((first * most) << 2)
    for (let i: u32 = 0; i < count * most; i++) {
      const key = load<i64>(nearest + (i << 3))
      store<u32>(leafOut + (i << 2), key === FARTHEST ? NOBODY : nodeOf(key))
    }
  }
}

/** Puts a key among the `most` nearest at `list`, if it is nearer than the last of them; returns the new last. */
@inline
export function keep(list: usize, most: u32, key: i64): i64 {
  let at = list + ((most - 1) << 3)
  if (key < load<i64>(at)) {
    for (; at > list; at -= 8) {
      const before = load<i64>(at - 8)
      if (before < key) break
      store<i64>(at, before)
    }
    store<i64>(at, key)
  }
  return load<i64>(list + ((most - 1) << 3))
}

/** Few dimensions: each member against all others, four at a time. */
function compareFloats(record: usize, members: usize, count: u32, most: u32, form: u32): void {
  const nearest = load<u32>(record + THREAD_NEAREST_AT)
  const addresses = load<u32>(record + THREAD_ADDRESSES_AT)
  const distances = load<u32>(record + THREAD_DISTANCES_AT)
  for (let i: u32 = 0; i < count; i++) store<u32>(addresses + (i << 2), wideCodeOf(load<u32>(members + (i << 2))))
  for (let i: u32 = 0; i < count; i++) {
    takeWideQuery(record, load<u32>(addresses + (i << 2)), form)
    computeDistances(record, load<u32>(SETTING_WIDE_KIND), addresses, count)
    const list = nearest + ((i * most) << 3)
    let last = FARTHEST
    for (let j: u32 = 0; j < count; j++) {
      const key = keyOf(load<f32>(distances + (j << 2)), load<u32>(members + (j << 2)))
      if (key < last && j !== i) last = keep(list, most, key)
    }
  }
}

/** Writes the panels, then the scales, the biases, and the distance that a newcomer must not exceed, f32 a member. */
function pack(record: usize, members: usize, count: u32, padded: u32, bytes: u32): void {
  const panels = load<u32>(record + THREAD_PANELS_AT)
  const scales = panels + padded * bytes * 2
  const biases = scales + (padded << 2)
  const worst = biases + (padded << 2)
  for (let i: u32 = 0; i < padded; i++) {
    const code = wideCodeOf(load<u32>(members + (min<u32>(i, count - 1) << 2)))
    const column = panels + (i >> 2) * bytes * 8 + ((i & 3) << 2)
    for (let pair: u32 = 0; pair < bytes >> 1; pair++) {
      store<i16>(column + (pair << 4), load<i8>(code + (pair << 1)))
      store<i16>(column + (pair << 4), load<i8>(code + (pair << 1), 1), 2)
    }
    store<f32>(scales + (i << 2), load<f32>(code + bytes))
    store<f32>(biases + (i << 2), load<f32>(code + bytes, 4))
    // A member that only fills the last panel is never offered anything, and never near enough to be looked at twice.
    store<f32>(worst + (i << 2), i < count ? Infinity : -Infinity)
  }
}

function comparePanels(record: usize, members: usize, count: u32, most: u32, form: u32): void {
  const bytes = wideCodeBytes(load<u32>(SETTING_DIMENSIONS), EIGHT)
  const padded = (count + 7) & ~7
  pack(record, members, count, padded, bytes)
  const panels = load<u32>(record + THREAD_PANELS_AT)
  const panelBytes = bytes * 8
  for (let row: u32 = 0; row < count; row += 4) {
    for (let column = row & ~7; column < count; column += 8) {
      compareBlock(record, panels, panelBytes, row, column, members, count, padded, most, form)
    }
  }
}

function compareBlock(
  record: usize, panels: usize, panelBytes: u32, row: u32, column: u32, members: usize, count: u32, padded: u32,
  most: u32, form: u32,
): void {
  let x: usize = panels + (row >> 2) * panelBytes
  let left: usize = panels + (column >> 2) * panelBytes
  let right: usize = left + panelBytes
  const end = x + panelBytes
  let a0 = i32x4.splat(0), a1 = i32x4.splat(0), b0 = i32x4.splat(0), b1 = i32x4.splat(0)
  let c0 = i32x4.splat(0), c1 = i32x4.splat(0), d0 = i32x4.splat(0), d1 = i32x4.splat(0)
  while (x < end) {
    const four = v128.load(left), next = v128.load(right)
    const a = v128.load32_splat(x)
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(a, four))
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(a, next))
    const b = v128.load32_splat(x, 4)
    b0 = i32x4.add(b0, i32x4.dot_i16x8_s(b, four))
    b1 = i32x4.add(b1, i32x4.dot_i16x8_s(b, next))
    const c = v128.load32_splat(x, 8)
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(c, four))
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(c, next))
    const d = v128.load32_splat(x, 12)
    d0 = i32x4.add(d0, i32x4.dot_i16x8_s(d, four))
    d1 = i32x4.add(d1, i32x4.dot_i16x8_s(d, next))
    x += 16
    left += 16
    right += 16
  }
  const scales = panels + padded * (panelBytes >> 2)
  const nearest = load<u32>(record + THREAD_NEAREST_AT)
  offerFour(scales, padded, nearest, row, column, a0, members, count, most, form)
  offerFour(scales, padded, nearest, row, column + 4, a1, members, count, most, form)
  offerFour(scales, padded, nearest, row + 1, column, b0, members, count, most, form)
  offerFour(scales, padded, nearest, row + 1, column + 4, b1, members, count, most, form)
  offerFour(scales, padded, nearest, row + 2, column, c0, members, count, most, form)
  offerFour(scales, padded, nearest, row + 2, column + 4, c1, members, count, most, form)
  offerFour(scales, padded, nearest, row + 3, column, d0, members, count, most, form)
  offerFour(scales, padded, nearest, row + 3, column + 4, d1, members, count, most, form)
}

/** Four distances from member `row`: nearly always none of them is near enough to either end. */
@inline
function offerFour(
  scales: usize, padded: u32, nearest: usize, row: u32, column: u32, sums: v128, members: usize, count: u32, most: u32,
  form: u32,
): void {
  const biases = scales + (padded << 2), worst = biases + (padded << 2)
  const dots = f32x4.convert_i32x4_s(sums)
  const fourBiases = v128.load(biases + (column << 2))
  const bias = v128.load32_splat(biases + (row << 2))
  let distances: v128
  if (form === FORM_BIAS || form === FORM_DOT) {
    const scale = f32x4.mul(v128.load(scales + (column << 2)), v128.load32_splat(scales + (row << 2)))
    const product = f32x4.mul(scale, dots)
    distances = f32x4.sub(form === FORM_BIAS ? f32x4.add(fourBiases, bias) : f32x4.splat(0), product)
  } else {
    distances = f32x4.sub(f32x4.splat(1), f32x4.mul(f32x4.mul(fourBiases, bias), dots))
  }
  const near = v128.or(
    f32x4.le(distances, v128.load(worst + (column << 2))), f32x4.le(distances, v128.load32_splat(worst + (row << 2))))
  if (!v128.any_true(near)) return
  v128.store(worst + (padded << 2), distances)
  offerSlowly(worst + (padded << 2), i32x4.bitmask(near), worst, nearest, row, column, members, count, most)
}

/** The lanes whose bits are set. */
function offerSlowly(
  distances: usize, lanes: u32, worst: usize, nearest: usize, row: u32, column: u32, members: usize, count: u32,
  most: u32,
): void {
  if (row >= count) return
  const node = load<u32>(members + (row << 2))
  for (; lanes; lanes &= lanes - 1) {
    const lane = ctz(lanes)
    const distance = load<f32>(distances + (lane << 2))
    const other = column + lane
    // Blocks on the diagonal hold each pair twice, and each member against itself.
    if (other <= row || other >= count) continue
    if (distance <= load<f32>(worst + (row << 2))) {
      const last = keep(nearest + ((row * most) << 3), most, keyOf(distance, load<u32>(members + (other << 2))))
      store<f32>(worst + (row << 2), last === FARTHEST ? Infinity : distanceOf(last))
    }
    if (distance <= load<f32>(worst + (other << 2))) {
      const last = keep(nearest + ((other * most) << 3), most, keyOf(distance, node))
      store<f32>(worst + (other << 2), last === FARTHEST ? Infinity : distanceOf(last))
    }
  }
}
