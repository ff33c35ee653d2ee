import { BLOCK_POSITIONS, CODED, LINKED, ROW_BYTES, ROW_SLOTS } from '../kernel/assembly-graph/layout.ts'
import { METRICS } from '../metric.ts'
import type { GraphCore } from './graph-core.ts'
import { check } from './graph-parameters.ts'
import { runToEnd } from './job.ts'

const ROW_WORDS = ROW_BYTES / 4

/** Edges in compressed rows: those of node i are `nodes[offsets[i]]` up to, not including, `nodes[offsets[i + 1]]`. */
export interface CompressedRows {
  readonly offsets: Uint32Array
  readonly nodes: Uint32Array
}

/** All of a graph but its codes. */
export interface GraphEdges extends CompressedRows {
  /** One byte a node: FREE, CODED or LINKED. */
  readonly states: Uint8Array
}

/** The rows, each in its own order: that order is part of the graph. */
export function exportEdges(core: GraphCore): GraphEdges {
  const steps = exportEdgesSliced(core)
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

/** The same, stopping after every few milliseconds; the graph must not change meanwhile. */
export function* exportEdgesSliced(core: GraphCore): Generator<void, GraphEdges, void> {
  const { nodeCount } = core
  const offsets = new Uint32Array(nodeCount + 1)
  for (let first = 0; first < nodeCount; first += BLOCK_POSITIONS) {
    const rows = rowsOfBlock(core, first)
    for (let at = 0, node = first; at < rows.length; at += ROW_WORDS, node++)
      offsets[node + 1] = offsets[node]! + rows[at]!
    yield
  }
  const nodes = new Uint32Array(offsets[nodeCount]!)
  for (let first = 0; first < nodeCount; first += BLOCK_POSITIONS) {
    copyNeighbours(rowsOfBlock(core, first), nodes, offsets[first]!)
    yield
  }
  return { offsets, nodes, states: core.states() }
}

/** The rows of a block, of which `first` is the first node: 64 words each. */
function rowsOfBlock(core: GraphCore, first: number): Uint32Array {
  const count = Math.min(BLOCK_POSITIONS, core.nodeCount - first)
  return core.words(core.addressOf(first, 0, ROW_BYTES), count * ROW_WORDS)
}

/** Word by word: a view of each row would take four times as long. */
function copyNeighbours(rows: Uint32Array, target: Uint32Array, place: number): void {
  for (let at = 0; at < rows.length; at += ROW_WORDS) {
    for (let i = at + 1, end = i + rows[at]!; i < end; i++) target[place++] = rows[i]!
  }
}

/** The same edges by where they lead; sources rise. */
export function transposed({ offsets, nodes }: CompressedRows): CompressedRows {
  const nodeCount = offsets.length - 1
  const incoming = new Uint32Array(nodeCount + 1)
  for (const node of nodes) incoming[node + 1]!++
  for (let node = 0; node < nodeCount; node++) incoming[node + 1]! += incoming[node]!
  const places = incoming.slice()
  const sources = new Uint32Array(nodes.length)
  for (let node = 0; node < nodeCount; node++) {
    for (let edge = offsets[node]!; edge < offsets[node + 1]!; edge++) sources[places[nodes[edge]!]!++] = node
  }
  return { offsets: incoming, nodes: sources }
}

/** Throws RangeError unless the edges can be those of a graph: what comes from a disk is not to be trusted. */
export function checkEdges({ offsets, nodes, states }: GraphEdges): void {
  const nodeCount = states.length
  check(offsets.length === nodeCount + 1, `offsets must hold ${nodeCount + 1}: ${offsets.length}`)
  check(offsets[0] === 0 && offsets[nodeCount] === nodes.length, 'offsets must span the edges')
  for (let node = 0; node < nodeCount; node++) {
    const [from, to] = [offsets[node]!, offsets[node + 1]!]
    check(to >= from && to - from <= ROW_SLOTS, `node ${node} has a row of ${to - from}`)
    check(states[node]! <= LINKED, `node ${node} has the state ${states[node]}`)
    check(states[node] === LINKED || to === from, `node ${node} has a row but is not linked`)
    for (let edge = from; edge < to; edge++) {
      const target = nodes[edge]!
      check(target < nodeCount && target !== node && states[target] === LINKED, `node ${node} leads to ${target}`)
    }
  }
}

/** Puts edges into a graph whose nodes have their codes and no rows yet. */
export function importEdges(core: GraphCore, edges: GraphEdges): void {
  checkEdges(edges)
  const { offsets, nodes, states } = edges
  check(states.length === core.nodeCount, `the graph has ${core.nodeCount} nodes: ${states.length}`)
  check(core.linkedCount === 0, 'edges are read into a graph that has none')
  for (let node = 0; node < states.length; node++) {
    const row = core.row(node)
    row.set(nodes.subarray(offsets[node], offsets[node + 1]), 1)
    row[0] = offsets[node + 1]! - offsets[node]!
    core.setState(node, states[node]!)
    core.setInDegree(node, 0)
  }
  core.refreshStates()
  core.kernel.countIncoming(0, core.nodeCount)
  runToEnd(core, core.entries.draw())
}

/** Codes of `count` nodes from `first` on: wide code with its factors, then narrow code with its factors, node by node. */
export function exportCodes(core: GraphCore, first: number, count: number): Uint8Array {
  const { wideStride, narrowStride, wideOffset, narrowOffset } = core.shape
  check(first >= 0 && count >= 0 && first + count <= core.nodeCount, 'no such nodes')
  const stride = wideStride + narrowStride
  const codes = new Uint8Array(count * stride)
  for (let i = 0; i < count; i++) {
    codes.set(core.bytes(core.addressOf(first + i, wideOffset, wideStride), wideStride), i * stride)
    if (narrowStride === 0) continue
    codes.set(core.bytes(core.addressOf(first + i, narrowOffset, narrowStride), narrowStride), i * stride + wideStride)
  }
  return codes
}

/** Appends nodes with codes that {@link exportCodes} gave. Their state is CODED until edges come. */
export function importCodes(core: GraphCore, codes: Uint8Array): void {
  const { wideStride, narrowStride, wideOffset, narrowOffset } = core.shape
  const stride = wideStride + narrowStride
  check(codes.byteLength % stride === 0, `codes must be a multiple of ${stride} bytes: ${codes.byteLength}`)
  for (let at = 0; at < codes.byteLength; at += stride) {
    const node = core.newNode()
    core.bytes(core.addressOf(node, wideOffset, wideStride), wideStride).set(codes.subarray(at, at + wideStride))
    core.setState(node, CODED)
    if (narrowStride === 0) continue
    const narrow = core.bytes(core.addressOf(node, narrowOffset, narrowStride), narrowStride)
    narrow.set(codes.subarray(at + wideStride, at + stride))
  }
}

const NODES_A_PIECE = 1024

/**
 * All that makes the graph what it is, in pieces: its parameters, then for every 1,024 nodes their states, their rows (each
 * its length, then its neighbours), and their codes. Numbers are little-endian, as the processors that run WebAssembly are.
 */
export function* digestBytes(core: GraphCore): Generator<Uint8Array, void, void> {
  const { dimensions, metric, degree, alpha, seed, scale, centre } = core.parameters
  const isNarrow = core.walkCodes === 'narrow' ? 1 : 0
  yield bytesOf(Float64Array.of(dimensions, METRICS.indexOf(metric), degree, alpha, seed, scale, isNarrow, ...centre))
  const states = core.states()
  for (let first = 0; first < core.nodeCount; first += NODES_A_PIECE) {
    const count = Math.min(NODES_A_PIECE, core.nodeCount - first)
    yield states.subarray(first, first + count)
    yield bytesOf(packedRows(core, first, count))
    yield exportCodes(core, first, count)
  }
}

/** Rows without what is unused of them. */
function packedRows(core: GraphCore, first: number, count: number): Uint32Array {
  const rows = core.words(core.addressOf(first, 0, ROW_BYTES), count * ROW_WORDS)
  const packed = new Uint32Array(rows.length)
  let place = 0
  for (let at = 0; at < rows.length; at += ROW_WORDS) {
    for (let i = at, end = at + rows[at]!; i <= end; i++) packed[place++] = rows[i]!
  }
  return packed.subarray(0, place)
}

function bytesOf(array: Uint32Array | Float64Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}
