// Robust prune: which of a node's candidates become its neighbours.
//
// Candidates are taken nearest first. One that is taken drops every later candidate that is alpha times nearer to it
// than to the node: the walk reaches that one through it. A candidate at distance 0 from a taken one is dropped too, so
// equal vectors do not fill rows.
//
// By dot product half of the neighbours are chosen by direction in that way. The other half are the candidates with the
// greatest products: pruned by product alone, most of a graph is unreachable.
import { computeDistances } from './distances'
import { distanceOf, keyOf, nodeOf, sortKeys } from './keys'
import {
  DOT, FORM_BIAS, FORM_DIRECTION, FORM_DOT, SETTING_ALPHA, SETTING_DEGREE, SETTING_METRIC, SETTING_WIDE_KIND,
  THREAD_ADDRESSES_AT, THREAD_CANDIDATES_AT, THREAD_DISTANCES_AT, THREAD_GATHERED_AT, THREAD_KEPT_AT,
} from './layout'
import { wideCodeOf } from './memory'
import { takeWideQuery } from './query'

/** The form that neighbours are chosen by. */
@inline
export function pruneForm(): u32 {
  return load<u32>(SETTING_METRIC) === DOT ? FORM_DIRECTION : FORM_BIAS
}

/** Chooses among the `count` gathered nodes, none twice and none of them `node`; writes the kept, returns how many. */
export function chooseNeighbours(record: usize, node: u32, count: u32): u32 {
  const degree = load<u32>(SETTING_DEGREE)
  if (load<u32>(SETTING_METRIC) !== DOT) {
    rank(record, node, count, FORM_BIAS)
    return prune(record, count, degree, FORM_BIAS)
  }
  rank(record, node, count, FORM_DIRECTION)
  const kept = prune(record, count, degree >> 1, FORM_DIRECTION)
  rank(record, node, count, FORM_DOT)
  return addNearest(record, count, kept, degree)
}

/** Sorts the gathered nodes by distance from a node into the list of candidates. */
function rank(record: usize, node: u32, count: u32, form: u32): void {
  const gathered = load<u32>(record + THREAD_GATHERED_AT)
  const addresses = load<u32>(record + THREAD_ADDRESSES_AT)
  const distances = load<u32>(record + THREAD_DISTANCES_AT)
  const candidates = load<u32>(record + THREAD_CANDIDATES_AT)
  let sum: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const address = wideCodeOf(load<u32>(gathered + (i << 2)))
    store<u32>(addresses + (i << 2), address)
    sum += load<u32>(address)
  }
  store<u32>(distances, sum)
  takeWideQuery(record, wideCodeOf(node), form)
  computeDistances(record, load<u32>(SETTING_WIDE_KIND), addresses, count)
  for (let i: u32 = 0; i < count; i++) {
    store<i64>(candidates + (i << 3), keyOf(load<f32>(distances + (i << 2)), load<u32>(gathered + (i << 2))))
  }
  sortKeys(candidates, count)
}

/** Takes at most `most` of the sorted candidates, whose list it uses up. */
function prune(record: usize, count: u32, most: u32, form: u32): u32 {
  const candidates = load<u32>(record + THREAD_CANDIDATES_AT)
  const addresses = load<u32>(record + THREAD_ADDRESSES_AT)
  const distances = load<u32>(record + THREAD_DISTANCES_AT)
  const keptAt = load<u32>(record + THREAD_KEPT_AT)
  const alpha = load<f32>(SETTING_ALPHA)
  const kind = load<u32>(SETTING_WIDE_KIND)
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(addresses + (i << 2), wideCodeOf(nodeOf(load<i64>(candidates + (i << 3)))))
  }
  let kept: u32 = 0, first: u32 = 0
  while (first < count && kept < most) {
    store<u32>(keptAt + (kept << 2), nodeOf(load<i64>(candidates + (first << 3))))
    kept++
    takeWideQuery(record, load<u32>(addresses + (first << 2)), form)
    first++
    computeDistances(record, kind, addresses + (first << 2), count - first)
    let left = first
    for (let i = first; i < count; i++) {
      const key = load<i64>(candidates + (i << 3))
      store<i64>(candidates + (left << 3), key)
      store<u32>(addresses + (left << 2), load<u32>(addresses + (i << 2)))
      left += <u32>(alpha * load<f32>(distances + ((i - first) << 2)) > distanceOf(key))
    }
    count = left
  }
  return kept
}

/** Adds the nearest candidates that are not among the kept. */
function addNearest(record: usize, count: u32, kept: u32, most: u32): u32 {
  const candidates = load<u32>(record + THREAD_CANDIDATES_AT)
  const keptAt = load<u32>(record + THREAD_KEPT_AT)
  for (let i: u32 = 0; i < count && kept < most; i++) {
    const node = nodeOf(load<i64>(candidates + (i << 3)))
    if (hasNode(keptAt, kept, node)) continue
    store<u32>(keptAt + (kept << 2), node)
    kept++
  }
  return kept
}

/** Whether a node is among `count` u32 at `at`. */
export function hasNode(at: usize, count: u32, node: u32): bool {
  const end = at + (count << 2)
  for (; at < end; at += 4) if (load<u32>(at) === node) return true
  return false
}
