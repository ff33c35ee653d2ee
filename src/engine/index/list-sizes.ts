import type { BuiltGraph } from './built-graph.ts'

/** With fewer nodes for each hit, what the codes put in the wrong order would be missing. */
const NODES_PER_HIT = 2
const NODES_PER_HIT_BY_BITS = 4
/** Share of a list whose order by codes of one bit says too little: all of it below so many dimensions, half at least. */
const ALL_DIMENSIONS = 192
const LEAST_SHARE_BY_BITS = 0.5

/** How many nodes a search walks with that asks for a list of its own. */
export function listSizeOf({ k, listSize }: { k: number; listSize: number }, built: BuiltGraph): number {
  return Math.max(listSize, k * (built.leanCodes === 'binary' ? NODES_PER_HIT_BY_BITS : NODES_PER_HIT))
}

/**
 * How many of the found are compared on their originals: codes put the nearest among the first few dozen, not in their order.
 * docs/BENCHMARKS.md has the measurement; decision 20 that of codes of one bit.
 */
export function rescoredCount(k: number, listSize: number, { leanCodes, graph }: BuiltGraph): number {
  if (leanCodes !== 'binary') return Math.max(k * 2, k + 20, Math.ceil(listSize / 4))
  const share = Math.min(1, Math.max(LEAST_SHARE_BY_BITS, ALL_DIMENSIONS / graph.parameters.dimensions))
  return Math.max(k * NODES_PER_HIT_BY_BITS, Math.ceil(listSize * share))
}
