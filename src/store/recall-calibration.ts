import { MAX_K } from '../base/limits.ts'
import type { CollectionView } from '../engine/collection-state.ts'
import type { BuiltGraph } from '../engine/index/built-graph.ts'
import { isScanQuicker } from '../engine/index/scan-or-walk.ts'
import { plainOptions, type SampledQuery, sampleQueries, shareFound } from './query-sample.ts'
import { type CheckedOptions, find } from './search.ts'
import { unlessAborted } from './snapshot-capture.ts'
import type { StoreCore } from './store-core.ts'

/** What a list of some length found of the nearest of a sample. */
export interface RecallPoint {
  readonly listSize: number
  /** Share of the `k` nearest that was found; it never falls with the length. */
  readonly recall: number
}

/** How long lists must be for the vectors of a collection: what `search` with `recall` goes by. */
export interface RecallCalibrationStats {
  readonly k: number
  /** Entries that were searched the neighbours of. */
  readonly queries: number
  /** LSN at which it was measured. */
  readonly lsn: number
  readonly points: readonly RecallPoint[]
}

interface MeasuredPoint extends RecallPoint {
  /** What chance may have added to the recall of the sample: its standard error. */
  readonly doubt: number
}

interface Calibration {
  readonly built: BuiltGraph
  readonly entries: number
  readonly measuring: Promise<Measured>
}

interface Measured {
  readonly stats: RecallCalibrationStats
  readonly points: readonly MeasuredPoint[]
}

const MOST_QUERIES = 400
/** Lists grow by half; longer ones take as long as comparing everything. */
const GROWTH = 1.5
const SHORTEST_LIST = 10
const LONGEST_LIST = 4096
/** Of more than that a sample says nothing any more. */
const ENOUGH_RECALL = 0.999
/** A collection that is half as large again, or half as large, is another. */
const MOST_GROWTH = 1.5
/** Different `k` of one collection; those asked for last are kept. */
const MOST_CALIBRATIONS = 8

/** How long lists must be, by collection and `k`: measured when it is first asked for, and kept in memory. */
export class RecallCalibrations {
  readonly #core: StoreCore
  readonly #byView = new WeakMap<CollectionView, Map<number, Calibration>>()
  readonly #measured = new WeakMap<Calibration, Measured>()

  constructor(core: StoreCore) {
    this.#core = core
  }

  /** Those of a collection that hold, by `k`. */
  statsOf(view: CollectionView): RecallCalibrationStats[] {
    const calibrations = [...(this.#byView.get(view)?.values() ?? [])]
    const measured = calibrations.flatMap((found) => (isOf(view, found) ? (this.#measured.get(found) ?? []) : []))
    return measured.map(({ stats }) => stats).sort((a, b) => a.k - b.k)
  }

  /**
   * Options with the shortest list that finds the recall asked for, less what chance may have added to it; or, where none does,
   * with all entries compared.
   * @throws StoreError `ERR_ABORTED`, or what reading vectors says.
   */
  async tune<M>(view: CollectionView, options: CheckedOptions<M>): Promise<CheckedOptions<M>> {
    const { k, recall = 1, signal } = options
    const { built } = view.index.served
    const tuned = { ...options, recall: undefined }
    if (built === undefined || isScanQuicker(view, { k }, view.liveCount)) return tuned
    if (recall === 1) return { ...tuned, exact: true }
    const { points } = await unlessAborted(this.#of(view, k, built), signal, 'search')
    const point = points.find((measured) => measured.recall - measured.doubt >= recall)
    return point === undefined ? { ...tuned, exact: true } : { ...tuned, listSize: point.listSize }
  }

  /** Searches that come while it is being measured wait for the same. */
  #of(view: CollectionView, k: number, built: BuiltGraph): Promise<Measured> {
    const byK = this.#byView.get(view) ?? new Map<number, Calibration>()
    this.#byView.set(view, byK)
    const found = byK.get(k)
    byK.delete(k)
    const isKept = found !== undefined && isOf(view, found)
    const calibration = isKept ? found : { built, entries: view.liveCount, measuring: this.#measure(view, k) }
    byK.set(k, calibration)
    const [oldest] = byK.keys()
    if (oldest !== undefined && byK.size > MOST_CALIBRATIONS) byK.delete(oldest)
    if (!isKept) {
      calibration.measuring.then(
        (measured) => this.#measured.set(calibration, measured),
        () => byK.get(k) === calibration && byK.delete(k),
      )
    }
    return calibration.measuring
  }

  async #measure(view: CollectionView, k: number): Promise<Measured> {
    const { kernel, surroundings, state } = this.#core
    const { yieldToEventLoop } = surroundings
    const { lsn } = state
    const sample = await sampleQueries(view, { k, most: MOST_QUERIES }, { kernel, yieldToEventLoop })
    const points: MeasuredPoint[] = []
    for (let listSize = Math.max(SHORTEST_LIST, k * 2); ; listSize = Math.ceil(listSize * GROWTH)) {
      const point = await this.#pointOf(view, sample, { k, listSize: Math.min(listSize, MAX_K) })
      const before = points.at(-1)
      // A longer list finds what a shorter one does, but for a few that a walk passed by chance.
      points.push(
        before === undefined || point.recall >= before.recall ? point : { ...before, listSize: point.listSize },
      )
      if (point.recall >= ENOUGH_RECALL || listSize >= Math.max(LONGEST_LIST, k * 2)) break
    }
    const stats = {
      k,
      queries: sample.length,
      lsn,
      points: points.map(({ listSize, recall }) => ({ listSize, recall })),
    }
    return { stats, points }
  }

  async #pointOf(
    view: CollectionView,
    sample: readonly SampledQuery[],
    lists: { readonly k: number; readonly listSize: number },
  ): Promise<MeasuredPoint> {
    const shares: number[] = []
    for (const sampled of sample) {
      await this.#core.searchTurns.begin()
      const { hits } = await find(this.#core, view, sampled.query, plainOptions(lists))
      shares.push(shareFound(sampled, hits))
    }
    const mean = shares.reduce((sum, share) => sum + share, 0) / Math.max(1, shares.length)
    const variance = shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / Math.max(1, shares.length - 1)
    return { listSize: lists.listSize, recall: mean, doubt: Math.sqrt(variance / Math.max(1, shares.length)) }
  }
}

/** Whether a calibration still says something of a collection. */
function isOf(view: CollectionView, { built, entries }: Calibration): boolean {
  const isAsLarge = view.liveCount <= entries * MOST_GROWTH && view.liveCount * MOST_GROWTH >= entries
  return isAsLarge && view.index.served.built === built
}
