import { BLOCK_POSITIONS, CODED, LINKED, ROW_SLOTS } from '../kernel/assembly-graph/layout.ts'
import type { GraphCore } from './graph-core.ts'
import { check } from './graph-parameters.ts'

/** Words of a row in memory: its count, then its neighbours. */
const ROW_WORDS = ROW_SLOTS + 1

/** Rows and codes of up to 16,384 consecutive nodes, as copies. */
export interface NodeBlock {
  readonly nodes: number
  /** Of the rows within `neighbours`; `nodes + 1` of them, the first 0. */
  readonly offsets: Uint32Array
  readonly neighbours: Uint32Array
  /** Wide codes with their factors, node by node; then narrow codes, none up to 32 dimensions. */
  readonly wideCodes: Uint8Array
  readonly narrowCodes: Uint8Array
}

/** Nodes of the block from `first` on, a multiple of 16,384. */
export function nodesOfBlock(nodeCount: number, first: number): number {
  return Math.min(BLOCK_POSITIONS, nodeCount - first)
}

/** Copies a block, of which `first` is the first node: 1 to 2 ms. The graph must not change meanwhile. */
export function exportBlock(core: GraphCore, first: number): NodeBlock {
  const nodes = nodesOfBlock(core.nodeCount, first)
  const { wideOffset, wideStride, narrowOffset, narrowStride } = core.shape
  return {
    nodes,
    ...exportRows(core, first, nodes),
    wideCodes: core.bytes(core.addressOf(first, wideOffset, wideStride), nodes * wideStride).slice(),
    narrowCodes: core.bytes(core.addressOf(first, narrowOffset, narrowStride), nodes * narrowStride).slice(),
  }
}

function exportRows(core: GraphCore, first: number, nodes: number): Pick<NodeBlock, 'offsets' | 'neighbours'> {
  const rows = core.words(core.addressOf(first, 0, ROW_WORDS * 4), nodes * ROW_WORDS)
  const offsets = new Uint32Array(nodes + 1)
  for (let node = 0; node < nodes; node++) offsets[node + 1] = offsets[node]! + rows[node * ROW_WORDS]!
  const neighbours = new Uint32Array(offsets[nodes]!)
  let place = 0
  for (let row = 0; row < rows.length; row += ROW_WORDS) {
    for (let i = row + 1, end = i + rows[row]!; i < end; i++) neighbours[place++] = rows[i]!
  }
  return { offsets, neighbours }
}

/** Appends nodes with codes that {@link exportBlock} gave; they have no rows yet. */
export function importBlockCodes(core: GraphCore, { nodes, wideCodes, narrowCodes }: NodeBlockCodes): void {
  const { wideOffset, wideStride, narrowOffset, narrowStride } = core.shape
  const first = core.nodeCount
  check(first % BLOCK_POSITIONS === 0, 'the last block is not full')
  check(wideCodes.byteLength === nodes * wideStride, `wide codes must hold ${wideStride} bytes a node`)
  check(narrowCodes.byteLength === nodes * narrowStride, `narrow codes must hold ${narrowStride} bytes a node`)
  for (let node = 0; node < nodes; node++) core.newNode()
  core.bytes(core.addressOf(first, wideOffset, wideStride), wideCodes.byteLength).set(wideCodes)
  core.bytes(core.addressOf(first, narrowOffset, narrowStride), narrowCodes.byteLength).set(narrowCodes)
  core.bytes(core.addressOf(first, core.shape.stateOffset, 1), nodes).fill(CODED)
}

export type NodeBlockCodes = Pick<NodeBlock, 'nodes' | 'wideCodes' | 'narrowCodes'>
export type NodeBlockRows = Pick<NodeBlock, 'offsets' | 'neighbours'>

/** Throws RangeError unless rows can be those of a graph with these states: what comes from a disk is not to be trusted. */
export function checkBlockRows({ offsets, neighbours }: NodeBlockRows, first: number, states: Uint8Array): void {
  const nodes = nodesOfBlock(states.length, first)
  check(offsets.length === nodes + 1, `offsets must hold ${nodes + 1}: ${offsets.length}`)
  check(offsets[0] === 0 && offsets[nodes] === neighbours.length, 'offsets must span the edges')
  // Messages are made only where they are needed: there are millions of edges.
  for (let index = 0; index < nodes; index++) {
    const node = first + index
    const from = offsets[index]!
    const to = offsets[index + 1]!
    const mostEdges = states[node] === LINKED ? ROW_SLOTS : 0
    if (to < from || to - from > mostEdges) throw new RangeError(`node ${node} has a row of ${to - from}`)
    for (let edge = from; edge < to; edge++) {
      const target = neighbours[edge]!
      // Beyond the states the read gives undefined.
      if (states[target] !== LINKED || target === node) throw new RangeError(`node ${node} leads to ${target}`)
    }
  }
}

/** Writes rows that {@link checkBlockRows} let pass into nodes that are there. */
export function importBlockRows(core: GraphCore, first: number, { offsets, neighbours }: NodeBlockRows): void {
  const nodes = offsets.length - 1
  const rows = core.words(core.addressOf(first, 0, ROW_WORDS * 4), nodes * ROW_WORDS)
  let place = 0
  for (let node = 0; node < nodes; node++) {
    const row = node * ROW_WORDS
    const count = offsets[node + 1]! - offsets[node]!
    rows[row] = count
    for (let i = row + 1; i <= row + count; i++) rows[i] = neighbours[place++]!
  }
}

/** States and in-degrees, a byte a node each; and where walks begin. */
export interface NodeMarks {
  readonly states: Uint8Array
  /** A count that has once been 255 stays there: it is not a function of the edges. */
  readonly inDegrees: Uint8Array
  readonly entries: Uint32Array
}

export function exportMarks(core: GraphCore): NodeMarks {
  const inDegrees = new Uint8Array(core.nodeCount)
  for (let first = 0; first < core.nodeCount; first += BLOCK_POSITIONS) {
    inDegrees.set(inDegreesOf(core, first), first)
  }
  return { states: core.states(), inDegrees, entries: core.entries.nodes.slice() }
}

/** Throws RangeError unless these can be the marks of a graph. */
export function checkMarks({ states, inDegrees, entries }: NodeMarks): void {
  check(inDegrees.length === states.length, 'there must be as many in-degrees as states')
  check(
    states.every((state) => state <= LINKED),
    'a node has no such state',
  )
  for (const entry of entries) check(states[entry] === LINKED, `the entry ${entry} is not linked`)
  check(entries.length > 0 || !states.includes(LINKED), 'there is no entry')
}

/** Completes a graph whose nodes have their codes and rows. `marks` passed {@link checkMarks}. Stops after each block. */
export function* importMarks(core: GraphCore, { states, inDegrees, entries }: NodeMarks): Generator<void, void, void> {
  check(states.length === core.nodeCount, `the graph has ${core.nodeCount} nodes: ${states.length}`)
  for (let first = 0; first < core.nodeCount; first += BLOCK_POSITIONS) {
    const nodes = nodesOfBlock(core.nodeCount, first)
    core.bytes(core.addressOf(first, core.shape.stateOffset, 1), nodes).set(states.subarray(first, first + nodes))
    inDegreesOf(core, first).fill(0)
  }
  core.refreshStates()
  for (let first = 0; first < core.nodeCount; first += BLOCK_POSITIONS) {
    core.kernel.countIncoming(first, first + nodesOfBlock(core.nodeCount, first))
    yield
  }
  for (let first = 0; first < core.nodeCount; first += BLOCK_POSITIONS) takeInDegrees(core, first, inDegrees)
  core.entries.restore(entries)
}

function inDegreesOf(core: GraphCore, first: number): Uint8Array {
  return core.bytes(core.addressOf(first, core.shape.inDegreeOffset, 1), nodesOfBlock(core.nodeCount, first))
}

/** A count below 255 is exact; one of 255 may say too much. */
function takeInDegrees(core: GraphCore, first: number, inDegrees: Uint8Array): void {
  const counted = inDegreesOf(core, first)
  for (let index = 0; index < counted.length; index++) {
    const stored = inDegrees[first + index]!
    if (stored !== 255 && counted[index] !== stored) {
      throw new RangeError(`node ${first + index} has in-degree ${counted[index]}, not ${stored}`)
    }
    counted[index] = stored
  }
}
