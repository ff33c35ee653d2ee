import type { ChainedHash } from '../chained-hash.ts'
import type { GraphParameters, WalkCodes } from '../graph/graph-parameters.ts'
import { exportBlock, exportMarks, type NodeBlock, type NodeMarks } from '../graph/node-blocks.ts'
import { BLOCK_POSITIONS } from '../kernel/assembly-graph/layout.ts'
import { METRICS } from '../metric.ts'
import { AddedSlots, type AddedSlotsParts } from './added-slots.ts'
import type { BuiltGraph } from './built-graph.ts'
import { DigestPieces } from './digest-pieces.ts'
import type { ServedGraph } from './index-task-runner.ts'

/** The slots of up to 16,384 consecutive nodes. */
export interface SlotBlock {
  /** Of the slots of each node within `slots`; one more than there are nodes, the first 0. */
  readonly offsets: Uint32Array
  /** Rising for each node. */
  readonly slots: Uint32Array
  /** Hash of each node's vector; 0 of a node that has no slots. It cannot be had from the vector once that was freed. */
  readonly hashes: Uint32Array
}

export interface CapturedBlock extends NodeBlock, Pick<SlotBlock, 'slots' | 'hashes'> {
  readonly slotOffsets: Uint32Array
}

/** All of a graph, copied; or all but its blocks, where those of the same version are kept already. */
export interface GraphCapture extends NodeMarks {
  /** What tells it from what it becomes, as {@link BuiltGraph.version} does. */
  readonly version: object
  readonly parameters: GraphParameters
  readonly walkCodes: WalkCodes
  readonly nodeCount: number
  readonly linkedCount: number
  readonly unreachable: number
  readonly firstEntries: number
  readonly freedCount: number
  readonly blocks: readonly CapturedBlock[] | undefined
}

/** What makes the digest of an index: under the same it is the same. */
export interface IndexVersion {
  readonly version: object
  readonly builtThrough: number
  readonly placed: Uint32Array
}

/** An index as the events up to one LSN leave it, copied: whatever happens later does not change it. */
export interface IndexCapture {
  readonly flushedThrough: number
  readonly builtThrough: number
  /** Rising. */
  readonly placed: Uint32Array
  readonly added: AddedSlotsParts
  readonly graph: GraphCapture | undefined
}

/** What an index knows at the moment of the LSN; the rest follows when its tasks have run. */
export interface IndexMoment {
  readonly flushedThrough: number
  readonly added: AddedSlotsParts
}

/**
 * Copies an index between two tasks, block by block, stopping after each: 2 to 3 ms. Blocks are left out where `isKept` says
 * that nobody needs them. Of a lean graph they have to be, and its states and in-degrees are left out too.
 * @throws RangeError for a lean graph otherwise: `DiskANNIndex.visit` gives a whole one.
 */
export function* captureIndex(
  moment: IndexMoment,
  served: ServedGraph,
  isKept: (index: IndexVersion) => boolean = () => false,
): Generator<void, IndexCapture, void> {
  const { built, builtThrough } = served
  const placed = Uint32Array.from(served.placed).sort()
  const added = AddedSlots.restore(moment.added)
  added.dropBelow(builtThrough)
  return {
    flushedThrough: moment.flushedThrough,
    builtThrough,
    placed,
    added: added.parts(),
    graph: built && (yield* captureGraph(built, isKept({ version: built.version, builtThrough, placed }))),
  }
}

function* captureGraph(built: BuiltGraph, isKept: boolean): Generator<void, GraphCapture, void> {
  const { graph, version, firstEntries, freedCount } = built
  const { parameters, walkCodes, nodeCount, linkedCount, unreachable } = graph
  // Where no task waits the visit begins within the caller's turn, which should be short.
  yield
  const blocks = isKept ? undefined : yield* captureBlocks(built)
  const marks = built.leanCodes === undefined ? exportMarks(graph.core) : leanMarks(graph.entries)
  const facts = { version, parameters, walkCodes, nodeCount, linkedCount, unreachable, firstEntries, freedCount }
  return { ...marks, ...facts, blocks }
}

function leanMarks(entries: Uint32Array): NodeMarks {
  return { states: new Uint8Array(0), inDegrees: new Uint8Array(0), entries: entries.slice() }
}

function* captureBlocks(built: BuiltGraph): Generator<void, CapturedBlock[], void> {
  const { core } = built.graph
  const blocks: CapturedBlock[] = []
  for (let first = 0; first < core.nodeCount; first += BLOCK_POSITIONS) {
    const block = yield* exportBlock(core, first)
    yield
    const { offsets: slotOffsets, slots, hashes } = slotsOfBlock(built, first, block.nodes)
    blocks.push({ ...block, slotOffsets, slots, hashes })
    yield
  }
  return blocks
}

function slotsOfBlock({ slots, lookup }: BuiltGraph, first: number, nodes: number): SlotBlock {
  const offsets = new Uint32Array(nodes + 1)
  const hashes = new Uint32Array(nodes)
  for (let index = 0; index < nodes; index++) {
    const count = slots.countOf(first + index)
    if (count > 0) hashes[index] = lookup.hashOf(first + index)
    offsets[index + 1] = offsets[index]! + count
  }
  const found = new Uint32Array(offsets[nodes]!)
  for (let index = 0; index < nodes; index++) {
    const from = offsets[index]!
    const chain = slots.borrowChain(first + index)
    if (chain !== undefined) found.set(chain, from)
    else if (offsets[index + 1]! > from) found[from] = slots.firstSlot(first + index)!
  }
  return { offsets, slots: found, hashes }
}

/** The blocks of a graph of which they were copied. */
export function blocksOf({ blocks }: GraphCapture): readonly CapturedBlock[] {
  if (blocks === undefined) throw new RangeError('the blocks of the graph were left out')
  return blocks
}

const NODES_A_PIECE = 1024

/**
 * Writes the bytes that `writeIndex` writes of the index that was captured, so that a digest of a moment can be had long
 * after it. Stops after every few milliseconds.
 */
export function* writeCapturedIndex(hash: ChainedHash, capture: IndexCapture): Generator<void, void, void> {
  const { builtThrough, placed, graph } = capture
  hash.writeU32(builtThrough)
  hash.writeU32(placed.length)
  for (const slot of placed) hash.writeU32(slot)
  hash.writeU32(graph === undefined ? 0 : 1)
  if (graph === undefined) return
  const { dimensions, metric, degree, alpha, seed, scale, centre } = graph.parameters
  const isNarrow = graph.walkCodes === 'narrow' ? 1 : 0
  const numbers = Float64Array.of(dimensions, METRICS.indexOf(metric), degree, alpha, seed, scale, isNarrow, ...centre)
  hash.writeBytes(new Uint8Array(numbers.buffer))
  const blocks = blocksOf(graph)
  const pieces = new DigestPieces()
  for (const [index, block] of blocks.entries()) {
    const states = graph.states.subarray(index * BLOCK_POSITIONS)
    for (let from = 0; from < block.nodes; from += NODES_A_PIECE) {
      const to = Math.min(block.nodes, from + NODES_A_PIECE)
      hash.writeBytes(states.subarray(from, to))
      hash.writeBytes(pieces.ofRows(block.offsets, block.neighbours, from, to))
      hash.writeBytes(pieces.ofCodes(block, from, to))
      yield
    }
  }
  for (const block of blocks) {
    for (let from = 0; from < block.nodes; from += NODES_A_PIECE) {
      hash.writeBytes(pieces.ofRows(block.slotOffsets, block.slots, from, Math.min(block.nodes, from + NODES_A_PIECE)))
    }
    yield
  }
}
