// Searches through the index: recall and time by list size, many at once, under filters, and with deleted entries in it.
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { VectorStore } from '../../dist/index.js'
import { entriesOf, openWords, searchManyPass, searchPass, shareOfRow, splitHeldOut } from './index-data.mjs'
import { exactTruth, recallOf } from './index-truth.mjs'
import { formatNumber, markdownTable, median, quantile } from './statistics.mjs'

const LIST_SIZES = [20, 40, 60, 80, 100, 130, 160, 200, 260, 330, 450, 640]
const MANY_LIST_SIZES = [80, 160, 320]
const FILTER_SHARES = [0.5, 0.1, 0.01, 0.001]
const DEAD_SHARES = [0.05, 0.15]
const DEAD_LIST_SIZES = [100, 160, 320]
/** Half of the default buffer. */
const HALF_BUFFER = 5000
/** Under a filter of many ids a search takes long enough to be timed on fewer queries. */
const MOST_PASS_MS = 1500

export async function benchIndexSearch(data, { rounds, directory }) {
  const { base, queries } = splitHeldOut(data)
  const stores = await openStores(base, directory)
  const set = { base, queries, rounds, truth: await exactTruth(stores.two.words, base, queries) }
  try {
    return [
      await listTable(stores, set),
      '`searchMany` of all queries in one call, against `search` one after another:',
      await manyTable(stores, set),
      'With a filter, a set of ids, at the default list. `search` looks its ids up each time, `searchMany` once for 256 queries:',
      await filterTable(stores, set),
      'With entries deleted and no consolidation yet, in turns with the same index without deletions:',
      await deadTable(stores, set),
    ].join('\n\n')
  } finally {
    for (const { store } of Object.values(stores)) await store.close()
  }
}

/** The same index twice, under one worker and under two, and one of which the last entries are in the buffer. */
async function openStores(base, directory) {
  const paths = Object.fromEntries(['one', 'two', 'half'].map((name) => [name, join(directory, name)]))
  for (const path of Object.values(paths)) rmSync(path, { recursive: true, force: true })
  const { dimensions } = base
  const built = await openWords(VectorStore, paths.two, { dimensions, threads: 2 })
  await built.words.addAll(entriesOf(base))
  await built.words.optimize()
  await built.store.close()
  cpSync(paths.two, paths.one, { recursive: true })
  // Nothing is taken out of the index, however much is deleted.
  const options = { dimensions, consolidateShare: 1, rebuildShare: Number.POSITIVE_INFINITY }
  const one = await openWords(VectorStore, paths.one, { ...options, threads: 1 })
  const two = await openWords(VectorStore, paths.two, { ...options, threads: 2 })
  const half = await openWords(VectorStore, paths.half, { ...options, threads: 1 })
  await half.words.addAll(entriesOf(base, 0, base.ids.length - HALF_BUFFER))
  await half.words.optimize()
  await half.words.addAll(entriesOf(base, base.ids.length - HALF_BUFFER))
  await Promise.all([one.words.settled(), two.words.settled()])
  const { waiting } = half.words.stats().index
  if (waiting !== HALF_BUFFER || one.words.stats().index.waiting !== 0)
    throw new Error(`the buffers are not as they should be: ${waiting}`)
  return { one, two, half }
}

/** Contenders take turns in each round, after one that is not counted; what they measure is gathered by name. */
async function inTurns(rounds, contenders) {
  const passes = new Map([...contenders.keys()].map((name) => [name, []]))
  for (let round = -1; round < rounds; round += 1) {
    for (const [name, run] of contenders) {
      const pass = await run()
      if (round >= 0) passes.get(name).push(pass)
    }
  }
  return passes
}

async function listTable({ one, half }, { queries, rounds, truth }) {
  const rows = []
  for (const listSize of LIST_SIZES) {
    const contenders = [one, half].map(({ words }, index) => [
      index,
      () => searchPass(words, queries, { k: 10, listSize }),
    ])
    const passes = await inTurns(rounds, new Map(contenders))
    const cells = [...passes.values()].flatMap((ofContender) => [
      recallOf(ofContender[0].results, truth).toFixed(4),
      formatNumber(median(ofContender.map(({ qps }) => qps))),
      ...[0.5, 0.99].map((fraction) => formatMicroseconds(ofContender, fraction)),
    ])
    rows.push([listSize, ...cells])
  }
  const names = ['recall@10', 'QPS', 'p50 us', 'p99 us']
  return markdownTable(
    ['list', ...names.map((name) => `empty: ${name}`), ...names.map((name) => `half full: ${name}`)],
    rows,
  )
}

function formatMicroseconds(passes, fraction) {
  return formatNumber(1000 * median(passes.map(({ latenciesMs }) => quantile(latenciesMs, fraction))))
}

async function manyTable({ one, two }, { queries, rounds, truth }) {
  const rows = []
  for (const listSize of MANY_LIST_SIZES) {
    const options = { k: 10, listSize }
    const passes = await inTurns(
      rounds,
      new Map([
        ['alone', () => searchPass(one.words, queries, options)],
        ['one', () => searchManyPass(one.words, queries, options)],
        ['two', () => searchManyPass(two.words, queries, options)],
      ]),
    )
    const qps = (name) => formatNumber(median(passes.get(name).map((pass) => pass.qps)))
    const ratio = (name, to) =>
      `${median(passes.get(name).map((pass, round) => pass.qps / passes.get(to)[round].qps)).toFixed(2)}x`
    rows.push([
      listSize,
      recallOf(passes.get('two')[0].results, truth).toFixed(4),
      qps('alone'),
      `${qps('one')} (${ratio('one', 'alone')})`,
      `${qps('two')} (${ratio('two', 'alone')})`,
      ratio('two', 'one'),
    ])
  }
  const header = ['list', 'recall@10', '`search`, QPS', 'one worker, QPS', 'two workers, QPS', 'two against one']
  return markdownTable(header, rows)
}

async function filterTable({ one }, { base, queries, rounds }) {
  const rows = []
  for (const share of FILTER_SHARES) {
    const filter = new Set(base.ids.filter((_, row) => shareOfRow(row) < share))
    const truth = await exactTruth(one.words, base, queries, { name: `rows below ${share} of shareOfRow`, filter })
    const options = { k: 10, filter }
    const passes = await inTurns(
      rounds,
      new Map([
        ['search', () => searchPass(one.words, queries, options, MOST_PASS_MS)],
        ['many', () => searchManyPass(one.words, queries, options)],
      ]),
    )
    const [{ results }] = passes.get('many')
    const qps = (name) => formatNumber(median(passes.get(name).map((pass) => pass.qps)))
    rows.push([
      `${share * 100} %`,
      formatNumber(filter.size),
      recallOf(results, truth).toFixed(4),
      qps('search'),
      qps('many'),
      formatNumber(results.reduce((sum, { visited }) => sum + visited, 0) / results.length),
      results.every(({ exact }) => exact) ? 'compared all' : 'walked',
    ])
  }
  const header = ['passes', 'entries', 'recall@10', '`search`, QPS', '`searchMany`, QPS', 'distances', 'how']
  return markdownTable(header, rows)
}

async function deadTable({ one, two }, { base, queries, rounds }) {
  const rows = []
  for (const share of DEAD_SHARES) {
    await one.words.delete(base.ids.filter((_, row) => shareOfRow(row) < share))
    await one.words.settled()
    const truth = await exactTruth(one.words, base, queries, { name: `without rows below ${share} of shareOfRow` })
    const { nodes, deadNodes } = one.words.stats().index
    for (const listSize of DEAD_LIST_SIZES) {
      const options = { k: 10, listSize }
      const passes = await inTurns(
        rounds,
        new Map([
          ['dead', () => searchPass(one.words, queries, options)],
          ['whole', () => searchPass(two.words, queries, options)],
        ]),
      )
      const ofRounds = passes.get('dead').map((pass, round) => pass.qps / passes.get('whole')[round].qps)
      rows.push([
        `${formatNumber((deadNodes / nodes) * 100)} %`,
        listSize,
        recallOf(passes.get('dead')[0].results, truth).toFixed(4),
        formatNumber(median(passes.get('dead').map(({ qps }) => qps))),
        `${median(ofRounds).toFixed(2)}x`,
        formatMicroseconds(passes.get('dead'), 0.99),
      ])
    }
  }
  return markdownTable(['deleted', 'list', 'recall@10', 'QPS', 'of QPS without', 'p99 us'], rows)
}
