import { FLOAT, LINKED } from '../kernel/assembly-graph/layout.ts'
import type { GraphCore } from './graph-core.ts'

/** Nodes that a centre is the mean of, and their components: 1 ms, or 4 where the code is new. */
const MEAN_NODES = 1024
const MEAN_COMPONENTS = 2 ** 18
const MOST_FLOAT = 3.4028234663852886e38

/**
 * The vectors that the wide codes of a graph stand for, where the vectors were: moved and scaled back. Under cosine they have
 * about length 1. The codes are all that is left of a vector whose entry is dead and freed.
 */
export class CodedVectors {
  readonly #core: GraphCore

  constructor(core: GraphCore) {
    this.#core = core
  }

  /** Writes those of consecutive nodes, one behind the other. */
  copyTo(first: number, count: number, target: Float32Array): void {
    const { dimensions } = this.#core.parameters
    for (let index = 0; index < count; index++) this.#copyOne(first + index, target, index * dimensions)
  }

  #copyOne(node: number, target: Float32Array, place: number): void {
    const { memory, parameters, shape } = this.#core
    const { dimensions, metric, scale, centre } = parameters
    const at = this.#core.addressOf(node, shape.wideOffset, shape.wideStride)
    const isFloat = shape.wideKind === FLOAT
    const codes = isFloat
      ? new Float32Array(memory.buffer, at, dimensions)
      : new Int8Array(memory.buffer, at, dimensions)
    const step = isFloat ? 1 : stepOf(new Float32Array(memory.buffer, at + shape.wideBytes, 1)[0]!, metric)
    const factor = metric === 'cosine' ? step : step / scale
    for (let i = 0; i < dimensions; i++) {
      const value = codes[i]! * factor + centre[i]!
      target[place + i] = Math.max(-MOST_FLOAT, Math.min(MOST_FLOAT, value))
    }
  }
}

/** What one level of an 8-bit code is worth; its factor says it times the square root of 2 under euclidean. */
function stepOf(factor: number, metric: string): number {
  return metric === 'euclidean' ? factor / Math.SQRT2 : factor
}

/** The mean of what linked nodes from all over a graph stand for: a function of the graph alone. */
export function meanOf(core: GraphCore): Float64Array {
  const { dimensions } = core.parameters
  const vectors = new CodedVectors(core)
  const vector = new Float32Array(dimensions)
  const mean = new Float64Array(dimensions)
  const nodes = Math.min(MEAN_NODES, Math.ceil(MEAN_COMPONENTS / dimensions), core.nodeCount)
  let taken = 0
  for (let place = 0; place < nodes; place++) {
    const node = Math.floor((place * core.nodeCount) / nodes)
    if (core.state(node) !== LINKED) continue
    taken += 1
    vectors.copyTo(node, 1, vector)
    // Each time a little nearer to the newest, so that no sum is ever beyond what numbers can hold.
    for (let i = 0; i < dimensions; i++) mean[i]! += (vector[i]! - mean[i]!) / taken
  }
  return mean
}
