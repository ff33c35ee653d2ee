// How long annals holds the event loop of the thread it is called on, phase by phase, while searches go on beside it.
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { VectorStore } from '../../dist/index.js'
import { entriesOf, openWords, shareOfRow, splitHeldOut } from './index-data.mjs'
import { formatNumber, markdownTable } from './statistics.mjs'
import { profiled } from './turn-profile.mjs'
import { formatOwn, phaseTable } from './turn-table.mjs'
import { byOwnTime, TurnMeter } from './turns.mjs'

const THREADS = [1, 0]
const QUIET_MS = 2000
const FLUSHED_ENTRIES = 5000
const DELETED_SHARE = 0.16
const DELETES_A_CALL = 1000
const CHUNK_SLOTS = 16_384
const MANY_CALLS = 3
const SHOWN_TURNS = 12

export async function benchEventLoop(data, { directory }) {
  const set = splitHeldOut(data)
  const texts = []
  for (const threads of THREADS) {
    const phases = await withDirectory(directory, (path) => runPhases(path, set, threads))
    texts.push(threads === 0 ? 'With `threads: 0`:' : 'With one worker:', phaseTable(phases))
    // Once more, because the profiler takes time of its own.
    const again = await profiled(() => withDirectory(directory, (path) => runPhases(path, set, threads)))
    texts.push('The longest turns of another run under the profiler:', turnTable(again))
  }
  return texts.join('\n\n')
}

async function withDirectory(directory, work) {
  const path = await mkdtemp(join(directory, 'store-'))
  try {
    return await work(path)
  } finally {
    await rm(path, { recursive: true, force: true })
  }
}

async function runPhases(path, { base, queries }, threads) {
  const { store, words } = await openWords(VectorStore, path, { dimensions: base.dimensions, threads })
  const meter = new TurnMeter()
  const phases = []
  const measure = async (name, work) => phases.push(await meter.during(name, () => withSearches(words, queries, work)))
  const imported = base.ids.length - FLUSHED_ENTRIES
  phases.push(await meter.during('nothing at all', () => sleep(QUIET_MS)))
  await measure('import', () => words.addAll(entriesOf(base, 0, imported)))
  await measure('building until settled', () => words.settled())
  await measure('searches alone', () => sleep(QUIET_MS))
  await measure('`searchMany`', async () => {
    for (let call = 0; call < MANY_CALLS; call += 1) await words.searchMany(queries, { k: 10 })
  })
  await words.addAll(entriesOf(base, imported))
  await measure('`flush()`, inserting', () => words.flush())
  await measure('deletes and consolidation', () => deleteSome(words, base))
  await measure('`optimize()`', () => words.optimize())
  await measure('deletes and compaction', async () => {
    await deleteAll(words, base.ids.slice(CHUNK_SLOTS, CHUNK_SLOTS + Math.floor(CHUNK_SLOTS * 0.7)))
    await words.compact()
  })
  await measure('`digest()`', () => store.digest())
  await measure('`snapshot()`', () => store.snapshot())
  await store.close()
  return phases
}

/** One search after another, a turn of the event loop between two; they end with the work. */
async function withSearches(words, queries, work) {
  const latenciesMs = []
  let isOver = false
  const searching = (async () => {
    for (let index = 0; !isOver; index += 1) {
      const startMs = performance.now()
      await words.search(queries[index % queries.length], { k: 10 })
      latenciesMs.push(performance.now() - startMs)
      await nextTurn()
    }
  })()
  try {
    await work()
  } finally {
    isOver = true
    await searching
  }
  return latenciesMs
}

async function deleteSome(words, { ids }) {
  await deleteAll(
    words,
    ids.filter((_, row) => shareOfRow(row) < DELETED_SHARE),
  )
  await words.settled()
}

async function deleteAll(words, ids) {
  for (let from = 0; from < ids.length; from += DELETES_A_CALL)
    await words.delete(ids.slice(from, from + DELETES_A_CALL))
}

function turnTable({ result: phases, framesIn }) {
  const longest = phases.flatMap((phase) => phase.longest).sort(byOwnTime)
  const rows = longest.slice(0, SHOWN_TURNS).map((turn) => {
    return [turn.phase, formatNumber(turn.turnMs), formatOwn(turn), framesIn(turn.fromMs, turn.toMs)]
  })
  return markdownTable(['while', 'turn ms', 'its processor time', 'functions with most of the samples, ms'], rows)
}
