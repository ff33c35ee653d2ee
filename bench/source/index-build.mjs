// Building the index through the public API: an import from nothing, flush by flush, and all at once, by number of threads.
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { VectorStore } from '../../dist/index.js'
import { entriesOf, openWords } from './index-data.mjs'
import { countWork, indexWorkOf } from './index-log.mjs'
import { indexBytes, sumOf, withPeak } from './index-memory.mjs'
import { formatNumber, markdownTable, median, timeMs } from './statistics.mjs'

const THREADS = [1, 2, 0]
const FLUSH_ENTRIES = 10_000

export async function benchIndexBuild(data, { rounds, directory }) {
  const runs = new Map(THREADS.map((threads) => [threads, []]))
  for (let round = 0; round < rounds; round += 1) {
    for (const threads of THREADS) {
      const whole = await withDirectory(directory, (path) => importAndOptimize(path, data, threads))
      const flushed = await withDirectory(directory, (path) => flushByFlush(path, data, threads))
      runs.get(threads).push({ ...whole, ...flushed })
    }
  }
  return [timeTable(runs), ratioLine(runs), memoryTable(runs.get(1), data.ids.length)].join('\n\n')
}

async function withDirectory(directory, work) {
  const path = await mkdtemp(join(directory, 'store-'))
  try {
    return await work(path)
  } finally {
    await rm(path, { recursive: true, force: true })
  }
}

async function importAndOptimize(path, data, threads) {
  const { store, words } = await openWords(VectorStore, path, { dimensions: data.dimensions, threads })
  const startMs = performance.now()
  let durableMs = 0
  const importing = await withPeak(store, async () => {
    await words.addAll(entriesOf(data))
    durableMs = performance.now() - startMs
    await words.settled()
  })
  const settledMs = performance.now() - startMs
  const before = process.cpuUsage()
  const optimizedAt = Date.now()
  const optimizing = await withPeak(store, () => timeMs(() => words.optimize()))
  const { user, system } = process.cpuUsage(before)
  const bytes = indexBytes(store)
  await store.close()
  const work = await indexWorkOf(path)
  return {
    count: data.ids.length,
    durableMs,
    settledMs,
    bulks: countWork(work, 'bulk'),
    inserts: countWork(work, 'insert'),
    optimizeMs: optimizing.result,
    optimizeCpuMs: (user + system) / 1000,
    planMs: work.at(-1).timeMs - optimizedAt,
    bytes,
    importPeak: importing.peakBytes / sumOf(bytes),
    optimizePeak: optimizing.peakBytes / sumOf(bytes),
  }
}

/** Each flush is waited for, so that all but the first, and those that find the graph grown too far, insert. */
async function flushByFlush(path, data, threads) {
  const options = { dimensions: data.dimensions, threads, bufferEntries: FLUSH_ENTRIES * 2 }
  const { store, words } = await openWords(VectorStore, path, options)
  const flushes = []
  for (let from = 0; from < data.ids.length; from += FLUSH_ENTRIES) {
    const entries = Math.min(FLUSH_ENTRIES, data.ids.length - from)
    await words.addAll(entriesOf(data, from, from + entries))
    flushes.push({ entries, through: from + entries, ms: await timeMs(() => words.flush()) })
  }
  const { unreachable } = words.stats().index
  await store.close()
  const work = await indexWorkOf(path)
  if (work.length !== flushes.length) throw new Error(`${flushes.length} flushes were asked for, ${work.length} made`)
  const of = (method) => flushes.filter((_, index) => work[index].what === method)
  return { flushInserts: summed(of('insert'), 'entries'), flushBulks: summed(of('bulk'), 'through'), unreachable }
}

function summed(flushes, vectors) {
  const add = (key) => flushes.reduce((sum, flush) => sum + flush[key], 0)
  return { flushes: flushes.length, ms: add('ms'), vectors: add(vectors) }
}

function timeTable(runs) {
  const header = [
    'threads',
    'import until durable, s (vectors/s)',
    'until settled, s (vectors/s)',
    'its bulk builds + inserts',
    '`optimize()`, s (vectors/s)',
    'of it planning, ms',
    'processor s',
    'flush by flush: vectors/s inserted (flushes)',
    'vectors/s built in bulk (flushes)',
    'not reachable',
  ]
  const rows = [...runs].map(([threads, results]) => {
    const [{ count, flushInserts, flushBulks }] = results
    const of = (pick) => median(results.map(pick))
    const timed = (pick) => `${formatNumber(of(pick) / 1000)} (${formatNumber((count * 1000) / of(pick))})`
    const rate = (pick) => formatNumber(of((result) => (pick(result).vectors * 1000) / pick(result).ms))
    return [
      threads,
      timed(({ durableMs }) => durableMs),
      timed(({ settledMs }) => settledMs),
      `${of(({ bulks }) => bulks)} + ${of(({ inserts }) => inserts)}`,
      timed(({ optimizeMs }) => optimizeMs),
      formatNumber(of(({ planMs }) => planMs)),
      formatNumber(of(({ optimizeCpuMs }) => optimizeCpuMs) / 1000),
      flushInserts.flushes === 0 ? '-' : `${rate((result) => result.flushInserts)} (${flushInserts.flushes})`,
      `${rate((result) => result.flushBulks)} (${flushBulks.flushes})`,
      Math.max(...results.map(({ unreachable }) => unreachable)),
    ]
  })
  return markdownTable(header, rows)
}

/** Of each round, because a busy moment hits both. */
function ratioLine(runs) {
  const ratio = (pick) => {
    const ofRounds = runs.get(1).map((one, round) => pick(one) / pick(runs.get(2)[round]))
    return `${median(ofRounds).toFixed(2)}x`
  }
  const inserting = runs.get(1)[0].flushInserts.flushes === 0 ? '-' : ratio(({ flushInserts }) => flushInserts.ms)
  return (
    `Two threads against one: \`optimize()\` ${ratio(({ optimizeMs }) => optimizeMs)} as quick, inserting ${inserting}, ` +
    `an import until it is settled ${ratio(({ settledMs }) => settledMs)}.`
  )
}

function memoryTable(results, count) {
  const { bytes } = results[0]
  const names = Object.keys(bytes)
  const perVector = (value) => formatNumber(value / count)
  const peak = (pick) => `${median(results.map(pick)).toFixed(2)}x`
  const table = markdownTable(
    [...names.map((name) => `\`${name}\``), 'in all', 'most during the import', 'most during `optimize()`'],
    [
      [
        ...names.map((name) => perVector(bytes[name])),
        perVector(sumOf(bytes)),
        peak(({ importPeak }) => importPeak),
        peak(({ optimizePeak }) => optimizePeak),
      ],
    ],
  )
  return `Bytes a vector after \`optimize()\` with one thread, as reported, and the most there were meanwhile against all of them:\n\n${table}`
}
