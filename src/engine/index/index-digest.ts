import type { ChainedHash } from '../chained-hash.ts'
import type { ServedGraph } from './index-task-runner.ts'

const NODES_A_SLICE = 2048

/**
 * Writes all that makes an index what it is: how far it is built, the graph with its codes, and the slots of each node.
 * Yields after every few milliseconds of work; the index must not change meanwhile.
 *
 * Layout: built through u32, placed slots (u32 count, u32 each, rising), whether there is a graph u32; then the graph's
 * own bytes, and of each node the number of its slots u32 and the slots u32, rising.
 *
 * @throws RangeError where the graph is lean: `DiskANNIndex.visitWhole` gives a whole one.
 */
export function* writeIndex(hash: ChainedHash, { built, builtThrough, placed }: ServedGraph): Generator<void> {
  hash.writeU32(builtThrough)
  hash.writeU32(placed.size)
  for (const slot of [...placed].sort((a, b) => a - b)) hash.writeU32(slot)
  hash.writeU32(built === undefined ? 0 : 1)
  if (built === undefined) return
  let pieces = hash.hashedPieces
  for (const bytes of built.graph.digestBytes()) {
    hash.writeBytes(bytes)
    if (hash.hashedPieces === pieces) continue
    yield
    pieces = hash.hashedPieces
  }
  for (let node = 0; node < built.graph.nodeCount; node++) {
    if (node % NODES_A_SLICE === NODES_A_SLICE - 1) yield
    const slots = built.slots.borrowSlots(node)
    hash.writeU32(slots.length)
    for (const slot of slots) hash.writeU32(slot)
  }
}
