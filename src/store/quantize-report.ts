import type { CollectionView } from '../engine/collection-state.ts'
import { ledgerOf, type MemoryLedger } from '../engine/memory-ledger.ts'
import type { QuantizationMode } from '../engine/quantization.ts'
import type { GraphFormStats } from './graph-keeper.ts'
import type { OriginalsStats } from './originals-keeper.ts'
import { plainOptions, type SampledQuery, sampleQueries, shareFound } from './query-sample.ts'
import { DEFAULT_LIST_SIZE, find } from './search.ts'
import type { StoreCore } from './store-core.ts'

/** What a collection costs and gives in a mode. */
export interface QuantizeFigures {
  readonly mode: QuantizationMode
  /** Share of the true 10 nearest that searches with default options found; missing where there is nothing to search, or it cannot be read. */
  readonly recall?: number
  /** Milliseconds a search of the sample took, one after the other. */
  readonly latencyMs?: { readonly median: number; readonly p95: number }
  /** Bytes of the collection by component, and their sum. */
  readonly memory: MemoryLedger
}

/** What a switch brought. */
export interface QuantizeReport {
  readonly collection: string
  /** LSN of the switch. */
  readonly lsn: number
  readonly before: QuantizeFigures
  readonly after: QuantizeFigures
  /** Entries of the collection that were searched the neighbours of. */
  readonly queries: number
  /** Where the vectors are now. */
  readonly originals: OriginalsStats
  /** In which form the index is in memory. */
  readonly index: GraphFormStats
  /** Why the mode does not fit the collection, in words, where it does not. */
  readonly warning?: string
  /** From the write of the switch until everything was where it belongs, without measuring. */
  readonly durationMs: number
}

const K = 10
const MOST_QUERIES = 100
/** What was not read lately comes from disk, and code that did not run lately is slow. */
const UNTIMED_QUERIES = 10

export interface MeasureOptions {
  readonly signal: AbortSignal | undefined
  readonly onQuery: (done: number, total: number) => void
}

/** Recall and latency on a sample of the collection's own entries, against comparing all. */
export class QuantizeMeter {
  readonly #core: StoreCore
  readonly #view: CollectionView
  readonly #options: MeasureOptions
  #sample: readonly SampledQuery[] = []
  /** LSN at which the sample was compared with all. */
  #sampledLsn = -1

  constructor(core: StoreCore, view: CollectionView, options: MeasureOptions) {
    this.#core = core
    this.#view = view
    this.#options = options
  }

  get queries(): number {
    return this.#sample.length
  }

  /** Measures the collection as it is. What was found true holds for as long as nothing but `switchLsn` was written. */
  async measure(switchLsn?: number): Promise<QuantizeFigures> {
    const { state, kernel, surroundings } = this.#core
    const { yieldToEventLoop } = surroundings
    const isUnchanged = switchLsn !== undefined && switchLsn === this.#sampledLsn + 1 && state.lsn === switchLsn
    if (!isUnchanged) {
      this.#sampledLsn = state.lsn
      const tools = { kernel, yieldToEventLoop, signal: this.#options.signal }
      this.#sample = await sampleQueries(this.#view, { k: K, most: MOST_QUERIES }, tools)
    }
    const { shares, latenciesMs } = await this.#searchAll()
    const figures = this.unmeasured()
    if (shares.length === 0) return figures
    const recall = shares.reduce((sum, share) => sum + share, 0) / shares.length
    return { ...figures, recall, latencyMs: { median: at(latenciesMs, 0.5), p95: at(latenciesMs, 0.95) } }
  }

  /** What there is to say without a search. */
  unmeasured(): QuantizeFigures {
    return { mode: this.#view.quantization, memory: ledgerOf(this.#view.memory()) }
  }

  async #searchAll(): Promise<{ shares: number[]; latenciesMs: Float64Array }> {
    const options = { ...plainOptions({ k: K, listSize: DEFAULT_LIST_SIZE }), signal: this.#options.signal }
    const search = async ({ query }: SampledQuery) => {
      await this.#core.searchTurns.begin()
      const startMs = performance.now()
      const { hits } = await find(this.#core, this.#view, query, options)
      return { hits, latencyMs: performance.now() - startMs }
    }
    for (const sampled of this.#sample.slice(0, UNTIMED_QUERIES)) await search(sampled)
    const shares: number[] = []
    const latenciesMs: number[] = []
    for (const [index, sampled] of this.#sample.entries()) {
      const { hits, latencyMs } = await search(sampled)
      shares.push(shareFound(sampled, hits))
      latenciesMs.push(latencyMs)
      this.#options.onQuery(index + 1, this.#sample.length)
    }
    return { shares, latenciesMs: Float64Array.from(latenciesMs).sort() }
  }
}

/** The value below which a share of sorted values lies. */
function at(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
}
