// A process of its own that works with workers of the built package, and never closes them.
import { readFileSync } from 'node:fs'
import { VamanaGraph } from '../../../dist/engine/graph/vamana-graph.js'
import { WorkerPool } from '../../../dist/engine/workers/worker-pool.js'
import { yieldToEventLoop } from '../../../dist/store/event-loop.js'
import { decodeWordVectors } from '../../fixtures/word-vectors.mjs'

const { vectors, dimensions } = decodeWordVectors(
  readFileSync(new URL('../../fixtures/glove-10k.bin', import.meta.url)),
  2000,
)
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)

const pool = new WorkerPool({ threads: 2, yieldToEventLoop })
const graph = await VamanaGraph.create({ dimensions, metric: 'cosine' })
for (let at = 0; at < vectors.length; at += dimensions) graph.add(vectors.subarray(at, at + dimensions))
const nodes = Uint32Array.from({ length: graph.nodeCount }, (_, node) => node)

/** Links the nodes, and then never ends. */
function* endlessJob() {
  yield* graph.bulk(nodes)
  say('linked')
  const area = graph.core.memory.allocate(nodes.length * 8)
  const task = 'assignLeaders'
  for (;;) {
    yield { task: undefined, parameters: [], items: 0, sliceItems: 1 }
    yield { task, parameters: [area, area, 1, area + nodes.length * 4, 1], items: nodes.length, sliceItems: 100 }
  }
}

const verbs = {
  /** Starts a job and thinks no more of it. */
  async forget() {
    pool.run(graph.core, endlessJob())
    say('begun')
  },
  /** Waits for a job. */
  async wait() {
    const release = pool.hold()
    await pool.run(graph.core, graph.bulk(nodes))
    release()
    say(graph.linkedCount)
  },
  /** Waits for a search. */
  async search() {
    graph.run(graph.bulk(nodes))
    const found = await pool.search(graph.core, vectors, { listSize: 10 })
    say(found.filter((hits, node) => hits.nodes[0] === node).length)
  },
}

await verbs[process.argv[2]]()
