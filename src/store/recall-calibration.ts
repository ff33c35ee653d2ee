import { MAX_K } from '../base/limits.ts'
import type { CollectionView } from '../engine/collection-state.ts'
import type { BuiltGraph } from '../engine/index/built-graph.ts'
import { probeWalk } from '../engine/index/probe-walk.ts'
import { isScanQuicker } from '../engine/index/scan-or-walk.ts'
import { plainOptions, type SampledQuery, sampleQueries, shareFound } from './query-sample.ts'
import {
  averageList,
  contrastOf,
  hardestRecall,
  type MeasuredList,
  planLists,
  type RecallLists,
  type Trial,
} from './recall-lists.ts'
import type { RecallPlan } from './recall-search.ts'
import { type CheckedOptions, find } from './search.ts'
import { unlessAborted } from './snapshot-capture.ts'
import type { StoreCore } from './store-core.ts'

/** What a list of some length found of the nearest of a sample. */
export interface RecallPoint {
  readonly listSize: number
  /** Share of the `k` nearest that was found; it never falls with the length. */
  readonly recall: number
  /** The same of the hardest fifth of the queries: those with much that is nearly as near as the nearest. */
  readonly hardest: number
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

interface Calibration {
  /** Which graph it is of: not the graph itself, whose memory this would keep. */
  readonly origin: object
  /** Walks on codes of one bit find less than those on any other. */
  readonly isBinary: boolean
  readonly entries: number
  readonly measuring: Promise<Measured>
}

interface Measured {
  readonly stats: RecallCalibrationStats
  readonly lists: readonly MeasuredList[]
  /** What was made of that, by recall; making it takes as long as several searches. */
  readonly planned: Map<number, RecallLists>
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
const MOST_PLANS = 16

/** How long lists must be, by collection and `k`: measured when it is first asked for, and kept in memory. */
export class RecallCalibrations {
  readonly #core: StoreCore
  /** By `k`, which is negative where walks read codes of one bit. */
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
   * The lists with which each stratum of the sample found the recall asked for, less what chance may have added to it; or, where
   * none does, all entries compared. Other queries than those stored have other shares of the strata, and what they find holds.
   * @throws StoreError `ERR_ABORTED`, or what reading vectors says.
   */
  async plan<M>(view: CollectionView, options: CheckedOptions<M>): Promise<RecallPlan<M>> {
    const { k, recall = 1, signal, filter } = options
    const { built } = view.index.served
    const tuned = { ...options, recall: undefined }
    if (built === undefined || isScanQuicker(view, { k }, view.liveCount)) return { options: tuned }
    if (recall === 1) return { options: { ...tuned, exact: true } }
    const measured = await unlessAborted(this.#of(view, k, built), signal, 'search')
    if (filter !== undefined) {
      const listSize = averageList(measured.lists, recall)
      return { options: listSize === undefined ? { ...tuned, exact: true } : { ...tuned, listSize } }
    }
    const lists = listsOf(measured, recall, view.liveCount)
    return { options: { ...tuned, listSize: lists.probe }, lists }
  }

  /** Searches that come while it is being measured wait for the same. */
  #of(view: CollectionView, k: number, built: BuiltGraph): Promise<Measured> {
    const byK = this.#byView.get(view) ?? new Map<number, Calibration>()
    this.#byView.set(view, byK)
    const { origin } = built
    const isBinary = isWalkedByBits(built)
    const key = isBinary ? -k : k
    const found = byK.get(key)
    byK.delete(key)
    const isKept = found !== undefined && isOf(view, found)
    const calibration = isKept
      ? found
      : { origin, isBinary, entries: view.liveCount, measuring: this.#measure(view, k) }
    byK.set(key, calibration)
    const [oldest] = byK.keys()
    if (oldest !== undefined && byK.size > MOST_CALIBRATIONS) byK.delete(oldest)
    if (!isKept) {
      calibration.measuring.then(
        (measured) => this.#measured.set(calibration, measured),
        () => byK.get(key) === calibration && byK.delete(key),
      )
    }
    return calibration.measuring
  }

  async #measure(view: CollectionView, k: number): Promise<Measured> {
    const { kernel, surroundings, state } = this.#core
    const { yieldToEventLoop } = surroundings
    const { lsn } = state
    const sample = await sampleQueries(view, { k, most: MOST_QUERIES }, { kernel, yieldToEventLoop })
    const lists: MeasuredList[] = []
    const points: RecallPoint[] = []
    for (let listSize = Math.max(SHORTEST_LIST, k * 2); ; listSize = Math.ceil(listSize * GROWTH)) {
      const most = Math.min(listSize, MAX_K)
      lists.push({ listSize: most, trials: await this.#trials(view, sample, { k, listSize: most }) })
      points.push(pointOf(lists, points.at(-1)))
      if (points.at(-1)!.hardest >= ENOUGH_RECALL || listSize >= Math.max(LONGEST_LIST, k * 2)) break
    }
    return { stats: { k, queries: sample.length, lsn, points }, lists, planned: new Map() }
  }

  async #trials(
    view: CollectionView,
    sample: readonly SampledQuery[],
    sizes: { readonly k: number; readonly listSize: number },
  ): Promise<Trial[]> {
    const { searchTurns, surroundings } = this.#core
    const { yieldToEventLoop } = surroundings
    const options = plainOptions(sizes)
    const trials: Trial[] = []
    for (const sampled of sample) {
      await searchTurns.begin()
      const probe = await probeWalk({ yieldToEventLoop }, view, { ...sampled.query, ...options })
      const { hits, visited } = await find(this.#core, view, sampled.query, options, { walked: probe?.walked })
      const contrast = probe === undefined ? 0 : contrastOf(probe.distances, sizes.k)
      trials.push({ share: shareFound(sampled, hits), visited, contrast })
    }
    return trials
  }
}

function listsOf({ lists, planned }: Measured, recall: number, entryCount: number): RecallLists {
  const known = planned.get(recall)
  if (known !== undefined) return known
  const made = planLists(lists, recall, entryCount)
  if (planned.size >= MOST_PLANS) planned.clear()
  planned.set(recall, made)
  return made
}

/** A longer list finds what a shorter one does, but for a few that a walk passed by chance. */
function pointOf(lists: readonly MeasuredList[], before: RecallPoint | undefined): RecallPoint {
  const { listSize, trials } = lists.at(-1)!
  const mean = trials.reduce((sum, { share }) => sum + share, 0) / Math.max(1, trials.length)
  return { listSize, recall: Math.max(mean, before?.recall ?? 0), hardest: hardestRecall(lists) }
}

/** Whether a calibration still says something of a collection. */
function isOf(view: CollectionView, { origin, isBinary, entries }: Calibration): boolean {
  const isAsLarge = view.liveCount <= entries * MOST_GROWTH && view.liveCount * MOST_GROWTH >= entries
  const { built } = view.index.served
  return isAsLarge && built?.origin === origin && isWalkedByBits(built) === isBinary
}

function isWalkedByBits({ leanCodes }: BuiltGraph): boolean {
  return leanCodes === 'binary'
}
