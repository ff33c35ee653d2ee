import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
import type { Job, Phase } from '../../../src/engine/graph/job.ts'
import type { VamanaGraph } from '../../../src/engine/graph/vamana-graph.ts'
import { readGloveFixture } from '../../fixtures/glove.ts'
import { allNodes, graphOf } from './graph-fixture.ts'

/** All that a worker needs: the compiled module, the memory, and its number. */
const WORKER = `
  const { parentPort, workerData: { module, memory, thread } } = require('node:worker_threads')
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  parentPort.on('message', ({ task, parameters, from, to }) => {
    exports[task](thread, from, to, ...parameters)
    parentPort.postMessage('done')
  })`

describe('workers over the same memory', () => {
  test('give the same graph as one thread, while the main thread searches', async () => {
    const { vectors, dimensions } = readGloveFixture(4000)
    const set = { metric: 'cosine', dimensions, vectors } as const
    const alone = await graphOf(set)
    alone.run(alone.bulk(allNodes(alone).subarray(0, 3000)))
    alone.run(alone.insert(allNodes(alone).subarray(3000)))

    const graph = await graphOf(set)
    for (const thread of [2, 3]) graph.core.scratch(thread)
    const { module, memory } = graph.core
    const workers = [2, 3].map(
      (thread) => new Worker(WORKER, { eval: true, workerData: { module, memory: memory.memory, thread } }),
    )
    try {
      await runOnWorkers(graph, graph.bulk(allNodes(graph).subarray(0, 3000)), workers)
      await runOnWorkers(graph, graph.insert(allNodes(graph).subarray(3000)), workers)
    } finally {
      await Promise.all(workers.map((worker) => worker.terminate()))
    }
    expect(graph.checkInvariants()).toEqual([])
    expect(graph.exportEdges()).toEqual(alone.exportEdges())
  })
})

async function runOnWorkers(graph: VamanaGraph, job: Job, workers: Worker[]): Promise<void> {
  const query = new Float32Array(graph.parameters.dimensions).fill(0.1)
  for (let step = job.next(); !step.done; step = job.next()) {
    const done = workers.map((worker, index) => runRange(worker, step.value as Phase, index, workers.length))
    // Rows are being written meanwhile: whatever is found, it exists.
    const { nodes } = graph.search(query, { listSize: 50 })
    expect([...nodes].every((node) => node < graph.nodeCount)).toBe(true)
    await Promise.all(done)
  }
}

async function runRange(
  worker: Worker,
  { task, parameters, items }: Phase,
  index: number,
  count: number,
): Promise<void> {
  if (task === undefined) return
  const [from, to] = [Math.floor((index * items) / count), Math.floor(((index + 1) * items) / count)]
  worker.postMessage({ task, parameters, from, to })
  await once(worker, 'message')
}
