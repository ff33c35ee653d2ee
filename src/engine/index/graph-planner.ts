import { GraphCore } from '../graph/graph-core.ts'
import type { GraphModule } from '../graph/graph-kernel.ts'
import { graphParameters, isCodedAsFloats } from '../graph/graph-parameters.ts'
import { SeededRandom } from '../graph/seeded-random.ts'
import { measureCodes } from './code-recall.ts'
import { type GraphPlan, planOptions } from './graph-plan.ts'
import { findNeighbourhoods } from './neighbourhoods.ts'
import { frameOf } from './plan-frame.ts'
import { drawSample, type SampledView } from './plan-sample.ts'

export interface PlanTools {
  /** From `loadGraphModule`. */
  readonly module: GraphModule
  readonly seed: number
}

export interface PlanReport {
  readonly plan: GraphPlan
  /** Share of the ten nearest that are among those a search rescores, by code; 1 where there is but one kind of code. */
  readonly narrowRecall: number
  readonly wideRecall: number
  /** Vectors of the sample. */
  readonly sampleCount: number
}

const ENOUGH_RECALL = 0.99
/** What narrow codes may lose against wide ones: they are read in half the time. */
const LOSS_ALLOWED = 0.005

/**
 * Measures how a new graph is to code the live vectors below `throughSlot`: where to, on a sample that the seed draws, and
 * by which codes, around some vectors of the sample. It yields after every few milliseconds of work. Entries that die
 * meanwhile are left out.
 */
export function* planGraph(
  view: SampledView,
  throughSlot: number,
  { module, seed }: PlanTools,
): Generator<void, PlanReport, void> {
  const { dimensions, metric } = view
  const random = new SeededRandom(seed)
  const sample = yield* drawSample(view, throughSlot, random)
  const frame = yield* frameOf(sample, metric)
  const plan: GraphPlan = { walkCodes: 'wide', ...frame }
  const sampleCount = sample.rows
  if (isCodedAsFloats(dimensions)) return { plan, narrowRecall: 1, wideRecall: 1, sampleCount }
  const core = new GraphCore(module, graphParameters({ dimensions, metric, ...planOptions(plan) }), plan.walkCodes)
  const neighbourhoods = yield* findNeighbourhoods(view, throughSlot, sample, random)
  const { narrow, wide } = yield* measureCodes(core, view, neighbourhoods)
  const walkCodes = narrow >= ENOUGH_RECALL || narrow >= wide - LOSS_ALLOWED ? 'narrow' : 'wide'
  return { plan: { ...plan, walkCodes }, narrowRecall: narrow, wideRecall: wide, sampleCount }
}
