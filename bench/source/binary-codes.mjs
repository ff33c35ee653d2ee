// Codes of one bit a dimension beside the 4-bit codes that walks read: bytes, nanoseconds a comparison, and the recall of a scan
// of codes whose nearest k * m are compared on originals.
//   node scripts/build.mjs && node bench/source/binary-codes.mjs [--dimensions 100,256,768,1536] [--count 50000] [--queries 200]
//     [--rounds 15] [--dist dir]
// 100 dimensions are GloVe under cosine, where it is at hand; all others are generated, euclidean.
import { parseArgs } from 'node:util'
import { loadGlove } from './glove.mjs'
import { createRandom } from './peers/random.mjs'
import { machineLine } from './report.mjs'
import { formatNumber, markdownTable, median } from './statistics.mjs'

const { values } = parseArgs({
  options: {
    dimensions: { type: 'string', default: '100,256,768,1536' },
    count: { type: 'string', default: '50000' },
    queries: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '15' },
    dist: { type: 'string', default: '../../dist' },
  },
})
const from = (path) => import(new URL(`${values.dist}/engine/${path}`, import.meta.url))
const { VamanaGraph } = await from('graph/vamana-graph.js')
const { SharedMemory } = await from('graph/shared-memory.js')
const graphLayout = await from('kernel/assembly-graph/layout.js')
const layout = await from('kernel/assembly-graph/binary/layout.js')
const { instantiateBinaryKernel, loadBinaryModule } = await from('quantization/binary-kernel.js')
const { writeFrame, writeScratch } = await from('quantization/binary-memory.js')
const { binaryParameters } = await from('quantization/binary-parameters.js')

const K = 10
const MULTIPLES = [1, 2, 4, 8, 16, 32, 64]
const CALL = 1024
/** Codes that stay in a second-level cache at every one of these dimensions. */
const CACHED = 512
const count = Number(values.count)
const queryCount = Number(values.queries)
const rounds = Number(values.rounds)

console.log(`${machineLine()}. ${count} vectors, ${queryCount} held-out queries, k ${K}; medians of ${rounds} rounds.`)
const recalls = []
const speeds = []
for (const dimensions of values.dimensions.split(',').map(Number)) {
  const set = dimensions === 100 ? gloveSet() : latentSet(dimensions)
  const contenders = [await binaryCodes(set), await narrowCodes(set)]
  const truth = Array.from({ length: queryCount }, (_, query) => nearestExactly(set, query))
  for (const contender of contenders) recalls.push([set.name, contender.name, ...recallsOf(contender, set, truth)])
  speeds.push(...speedsOf(contenders, set))
}
console.log(`\n${markdownTable(['set', 'codes', ...MULTIPLES.map((m) => `m ${m}`)], recalls)}`)
const header = [
  'set',
  'codes',
  'bytes',
  'in cache, ns',
  'gathered at random, ns',
  'encoding a vector, us',
  'a query, us',
]
console.log(`\n${markdownTable(header, speeds)}`)

async function binaryCodes({ base, dimensions, metric, centre }) {
  const memory = new SharedMemory()
  const kernel = instantiateBinaryKernel(await loadBinaryModule(), memory.memory)
  const parameters = binaryParameters({ dimensions, metric, centre })
  const frame = writeFrame(memory, parameters).at
  const scratch = writeScratch(memory, parameters).at
  const word = (at) => new Uint32Array(memory.buffer, at, 1)
  for (let block = 0; block * layout.CODE_BLOCK_POSITIONS < count; block += 1)
    word(frame + layout.FRAME_BLOCKS + block * 4)[0] = memory.allocate(
      layout.CODE_BLOCK_POSITIONS * parameters.codeBytes,
    )
  const staged = memory.allocate(CALL * dimensions * 4)
  const at = (setting) => word(scratch + setting)[0]
  const encode = (first, rows) => {
    new Float32Array(memory.buffer, staged, rows * dimensions).set(
      base.subarray(first * dimensions, (first + rows) * dimensions),
    )
    kernel.encodeRows(frame, scratch, staged, rows, first)
  }
  return {
    name: '1 bit',
    bytes: parameters.codeBytes,
    encodeUs: timeEncoding(encode),
    prepare(query) {
      new Float32Array(memory.buffer, at(layout.SCRATCH_VECTOR_AT), dimensions).set(query)
      kernel.encodeQuery(frame, scratch)
    },
    compare(positions) {
      new Uint32Array(memory.buffer, at(layout.SCRATCH_POSITIONS_AT), positions.length).set(positions)
      kernel.estimateGathered(frame, scratch, positions.length)
      return new Float32Array(memory.buffer, at(layout.SCRATCH_ESTIMATES_AT), positions.length)
    },
  }
}

async function narrowCodes({ base, dimensions, metric, centre }) {
  const frame = metric === 'euclidean' ? { centre } : {}
  const { core } = await VamanaGraph.create({ dimensions, metric, ...frame })
  core.newNodes(count)
  const scratch = core.scratch(0)
  const staged = core.memory.allocate(CALL * dimensions * 4)
  const nodes = core.memory.allocate(CALL * 4)
  const encode = (first, rows) => {
    core.floats(staged, rows * dimensions).set(base.subarray(first * dimensions, (first + rows) * dimensions))
    core.words(nodes, rows).set(Uint32Array.from({ length: rows }, (_, row) => first + row))
    core.kernel.encodeNodes(0, 0, rows, nodes, staged)
  }
  return {
    name: '4 bits',
    bytes: core.shape.narrowStride,
    encodeUs: timeEncoding(encode),
    prepare(query) {
      core.writeVector(0, query)
      core.kernel.prepareQuery(0)
    },
    compare(positions) {
      scratch.words(graphLayout.THREAD_GATHERED_AT, positions.length).set(positions)
      core.kernel.distancesOfGathered(0, positions.length)
      return scratch.distances(positions.length)
    },
  }
}

/** Encodes all twice, and gives the median of the second time's calls: memory is there and the code is optimised. */
function timeEncoding(encode) {
  const times = []
  for (const isTimed of [false, true])
    for (let first = 0; first < count; first += CALL) {
      const rows = Math.min(CALL, count - first)
      const us = elapsed(() => encode(first, rows)) * 1000
      if (isTimed) times.push(us / rows)
    }
  return median(times)
}

function recallsOf(contender, { queries, dimensions }, truth) {
  const found = MULTIPLES.map(() => 0)
  const all = Uint32Array.from({ length: count }, (_, position) => position)
  for (let query = 0; query < queryCount; query += 1) {
    contender.prepare(queries.subarray(query * dimensions, (query + 1) * dimensions))
    const scores = new Float32Array(count)
    for (let first = 0; first < count; first += CALL)
      scores.set(contender.compare(all.subarray(first, first + CALL)), first)
    const sorted = Float32Array.from(scores).sort()
    // What is among the nearest k * m by code is found by rescoring.
    for (const position of truth[query])
      MULTIPLES.forEach((multiple, index) => {
        if (scores[position] <= sorted[K * multiple - 1]) found[index] += 1
      })
  }
  return found.map((hits) => (hits / (queryCount * K)).toFixed(3))
}

/** One contender after the other in every round, so that a busy moment hits all alike. */
function speedsOf(contenders, { name, queries, dimensions }) {
  const random = createRandom(5)
  const cached = Uint32Array.from({ length: CALL }, (_, index) => (index * 7) % CACHED)
  const lists = Array.from({ length: 48 }, () => Uint32Array.from({ length: CALL }, () => random.integer(count)))
  const times = contenders.map(() => ({ cached: [], random: [], query: [] }))
  for (let round = -3; round < rounds; round += 1)
    contenders.forEach((contender, index) => {
      const vector = (query) => queries.subarray(query * dimensions, (query + 1) * dimensions)
      const queryMs = elapsed(() => {
        for (let query = 0; query < queryCount; query += 1) contender.prepare(vector(query))
      })
      const cachedMs = elapsed(() => {
        for (let call = 0; call < lists.length; call += 1) contender.compare(cached)
      })
      const randomMs = elapsed(() => {
        for (const list of lists) contender.compare(list)
      })
      if (round < 0) return
      times[index].query.push((queryMs * 1000) / queryCount)
      times[index].cached.push((cachedMs * 1e6) / (lists.length * CALL))
      times[index].random.push((randomMs * 1e6) / (lists.length * CALL))
    })
  return contenders.map((contender, index) => [
    name,
    contender.name,
    contender.bytes,
    ...[times[index].cached, times[index].random, [contender.encodeUs], times[index].query].map((list) =>
      formatNumber(median(list)),
    ),
  ])
}

function elapsed(work) {
  const start = performance.now()
  work()
  return performance.now() - start
}

function nearestExactly({ base, queries, dimensions, metric }, query) {
  const scores = new Float64Array(count)
  const vector = queries.subarray(query * dimensions, (query + 1) * dimensions)
  for (let row = 0, at = 0; row < count; row += 1) {
    let sum = 0
    let square = 0
    for (let i = 0; i < dimensions; i += 1, at += 1) {
      const component = base[at]
      const difference = component - vector[i]
      sum += metric === 'cosine' ? component * vector[i] : difference * difference
      square += component * component
    }
    scores[row] = metric === 'cosine' ? -sum / Math.sqrt(square) : sum
  }
  const limit = Float64Array.from(scores).sort()[K - 1]
  const nearest = []
  for (let row = 0; row < count && nearest.length < K; row += 1) if (scores[row] <= limit) nearest.push(row)
  return nearest
}

/** Every so many words, of which some are queries, so that rare words are among both. */
function gloveSet() {
  const { vectors, dimensions } = loadGlove()
  const rows = vectors.length / dimensions
  const pick = (total, offset) => {
    const step = rows / total
    const picked = new Float32Array(total * dimensions)
    for (let index = 0; index < total; index += 1) {
      const row = Math.floor(index * step) + offset
      picked.set(vectors.subarray(row * dimensions, (row + 1) * dimensions), index * dimensions)
    }
    return picked
  }
  if (rows < 2 * count) throw new RangeError(`GloVe has ${rows} words; queries have to be others than ${count}`)
  const base = pick(count, 0)
  const directions = base.slice()
  for (let at = 0; at < base.length; at += dimensions) {
    const length = Math.sqrt(base.subarray(at, at + dimensions).reduce((sum, component) => sum + component ** 2, 0))
    for (let i = at; i < at + dimensions; i += 1) directions[i] /= length
  }
  const centre = meanOf(directions, dimensions)
  return { name: 'GloVe, 100', metric: 'cosine', dimensions, base, queries: pick(queryCount, 1), centre }
}

function meanOf(vectors, dimensions) {
  const mean = new Float64Array(dimensions)
  for (let at = 0; at < vectors.length; at += 1) mean[at % dimensions] += (vectors[at] * dimensions) / vectors.length
  return mean
}

/** As peers/hard-768.mjs, with any number of dimensions: some dozen dimensions of falling variance, in overlapping clusters. */
function latentSet(dimensions) {
  const [latent, clusters] = [64, 200]
  const random = createRandom(dimensions)
  const deviations = Float64Array.from({ length: latent }, (_, i) => (i + 1) ** -0.35)
  const scale = 1 / Math.sqrt(1.49 * deviations.reduce((sum, deviation) => sum + deviation ** 2, 0))
  const basis = Float64Array.from({ length: dimensions * latent }, () => scale * random.normal())
  const centres = Float64Array.from({ length: clusters * latent }, () => 0.7 * random.normal())
  const draw = (rows) => {
    const drawn = new Float32Array(rows * dimensions)
    for (let row = 0; row < rows; row += 1) {
      const cluster = random.integer(clusters) * latent
      const point = deviations.map((deviation, i) => (centres[cluster + i] + random.normal()) * deviation)
      for (let component = 0; component < dimensions; component += 1) {
        let sum = 0.2 * random.normal()
        for (let i = 0; i < latent; i += 1) sum += basis[component * latent + i] * point[i]
        drawn[row * dimensions + component] = sum
      }
    }
    return drawn
  }
  const base = draw(count)
  const centre = meanOf(base, dimensions)
  return { name: `generated, ${dimensions}`, metric: 'euclidean', dimensions, base, queries: draw(queryCount), centre }
}
