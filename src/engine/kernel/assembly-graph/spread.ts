// Choosing nodes that lie far from each other, out of a sample: each is the one farthest from all that were chosen
// before.
import { computeDistances } from './distances'
import {
  MOST_CANDIDATES, SETTING_WIDE_KIND, THREAD_ADDRESSES_AT, THREAD_DISTANCES_AT,
} from './layout'
import { threadAt, wideCodeOf } from './memory'
import { pruneForm } from './prune'
import { takeWideQuery } from './query'

/**
 * Chooses from `from` up to `to`; those below `given` are chosen already. `nearest` holds a distance for each node of
 * the sample, from the nearest chosen one, infinite at first. Equal distances are decided by the order of the sample.
 */
export function spread(
  from: u32, to: u32, chosen: usize, given: u32, sample: usize, sampleCount: u32, nearest: usize,
): void {
  const record = threadAt(0)
  for (let item = from; item < to; item++) {
    const at = chosen + (item << 2)
    if (item >= given) store<u32>(at, load<u32>(sample + (farthest(nearest, sampleCount) << 2)))
    takeWideQuery(record, wideCodeOf(load<u32>(at)), pruneForm())
    for (let first: u32 = 0; first < sampleCount; first += MOST_CANDIDATES) {
      const count = min<u32>(MOST_CANDIDATES, sampleCount - first)
      lower(record, sample + (first << 2), count, nearest + (first << 2))
    }
  }
}

function farthest(nearest: usize, count: u32): u32 {
  let index: u32 = 0
  let greatest = load<f32>(nearest)
  for (let i: u32 = 1; i < count; i++) {
    const distance = load<f32>(nearest + (i << 2))
    if (distance <= greatest) continue
    greatest = distance
    index = i
  }
  return index
}

function lower(record: usize, sample: usize, count: u32, nearest: usize): void {
  const addresses = load<u32>(record + THREAD_ADDRESSES_AT)
  const distances = load<u32>(record + THREAD_DISTANCES_AT)
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(addresses + (i << 2), wideCodeOf(load<u32>(sample + (i << 2))))
  }
  computeDistances(record, load<u32>(SETTING_WIDE_KIND), addresses, count)
  for (let i: u32 = 0; i < count; i++) {
    const at = nearest + (i << 2)
    store<f32>(at, min<f32>(load<f32>(at), load<f32>(distances + (i << 2))))
  }
}
