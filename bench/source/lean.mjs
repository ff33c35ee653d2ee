// Lean graphs beside whole ones: bytes, recall and queries a second, of walks alone and of searches whose originals are read from
// a file as in the modes int8 and binary.
//   node scripts/build.mjs && taskset -c 0 node bench/source/lean.mjs [--sets glove,generated] [--count 100000] [--queries 500]
//     [--lists 40,80,160,320] [--rounds 7] [--dist dir]
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { generatedSet } from './generated-set.mjs'
import { loadGlove } from './glove.mjs'
import { machineLine } from './report.mjs'
import { formatNumber, markdownTable, median } from './statistics.mjs'
import { threadMs } from './thread-time.mjs'

const { values } = parseArgs({
  options: {
    sets: { type: 'string', default: 'glove,generated' },
    count: { type: 'string', default: '100000' },
    queries: { type: 'string', default: '500' },
    lists: { type: 'string', default: '40,80,160,320' },
    rounds: { type: 'string', default: '7' },
    dist: { type: 'string', default: '../../dist' },
  },
})
const from = (path) => import(new URL(`${values.dist}/${path}`, import.meta.url))
const { loadChecksum } = await from('base/checksum.js')
const { applyEvent, markApplied } = await from('engine/apply-event.js')
const { StoreState } = await from('engine/store-state.js')
const { searchIndex } = await from('engine/index/index-search.js')
const { loadLeanModule } = await from('engine/index/lean-graph.js')
const { SlotScorer } = await from('engine/index/slot-scorer.js')
const { loadWasmKernel } = await from('engine/kernel/wasm-kernel.js')
const { MainThreadHost } = await from('engine/workers/main-thread-host.js')

const K = 10
const CHUNK_SLOTS = 16_384
const PAGE_BYTES = 4096
const count = Number(values.count)
const rounds = Number(values.rounds)
const checksum = await loadChecksum()
const kernel = await loadWasmKernel()
const yieldToEventLoop = async () => {}
const tools = { kernel, scorer: new SlotScorer(kernel), yieldToEventLoop }
const folder = mkdtempSync(join(tmpdir(), 'lean-'))
const handles = []

console.log(
  `${machineLine()}. ${count} vectors, ${values.queries} held-out queries, k ${K}; medians of ${rounds} rounds.`,
)
try {
  for (const name of values.sets.split(','))
    await measure(name === 'glove' ? gloveSet() : { name, ...generatedSet(count) })
} finally {
  for (const handle of handles) closeSync(handle)
  rmSync(folder, { recursive: true })
}

async function measure(set) {
  const { name, dimensions } = set
  const queries = Array.from({ length: Number(values.queries) }, (_, query) =>
    set.queries.subarray(query * dimensions, (query + 1) * dimensions),
  )
  const inMemory = await collectionOf(set)
  const { built: whole } = inMemory.index.served
  const truth = []
  for (const vector of queries)
    truth.push(new Set((await searchIndex(tools, inMemory, { vector, k: K, listSize: K, exact: true })).slots))
  const module = await loadLeanModule()
  const walk = lean(whole, 'walk', module)
  const binary = lean(whole, 'binary', module)
  bytes(name, [whole, walk, binary])

  const graphs = { whole, walk, binary }
  const walks = []
  for (const listSize of values.lists.split(',').map(Number))
    walks.push([
      name,
      listSize,
      ...Object.values(
        await inTurns(
          Object.entries(graphs).map(([form, { graph }]) => [
            form,
            async () => {
              for (const vector of queries) graph.search(vector, { listSize })
            },
          ]),
          queries.length,
        ),
      ),
    ])
  console.log(`\nWalks a second\n\n${markdownTable(['set', 'list', ...Object.keys(graphs)], walks)}`)

  const cold = makeCold(await collectionOf(set, inMemory.index.served), set)
  const modes = [
    ['none', inMemory, whole],
    ['whole, vectors on disk', cold, whole],
    ['int8', cold, walk],
    ['binary', cold, binary],
  ]
  const rows = []
  for (const listSize of values.lists.split(',').map(Number)) {
    const recalls = {}
    const speeds = await inTurns(
      modes.map(([mode, view, built]) => [
        mode,
        async () => {
          view.index.restore(view.index.moment(), { ...view.index.served, built })
          let found = 0
          for (const [query, vector] of queries.entries()) {
            const { slots } = await searchIndex(tools, view, { vector, k: K, listSize })
            for (const slot of slots) if (truth[query].has(slot)) found += 1
          }
          recalls[mode] = found / (queries.length * K)
        },
      ]),
      queries.length,
    )
    for (const [mode] of modes) rows.push([name, listSize, mode, recalls[mode].toFixed(3), speeds[mode]])
  }
  console.log(`\nSearches\n\n${markdownTable(['set', 'list', 'mode', 'recall', 'a second'], rows)}`)
}

function lean(built, codes, module) {
  const steps = built.lean(codes, module)
  let longest = 0
  const startMs = performance.now()
  for (;;) {
    const stepMs = performance.now()
    const step = steps.next()
    longest = Math.max(longest, performance.now() - stepMs)
    if (!step.done) continue
    console.log(
      `${codes}: made in ${formatNumber(performance.now() - startMs)} ms, longest step ${formatNumber(longest)} ms`,
    )
    return step.value
  }
}

function bytes(name, builts) {
  const rows = builts.map((built) => {
    const { graph, slots, live, lookup } = built
    graph.search(new Float32Array(graph.parameters.dimensions).fill(1), { listSize: 100 })
    const { codes, factors, rows: rowBytes, scratch, total } = graph.memory()
    const tables = slots.memoryBytes() + live.memoryBytes() + lookup.memoryBytes()
    const parts = [codes, factors, rowBytes, scratch, tables]
    const sum = parts.reduce((all, part) => all + part, 0)
    return [
      name,
      built.leanCodes ?? 'whole',
      ...[...parts, sum, total].map((part) => formatNumber(part / graph.nodeCount)),
    ]
  })
  const header = ['set', 'form', 'codes', 'factors', 'rows', 'scratch', 'tables', 'sum', 'memory handed out']
  console.log(`\nBytes a vector\n\n${markdownTable(header, rows)}`)
}

/** A collection as the log makes it; with a graph of its own, or that of another one of the same vectors. */
async function collectionOf({ base, dimensions, metric, frame }, served) {
  const state = new StoreState()
  const apply = (event) => {
    applyEvent(state, event, state.lsn + 1)
    markApplied(state, state.lsn + 1)
  }
  apply({ type: 'create', name: 'c', dimensions, metric })
  const collection = state.collectionByName('c')
  for (let first = 0; first < count; first += 1000) {
    const rows = base.subarray(first * dimensions, Math.min(count, first + 1000) * dimensions)
    const ids = Array.from({ length: rows.length / dimensions }, (_, row) => `e${first + row}`)
    const vectors = new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength)
    apply({ type: 'add', collection: collection.creationLsn, ids, vectors })
  }
  if (served !== undefined) {
    collection.index.restore(collection.index.moment(), served)
    return collection
  }
  const centre = metric === 'euclidean' && { centre: new Uint8Array(Float32Array.from(frame.centre).buffer) }
  const plan = { walkCodes: 'narrow', scale: 1, ...centre }
  apply({
    type: 'flush',
    method: 'bulk',
    collection: collection.creationLsn,
    throughSlot: count,
    indexVersion: 1,
    ...plan,
  })
  const phases = new MainThreadHost({ yieldToEventLoop })
  collection.index.start({ phases, signal: { aborted: false }, onTaskEnd: () => {} })
  await collection.index.settled()
  return collection
}

/** Reads vectors as those of a snapshot are read: pages, each with its checksum verified, on this thread. */
function makeCold(collection, { base, dimensions }) {
  const file = openSync(join(folder, `${dimensions}`), 'w+')
  handles.push(file)
  writeSync(file, new Uint8Array(base.buffer, base.byteOffset, count * dimensions * 4))
  const pages = new Uint8Array(64 * PAGE_BYTES)
  const rowBytes = dimensions * 4
  for (let chunk = 0; (chunk + 1) * CHUNK_SLOTS <= count; chunk += 1)
    collection.makeVectorsCold(chunk, {
      read(row, target) {
        const at = (chunk * CHUNK_SLOTS + row) * rowBytes
        const first = Math.floor(at / PAGE_BYTES)
        const end = Math.ceil((at + target.byteLength) / PAGE_BYTES)
        const window = pages.subarray(0, (end - first) * PAGE_BYTES)
        readSync(file, window, 0, window.length, first * PAGE_BYTES)
        for (let page = 0; page < end - first; page += 1)
          checksum.xxh64(window.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES), 0n)
        target.set(window.subarray(at - first * PAGE_BYTES, at - first * PAGE_BYTES + target.byteLength))
      },
    })
  return collection
}

/** Calls a second of each, for processor time where it is told: one after the other in every round. */
async function inTurns(contenders, calls) {
  const times = contenders.map(() => [])
  for (let round = -1; round < rounds; round += 1)
    for (const [index, [, work]] of contenders.entries()) {
      const startMs = threadMs() ?? performance.now()
      await work()
      if (round >= 0) times[index].push((threadMs() ?? performance.now()) - startMs)
    }
  return Object.fromEntries(
    contenders.map(([name], index) => [name, formatNumber((calls * 1000) / median(times[index]))]),
  )
}

/** Every so many words, of which some are queries, so that rare words are among both. */
function gloveSet() {
  const { vectors, dimensions } = loadGlove()
  const rows = vectors.length / dimensions
  const pick = (total, offset) => {
    const picked = new Float32Array(total * dimensions)
    for (let index = 0; index < total; index += 1) {
      const row = Math.floor((index * rows) / total) + offset
      picked.set(vectors.subarray(row * dimensions, (row + 1) * dimensions), index * dimensions)
    }
    return picked
  }
  return { name: 'GloVe', base: pick(count, 0), queries: pick(Number(values.queries), 1), dimensions, metric: 'cosine' }
}
