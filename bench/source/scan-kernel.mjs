// Times the scan kernel: in cache, streaming, and beside what the machine can copy.
//   node scripts/build.mjs && node bench/source/scan-kernel.mjs
import { cpus } from 'node:os'
import { ReferenceKernel } from '../../dist/engine/kernel/reference-kernel.js'
import { createSelection } from '../../dist/engine/kernel/scan-kernel.js'
import { loadWasmKernel } from '../../dist/engine/kernel/wasm-kernel.js'

const RUNS = 21
const METRICS = ['cosine', 'euclidean', 'dot']
const IN_CACHE_BYTES = 192 * 1024
const STREAMING_BYTES = 340_479 * 100 * 4

const wasm = await loadWasmKernel()
const reference = new ReferenceKernel()
console.log(`${cpus()[0].model}, Node ${process.version}, k 10, medians of ${RUNS}, lowest to highest in brackets`)
for (const dimensions of [100, 768]) {
  report(`${dimensions} dimensions, in cache`, dataOf(dimensions, IN_CACHE_BYTES), 50)
  report(`${dimensions} dimensions, streaming`, dataOf(dimensions, STREAMING_BYTES), 1)
}

/** One table: every contender takes one turn in each round, so that a busy moment hits all alike. */
function report(title, data, repeats) {
  const contenders = new Map([['copy only', () => copyAll(data)]])
  for (const metric of METRICS)
    contenders.set(`kernel, ${metric}`, () => scanAll(wasm, metric, data, selectionOf(repeats > 1)))
  contenders.set('plain loop, dot', () => plainLoop(data))
  // The reference is slow: over the streaming data it would take most of the time of the whole run.
  if (repeats > 1) contenders.set('reference, dot', () => scanAll(reference, 'dot', data, selectionOf(true)))

  const bytes = data.vectors.byteLength
  console.log(`\n${title}: ${data.rows} rows, ${(bytes / 1e6).toFixed(1)} MB`)
  for (const [name, times] of timeInTurn(contenders, repeats)) {
    const [low, middle, high] = [times[0], times[times.length >> 1], times.at(-1)]
    const perRow = (milliseconds) => ((milliseconds * 1e6) / data.rows).toFixed(1)
    const speed = (bytes / middle / 1e6).toFixed(1)
    const nanoseconds = `${perRow(middle).padStart(8)} ns/row ${`[${perRow(low)}-${perRow(high)}]`.padEnd(18)}`
    console.log(`  ${name.padEnd(18)} ${nanoseconds} ${speed.padStart(6)} GB/s ${middle.toFixed(3).padStart(9)} ms`)
  }
}

/** Sorted milliseconds of each contender. */
function timeInTurn(contenders, repeats) {
  const times = new Map([...contenders.keys()].map((name) => [name, []]))
  // Two rounds are not counted: the optimising compiler is still at work.
  for (let round = -2; round < RUNS; round++) {
    for (const [name, run] of contenders) {
      const start = performance.now()
      for (let i = 0; i < repeats; i++) run()
      if (round >= 0) times.get(name).push((performance.now() - start) / repeats)
    }
  }
  for (const list of times.values()) list.sort((a, b) => a - b)
  return times
}

/**
 * In cache there are few rows, and filling the selection would take most of the time. So it is full of hits that no row
 * comes near, as it is for nearly all rows of a long scan.
 */
function selectionOf(isFull) {
  const selection = createSelection(10)
  if (!isFull) return selection
  selection.scores.fill(-1e9)
  return { ...selection, count: 10 }
}

/** A whole search, in as many calls as the kernel asks for. */
function scanAll(kernel, metric, { query, norm, vectors, norms, rows, dimensions }, selection) {
  const dead = new Uint8Array(0)
  const step = kernel.rowsPerCall(dimensions)
  for (let row = 0; row < rows; row += step) {
    const count = Math.min(step, rows - row)
    const run = {
      vectors: vectors.subarray(row * dimensions, (row + count) * dimensions),
      norms: norms.subarray(row, row + count),
      rows: count,
      firstSlot: row,
      dead,
    }
    kernel.scan({ metric, vector: query, norm }, run, selection)
  }
  return selection
}

/** What anyone would write first: one float64 sum a row, and the single nearest. */
function plainLoop({ query, vectors, rows, dimensions }) {
  let nearest = Number.POSITIVE_INFINITY
  for (let row = 0; row < rows; row++) {
    let sum = 0
    for (let i = 0, at = row * dimensions; i < dimensions; i++, at++) sum += query[i] * vectors[at]
    if (-sum < nearest) nearest = -sum
  }
  return nearest
}

/** The bytes of a scan through a place that stays in cache: the least time any kernel that copies can take. */
function copyAll({ vectors, place }) {
  for (let at = 0; at < vectors.length; at += place.length) place.set(vectors.subarray(at, at + place.length))
}

function dataOf(dimensions, bytes) {
  const rows = Math.floor(bytes / (dimensions * 4))
  const vectors = Float32Array.from({ length: rows * dimensions }, () => Math.random() - 0.5)
  const norms = Float64Array.from({ length: rows }, (_, row) =>
    lengthOf(vectors.subarray(row * dimensions, (row + 1) * dimensions)),
  )
  const query = Float32Array.from({ length: dimensions }, () => Math.random() - 0.5)
  return { query, norm: lengthOf(query), vectors, norms, rows, dimensions, place: new Float32Array(65_536) }
}

function lengthOf(vector) {
  let sum = 0
  for (const component of vector) sum += component * component
  return Math.sqrt(sum)
}
