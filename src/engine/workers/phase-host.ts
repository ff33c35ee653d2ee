import type { Abortable } from '../../base/abort.ts'
import type { GraphCore } from '../graph/graph-core.ts'
import type { Job } from '../graph/job.ts'
import type { WalkCore } from '../graph/walk-core.ts'

/** Runs graph work. Its result does not depend on who runs it, so that hosts differ in time only. */
export interface PhaseHost {
  /**
   * Runs a job on a graph to its end. One graph has one job at a time; several graphs may have theirs at once. When the
   * promise settles, the job's finally blocks have run, and nothing works on the graph any more. What the job throws rejects.
   *
   * @throws StoreError `ERR_ABORTED` once `signal` is aborted, between slices: the graph is then of no use.
   */
  run<Result>(core: GraphCore, job: Job<Result>, signal?: Abortable): Promise<Result>

  /** Lets go of a graph that nobody will run a job on or search in any more, so that its memory can be freed. */
  forget(core: WalkCore): void
}

/** What a host takes besides the memory of the graphs that are in use. */
export interface HostMemory {
  /** Bytes of graphs that were let go of and whose memory is not free yet. */
  droppedBytes(): number
  /** Bytes of its threads. */
  threadBytes(): number
}
