import type { GraphCore } from './graph-core.ts'
import { itemsOf } from './insert-job.ts'
import { type Job, PAUSE, phase } from './job.ts'
import { withArea } from './job-memory.ts'

/** Nodes whose rows are gone through between two pauses. */
const NODES_A_SLICE = 8192

/** Adds the edges of all rows back, of `count` nodes at `nodes`. */
export function* linkBackward(core: GraphCore, nodes: number, count: number): Job {
  const { kernel, nodeCount } = core
  yield* withStarts(core, function* (starts, places) {
    yield* sliced(count, NODES_A_SLICE, (from, to) => kernel.countReverse(from, to, nodes, starts))
    const edgeCount = kernel.sumCounts(starts, nodeCount)
    core.bytes(places, nodeCount * 4).set(core.bytes(starts, nodeCount * 4))
    yield PAUSE
    yield* withArea(core, edgeCount * 4, function* (sources) {
      yield* sliced(count, NODES_A_SLICE, (from, to) => kernel.fillReverse(from, to, nodes, places, sources))
      yield phase('linkReverse', count, itemsOf(core, 1000), nodes, starts, sources)
    })
  })
}

/** Runs a part of a job with two arrays of a word a node and one more; the first is zero. */
export function* withStarts(core: GraphCore, part: (starts: number, places: number) => Job): Job {
  const bytes = (core.nodeCount + 1) * 4
  yield* withArea(core, bytes * 2, (starts) => part(starts, starts + bytes))
}

/** Does so many items of one thread's work, with a pause after each slice. */
export function* sliced(items: number, sliceItems: number, work: (from: number, to: number) => void): Job {
  for (let from = 0; from < items; from += sliceItems) {
    work(from, Math.min(items, from + sliceItems))
    yield PAUSE
  }
}
