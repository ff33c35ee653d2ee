import type { BuiltGraph } from './built-graph.ts'
import type { IsDead } from './live-nodes.ts'

export { loadLeanModule } from '../graph/lean-kernel.ts'
export type { LeanCodes } from '../graph/lean-steps.ts'

/** Where a graph that is lean can be had from as it was: a snapshot that holds it. */
export interface WholeGraphSource {
  /**
   * The graph as it was when it became lean: same nodes, slots, codes and rows, byte for byte. Deaths that `isDead` does not
   * know yet when it is asked may be missing. May be called again, whether the last time succeeded or not.
   * @throws StoreError where it cannot be read, or is not what it was.
   */
  restore(isDead: IsDead): Promise<BuiltGraph>
  /** Nobody will call {@link restore} any more. */
  release(): void
}
