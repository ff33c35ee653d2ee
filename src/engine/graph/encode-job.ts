import { FREE } from '../kernel/assembly-graph/layout.ts'
import type { GraphCore } from './graph-core.ts'
import { check } from './graph-parameters.ts'
import { type Job, PAUSE, phase } from './job.ts'
import { withArea } from './job-memory.ts'

/** Bytes of vectors that are copied into the graph's memory between two pauses: about a millisecond. */
const STAGED_BYTES = 1024 * 1024
/** Components that one slice encodes: about 5 ms. */
const COMPONENTS_A_SLICE = 200_000

/** Encodes vectors as the codes of nodes that were reserved. `copyVector` writes that of the node at an index. */
export function* encodeJob(
  core: GraphCore,
  nodes: Uint32Array,
  copyVector: (index: number, target: Float32Array) => void,
): Job {
  const { dimensions } = core.parameters
  const vector = new Float32Array(dimensions)
  const most = Math.max(1, Math.min(nodes.length, Math.floor(STAGED_BYTES / (dimensions * 4))))
  yield* withArea(core, most * 4, (nodesAt) =>
    withArea(core, most * dimensions * 4, function* (rowsAt) {
      for (let first = 0; first < nodes.length; first += most) {
        const staged = nodes.subarray(first, first + most)
        for (const node of staged) check(core.state(node) === FREE, `node ${node} is in use`)
        core.words(nodesAt, staged.length).set(staged)
        for (let index = 0; index < staged.length; index++) {
          copyVector(first + index, vector)
          core.floats(rowsAt + index * dimensions * 4, dimensions).set(vector)
        }
        yield PAUSE
        yield phase('encodeNodes', staged.length, COMPONENTS_A_SLICE / dimensions, nodesAt, rowsAt)
      }
    }),
  )
}
