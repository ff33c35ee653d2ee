import { BLOCK_POSITIONS, FACTOR_BYTES, ROW_BYTES } from '../kernel/assembly-graph/layout.ts'
import type { GraphCore } from './graph-core.ts'

/** Bytes of a graph's memory by part, for the nodes its blocks have room for. Pages never touched are not resident. */
export interface GraphMemory {
  readonly codes: number
  readonly factors: number
  readonly rows: number
  /** Marks and lists of the threads that were used, entries, in-degrees and states. */
  readonly scratch: number
  /** All that was ever handed out, areas of finished jobs included. */
  readonly total: number
}

export function graphMemory(core: GraphCore): GraphMemory {
  const { shape } = core
  const positions = core.blockCount * BLOCK_POSITIONS
  const factorBytes = FACTOR_BYTES * (shape.narrowStride === 0 ? 1 : 2)
  return {
    codes: positions * (shape.wideBytes + shape.narrowBytes),
    factors: positions * factorBytes,
    rows: positions * ROW_BYTES,
    scratch: positions * (2 + core.threadCount) + core.scratchBytes() + core.entries.memoryBytes(),
    total: core.memory.usedBytes,
  }
}
