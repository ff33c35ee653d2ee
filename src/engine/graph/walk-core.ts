import * as layout from '../kernel/assembly-graph/layout.ts'
import type { Metric } from '../metric.ts'
import type { GraphModule } from './graph-kernel.ts'
import type { GraphParameters } from './graph-parameters.ts'
import type { SharedMemory } from './shared-memory.ts'
import type { ThreadScratch } from './thread-scratch.ts'

/** What the kernels of whole and of lean graphs export both: a worker that searches needs nothing else. */
export interface WalkKernel {
  search(thread: number, steps: number): number
  continueSearch(thread: number, steps: number): number
  prepareQuery(thread: number): void
  distancesOfGathered(thread: number, count: number): void
}

/** A graph as searches work on it, whole or lean. */
export interface WalkCore {
  readonly parameters: GraphParameters
  readonly memory: SharedMemory
  readonly kernel: WalkKernel
  /** What a worker instantiates on the memory. */
  readonly module: GraphModule
  readonly nodeCount: number
  readonly linkedCount: number
  /** The scratch of a thread, made when it is first asked for. */
  scratch(thread: number): ThreadScratch
  /** Puts a vector where a thread's kernel encodes it from. */
  writeVector(thread: number, vector: Float32Array): void
  /** The address where the walks of a thread mark a node as seen. */
  markOf(thread: number, node: number): number
}

const METRIC_NUMBERS: Record<Metric, number> = {
  cosine: layout.COSINE,
  euclidean: layout.EUCLIDEAN,
  dot: layout.DOT,
}

/** Tells a kernel where vectors are moved to before they are coded. */
export function writeFrameSettings(memory: SharedMemory, parameters: GraphParameters): void {
  const { dimensions, metric, scale, centre } = parameters
  const setWord = (at: number, value: number) => {
    new Uint32Array(memory.buffer, at, 1)[0] = value
  }
  setWord(layout.SETTING_DIMENSIONS, dimensions)
  setWord(layout.SETTING_METRIC, METRIC_NUMBERS[metric])
  new Float64Array(memory.buffer, layout.SETTING_SCALE, 1)[0] = scale
  const centreAt = memory.allocate((dimensions + 4) * 8)
  new Float64Array(memory.buffer, centreAt, dimensions).set(centre)
  setWord(layout.SETTING_CENTRE_AT, centreAt)
}
