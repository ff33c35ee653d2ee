// Every entry replaced once: what the index is worth afterwards, kept up by itself, with and without rebuilding.
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { VectorStore } from '../../dist/index.js'
import { openWords, searchPass, splitHeldOut, vectorAt } from './index-data.mjs'
import { countWork, indexWorkOf } from './index-log.mjs'
import { exactTruth, recallOf } from './index-truth.mjs'
import { createRandom } from './peers/random.mjs'
import { formatNumber, markdownTable, timeMs } from './statistics.mjs'

const MOST_ENTRIES = 100_000
const STEPS = 10
const LIST_SIZES = [100, 160]
const SEED = 20_261

const SETTINGS = [
  { name: 'as it comes', options: {} },
  { name: 'never rebuilt', options: { rebuildShare: Number.POSITIVE_INFINITY } },
]

export async function benchIndexChurn(data, { directory }) {
  const sets = drawSets(data)
  const rows = []
  for (const { name, options } of SETTINGS) {
    const path = await mkdtemp(join(directory, 'store-'))
    rows.push(...(await churn(path, sets, options)).map((cells) => [name, ...cells]))
    await rm(path, { recursive: true, force: true })
  }
  const count = formatNumber(sets.before.ids.length)
  const header = ['setting', 'when', ...LIST_SIZES.map((listSize) => `recall@10 at list ${listSize}`), 'not reachable']
  header.push('dead nodes', 'flushes', 'consolidations', 'rebuilds', 'compactions', 's')
  return `${count} entries.\n\n${markdownTable(header, rows)}`
}

/** Two sets of vectors drawn from all words alike, for the same ids, so that they are equally hard. */
function drawSets(data) {
  const { base, queries } = splitHeldOut(data)
  const count = Math.min(MOST_ENTRIES, base.ids.length >> 1)
  const random = createRandom(SEED)
  const rows = shuffled(
    Uint32Array.from(base.ids, (_, row) => row),
    random,
  )
  const { dimensions } = base
  const pick = (from) => {
    const vectors = new Float32Array(count * dimensions)
    for (let index = 0; index < count; index += 1) vectors.set(vectorAt(base, rows[from + index]), index * dimensions)
    return { ids: Array.from({ length: count }, (_, index) => `entry-${index}`), vectors, dimensions }
  }
  const order = shuffled(
    Uint32Array.from({ length: count }, (_, index) => index),
    random,
  )
  return { before: pick(0), after: pick(count), order, queries }
}

function shuffled(values, random) {
  for (let left = values.length - 1; left > 0; left -= 1) {
    const other = random.integer(left + 1)
    const value = values[left]
    values[left] = values[other]
    values[other] = value
  }
  return values
}

async function churn(path, { before, after, order, queries }, options) {
  const { store, words } = await openWords(VectorStore, path, { dimensions: before.dimensions, ...options })
  const looks = []
  const look = async (name, set, ms) => {
    const truth = await exactTruth(words, set, queries)
    const recalls = []
    for (const listSize of LIST_SIZES) {
      const { results } = await searchPass(words, queries, { k: 10, listSize })
      recalls.push(recallOf(results, truth).toFixed(4))
    }
    const { unreachable, deadNodes } = words.stats().index
    looks.push({ name, recalls, unreachable, deadNodes, ms, lsn: store.stats().lsn })
  }
  const all = Uint32Array.from(before.ids, (_, row) => row)
  await words.addAll(entriesIn(all, before))
  await look('before', before, await timeMs(() => words.optimize()))
  const churnMs = await timeMs(async () => {
    for (let step = 0; step < STEPS; step += 1) {
      const [from, to] = [step, step + 1].map((end) => Math.floor((end * order.length) / STEPS))
      await words.addAll(entriesIn(order.subarray(from, to), after))
      await words.settled()
    }
  })
  await look('after', after, churnMs)
  await look('after `optimize()`', after, await timeMs(() => words.optimize()))
  await store.close()
  const work = await indexWorkOf(path)
  return looks.map((each, index) => rowOf(each, looks[index - 1]?.lsn ?? 0, work))
}

function* entriesIn(order, set) {
  for (const row of order) yield { id: set.ids[row], vector: vectorAt(set, row) }
}

/** Counts the work of the records after an LSN up to the look. */
function rowOf({ name, recalls, unreachable, deadNodes, ms, lsn: throughLsn }, afterLsn, work) {
  const since = work.filter(({ lsn }) => lsn > afterLsn && lsn <= throughLsn)
  const flushes = ['bulk', 'insert'].map((what) => `${countWork(since, what)} ${what}`).join(' + ')
  const counts = ['consolidate', 'rebuild', 'compact'].map((what) => countWork(since, what))
  return [name, ...recalls, unreachable, deadNodes, flushes, ...counts, formatNumber(ms / 1000)]
}
