import type { GraphModule, TaskName } from '../graph/graph-kernel.ts'
import {
  THREAD_FRONTIER_AT,
  THREAD_FRONTIER_COUNT,
  THREAD_RESULTS_AT,
  THREAD_RESULTS_COUNT,
  THREAD_SHIFT,
  THREAD_VECTOR_AT,
  THREAD_VISITED,
  THREADS_AT,
} from '../kernel/assembly-graph/layout.ts'

/** Makes a worker ready for a graph: every message about it comes after this one. It has no answer. */
export interface OpenMessage {
  readonly verb: 'open'
  readonly graph: number
  readonly module: GraphModule
  readonly memory: unknown
}

/** Items of a phase. The answer is `undefined`. */
export interface RunMessage {
  readonly verb: 'run'
  readonly graph: number
  readonly thread: number
  readonly task: TaskName
  readonly parameters: readonly number[]
  readonly from: number
  readonly to: number
  readonly sliceItems: number
}

/**
 * Walks with lists and a bitmap that the thread's record names already. The answer is a `Uint32Array` with, for each query,
 * the number of its hits, the number of distances that were computed, the nodes of the hits, and their distances as bits.
 */
export interface SearchMessage {
  readonly verb: 'search'
  readonly graph: number
  readonly thread: number
  readonly queries: Float32Array
  readonly dimensions: number
  readonly listSize: number
  readonly isFiltered: boolean
}

export type WorkerMessage = OpenMessage | RunMessage | SearchMessage

/** About 4 ms: V8 runs a call to its end in the code that it began in, so that one long call would never be made fast. */
const STEPS_PER_CALL = 800

/**
 * The program of a worker, CommonJS. It is text so that it is part of the package's code for every bundler and test runner,
 * and no file is looked for at run time. It catches nothing: a worker that fails ends, and the pool knows what to do.
 */
export const WORKER_SOURCE = `'use strict'
const { parentPort } = require('node:worker_threads')

const graphs = new Map()

const verbs = {
  open({ graph, module, memory }) {
    const kernel = new WebAssembly.Instance(module, { env: { memory } }).exports
    graphs.set(graph, { kernel, memory })
  },

  run({ graph, thread, task, parameters, from, to, sliceItems }) {
    const { kernel } = graphs.get(graph)
    for (let first = from; first < to; first += sliceItems) {
      kernel[task](thread, first, Math.min(to, first + sliceItems), ...parameters)
    }
    parentPort.postMessage(undefined)
  },

  search({ graph, thread, queries, dimensions, listSize, isFiltered }) {
    const parts = []
    for (let at = 0; at < queries.length; at += dimensions) {
      const query = queries.subarray(at, at + dimensions)
      parts.push(...hitsOf(graphs.get(graph), thread, query, listSize, isFiltered))
    }
    const answer = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0))
    let filled = 0
    for (const part of parts) {
      answer.set(part, filled)
      filled += part.length
    }
    parentPort.postMessage(answer, [answer.buffer])
  },
}

function hitsOf({ kernel, memory }, thread, query, listSize, isFiltered) {
  // Views are made anew: the memory may have grown.
  const record = new Uint32Array(memory.buffer, ${THREADS_AT} + (thread << ${THREAD_SHIFT}), ${2 ** THREAD_SHIFT / 4})
  new Float32Array(memory.buffer, record[${THREAD_VECTOR_AT / 4}], query.length).set(query)
  let isOpen = kernel.search(thread, ${STEPS_PER_CALL})
  while (isOpen === 1) isOpen = kernel.continueSearch(thread, ${STEPS_PER_CALL})
  const filled = record[isFiltered ? ${THREAD_RESULTS_COUNT / 4} : ${THREAD_FRONTIER_COUNT / 4}]
  const count = Math.min(filled, listSize)
  const keysAt = record[isFiltered ? ${THREAD_RESULTS_AT / 4} : ${THREAD_FRONTIER_AT / 4}]
  const keys = new Uint32Array(memory.buffer, keysAt, count * 2)
  const nodes = new Uint32Array(count)
  const distances = new Int32Array(count)
  for (let i = 0; i < count; i++) {
    nodes[i] = keys[i * 2] >>> 1
    const ordered = keys[i * 2 + 1] | 0
    distances[i] = ordered ^ ((ordered >> 31) & 0x7fffffff)
  }
  return [[count, record[${THREAD_VISITED / 4}]], nodes, distances]
}

parentPort.on('message', (message) => verbs[message.verb](message))
parentPort.on('messageerror', (error) => {
  throw error
})
`
