// Compares annals with other embedded vector engines on one core: recall against queries a second, build time, memory, disk, reopening.
//   node bench/source/compare.mjs [--data glove|hard-768] [--limit n] [--queries n] [--peers a,b] [--rounds n] [--core n]
//                                 [--build-only] [--fresh] [--write]
// Files, builds and raw results are kept in bench/data/compare/, so a run that was interrupted goes on where it was.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { annals } from './peers/annals.mjs'
import { ensureBuild } from './peers/builds.mjs'
import { frontierOf } from './peers/curves.mjs'
import { DATA_DIRECTORY, DATA_SETS, prepareDataSet } from './peers/data-sets.mjs'
import { ENGINES, engineNamed } from './peers/engines.mjs'
import { canPin, startChild } from './peers/host.mjs'
import { openEntry, score, tune } from './peers/measure.mjs'
import { plotRecallQps } from './peers/plot.mjs'
import { say } from './peers/progress.mjs'
import { measureReopening } from './peers/reopening.mjs'
import { compareTables, curvesOf } from './peers/tables.mjs'
import { loadTruth } from './peers/truth.mjs'
import { machineLine, writeSection } from './report.mjs'

const K = 10
const DOCS = fileURLToPath(new URL('../../docs', import.meta.url))

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    limit: { type: 'string' },
    queries: { type: 'string', default: '1000' },
    peers: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    core: { type: 'string' },
    'build-only': { type: 'boolean', default: false },
    fresh: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
if (values.write) checkWritable()
const limit = values.limit === undefined ? undefined : wholeNumber('limit')
const queryCount = wholeNumber('queries', 1000)
const rounds = wholeNumber('rounds')
const chosenCore = values.core === undefined ? availableParallelism() - 1 : Number(values.core)
const core = canPin(chosenCore) ? chosenCore : undefined
const chosen = values.peers === undefined ? ENGINES : values.peers.split(',').map((name) => engineNamed(name.trim()))

mkdirSync(DATA_DIRECTORY, { recursive: true })
// Children measure the copy that this process took, whatever happens to dist/ meanwhile.
process.env.ANNALS_SNAPSHOT = annals.load()
for (const name of values.data === undefined ? Object.keys(DATA_SETS) : [values.data]) await compareOn(name)

async function compareOn(name) {
  if (!(name in DATA_SETS)) throw new Error(`no data set '${name}'; there are ${Object.keys(DATA_SETS).join(', ')}`)
  const dataSet = prepareDataSet(name, limit)
  const { available, left } = await findAvailable()
  const builds = []
  for (const { engine, version } of available)
    for (const setting of engine.settings(dataSet)) {
      const build = await ensureBuild(dataSet, engine, version, setting, { core, fresh: values.fresh })
      if (build === undefined) left.push(`${engine.name}, ${setting.name}`)
      else builds.push({ engine, setting, build })
    }
  if (values['build-only'] || builds.length === 0) return

  const truth = Object.fromEntries(['tuning', 'queries'].map((part) => [part, loadTruth(dataSet, part, queryCount, K)]))
  const entries = []
  try {
    for (const { engine, setting, build } of builds) {
      try {
        entries.push(await openEntry(dataSet, engine, setting, build, { core, queryCount }))
      } catch (error) {
        say(`${engine.name}, ${setting.name}: FAILED to open and left out: ${error.message}`)
        left.push(`${engine.name}, ${setting.name} (does not open)`)
      }
    }
    await tune(entries, truth.tuning, { k: K, queryCount })
    // A setting of which no point came near the best of its engine is not scored.
    for (const { engine, setting, points } of entries)
      if (points.length === 0) left.push(`${engine.name}, ${setting.name} (slower than its other settings throughout)`)
    const scored = entries.filter(({ points }) => points.length > 0)
    await score(scored, truth.queries, { k: K, queryCount, rounds })
    for (const { child } of entries) await child.stop()
    const bare = await measureReopening(scored, dataSet, { core, rounds, k: K })
    warnOfWrongExactness(scored)
    report(dataSet, { available, entries: scored, bare, left })
  } finally {
    for (const { child } of entries) await child.stop()
  }
}

/** Loads each engine in a process of its own, for some crash where they cannot run. */
async function findAvailable() {
  const available = []
  const left = []
  for (const engine of chosen) {
    const child = startChild({})
    try {
      available.push({ engine, ...(await child.ask('load', { engineName: engine.name })) })
    } catch (error) {
      const [reason] = error.message.split('\n')
      say(`${engine.name} does not run here and is left out: ${reason}`)
      left.push(`${engine.name} (does not load)`)
    } finally {
      await child.stop()
    }
  }
  return { available, left }
}

/** An engine that compares everything must agree with the truth, or the truth is wrong. */
function warnOfWrongExactness(entries) {
  for (const { engine, points } of entries)
    if (engine.exact && points.some(({ recall }) => recall < 0.999))
      say(`WARNING: ${engine.name} is exact and has recall ${points[0].recall}: check the truth`)
}

function report(dataSet, { available, entries, bare, left }) {
  const engines = available
    .map(({ engine, version }) => ({
      name: engine.name,
      notes: engine.notes,
      version,
      entries: entries.filter((entry) => entry.engine === engine),
    }))
    .filter((engine) => engine.entries.length > 0)
  const command = `node bench/source/compare.mjs ${process.argv.slice(2).join(' ')}`.trim()
  const shared = { machine: machineLine(), core, queryCount, rounds, bare, k: K, command, left, ours: annals.name }
  const markdown = compareTables({ dataSet, engines, ...shared })
  const series = engines.map((engine) => ({
    name: engine.name,
    look: ENGINES.findIndex(({ name }) => name === engine.name),
    points: frontierOf(curvesOf(engine).flatMap(({ points }) => points)),
  }))
  const plotTitle = `${dataSet.title}: ${dataSet.count.toLocaleString('en-US')} x ${dataSet.dimensions}, ${dataSet.metric}`
  const plot = plotRecallQps(plotTitle, series)
  const directory = join(dataSet.directory, 'results')
  mkdirSync(directory, { recursive: true })
  const plotFile = `recall-qps-${dataSet.plotName}.svg`
  writeFileSync(join(directory, plotFile), plot)
  writeFileSync(join(directory, 'tables.md'), `${markdown}\n`)
  writeFileSync(
    join(directory, `${new Date().toISOString().replaceAll(':', '-')}.json`),
    JSON.stringify({ dataSet, ...shared, engines: engines.map(rawOf) }, undefined, 2),
  )
  console.log(`\n## ${dataSet.title}\n\n${markdown}\n`)
  say(`results: ${directory}`)
  if (values.write) {
    copyFileSync(join(directory, plotFile), join(DOCS, plotFile))
    writeSection(`compare-${dataSet.plotName}`, markdown)
  }
}

function rawOf({ name, version, notes, entries }) {
  return {
    name,
    version,
    notes,
    entries: entries.map(({ setting, build, points, searchPeakRssBytes, reopenMs, settledMs, reopenRssBytes }) => {
      return { setting: setting.name, build, points, searchPeakRssBytes, reopenMs, settledMs, reopenRssBytes }
    }),
  }
}

/** Found out before the work is done, which takes hours. */
function checkWritable() {
  if (values.limit !== undefined) throw new Error('--write is for whole sets: leave --limit out')
  const text = readFileSync(join(DOCS, 'BENCHMARKS.md'), 'utf8')
  for (const { plotName } of Object.values(DATA_SETS))
    if (!text.includes(`<!-- compare-${plotName}:begin -->`) || !text.includes(`<!-- compare-${plotName}:end -->`))
      throw new Error(
        `docs/BENCHMARKS.md needs the markers <!-- compare-${plotName}:begin --> and <!-- compare-${plotName}:end -->`,
      )
}

function wholeNumber(option, most = Number.MAX_SAFE_INTEGER) {
  const value = Number(values[option])
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return value
  throw new Error(`--${option} takes a whole number from 1 to ${most}`)
}
