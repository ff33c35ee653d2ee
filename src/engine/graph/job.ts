import type { TaskName } from './graph-kernel.ts'

/**
 * A part of a job: `items` of a task that are independent of each other, so that any number of threads may take ranges
 * of them, in any order; all must be done before the job is asked for its next phase. A range of `sliceItems` takes some
 * 5 ms. A phase without a task is a pause: the job has worked by itself, and the host may do something else.
 */
export interface Phase {
  readonly task: TaskName | undefined
  readonly parameters: readonly number[]
  readonly items: number
  readonly sliceItems: number
  /** To be called by the host when so many more items are done, for whoever watches how a job goes. */
  readonly noteDone?: (items: number) => void
}

/** Graph work. Its result is the same however its phases are cut and whoever runs them. */
export type Job<Result = void> = Generator<Phase, Result, void>

export const PAUSE: Phase = { task: undefined, parameters: [], items: 0, sliceItems: 1 }

export function phase(task: TaskName, items: number, sliceItems: number, ...parameters: number[]): Phase {
  return { task, parameters, items, sliceItems: Math.max(1, Math.floor(sliceItems)) }
}

/** Who runs a range of a phase: a graph for its own thread, a worker for another. */
export interface TaskRunner {
  runTask(phase: Phase, thread: number, from: number, to: number): void
}

/** Runs a job on one thread, and stops after each slice of it. */
export function* inSlices<Result>(runner: TaskRunner, job: Job<Result>): Generator<void, Result, void> {
  for (;;) {
    const step = job.next()
    if (step.done) return step.value
    const { items, sliceItems } = step.value
    for (let from = 0; from < items; from += sliceItems) {
      runner.runTask(step.value, 0, from, Math.min(items, from + sliceItems))
      yield
    }
    if (items === 0) yield
  }
}

/** Runs a job to its end at once. */
export function runToEnd<Result>(runner: TaskRunner, job: Job<Result>): Result {
  const slices = inSlices(runner, job)
  for (;;) {
    const step = slices.next()
    if (step.done) return step.value
  }
}
