import type { GraphCore } from './graph-core.ts'
import type { Job } from './job.ts'

/** Runs a part of a job with bytes of its own, which are given back however it ends. */
export function* withArea<Result>(core: GraphCore, bytes: number, part: (at: number) => Job<Result>): Job<Result> {
  const at = core.memory.allocate(bytes)
  try {
    return yield* part(at)
  } finally {
    core.memory.release(at, bytes)
  }
}
