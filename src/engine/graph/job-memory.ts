import type { GraphCore } from './graph-core.ts'
import { type Job, PAUSE } from './job.ts'

/** Bytes that are zeroed between two pauses: a millisecond, most of it the first touch of pages. */
const SLICE_BYTES = 2 * 1024 * 1024

/** Runs a part of a job with zeroed bytes of its own, which are given back however it ends. */
export function* withArea<Result>(core: GraphCore, bytes: number, part: (at: number) => Job<Result>): Job<Result> {
  const { at, isZeroed } = core.memory.allocateDirty(bytes)
  try {
    for (let from = 0; from < bytes && !isZeroed; from += SLICE_BYTES) {
      if (from > 0) yield PAUSE
      core.bytes(at + from, Math.min(SLICE_BYTES, bytes - from)).fill(0)
    }
    return yield* part(at)
  } finally {
    core.memory.release(at, bytes)
  }
}
