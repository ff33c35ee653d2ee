// What annals promises, shown and checked: node demo/demo.mjs [empty directory]
// The exit code is not 0 if anything that is claimed here does not hold.
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { VectorStore } from 'annals'
import { runAndKillWriter } from './killed-writer.mjs'
import { chapter, count, mebibytes, prove, say, sayTable } from './report.mjs'
import { DIMENSIONS, entryAt, hasSameBits, RAW_BYTES, WORD_COUNT, wordAt } from './words.mjs'

/** Common and rare words. */
const QUERY_WORDS = Array.from({ length: 100 }, (_, index) => wordAt(index * 100 + 50))
const K = 10
const LEAST_AGREEMENT = 0.95

const directory = process.argv[2] ?? (await mkdtemp(join(tmpdir(), 'annals-demo-')))
let store
try {
  await requireEmpty(directory)
  console.log(`annals: ${count(WORD_COUNT)} English words as vectors of ${DIMENSIONS} dimensions, in ${directory}`)
  const acknowledgements = await killAWriter()
  const words = await reopenAndProve(acknowledgements)
  await finishImport(words)
  await searchThroughIndex(words)
  const deleted = await searchAndDelete(words)
  await reopenAndCompare(deleted)
  showCosts()
  console.log('\nEvery claim was proved.')
} catch (error) {
  console.error(`\nThe demo failed: ${error instanceof Error ? error.stack : error}`)
  process.exitCode = 1
} finally {
  await store?.close()
  if (process.argv[2] === undefined) await rm(directory, { recursive: true, force: true })
}

async function killAWriter() {
  chapter('A process writes the words, 100 to a batch, and is killed half way')
  const acknowledgements = await runAndKillWriter(directory, WORD_COUNT / 2)
  const { lsn } = acknowledgements.at(-1)
  say(
    `SIGKILL after ${count(acknowledgedRows(acknowledgements).length)} words were acknowledged, the last in log record ${lsn}`,
  )
  return acknowledgements
}

async function reopenAndProve(acknowledgements) {
  chapter('Reopen what it left behind')
  store = await VectorStore.open(directory)
  const { records, bytes, durationMs, problems, quarantined } = store.stats().recovery
  say(`recovery read ${count(records)} records, ${mebibytes(bytes)}, in ${durationMs.toFixed(0)} ms`)
  for (const problem of problems) say(`recovery found: ${problem}`)
  if (quarantined !== undefined) say(`the torn end was kept in ${quarantined}`)

  const words = await store.collection('words')
  const rows = acknowledgedRows(acknowledgements)
  const inFlight = words.count() - rows.length
  say(`${count(words.count())} words are there; ${count(inFlight)} of them were in flight, not yet acknowledged`)
  let missing = 0
  for (const row of rows) if (!(await words.has(wordAt(row)))) missing++
  prove(missing === 0, `all ${count(rows.length)} acknowledged words came back`)

  const wrong = []
  const recovered = new Set()
  for await (const entry of words.entries()) {
    recovered.add(entry.id)
    if (!hasSameBits(entry)) wrong.push(entry.id)
  }
  prove(
    wrong.length === 0,
    `all ${count(recovered.size * DIMENSIONS * 4)} bytes of all recovered vectors are those that were added`,
  )
  const firstWords = Array.from({ length: recovered.size }, (_, row) => wordAt(row))
  prove(
    firstWords.every((word) => recovered.has(word)),
    'what came back is a prefix of what was written: no gaps',
  )
  return words
}

async function finishImport(words) {
  chapter('Go on where it was interrupted')
  const startMs = performance.now()
  const rest = []
  for (let row = words.count(); row < WORD_COUNT; row++) rest.push(entryAt(row))
  await words.addAll(rest, { batchSize: 100 })
  say(
    `${count(rest.length)} more words in ${(performance.now() - startMs).toFixed(0)} ms, every batch on disk before it was acknowledged`,
  )
  prove(words.count() === WORD_COUNT, `the store holds ${count(WORD_COUNT)} words`)
}

async function searchThroughIndex(words) {
  chapter('Wait for the index, and search through it')
  const startMs = performance.now()
  await words.settled()
  const { indexed, unreachable, codes } = words.stats().index
  say(`a graph with ${codes} codes, ready ${(performance.now() - startMs).toFixed(0)} ms after the last word`)
  prove(
    indexed === WORD_COUNT && unreachable === 0,
    `${count(indexed)} words are in it, and a walk reaches each of them`,
  )

  let [agreed, visited, approximate] = [0, 0, 0]
  for (const word of QUERY_WORDS) {
    const found = await words.search({ id: word }, { k: K })
    const { hits } = await words.search({ id: word }, { k: K, exact: true })
    const nearest = new Set(hits.map(({ id }) => id))
    agreed += found.hits.filter(({ id }) => nearest.has(id)).length
    visited += found.visited
    if (!found.exact) approximate++
  }
  const queries = QUERY_WORDS.length
  say(
    `${count(queries)} searches of k ${K} compared ${count(Math.round(visited / queries))} words each, on the average`,
  )
  prove(approximate === queries, `they went through the index: each says exact: false`)
  const agreement = agreed / (queries * K)
  prove(
    agreement >= LEAST_AGREEMENT,
    `${(agreement * 100).toFixed(1)} % of what they found is what comparing all words finds`,
  )
}

async function searchAndDelete(words) {
  chapter('Ask for the nearest, delete one, ask again')
  const nearest = async () => (await words.search({ id: 'king' }, { k: 8 })).hits
  const before = await nearest()
  say('nearest to "king" (1 - cosine):')
  sayTable(before.map(({ id, distance }) => [id, distance.toFixed(4)]))
  prove(
    before.some(({ id }) => id === 'queen'),
    '"queen" is near "king"',
  )

  const deleted = before[0].id
  await words.delete([deleted])
  const after = await nearest()
  say(`without "${deleted}": ${after.map(({ id }) => id).join(', ')}`)
  prove(
    after.every(({ id }) => id !== deleted) && after.length === 8,
    `"${deleted}" is gone, and 8 hits are still 8 hits`,
  )
  return deleted
}

async function reopenAndCompare(deleted) {
  chapter('Close, open, compare')
  const before = await store.digest()
  await store.close()
  store = await VectorStore.open(directory)
  const after = await store.digest()
  say(`digest before  ${before.data} at LSN ${before.lsn}`)
  say(`digest after   ${after.data} at LSN ${after.lsn}`)
  prove(before.data === after.data && before.lsn === after.lsn, 'the log alone gives back the same state')
  say(`index before   ${before.index}`)
  say(`index after    ${after.index}`)
  prove(before.index === after.index, 'and the same index, byte for byte')
  const words = await store.collection('words')
  prove(!(await words.has(deleted)), `"${deleted}" is still deleted`)
}

function showCosts() {
  chapter('What it costs')
  const { total, components } = store.memoryUsage()
  const { logBytes } = store.stats()
  const row = (name, bytes) => [name, mebibytes(bytes), `${(bytes / RAW_BYTES).toFixed(2)} x raw`]
  sayTable([
    row('raw vectors', RAW_BYTES),
    row('log on disk', logBytes),
    row('memory', total),
    ...Object.entries(components).map(([name, bytes]) => row(`  ${name}`, bytes)),
  ])
}

function acknowledgedRows(acknowledgements) {
  return acknowledgements.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, index) => from + index))
}

async function requireEmpty(path) {
  await mkdir(path, { recursive: true })
  if ((await readdir(path)).length > 0) throw new Error(`${path} is not empty; the demo needs a directory of its own`)
}
