import { loadGraphModule } from '../../../src/engine/graph/graph-kernel.ts'
import { type PlanReport, planGraph } from '../../../src/engine/index/graph-planner.ts'
import type { SampledView } from '../../../src/engine/index/plan-sample.ts'
import type { Metric } from '../../../src/engine/metric.ts'
import type { VectorRun } from '../../../src/engine/vector-capture.ts'
import { normOf } from '../../../src/engine/vector-math.ts'
import type { VectorSet } from '../graph/graph-fixture.ts'

const module = await loadGraphModule()

function runOf(metric: Metric, vectors: Float32Array): VectorRun {
  return { vectors, norms: metric === 'cosine' ? Float64Array.of(normOf(vectors)) : new Float64Array(0), rows: 1 }
}

/** The rows of a set as slots, some of them dead. */
export function viewOf(set: VectorSet, isDead: (slot: number) => boolean = () => false): SampledView {
  const { dimensions, metric, vectors } = set
  const rows = vectors.length / dimensions
  return {
    dimensions,
    metric,
    isDead: (slot) => slot >= rows || isDead(slot),
    borrowRun: (slot) => runOf(metric, vectors.subarray(slot * dimensions, (slot + 1) * dimensions)),
  }
}

/** As many live slots as are asked for, whose vectors are made when they are read. */
export function endlessView(
  metric: Metric,
  dimensions: number,
  component: (slot: number, i: number) => number,
): SampledView {
  return {
    dimensions,
    metric,
    isDead: () => false,
    borrowRun: (slot) =>
      runOf(
        metric,
        Float32Array.from({ length: dimensions }, (_, i) => component(slot, i)),
      ),
  }
}

export function finish<Result>(work: Generator<void, Result, void>): Result {
  for (;;) {
    const step = work.next()
    if (step.done) return step.value
  }
}

export function planOf(view: SampledView, throughSlot: number, seed = 1): PlanReport {
  return finish(planGraph(view, throughSlot, { module, seed }))
}

export function planOfSet(set: VectorSet): PlanReport {
  return planOf(viewOf(set), set.vectors.length / set.dimensions)
}

export function startPlan(view: SampledView, throughSlot: number): Generator<void, PlanReport, void> {
  return planGraph(view, throughSlot, { module, seed: 1 })
}
