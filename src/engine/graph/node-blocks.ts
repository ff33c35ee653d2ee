import { BLOCK_POSITIONS, CODED, LINKED, ROW_SLOTS } from '../kernel/assembly-graph/layout.ts'
import { allocatePages } from '../page-memory.ts'
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

/**
 * Copies a block, of which `first` is the first node, stopping where 1 to 2 ms have passed. The graph must not change
 * meanwhile.
 */
export function* exportBlock(core: GraphCore, first: number): Generator<void, NodeBlock, void> {
  const nodes = nodesOfBlock(core.nodeCount, first)
  const { wideOffset, wideStride, narrowOffset, narrowStride } = core.shape
  const rows = yield* exportRows(core, first, nodes)
  return {
    nodes,
    ...rows,
    wideCodes: copyOf(core.bytes(core.addressOf(first, wideOffset, wideStride), nodes * wideStride)),
    narrowCodes: copyOf(core.bytes(core.addressOf(first, narrowOffset, narrowStride), nodes * narrowStride)),
  }
}

/** Copies of a whole graph are as large as the graph, and soon of no use. */
function copyOf(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(allocatePages(bytes.byteLength), 0, bytes.byteLength)
  copy.set(bytes)
  return copy
}

/** Rows that are copied between two pauses: some 1 ms. */
const ROWS_A_SLICE = 4096

function* exportRows(
  core: GraphCore,
  first: number,
  nodes: number,
): Generator<void, Pick<NodeBlock, 'offsets' | 'neighbours'>, void> {
  // Asked for anew after each pause: a search may have made the memory grow.
  const rowsFrom = (node: number, count: number) =>
    core.words(core.addressOf(first + node, 0, ROW_WORDS * 4), count * ROW_WORDS)
  const counts = rowsFrom(0, nodes)
  const offsets = new Uint32Array(nodes + 1)
  for (let node = 0; node < nodes; node++) offsets[node + 1] = offsets[node]! + counts[node * ROW_WORDS]!
  const neighbours = new Uint32Array(allocatePages(offsets[nodes]! * 4), 0, offsets[nodes]!)
  let place = 0
  for (let node = 0; node < nodes; node += ROWS_A_SLICE) {
    const rows = rowsFrom(node, Math.min(ROWS_A_SLICE, nodes - node))
    for (let row = 0; row < rows.length; row += ROW_WORDS) {
      for (let i = row + 1, end = i + rows[row]!; i < end; i++) neighbours[place++] = rows[i]!
    }
    yield
  }
  return { offsets, neighbours }
}

/** Where the codes of some nodes go, to be filled by the caller. */
export interface CodeBytes {
  readonly wideCodes: Uint8Array
  readonly narrowCodes: Uint8Array
}

/** Appends nodes, at most a block of them behind full ones, and hands out the bytes of their codes. They have no rows yet. */
export function extendCodes(core: GraphCore, nodes: number): CodeBytes {
  const { wideOffset, wideStride, narrowOffset, narrowStride, stateOffset } = core.shape
  check(core.nodeCount % BLOCK_POSITIONS === 0 && nodes <= BLOCK_POSITIONS, 'the last block is not full')
  const first = core.newNodes(nodes)
  core.bytes(core.addressOf(first, stateOffset, 1), nodes).fill(CODED)
  return {
    wideCodes: core.bytes(core.addressOf(first, wideOffset, wideStride), nodes * wideStride),
    narrowCodes: core.bytes(core.addressOf(first, narrowOffset, narrowStride), nodes * narrowStride),
  }
}

export type NodeBlockRows = Pick<NodeBlock, 'offsets' | 'neighbours'>

/** Throws RangeError unless rows can be those of a graph with these states: what comes from a disk is not to be trusted. */
export function checkBlockRows({ offsets, neighbours }: NodeBlockRows, first: number, states: Uint8Array): void {
  const nodes = nodesOfBlock(states.length, first)
  checkOffsets(offsets, nodes, neighbours.length)
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

function checkOffsets(offsets: Uint32Array, nodes: number, edges: number): void {
  check(offsets.length === nodes + 1, `offsets must hold ${nodes + 1}: ${offsets.length}`)
  check(offsets[0] === 0 && offsets[nodes] === edges, 'offsets must span the edges')
}

/** So many edges lead to a node, or more; or none may. Nearly no node has so many, so one byte tells both of the others. */
const MANY = 255

/** For each node how many edges lead to it, of those that were looked at, at most {@link MANY}. */
export function uncounted(states: Uint8Array): Uint8Array {
  const incoming = new Uint8Array(states.length)
  for (let node = 0; node < states.length; node++) if (states[node] !== LINKED) incoming[node] = MANY
  return incoming
}

/**
 * Writes rows into nodes that are there, checking them as {@link checkBlockRows} does, and counts in `incoming` where they
 * lead: one look at each edge and at its target, for these looks are what takes time. Where it throws, rows may be written.
 * All of a block, or those of its nodes from `from` up to `end`.
 */
export function takeBlockRows(
  core: GraphCore,
  first: number,
  { offsets, neighbours }: NodeBlockRows,
  states: Uint8Array,
  incoming: Uint8Array,
  { from = 0, end = BLOCK_POSITIONS }: { readonly from?: number; readonly end?: number } = {},
): void {
  const nodes = nodesOfBlock(states.length, first)
  checkOffsets(offsets, nodes, neighbours.length)
  const rows = core.words(core.addressOf(first, 0, ROW_WORDS * 4), nodes * ROW_WORDS)
  const lastIndex = Math.min(nodes, end)
  let edge = offsets[from]!
  for (let index = from; index < lastIndex; index++) {
    const node = first + index
    const to = offsets[index + 1]!
    const count = to - edge
    const mostEdges = states[node] === LINKED ? ROW_SLOTS : 0
    if (!(count >= 0 && count <= mostEdges)) throw new RangeError(`node ${node} has a row of ${count}`)
    let place = index * ROW_WORDS
    rows[place] = count
    while (edge < to) {
      const target = neighbours[edge++]!
      const counted = incoming[target]!
      // Beyond the nodes the reads give undefined, which is neither below anything nor a state.
      if (counted < MANY) incoming[target] = counted + 1
      else if (states[target] !== LINKED) throw new RangeError(`node ${node} leads to ${target}`)
      if (target === node) throw new RangeError(`node ${node} leads to itself`)
      rows[++place] = target
    }
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
  // A call for each of a million nodes would take most of a turn of the event loop.
  let highest = 0
  for (let node = 0; node < states.length; node++) if (states[node]! > highest) highest = states[node]!
  check(highest <= LINKED, 'a node has no such state')
  for (const entry of entries) check(states[entry] === LINKED, `the entry ${entry} is not linked`)
  check(entries.length > 0 || !states.includes(LINKED), 'there is no entry')
}

/**
 * Completes a graph whose nodes have their codes and rows, which were counted in `incoming`. `marks` passed
 * {@link checkMarks}. Stops after each block.
 */
export function* importMarks(
  core: GraphCore,
  { states, inDegrees, entries }: NodeMarks,
  incoming: Uint8Array,
): Generator<void, void, void> {
  check(states.length === core.nodeCount, `the graph has ${core.nodeCount} nodes: ${states.length}`)
  for (let first = 0; first < core.nodeCount; first += BLOCK_POSITIONS) {
    const end = first + nodesOfBlock(core.nodeCount, first)
    for (let node = first; node < end; node++)
      checkInDegree(node, inDegrees[node]!, states[node] === LINKED ? incoming[node]! : 0)
    inDegreesOf(core, first).set(inDegrees.subarray(first, end))
    core.bytes(core.addressOf(first, core.shape.stateOffset, 1), end - first).set(states.subarray(first, end))
    yield
  }
  core.refreshStates()
  core.entries.restore(entries)
}

/** A count below 255 is exact; one of 255 may say too much. */
function checkInDegree(node: number, stored: number, found: number): void {
  if (stored !== 255 && stored !== found) throw new RangeError(`node ${node} has in-degree ${found}, not ${stored}`)
}

function inDegreesOf(core: GraphCore, first: number): Uint8Array {
  return core.bytes(core.addressOf(first, core.shape.inDegreeOffset, 1), nodesOfBlock(core.nodeCount, first))
}
