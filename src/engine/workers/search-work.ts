import { StoreError } from '../../base/errors.ts'
import { check } from '../graph/graph-parameters.ts'
import { frontierSizeOf, type GraphHits } from '../graph/graph-search.ts'
import type { WalkCore } from '../graph/walk-core.ts'
import type { PoolWork } from './pool-work.ts'
import type { Range } from './saved-rows.ts'
import type { BatchSearchOptions } from './search-host.ts'
import type { Assignment, WorkerSlot } from './worker-slot.ts'

const MOST_BLOCK_QUERIES = 32
/** Queries of a block times the length of their frontier: some 5 ms. */
const BLOCK_STEPS = 3200
/** Blocks for each worker, unless they would be too long. */
const BLOCKS_A_WORKER = 2

/** Queries, handed out block by block. */
export class SearchWork implements PoolWork {
  /** `undefined` if it was stopped, or no worker could be had. */
  readonly hits: Promise<GraphHits[] | undefined>
  readonly #core: WalkCore
  readonly #queries: Float32Array
  readonly #options: BatchSearchOptions
  readonly #isStopped: () => boolean
  readonly #frontierSize: number
  readonly #blockQueries: number
  readonly #count: number
  readonly #hits: GraphHits[] = []
  #resolve: (hits: GraphHits[] | undefined) => void = () => {}
  #reject: (error: unknown) => void = () => {}
  #next = 0
  #again: Range[] = []
  #underWay = 0
  #error: unknown

  /** @throws RangeError. */
  constructor(
    core: WalkCore,
    queries: Float32Array,
    options: BatchSearchOptions,
    workers: number,
    isStopped: () => boolean,
  ) {
    const { dimensions } = core.parameters
    check(queries.length % dimensions === 0, `queries must hold ${dimensions} components each: ${queries.length}`)
    this.#core = core
    this.#queries = queries
    this.#options = options
    this.#isStopped = isStopped
    this.#frontierSize = frontierSizeOf(options)
    this.#count = queries.length / dimensions
    this.#blockQueries = blockQueries(this.#count, this.#frontierSize, workers)
    this.hits = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  take(slot: WorkerSlot): Assignment | undefined {
    const block = this.#nextBlock()
    if (block === undefined) return undefined
    try {
      this.#makeReady(slot)
    } catch (error) {
      this.#error = error
      return undefined
    }
    this.#underWay++
    return {
      core: this.#core,
      ...this.#messageOf(block, slot),
      done: (answer) => {
        this.#underWay--
        this.#readHits(block, answer as Uint32Array<ArrayBuffer>)
      },
      lost: (cause, wasUp) => {
        this.#underWay--
        if (wasUp && !this.#isStopped())
          this.#error ??= new StoreError('ERR_WORKER', 'A worker ended while it was searching', { cause })
        else this.#again.push(block)
      },
    }
  }

  settle(): boolean {
    const isAllTaken = this.#next >= this.#count && this.#again.length === 0
    if (this.#underWay > 0) return false
    if (this.#error !== undefined) this.#reject(this.#error)
    else if (isAllTaken) this.#resolve(this.#hits)
    else if (this.#isStopped()) this.#resolve(undefined)
    else return false
    return true
  }

  #nextBlock(): Range | undefined {
    if (this.#error !== undefined || this.#isStopped()) return undefined
    const again = this.#again.pop()
    if (again !== undefined || this.#next >= this.#count) return again
    const from = this.#next
    this.#next = Math.min(this.#count, from + this.#blockQueries)
    return { from, to: this.#next }
  }

  /** Only now, while the worker of the slot is idle: no other walk has the lists of its thread. */
  #makeReady({ searchThread }: WorkerSlot): void {
    const { listSize, allowed } = this.#options
    const scratch = this.#core.scratch(searchThread)
    const most = Math.max(1, this.#core.linkedCount)
    scratch.useLists(Math.min(this.#frontierSize, most), Math.min(listSize, most))
    scratch.useAllowed(allowed)
  }

  #messageOf({ from, to }: Range, { searchThread }: WorkerSlot): Pick<Assignment, 'message' | 'transfer'> {
    const { dimensions } = this.#core.parameters
    const { listSize, allowed } = this.#options
    const queries = this.#queries.slice(from * dimensions, to * dimensions)
    const isFiltered = allowed !== undefined
    return {
      message: { verb: 'search', thread: searchThread, queries, dimensions, listSize, isFiltered },
      transfer: [queries.buffer as ArrayBuffer],
    }
  }

  #readHits({ from, to }: Range, answer: Uint32Array<ArrayBuffer>): void {
    let at = 0
    for (let query = from; query < to; query++) {
      const [count, visited] = [answer[at]!, answer[at + 1]!]
      const nodes = answer.slice(at + 2, at + 2 + count)
      const distances = new Float32Array(answer.slice(at + 2 + count, at + 2 + count * 2).buffer)
      this.#hits[query] = { nodes, distances, visited }
      at += 2 + count * 2
    }
  }
}

function blockQueries(count: number, frontierSize: number, workers: number): number {
  const fair = Math.ceil(count / (workers * BLOCKS_A_WORKER))
  const most = Math.min(MOST_BLOCK_QUERIES, Math.floor(BLOCK_STEPS / frontierSize))
  return Math.max(1, Math.min(most, fair))
}
