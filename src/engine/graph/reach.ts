import type { GraphCore } from './graph-core.ts'
import { type Job, PAUSE } from './job.ts'
import { withArea } from './job-memory.ts'

/** Nodes that one slice of the breadth-first walk takes. */
export const NODES_A_SLICE = 10_000

/** The nodes that are reached, as far as the walk has come. */
export class Reach {
  readonly #core: GraphCore
  readonly #queue: number
  readonly #reached: number
  #head = 0
  #tail = 0

  constructor(core: GraphCore, queue: number, reached: number) {
    this.#core = core
    this.#queue = queue
    this.#reached = reached
  }

  get count(): number {
    return this.#tail
  }

  has(node: number): boolean {
    return this.#core.bytes(this.#reached + node, 1)[0] === 1
  }

  add(node: number): void {
    if (this.has(node)) return
    this.#core.bytes(this.#reached + node, 1)[0] = 1
    this.#core.setWord(this.#queue + this.#tail * 4, node)
    this.#tail++
  }

  /** Follows the edges of up to `most` nodes; returns whether there are more. */
  advance(most: number): boolean {
    const tail = this.#core.kernel.reach(this.#queue, this.#reached, this.#head, this.#tail, most)
    this.#head = Math.min(this.#head + most, this.#tail)
    this.#tail = tail
    return this.#head < tail
  }
}

/** Runs a part of a job with an empty set of reached nodes. */
export function withReach<Result>(core: GraphCore, part: (reach: Reach) => Job<Result>): Job<Result> {
  return withArea(core, core.nodeCount, (reached) =>
    withArea(core, core.nodeCount * 4, (queue) => part(new Reach(core, queue, reached))),
  )
}

/** How many nodes rows lead to from one node on, itself included. */
export function countReached(core: GraphCore, root: number): Job<number> {
  return withReach(core, function* (reach) {
    reach.add(root)
    while (reach.advance(NODES_A_SLICE)) yield PAUSE
    return reach.count
  })
}
