// Durable ingest of real vectors in batches, beside a raw append + fdatasync of as many bytes, in turns.
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { VectorStore } from '../../dist/index.js'
import { RawLog } from './raw-log.mjs'
import { formatNumber, markdownTable, median, quantile, timeMs } from './statistics.mjs'

/** Entries of one round: single adds take a sync each, so there are fewer of them. */
const ENTRIES = { 1: 2000, 100: 50_000, 1000: 341_479, 10000: 341_479 }

export async function benchIngest(data, { rounds, directory }) {
  const rows = []
  for (const batchSize of [1, 100, 1000, 10_000]) {
    const count = Math.min(ENTRIES[batchSize], data.ids.length)
    const results = []
    for (let round = 0; round < rounds; round += 1) results.push(await runRound(data, count, batchSize, directory))
    rows.push(rowOf(batchSize, count, results))
  }
  const header = [
    'batch',
    'entries',
    'raw MB/s',
    'one after another: MB/s (of raw)',
    '`addAll`: MB/s (of raw)',
    'vectors/s (`addAll`)',
    'latency p50, raw / annals',
    'p99, raw / annals',
  ]
  return markdownTable(header, rows)
}

async function runRound(data, count, batchSize, directory) {
  const waited = await withStore(directory, data, async (collection) => addOneByOne(collection, data, count, batchSize))
  const raw = await runRaw(join(directory, 'raw.log'), waited.log, Math.ceil(count / batchSize))
  const streamed = await withStore(directory, data, async (collection) => {
    const ms = await timeMs(() => collection.addAll(entriesOf(data, 0, count), { batchSize }))
    return { ms }
  })
  return { raw, waited, streamed, bytes: waited.log.byteLength, count }
}

async function withStore(directory, data, work) {
  const path = await mkdtemp(join(directory, 'store-'))
  // The log alone is measured here; index-build.mjs imports with an index.
  const store = await VectorStore.open(path, { bufferEntries: Number.MAX_SAFE_INTEGER })
  const collection = await store.collection('words', { dimensions: data.dimensions, metric: 'cosine' })
  try {
    const result = await work(collection)
    return { ...result, log: readLogBytes(path) }
  } finally {
    await store.close()
    await rm(path, { recursive: true, force: true })
  }
}

async function addOneByOne(collection, data, count, batchSize) {
  const latenciesMs = []
  let ms = 0
  for (let start = 0; start < count; start += batchSize) {
    const entries = [...entriesOf(data, start, Math.min(start + batchSize, count))]
    const latencyMs = await timeMs(() => collection.add(entries))
    latenciesMs.push(latencyMs)
    ms += latencyMs
  }
  return { ms, latenciesMs }
}

/** The bytes of the whole log: the raw file gets the very same, because some disks write a repeated byte faster. */
function readLogBytes(path) {
  const directory = join(path, 'wal')
  const names = readdirSync(directory).filter((name) => name.endsWith('.wal'))
  return Buffer.concat(names.sort().map((name) => readFileSync(join(directory, name))))
}

async function runRaw(path, log, writes) {
  const raw = await RawLog.create(path)
  const pieceBytes = Math.floor(log.byteLength / writes)
  const latenciesMs = []
  for (let write = 0; write < writes; write += 1) {
    const piece = log.subarray(write * pieceBytes, write === writes - 1 ? undefined : (write + 1) * pieceBytes)
    latenciesMs.push(await timeMs(() => raw.append(piece)))
  }
  await raw.remove()
  return { ms: latenciesMs.reduce((sum, value) => sum + value, 0), latenciesMs }
}

function* entriesOf({ ids, vectors, dimensions }, start, end) {
  for (let row = start; row < end; row += 1) {
    yield { id: ids[row], vector: vectors.subarray(row * dimensions, (row + 1) * dimensions) }
  }
}

function rowOf(batchSize, count, results) {
  const rate = (pick) => median(results.map((result) => result.bytes / 1e6 / (pick(result).ms / 1000)))
  const ratio = (pick) => median(results.map((result) => result.raw.ms / pick(result).ms)).toFixed(2)
  const latency = (pick, fraction) =>
    formatNumber(median(results.map((result) => quantile(pick(result).latenciesMs, fraction))))
  const rateText = (pick) => `${formatNumber(rate(pick))} (${ratio(pick)})`
  const p50Ratio = median(
    results.map(({ raw, waited }) => quantile(waited.latenciesMs, 0.5) / quantile(raw.latenciesMs, 0.5)),
  )
  return [
    formatNumber(batchSize),
    formatNumber(count),
    formatNumber(rate(({ raw }) => raw)),
    rateText(({ waited }) => waited),
    rateText(({ streamed }) => streamed),
    formatNumber(median(results.map(({ streamed }) => count / (streamed.ms / 1000)))),
    `${latency(({ raw }) => raw, 0.5)} / ${latency(({ waited }) => waited, 0.5)} ms (${p50Ratio.toFixed(2)}x)`,
    `${latency(({ raw }) => raw, 0.99)} / ${latency(({ waited }) => waited, 0.99)} ms`,
  ]
}
