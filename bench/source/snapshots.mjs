// Snapshots: writing them beside raw writes of the same bytes, what a second one writes, and reopening, by where vectors live and by the
// log behind the snapshot.
import { execFileSync } from 'node:child_process'
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { VectorStore } from '../../dist/index.js'
import { entriesOf } from './index-data.mjs'
import { formatMiB, formatNumber, markdownTable, median, timeMs } from './statistics.mjs'

const CHILD = fileURLToPath(new URL('./snapshot-child.mjs', import.meta.url))
const ONLY_ASKED = { snapshotBytes: Number.POSITIVE_INFINITY, snapshotRecords: Number.MAX_SAFE_INTEGER }
const CHANGED_SHARE = 0.01
const TAILS = [0, 1000, 10_000, 100_000]
const MANY_IDS = 1_000_000
const MANY_DIMENSIONS = 8
const PIECE_BYTES = 1024 * 1024

export async function benchSnapshots(data, { rounds, directory }) {
  const path = join(directory, 'snapshots')
  const last = data.ids.length - Math.min(TAILS.at(-1), data.ids.length >> 1)
  const written = await writeSome(path, data, data.ids.length)
  const parts = [written, reopenTable('Reopening', path, rounds)]
  rmSync(path, { recursive: true, force: true })
  parts.push(await tailTable(join(directory, 'tail'), data, last, rounds))
  parts.push(await manyIds(join(directory, 'many'), rounds))
  return parts.join('\n\n')
}

/** A store of the first entries, its graph built and a snapshot taken, and one more after a change. */
async function writeSome(path, data, count) {
  const store = await VectorStore.open(path, ONLY_ASKED)
  const words = await store.collection('words', { dimensions: data.dimensions, metric: 'cosine' })
  await words.addAll(entriesOf(data, 0, count))
  await words.settled()
  const rows = [await snapshotRow('the first', store, path)]
  const changed = Math.floor(count * CHANGED_SHARE)
  await words.addAll(entriesOf(data, 0, changed))
  await words.settled()
  rows.push(await snapshotRow(`after ${CHANGED_SHARE * 100} % were replaced`, store, path))
  await words.delete([data.ids[count - 1]])
  rows.push(await snapshotRow('after one was deleted', store, path))
  await store.close()
  const header = ['snapshot', 'written MiB', 'shared MiB', 's', 'raw write and sync, s', 'raw / snapshot']
  return `Taking them, n = 1; raw is the median of 3 writes of as many bytes with one sync:\n\n${markdownTable(header, rows)}`
}

async function snapshotRow(name, store, path) {
  const { writtenBytes, sharedBytes, durationMs } = await store.snapshot()
  const rawMs = await rawWriteMs(`${path}.raw`, writtenBytes)
  return [
    name,
    formatMiB(writtenBytes),
    formatMiB(sharedBytes),
    formatNumber(durationMs / 1000),
    formatNumber(rawMs / 1000),
    (rawMs / durationMs).toFixed(2),
  ]
}

async function rawWriteMs(path, bytes) {
  const piece = new Uint8Array(PIECE_BYTES).fill(7)
  const runs = []
  for (let run = 0; run < 3; run += 1) {
    runs.push(
      await timeMs(async () => {
        const file = await open(path, 'w')
        for (let at = 0; at < bytes; at += PIECE_BYTES)
          await file.write(piece, 0, Math.min(PIECE_BYTES, bytes - at), at)
        await file.sync()
        await file.close()
      }),
    )
    rmSync(path)
  }
  return median(runs)
}

/** Each opening is a process of its own, so that nothing is warm but the page cache. */
function reopenTable(title, path, rounds) {
  const rows = ['memory', 'disk'].map((originals) => {
    const runs = Array.from({ length: rounds }, () => ({ readMs: readNewestMs(path), ...openInChild(path, originals) }))
    return reopenRow(`originals in ${originals}`, runs)
  })
  return `${title}:\n\n${markdownTable(REOPEN_HEADER, rows)}`
}

const REOPEN_HEADER = [
  'opened',
  'reading the files, ms',
  'open, ms (of reading)',
  'to the first answer, ms',
  'to the index complete, ms',
  'log read MiB',
  'heap used MiB',
  'RSS growth MiB',
  'reported MiB',
  'n',
]

function reopenRow(name, runs) {
  const pick = (field) => median(runs.map((run) => run[field]))
  return [
    name,
    formatNumber(pick('readMs')),
    `${formatNumber(pick('openMs'))} (${median(runs.map(({ openMs, readMs }) => openMs / readMs)).toFixed(1)}x)`,
    formatNumber(pick('answerMs')),
    formatNumber(pick('settledMs')),
    formatMiB(pick('logBytes')),
    formatMiB(pick('heapBytes')),
    formatMiB(pick('rssBytes')),
    formatMiB(pick('reportedBytes')),
    runs.length,
  ]
}

function openInChild(path, originals) {
  return JSON.parse(execFileSync(process.execPath, ['--expose-gc', CHILD, path, originals], { encoding: 'utf8' }))
}

/** All files of snapshots and log: what an opening reads of them is no more. */
function readNewestMs(path) {
  const startMs = performance.now()
  for (const name of ['snapshots', 'wal'])
    for (const file of readdirSync(join(path, name))) readFileSync(join(path, name, file))
  return performance.now() - startMs
}

/** The same snapshot with more and more log behind it. */
async function tailTable(path, data, count, rounds) {
  await writeSome(path, data, count)
  const rows = []
  for (const tail of TAILS) {
    const copy = `${path}-${tail}`
    cpSync(path, copy, { recursive: true })
    await addTail(copy, data, count, Math.min(tail, data.ids.length - count))
    const runs = Array.from({ length: rounds }, () => ({ readMs: readNewestMs(copy), ...openInChild(copy, 'memory') }))
    rows.push(reopenRow(`${tail.toLocaleString('en-US')} entries behind the snapshot`, runs))
    rmSync(copy, { recursive: true, force: true })
  }
  rmSync(path, { recursive: true, force: true })
  return `With more log behind the snapshot (${count.toLocaleString('en-US')} entries are in it):\n\n${markdownTable(REOPEN_HEADER, rows)}`
}

async function addTail(path, data, from, count) {
  if (count === 0) return
  const store = await VectorStore.open(path, { ...ONLY_ASKED, bufferEntries: Number.MAX_SAFE_INTEGER })
  const words = await store.collection('words')
  await words.addAll(entriesOf(data, from, from + count))
  await store.close()
}

/** A million ids, nothing built, so that what is measured is identity and columns. */
async function manyIds(path, rounds) {
  const store = await VectorStore.open(path, { ...ONLY_ASKED, bufferEntries: Number.MAX_SAFE_INTEGER })
  const points = await store.collection('words', { dimensions: MANY_DIMENSIONS, metric: 'euclidean' })
  await points.addAll(manyEntries())
  await store.snapshot()
  await store.close()
  const runs = Array.from({ length: rounds }, () => ({ readMs: readNewestMs(path), ...openInChild(path, 'memory') }))
  rmSync(path, { recursive: true, force: true })
  const title = `${MANY_IDS.toLocaleString('en-US')} entries of ${MANY_DIMENSIONS} dimensions that are in no graph`
  return `${title}:\n\n${markdownTable(REOPEN_HEADER, [reopenRow('originals in memory', runs)])}`
}

function* manyEntries() {
  for (let row = 0; row < MANY_IDS; row += 1) {
    const vector = Float32Array.from({ length: MANY_DIMENSIONS }, (_, index) => ((row * (index + 7)) % 1013) - 500)
    yield { id: row === 0 ? 'king' : `entry-${row}`, vector }
  }
}
