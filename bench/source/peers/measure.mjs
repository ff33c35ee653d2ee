// Searches: a tuning pass that finds out which curves are worth scoring, then rounds in which engines take turns.
import { join } from 'node:path'
import { formatNumber, median } from '../statistics.mjs'
import { frontierOf, recallOf } from './curves.mjs'
import { startChild } from './host.mjs'
import { say, showProgress } from './progress.mjs'

const WARM_UP_QUERIES = 40
/** A slice shorter than this says more about the machine than about the engine. */
const MINIMUM_SLICE_MS = 150
const TUNING_MS = 2000
const SLOWEST_PASS_MS = 120_000
/** A point is near the frontier unless another of its engine needed less than this share of its time for no less recall. */
const WORTH_SCORING = 0.7
const LOWEST_RECALL = 0.7

/** Opens the index of a build in a process of its own and finds its points by tuning queries. */
export async function openEntry(dataSet, engine, setting, build, { core, queryCount }) {
  const child = startChild({ core })
  const parts = { queries: queryCount, tuning: queryCount }
  const queryFiles = Object.fromEntries(
    Object.entries(parts).map(([part, count]) => [part, { file: dataSet.files[part], count }]),
  )
  const { effortsThatDiffer } = await child
    .ask('open', {
      engineName: engine.name,
      directory: join(build.directory, 'index'),
      openSettings: { ...setting, metric: dataSet.metric, dimensions: dataSet.dimensions },
      dimensions: dataSet.dimensions,
      queryFiles,
    })
    .catch(async (error) => {
      await child.stop()
      throw error
    })
  const points = setting.curves.flatMap((curve) =>
    curve.efforts.slice(0, effortsThatDiffer).map((effort) => ({ curveName: curve.name, effort })),
  )
  return { engine, setting, build, child, points }
}

export async function tune(entries, truth, { k, queryCount }) {
  for (const [index, { engine, setting, child, points }] of entries.entries()) {
    showProgress('tuning', index, entries.length)
    for (const point of points) point.tuning = await tunePoint(child, point, truth, { k, queryCount }, engine.name)
    const { recall, qps } = points.at(-1).tuning
    say(`${engine.name}, ${setting.name}: last point has recall ${recall.toFixed(4)} at ${formatNumber(qps)} QPS`)
  }
  showProgress('tuning', entries.length, entries.length)
  keepWorthScoring(entries)
}

/** A point that an engine refuses counts as one that finds nothing, so it is not scored. */
async function tunePoint(child, { curveName, effort }, truth, { k, queryCount }, engineName) {
  try {
    const { answered, elapsedMs, found } = await child.ask('pass', {
      curveName,
      effort,
      part: 'tuning',
      from: 0,
      k,
      warmUpQueries: WARM_UP_QUERIES,
      minimumQueries: queryCount,
      minimumMs: 0,
      maximumMs: TUNING_MS,
    })
    return { qps: (1000 * answered) / elapsedMs, recall: recallOf(found, truth, k) }
  } catch (error) {
    say(`${engineName}, ${curveName} ${effort}: no answer: ${error.message.split('\n')[0]}`)
    return { qps: 0, recall: 0 }
  }
}

/**
 * Leaves the curves that come near their engine's frontier somewhere, with all their points: which points lie at which recall is for
 * the scored queries to say.
 */
function keepWorthScoring(entries) {
  for (const engine of new Set(entries.map((entry) => entry.engine))) {
    const own = entries.filter((entry) => entry.engine === engine)
    const frontier = frontierOf(own.flatMap(({ points }) => points.map(({ tuning }) => tuning)))
    const isClose = ({ tuning }) =>
      tuning.recall >= LOWEST_RECALL &&
      !frontier.some(({ recall, qps }) => recall >= tuning.recall && WORTH_SCORING * qps > tuning.qps)
    for (const entry of own) {
      const kept = new Set(entry.points.filter(isClose).map(({ curveName }) => curveName))
      entry.points = entry.points.filter(({ curveName }) => kept.has(curveName))
    }
  }
}

/** Each round gives every point a slice of the queries; after the last round every point has answered each query. */
export async function score(entries, truth, { k, queryCount, rounds }) {
  const sliceQueries = Math.ceil(queryCount / rounds)
  const passes = new Map(entries.flatMap(({ points }) => points.map((point) => [point, []])))
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < entries.length; turn += 1) {
      showProgress(`scoring, round ${round + 1} of ${rounds}`, turn, entries.length)
      // Each round begins with another engine, and goes along its points the other way, lest one always follows the same.
      const { child, points } = entries[(turn + round) % entries.length]
      for (const point of round % 2 === 0 ? points : [...points].reverse()) {
        const { curveName, effort } = point
        const pass = await child.ask('pass', {
          curveName,
          effort,
          part: 'queries',
          from: round * sliceQueries,
          k,
          warmUpQueries: WARM_UP_QUERIES,
          minimumQueries: sliceQueries,
          minimumMs: MINIMUM_SLICE_MS,
          maximumMs: SLOWEST_PASS_MS,
        })
        passes.get(point).push(pass)
      }
    }
    showProgress(`scoring, round ${round + 1} of ${rounds}`, entries.length, entries.length)
  }
  for (const [point, ofPoint] of passes) Object.assign(point, summarise(ofPoint, truth, k))
  for (const entry of entries) entry.searchPeakRssBytes = (await entry.child.ask('memory')).peakRssBytes
}

function summarise(passes, truth, k) {
  // A query that came round again would count twice.
  const firstByQuery = new Map()
  for (const { found } of passes)
    for (const answer of found) if (!firstByQuery.has(answer.query)) firstByQuery.set(answer.query, answer)
  const qpsByRound = passes.map(({ answered, elapsedMs }) => (1000 * answered) / elapsedMs)
  return {
    recall: recallOf([...firstByQuery.values()], truth, k),
    queries: firstByQuery.size,
    qps: median(qpsByRound),
    qpsByRound,
    p50Ms: median(passes.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(passes.map(({ p99Ms }) => p99Ms)),
  }
}
