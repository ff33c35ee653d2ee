import { FACTOR_BYTES, ROW_BYTES } from '../kernel/assembly-graph/layout.ts'
import { blockShape } from './block-shape.ts'
import type { GraphCore } from './graph-core.ts'

/** Bytes of a graph's memory by part, as far as they are resident: pages that nothing has touched are not. */
export interface GraphMemory {
  readonly codes: number
  readonly factors: number
  readonly rows: number
  /** Marks and lists of the threads that were used, entries, in-degrees and states. */
  readonly scratch: number
  /** What jobs have given back, and the graph takes again when it grows. A memory never shrinks. */
  readonly spare: number
  /** All that was ever handed out, areas of finished jobs included. */
  readonly total: number
}

/** Bytes of a whole graph for each node, with so many threads that work on it. */
export function nodeBytes(dimensions: number, threads: number): number {
  const { wideStride, narrowStride } = blockShape(dimensions)
  return wideStride + narrowStride + ROW_BYTES + 2 + threads
}

export function graphMemory(core: GraphCore): GraphMemory {
  const { shape, memory, nodeCount } = core
  const factorBytes = FACTOR_BYTES * (shape.narrowStride === 0 ? 1 : 2)
  return {
    codes: nodeCount * (shape.wideBytes + shape.narrowBytes),
    factors: nodeCount * factorBytes,
    rows: nodeCount * ROW_BYTES,
    scratch: nodeCount * (2 + core.threadCount) + core.scratchBytes() + core.entries.memoryBytes(),
    spare: memory.freeBytes + core.tailBytes,
    total: memory.usedBytes,
  }
}
