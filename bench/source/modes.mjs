// The quantization modes beside each other: bytes a vector, recall and queries a second, how long a switch takes, what a process takes
// that searches, and what peers took to search the same set where they were compared.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { VectorStore } from '../../dist/index.js'
import { searchPass } from './index-data.mjs'
import { prepareDataSet } from './peers/data-sets.mjs'
import { loadTruth } from './peers/truth.mjs'
import { openVectorSource, readVectorFile, rowOfId } from './peers/vector-file.mjs'
import { formatNumber, markdownTable, median } from './statistics.mjs'

const CHILD = fileURLToPath(new URL('./modes-child.mjs', import.meta.url))
const MODES = ['none', 'int8', 'binary']
const SWITCHES = ['int8', 'none', 'binary', 'int8', 'binary', 'none']
const LISTS = [40, 80, 160, 320, 640]
const K = 10
const QUERIES = 1000
const COLD_QUERIES = 200
const COLD_LIST = 80
const BATCH_ROWS = 1000
/** Where Linux lets the files that it has read be forgotten. */
const DROP_CACHES = '/proc/sys/vm/drop_caches'

export async function benchModes({ directory, rounds, limit }) {
  const texts = []
  for (const name of ['glove', 'hard-768']) texts.push(await modesOf(prepareDataSet(name, limit), directory, rounds))
  return texts.join('\n\n')
}

async function modesOf(dataSet, directory, rounds) {
  const { name, title, count, dimensions, metric } = dataSet
  const path = join(directory, name)
  await build(path, dataSet)
  const switches = await timeSwitches(path, rounds)
  const stores = await copyForModes(path)
  const children = stores.map((store) => JSON.parse(runChild(store, dataSet)))
  const searches = await searchInTurns(stores, dataSet, rounds)
  const cold = await searchCold(stores, dataSet)
  for (const store of [path, ...stores]) rmSync(store, { recursive: true, force: true })
  const perVector = (bytes) => formatNumber(bytes / count)
  const memory = MODES.map((mode, index) => {
    const { reportedBytes, grownBytes, rssBytes, openMs, leanMs } = children[index]
    const [found, whole] = [cold[index], [openMs, leanMs].map((ms) => formatNumber(ms))]
    return [mode, perVector(reportedBytes), perVector(grownBytes), perVector(rssBytes), ...whole, found]
  })
  return [
    `### ${title}: ${count.toLocaleString('en-US')} x ${dimensions}, ${metric}`,
    markdownTable(
      [
        'mode',
        'reported, bytes a vector',
        'process grew by',
        'whole process',
        'open ms',
        'in form after ms',
        `QPS with nothing cached, list ${COLD_LIST}`,
      ],
      memory,
    ),
    `Recall@10 and queries a second, in turns, the median of ${rounds} rounds of ${QUERIES} held-out queries:`,
    markdownTable(
      ['list', ...MODES.flatMap((mode) => [`${mode}: recall`, 'QPS', ...(mode === 'none' ? [] : ['of none'])])],
      searches,
    ),
    `A switch, from its write until everything is where it belongs, the median of ${switches[0].n} (the first \`int8\`, which takes a snapshot where none holds everything, is among them):`,
    markdownTable(
      ['switch', 'ms', 'most ms'],
      switches.map(({ what, ms, most }) => [what, formatNumber(ms), formatNumber(most)]),
    ),
    peersOf(dataSet),
  ].join('\n\n')
}

async function build(path, dataSet) {
  const { dimensions, metric, files } = dataSet
  const store = await VectorStore.open(path)
  const rows = await store.collection('rows', { dimensions, metric })
  for (const { first, rows: size, vectors } of openVectorSource(files.base, dimensions).batches(BATCH_ROWS)) {
    await rows.add(
      Array.from({ length: size }, (_, row) => ({
        id: `row-${first + row}`,
        vector: vectors.subarray(row * dimensions, (row + 1) * dimensions),
      })),
    )
  }
  await rows.settled()
  await rows.optimize()
  await store.snapshot()
  await store.close()
}

async function timeSwitches(path, rounds) {
  const times = new Map()
  const store = await VectorStore.open(path)
  const rows = await store.collection('rows')
  for (let round = 0; round < rounds; round += 1)
    for (const mode of SWITCHES) {
      const { before, durationMs } = await rows.quantize(mode)
      const what = `${before.mode} to ${mode}`
      times.set(what, [...(times.get(what) ?? []), durationMs])
    }
  await store.close()
  return [...times].map(([what, ms]) => ({ what, ms: median(ms), most: Math.max(...ms), n: ms.length }))
}

/** A store in each mode, of which a snapshot holds all. */
async function copyForModes(path) {
  const paths = []
  for (const mode of MODES) {
    const copy = `${path}-${mode}`
    cpSync(path, copy, { recursive: true })
    const store = await VectorStore.open(copy)
    const rows = await store.collection('rows')
    await rows.quantize(mode)
    await store.snapshot()
    await store.close()
    paths.push(copy)
  }
  return paths
}

function runChild(store, { files, dimensions }) {
  const flags = ['--expose-gc', '--max-semi-space-size=1']
  const given = [store, files.queries, String(dimensions)]
  return execFileSync(process.execPath, [...flags, CHILD, ...given], { encoding: 'utf8' })
}

async function searchInTurns(paths, dataSet, rounds) {
  const queries = queriesOf(dataSet, QUERIES)
  const truth = loadTruth(dataSet, 'queries', QUERIES, K)
  const opened = await Promise.all(paths.map((path) => openInForm(path)))
  const table = []
  for (const listSize of LISTS) {
    const qps = opened.map(() => [])
    const recalls = opened.map(() => 0)
    for (let round = 0; round <= rounds; round += 1)
      for (const [index, { rows }] of opened.entries()) {
        const pass = await searchPass(rows, queries, { k: K, listSize })
        // The first round is not timed: code is compiled in it, and files are read.
        if (round > 0) qps[index].push(pass.qps)
        recalls[index] = recallOf(pass.results, truth)
      }
    const medians = qps.map(median)
    const cells = medians.flatMap((value, index) => [
      recalls[index].toFixed(4),
      formatNumber(value),
      ...(index === 0 ? [] : [`${(value / medians[0]).toFixed(2)}x`]),
    ])
    table.push([listSize, ...cells])
  }
  for (const { store } of opened) await store.close()
  return table
}

/** One pass with no file of the store in the cache; `-` where the system does not let it be emptied. */
async function searchCold(paths, dataSet) {
  const queries = queriesOf(dataSet, COLD_QUERIES)
  const found = []
  for (const path of paths) {
    const { store, rows } = await openInForm(path)
    const isEmptied = emptyCache()
    const { qps } = await searchPass(rows, queries, { k: K, listSize: COLD_LIST })
    found.push(isEmptied ? formatNumber(qps) : '-')
    await store.close()
  }
  return found
}

function emptyCache() {
  try {
    writeFileSync(DROP_CACHES, '1')
    return true
  } catch {
    return false
  }
}

async function openInForm(path) {
  const store = await VectorStore.open(path, { readOnly: true, threads: 0 })
  const rows = await store.collection('rows')
  const { quantization } = rows.stats()
  while (quantization !== 'none' && rows.stats().index.form !== 'lean') await sleep(20)
  return { store, rows }
}

function queriesOf({ files, dimensions }, count) {
  const vectors = readVectorFile(files.queries)
  return Array.from({ length: count }, (_, row) => vectors.subarray(row * dimensions, (row + 1) * dimensions))
}

function recallOf(results, truth) {
  let found = 0
  for (const [query, { hits }] of results.entries()) {
    const nearest = new Set(truth[query])
    found += Math.min(K, hits.filter(({ id }) => nearest.has(rowOfId(id))).length)
  }
  return found / (results.length * K)
}

/** What other engines took for the same set, where a comparison has been made on this machine. */
function peersOf({ directory, count }) {
  const results = join(directory, 'results')
  const newest =
    existsSync(results) &&
    readdirSync(results)
      .filter((file) => file.endsWith('.json'))
      .sort()
      .at(-1)
  if (!newest) return 'No comparison with peers has been made on this machine.'
  const { engines, bare } = JSON.parse(readFileSync(join(results, newest), 'utf8'))
  const rows = engines.flatMap(({ name: engine, entries }) =>
    entries.map(({ setting, build, reopenRssBytes, searchPeakRssBytes }) => [
      engine,
      setting,
      formatNumber((reopenRssBytes - bare.rssBytes) / count),
      formatNumber(searchPeakRssBytes / count),
      formatNumber(build.bytesOnDisk / count),
    ]),
  )
  const header = ['engine', 'setting', 'first answer, more than a bare process', 'searching, whole process', 'on disk']
  return `Peers, most bytes a vector that their processes took (from the newest comparison; see below):\n\n${markdownTable(header, rows)}`
}
