/** What a walk with some list did for a query of the sample. */
export interface Trial {
  /** Share of the true nearest that the search found. */
  readonly share: number
  /** Vectors that were compared. */
  readonly visited: number
  /** {@link contrastOf} what the walk found. */
  readonly contrast: number
}

/** All queries of the sample searched with one list, in the same order for every list. */
export interface MeasuredList {
  readonly listSize: number
  readonly trials: readonly Trial[]
}

/** Queries are walked for with the probe; what that finds says how long a list each takes. */
export interface RecallLists {
  readonly probe: number
  /** Contrasts at which the next stratum begins, rising. */
  readonly bounds: readonly number[]
  /** A list for each stratum, one more than there are bounds; `undefined` where all entries have to be compared. */
  readonly listSizes: readonly (number | undefined)[]
}

/** What one list found in each stratum. */
interface Estimate {
  readonly listSize: number
  /** By stratum; harder ones never find more, and longer lists never less. */
  readonly recalls: readonly number[]
  /** What chance may have added: the standard error of the mean over all strata. */
  readonly doubt: number
}

/** Where strata end: the fifth of the sample with the least contrast takes lists several times as long as the rest. */
const STRATUM_ENDS = [0.2, 0.4, 0.7]
/** Lists above these probe no better, and cost what they are to save. */
const MOST_PROBES = 9

/**
 * How far what a walk found behind the nearest `k` is from them, as a share of their own distance, by codes. Where much is
 * nearly as near as the nearest, codes mistake one for the other and the walk passes some by. That, and not where a query
 * lies, says how hard it is: docs/decisions/0023 has the measurement.
 */
export function contrastOf(distances: ArrayLike<number>, k: number): number {
  const near = Math.min(k, distances.length)
  if (near === 0) return 0
  let sum = 0
  for (let place = 0; place < near; place++) sum += distances[place]!
  const mean = sum / near
  const gap = distances[distances.length - 1]! - mean
  return gap <= 0 ? 0 : gap / Math.abs(mean)
}

/** The list for a query whose probe had a contrast; never shorter than the probe. */
export function listSizeFor({ probe, bounds, listSizes }: RecallLists, contrast: number): number | undefined {
  const listSize = listSizes[stratumOf(bounds, contrast)]
  return listSize === undefined ? undefined : Math.max(probe, listSize)
}

/**
 * The lists with which every stratum of the sample finds a recall, and the probe with which that takes the fewest
 * comparisons; `entryCount` is what comparing everything takes.
 */
export function planLists(measured: readonly MeasuredList[], recall: number, entryCount: number): RecallLists {
  let best: RecallLists | undefined
  let fewest = Number.POSITIVE_INFINITY
  for (const probe of measured.slice(0, MOST_PROBES)) {
    const bounds = boundsOf(probe)
    const estimates = estimate(measured, probe, bounds)
    const listSizes = Array.from({ length: bounds.length + 1 }, (_, stratum) =>
      shortestList(estimates, stratum, recall),
    )
    const lists = { probe: probe.listSize, bounds, listSizes }
    const visited = visitedWith(lists, measured, probe, entryCount)
    if (visited < fewest) [best, fewest] = [lists, visited]
  }
  return best ?? { probe: 1, bounds: [], listSizes: [undefined] }
}

/** The one list that finds a recall on the average of the sample, for searches that cannot be probed. */
export function averageList(measured: readonly MeasuredList[], recall: number): number | undefined {
  const [probe] = measured
  return probe && shortestList(estimate(measured, probe, []), 0, recall)
}

/** What a list finds in the stratum with the least contrast at the first list. */
export function hardestRecall(measured: readonly MeasuredList[]): number {
  const [probe] = measured
  return probe === undefined ? 1 : estimate(measured, probe, boundsOf(probe)).at(-1)!.recalls[0]!
}

function boundsOf({ trials }: MeasuredList): number[] {
  const sorted = Float64Array.from(trials, ({ contrast }) => contrast).sort()
  const ends = STRATUM_ENDS.map((end) => sorted[Math.floor(sorted.length * end)]!)
  // Equal contrasts are in one stratum, and none is empty.
  return ends.filter((end, place) => end > (place === 0 ? sorted[0]! : Math.max(sorted[0]!, ends[place - 1]!)))
}

function stratumOf(bounds: readonly number[], contrast: number): number {
  let stratum = 0
  while (stratum < bounds.length && contrast >= bounds[stratum]!) stratum += 1
  return stratum
}

function estimate(measured: readonly MeasuredList[], probe: MeasuredList, bounds: readonly number[]): Estimate[] {
  const strata = probe.trials.map(({ contrast }) => stratumOf(bounds, contrast))
  const counts = Array.from({ length: bounds.length + 1 }, (_, stratum) => strata.filter((s) => s === stratum).length)
  const estimates: Estimate[] = []
  for (const { listSize, trials } of measured) {
    const sums = counts.map(() => 0)
    for (const [query, { share }] of trials.entries()) sums[strata[query]!]! += share
    const means = sums.map((sum, stratum) => sum / counts[stratum]!)
    let squares = 0
    for (const [query, { share }] of trials.entries()) {
      const stratum = strata[query]!
      squares += ((share - means[stratum]!) ** 2 * counts[stratum]!) / Math.max(1, counts[stratum]! - 1)
    }
    const before = estimates.at(-1)?.recalls
    const recalls = risen(means, counts).map((mean, stratum) => Math.max(mean, before?.[stratum] ?? 0))
    estimates.push({ listSize, recalls, doubt: Math.sqrt(squares) / Math.max(1, trials.length) })
  }
  return estimates
}

/** The rising sequence nearest to some means: neighbours that fall are pooled. */
function risen(means: readonly number[], counts: readonly number[]): number[] {
  const pools: { mean: number; count: number; strata: number }[] = []
  for (const [stratum, mean] of means.entries()) {
    let pool = { mean, count: counts[stratum]!, strata: 1 }
    for (let last = pools.at(-1); last !== undefined && last.mean > pool.mean; last = pools.at(-1)) {
      pools.pop()
      const count = last.count + pool.count
      pool = {
        mean: (last.mean * last.count + pool.mean * pool.count) / count,
        count,
        strata: last.strata + pool.strata,
      }
    }
    pools.push(pool)
  }
  return pools.flatMap(({ mean, strata }) => new Array<number>(strata).fill(mean))
}

/** Between two measured lists recall is taken to rise evenly, which it does not do that slowly. */
function shortestList(estimates: readonly Estimate[], stratum: number, recall: number): number | undefined {
  let below: { listSize: number; sure: number } | undefined
  for (const { listSize, recalls, doubt } of estimates) {
    const sure = recalls[stratum]! - doubt
    if (sure >= recall) {
      if (below === undefined) return listSize
      return Math.ceil(below.listSize + ((listSize - below.listSize) * (recall - below.sure)) / (sure - below.sure))
    }
    below = { listSize, sure }
  }
  return undefined
}

/** Vectors that the queries of the sample would be compared with, all together. */
function visitedWith(
  lists: RecallLists,
  measured: readonly MeasuredList[],
  probe: MeasuredList,
  entryCount: number,
): number {
  let visited = 0
  for (const [query, trial] of probe.trials.entries()) {
    const listSize = listSizeFor(lists, trial.contrast)
    visited += trial.visited
    if (listSize === undefined) visited += entryCount
    else if (listSize > lists.probe)
      visited += measured.find((longer) => longer.listSize >= listSize)!.trials[query]!.visited
  }
  return visited
}
