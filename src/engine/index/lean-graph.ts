import type { LeanModule } from '../graph/lean-kernel.ts'
import type { LeanCodes } from '../graph/lean-steps.ts'
import type { BuiltGraph } from './built-graph.ts'
import type { IsDead } from './live-nodes.ts'

export { loadLeanModule } from '../graph/lean-kernel.ts'
export type { LeanCodes, LeanModule }

/** Where a graph that is lean can be had from as it was: a snapshot that holds it. */
export interface WholeGraphSource {
  /**
   * The graph as it was when it became lean: same nodes, slots, codes and rows, byte for byte. Deaths that `isDead` does not
   * know yet when it is asked may be missing. May be called again, whether the last time succeeded or not.
   * @throws StoreError where it cannot be read, or is not what it was.
   */
  restore(isDead: IsDead, version: object): Promise<BuiltGraph>
  /** Nobody will call {@link restore} any more. */
  release(): void
}

/**
 * Makes of a whole graph one for searching only: rows, the slots of nodes, which are alive, and one kind of codes. With 'walk'
 * these are the codes that walks read as things stand, so that walks find the same; with 'binary' they are of one bit a
 * dimension, made of the wide codes. Stops after every few milliseconds; nothing but deaths may happen to the graph meanwhile,
 * and `takeDeathsOf` brings those over.
 */
export function leanGraph(built: BuiltGraph, codes: LeanCodes, module: LeanModule): Generator<void, BuiltGraph, void> {
  return built.lean(codes, module)
}
