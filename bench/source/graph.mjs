// The graph alone, without log or documents: build times, and queries a second at recall@10 of .90, .95 and .99.
//   node scripts/build.mjs && node bench/source/graph.mjs [--set glove|generated] [--limit n] [--method bulk,insert]
//     [--queries n] [--rounds n] [--codes narrow,wide] [--nearest n] [--random true|false] [--refine n] [--degree n] [--list n]
//     [--disallowed .05,.15] [--dist dir]
// With --disallowed, walks that leave out such shares of the nodes take turns with those that leave out none.
import { parseArgs } from 'node:util'
import { generatedSet } from './generated-set.mjs'
import { loadGlove } from './glove.mjs'
import { createRandom } from './peers/random.mjs'
import { machineLine } from './report.mjs'
import { formatMiB, formatNumber, markdownTable, median } from './statistics.mjs'

const { values } = parseArgs({
  options: {
    set: { type: 'string', default: 'glove' },
    limit: { type: 'string' },
    method: { type: 'string', default: 'bulk,insert' },
    queries: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '3' },
    codes: { type: 'string', default: 'narrow,wide' },
    nearest: { type: 'string' },
    random: { type: 'string' },
    refine: { type: 'string' },
    degree: { type: 'string' },
    list: { type: 'string' },
    disallowed: { type: 'string' },
    dist: { type: 'string', default: '../../dist' },
  },
})
const from = (path) => import(new URL(`${values.dist}/engine/${path}`, import.meta.url))
const { VamanaGraph } = await from('graph/vamana-graph.js')
const { loadWasmKernel } = await from('kernel/wasm-kernel.js')
const { createSelection } = await from('kernel/scan-kernel.js')
const { sortedSelection } = await from('kernel/selection.js')

const K = 10
const LEVELS = [0.9, 0.95, 0.99]
const LIST_SIZES = [10, 20, 30, 45, 60, 80, 100, 130, 160, 200, 260, 330, 420, 550, 700, 900]
const RESCORED = 40
const numberOf = (text) => (text === undefined ? undefined : Number(text))

const data = values.set === 'glove' ? gloveSet() : generatedSet(numberOf(values.limit) ?? 100_000)
const { base, queries, dimensions, metric } = data
const count = base.length / dimensions
const queryCount = queries.length / dimensions
const vectorAt = (vectors, row) => vectors.subarray(row * dimensions, (row + 1) * dimensions)
const norms = Float64Array.from({ length: count }, (_, row) => lengthOf(vectorAt(base, row)))
console.log(`${machineLine()}. ${values.set}: ${count} x ${dimensions}, ${metric}, ${queryCount} held-out queries.`)
/** Shares of the nodes that a walk leaves out, and which nodes are left. */
const filters = (values.disallowed?.split(',') ?? []).map((share) => ({ share, allowed: allowedBut(Number(share)) }))
const truth = await exactNearest(() => true)
for (const filter of filters) filter.truth = await exactNearest((row) => hasBit(filter.allowed, row))

for (const method of values.method.split(',')) {
  const graph = await VamanaGraph.create({ dimensions, metric, ...degreeOption(), ...data.frame })
  const encodeMs = time(() => addAll(graph))
  const build = buildTimes(graph, method)
  const memory = graph.memory()
  const problems = graph.checkInvariants()
  console.log(
    `\n${method}: encoded in ${formatNumber(encodeMs)} ms, built in ${formatNumber(build.totalMs / 1000)} s (${formatNumber(build.cpuMs / 1000)} s of processor), longest slice ` +
      `${formatNumber(build.longestMs)} ms, mean degree ${formatNumber(graph.exportEdges().nodes.length / count)}, ` +
      `${formatNumber((memory.codes + memory.factors + memory.rows) / count)} bytes a vector, ` +
      `${formatMiB(memory.total)} MiB with scratch. ${problems.length === 0 ? 'All reachable.' : problems.join('; ')}`,
  )
  console.log(`phases, ms: ${[...build.byPhase].map(([name, ms]) => `${name} ${Math.round(ms)}`).join(', ')}`)
  const codes = dimensions > 32 ? values.codes.split(',') : ['wide']
  const curves = measureCurves(graph, contendersOf(codes))
  for (const [name, curve] of curves) printCurve(name, curve)
}

function degreeOption() {
  return values.degree === undefined ? {} : { degree: Number(values.degree) }
}

function gloveSet() {
  const limit = numberOf(values.limit)
  const { vectors, dimensions: width } = loadGlove(limit)
  const total = vectors.length / width
  const wanted = Math.min(Number(values.queries), Math.floor(total / 20))
  const step = Math.floor(total / wanted)
  const isQuery = (row) => row % step === step - 1 && row / step < wanted
  const pick = (keep) => {
    const rows = Array.from({ length: total }, (_, row) => row).filter(keep)
    const picked = new Float32Array(rows.length * width)
    rows.forEach((row, index) => {
      picked.set(vectors.subarray(row * width, (row + 1) * width), index * width)
    })
    return picked
  }
  return { base: pick((row) => !isQuery(row)), queries: pick(isQuery), dimensions: width, metric: 'cosine', frame: {} }
}

function addAll(graph) {
  for (let row = 0; row < count; row++) graph.add(vectorAt(base, row))
}

function buildTimes(graph, method) {
  const nodes = Uint32Array.from({ length: count }, (_, node) => node)
  const options = {}
  if (method === 'bulk' && values.nearest !== undefined) options.nearest = Number(values.nearest)
  if (method === 'bulk' && values.random !== undefined) options.randomLeaves = values.random === 'true'
  if (method === 'bulk' && values.refine !== undefined) options.refineList = Number(values.refine)
  if (method === 'insert' && values.list !== undefined) options.listSize = Number(values.list)
  const byPhase = new Map()
  const before = process.cpuUsage()
  let longestMs = 0
  const startMs = performance.now()
  const note = (name, sinceMs) => {
    const tookMs = performance.now() - sinceMs
    longestMs = Math.max(longestMs, tookMs)
    byPhase.set(name, (byPhase.get(name) ?? 0) + tookMs)
  }
  const job = method === 'bulk' ? graph.bulk(nodes, options) : graph.insert(nodes, options)
  for (;;) {
    let sliceMs = performance.now()
    const step = job.next()
    note('between', sliceMs)
    if (step.done) break
    const { task, items, sliceItems } = step.value
    for (let first = 0; first < items; first += sliceItems) {
      sliceMs = performance.now()
      graph.core.runTask(step.value, 0, first, Math.min(items, first + sliceItems))
      note(task, sliceMs)
    }
  }
  const { user, system } = process.cpuUsage(before)
  return { totalMs: performance.now() - startMs, cpuMs: (user + system) / 1000, longestMs, byPhase }
}

/** Codes without a filter, and the first of them with each. */
function contendersOf(codes) {
  const plain = codes.map((name) => ({ name, codes: name, truth }))
  const filtered = filters.map(({ share, ...filter }) => ({
    name: `${codes[0]}, ${share} left out`,
    codes: codes[0],
    ...filter,
  }))
  return [...plain, ...filtered]
}

/** Contenders take turns in every round, so that a busy moment hits all alike; the median of the rounds counts. */
function measureCurves(graph, contenders) {
  const points = new Map(
    contenders.map(({ name }) => [name, LIST_SIZES.map((listSize) => ({ listSize, times: [], cpuTimes: [] }))]),
  )
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const index of LIST_SIZES.keys()) {
      for (const contender of contenders) {
        graph.walkCodes = contender.codes
        const point = points.get(contender.name)[index]
        Object.assign(point, searchAll(graph, contender, point))
      }
    }
  }
  return points
}

function searchAll(graph, { allowed, truth: nearest }, { listSize, times, cpuTimes }) {
  const found = []
  const options = allowed === undefined ? { listSize } : { listSize, allowed }
  let visited = 0
  const before = process.cpuUsage()
  times.push(
    time(() => {
      for (let query = 0; query < queryCount; query++) {
        const hits = graph.search(vectorAt(queries, query), options)
        visited += hits.visited
        found.push(rescore(vectorAt(queries, query), hits.nodes.subarray(0, Math.max(RESCORED, listSize / 8))))
      }
    }),
  )
  const { user, system } = process.cpuUsage(before)
  cpuTimes.push((user + system) / 1000)
  return { recall: recallOf(found, nearest), visited: visited / queryCount }
}

/** All nodes but a share, drawn by a generator of its own. */
function allowedBut(share) {
  const random = createRandom(1)
  const bitmap = new Uint8Array(Math.ceil(count / 8))
  for (let row = 0; row < count; row++) if (random.uniform() >= share) bitmap[row >> 3] |= 1 << (row & 7)
  return bitmap
}

function hasBit(bitmap, row) {
  return ((bitmap[row >> 3] >> (row & 7)) & 1) === 1
}

/** The K nearest among the candidates, by exact scores of the originals. */
function rescore(query, nodes) {
  const scores = Float64Array.from(nodes, (node) => score(query, node))
  const order = Uint32Array.from(nodes.keys()).sort((a, b) => scores[a] - scores[b])
  return Array.from(order.subarray(0, K), (index) => nodes[index])
}

function score(query, row) {
  const at = row * dimensions
  let lane0 = 0
  let lane1 = 0
  if (metric === 'euclidean') {
    for (let i = 0; i < dimensions; i += 2) {
      const [first, second] = [query[i] - base[at + i], query[i + 1] - base[at + i + 1]]
      lane0 += first * first
      lane1 += second * second
    }
    return lane0 + lane1
  }
  for (let i = 0; i < dimensions; i += 2) {
    lane0 += query[i] * base[at + i]
    lane1 += query[i + 1] * base[at + i + 1]
  }
  return metric === 'cosine' ? -(lane0 + lane1) / norms[row] : -(lane0 + lane1)
}

function recallOf(found, nearest) {
  let hits = 0
  found.forEach((nodes, query) => {
    hits += nodes.filter((node) => nearest[query].has(node)).length
  })
  return hits / (found.length * K)
}

async function exactNearest(isAllowed) {
  const kernel = await loadWasmKernel()
  const dead = new Uint8Array(Math.ceil(count / 8))
  for (let row = 0; row < count; row++) if (!isAllowed(row)) dead[row >> 3] |= 1 << (row & 7)
  return Array.from({ length: queryCount }, (_, index) => {
    const vector = vectorAt(queries, index)
    const selection = createSelection(K)
    const most = kernel.rowsPerCall(dimensions)
    for (let row = 0; row < count; row += most) {
      const rows = Math.min(most, count - row)
      const vectors = base.subarray(row * dimensions, (row + rows) * dimensions)
      const run = { vectors, norms: norms.subarray(row, row + rows), rows, firstSlot: row, dead }
      kernel.scan({ metric, vector, norm: lengthOf(vector) }, run, selection)
    }
    return new Set(sortedSelection(selection).slots)
  })
}

function printCurve(name, points) {
  const perSecond = (times) => queryCount / (median(times) / 1000)
  const curve = points.map((point) => ({ ...point, qps: perSecond(point.times), perCpu: perSecond(point.cpuTimes) }))
  const at = LEVELS.map((level) => `${level}: ${interpolate(curve, level)}`).join(', ')
  console.log(`\n${name}, rescoring ${RESCORED} or an eighth of the list. QPS at recall@${K} ${at}\n`)
  const rows = curve.map(({ listSize, recall, visited, qps, perCpu }) => [
    listSize,
    recall.toFixed(4),
    formatNumber(visited),
    formatNumber(qps),
    formatNumber(perCpu),
  ])
  console.log(markdownTable(['list', 'recall', 'distances', 'QPS', 'queries a CPU second'], rows))
}

/** QPS and distances where the curve crosses a level, on the line between the measured points. */
function interpolate(curve, level) {
  const index = curve.findIndex(({ recall }) => recall >= level)
  if (index < 0) return 'not reached'
  if (index === 0) return `at least ${formatNumber(curve[0].qps)} (${formatNumber(curve[0].visited)} distances)`
  const [low, high] = [curve[index - 1], curve[index]]
  const share = (level - low.recall) / (high.recall - low.recall)
  const between = (key) => low[key] + share * (high[key] - low[key])
  return `${formatNumber(between('qps'))} (${formatNumber(between('perCpu'))} a CPU second, ${formatNumber(between('visited'))} distances)`
}

function lengthOf(vector) {
  let sum = 0
  for (const component of vector) sum += component * component
  return Math.sqrt(sum)
}

function time(work) {
  const startMs = performance.now()
  work()
  return performance.now() - startMs
}
