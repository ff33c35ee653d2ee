// How long the event loop is held while a snapshot of a million slots is written, with searches and writes going on beside it.
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { VectorStore } from '../../dist/index.js'
import { formatNumber } from './statistics.mjs'
import { phaseTable } from './turn-table.mjs'
import { TurnMeter } from './turns.mjs'

const SLOTS = 1_000_000
const DIMENSIONS = 8
const CLUSTERS = 1000
const QUERIES = 1000
const ENTRIES_A_WRITE = 100
const QUIET_MS = 2000

export async function benchEventLoopSnapshot({ directory, slots = SLOTS }) {
  const path = await mkdtemp(join(directory, 'million-'))
  try {
    return await runSnapshots(path, slots)
  } finally {
    await rm(path, { recursive: true, force: true })
  }
}

async function runSnapshots(path, slots) {
  const store = await VectorStore.open(path, {
    snapshotBytes: Number.POSITIVE_INFINITY,
    snapshotRecords: Number.POSITIVE_INFINITY,
  })
  const rows = await store.collection('rows', { dimensions: DIMENSIONS, metric: 'euclidean' })
  await rows.addAll(entries(slots))
  await rows.settled()
  const meter = new TurnMeter()
  const phases = []
  const sizes = []
  const measure = async (name, work) => phases.push(await meter.during(name, () => besides(rows, work)))
  await measure('searches and writes alone', () => sleep(QUIET_MS))
  await measure('the first snapshot', async () => sizes.push(await store.snapshot()))
  await measure('the next, of what has changed', async () => sizes.push(await store.snapshot()))
  await measure('`digest()`', () => store.digest())
  const { indexed, waiting } = rows.stats().index
  await store.close()
  const written = sizes.map(({ writtenBytes }) => `${formatNumber(writtenBytes / 2 ** 20)} MiB`).join(' and ')
  const facts = `${slots.toLocaleString('en-US')} x ${DIMENSIONS}, ${indexed} entries in the graph and ${waiting} behind it at the end; ${written} written.`
  return `${facts}\n\n${phaseTable(phases)}`
}

/** Runs work with one search after another, and one write of 100 entries after another, that end with it. */
async function besides(rows, work) {
  const latenciesMs = []
  let isOver = false
  const searching = (async () => {
    for (let index = 0; !isOver; index += 1) {
      const startMs = performance.now()
      await rows.search(vectorOf(-1 - (index % QUERIES)), { k: 10 })
      latenciesMs.push(performance.now() - startMs)
      await nextTurn()
    }
  })()
  const writing = (async () => {
    while (!isOver) {
      const from = rows.count()
      await rows.add([...entries(from + ENTRIES_A_WRITE, from)])
      await nextTurn()
    }
  })()
  try {
    await work()
  } finally {
    isOver = true
    await Promise.all([searching, writing])
  }
  return latenciesMs
}

function* entries(end, from = 0) {
  for (let row = from; row < end; row += 1) yield { id: `row ${row}`, vector: vectorOf(row) }
}

/** The vector of a row, or of a query, which is a row below 0: near one of the clusters' centres. */
function vectorOf(row) {
  const cluster = ((row % CLUSTERS) + CLUSTERS) % CLUSTERS
  return Float32Array.from({ length: DIMENSIONS }, (_, place) => share(cluster, place) + share(row, 8 + place) / 8)
}

/** A number from 0 to 1 that a row and a place always have. */
function share(row, place) {
  let word = Math.imul(row ^ Math.imul(place + 1, 0x9e3779b1), 0x85ebca6b)
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35)
  return ((word ^ (word >>> 16)) >>> 0) / 2 ** 32
}
