import { FOUR, ONE, ROW_BYTES } from '../kernel/assembly-graph/layout.ts'
import { binaryParameters } from '../quantization/binary-parameters.ts'
import { CodedVectors, meanOf } from './coded-vectors.ts'
import type { GraphCore } from './graph-core.ts'
import { LeanCore } from './lean-core.ts'
import type { LeanModule } from './lean-kernel.ts'

/** Codes of a lean graph: those that walks on the whole one read, or one bit a dimension. */
export type LeanCodes = 'walk' | 'binary'

const ROW_WORDS = ROW_BYTES / 4
/** Nodes that are copied between two pauses: a part of a block of 16,384, 1 ms. */
const NODES_A_SLICE = 4096
const BYTES_A_SLICE = 4 * 1024 * 1024
/** Components that are encoded between two pauses: some 3 ms. */
const COMPONENTS_A_SLICE = 400_000
/** Components that wait in the memory of a lean graph to be encoded. */
const STAGED_COMPONENTS = 8192
/** The thread whose scratch rows are encoded with: the first to search. */
const THREAD = 1

/** Makes a lean graph of a whole one, which must not change meanwhile. Stops after every few milliseconds. */
export function* leanCoreOf(core: GraphCore, codes: LeanCodes, module: LeanModule): Generator<void, LeanCore, void> {
  const { parameters, nodeCount, linkedCount } = core
  const { metric, dimensions, seed, scale } = parameters
  const entries = core.entries.nodes.slice()
  const edgeCount = yield* countEdges(core)
  const isBinary = codes === 'binary'
  const kind = isBinary ? ONE : core.walkCodes === 'narrow' ? FOUR : core.shape.wideKind
  const binary = isBinary
    ? binaryParameters({ dimensions, metric, seed, centre: meanOf(core), ...(metric !== 'cosine' && { scale }) })
    : undefined
  yield
  const lean = new LeanCore(module, { parameters, kind, binary, nodeCount, linkedCount, edgeCount, entries })
  yield* copyRows(core, lean)
  if (isBinary) yield* encodeAll(core, lean)
  else yield* copyCodes(core, lean)
  return lean
}

/** The rows of a slice of nodes within one block, of which `first` is the first: 64 words each, the count in front. */
function rowsOfSlice(core: GraphCore, first: number): Uint32Array {
  const count = Math.min(NODES_A_SLICE, core.nodeCount - first)
  return core.words(core.addressOf(first, 0, ROW_BYTES), count * ROW_WORDS)
}

function* countEdges(core: GraphCore): Generator<void, number, void> {
  let edges = 0
  for (let first = 0; first < core.nodeCount; first += NODES_A_SLICE) {
    const rows = rowsOfSlice(core, first)
    for (let at = 0; at < rows.length; at += ROW_WORDS) edges += rows[at]!
    yield
  }
  return edges
}

function* copyRows(core: GraphCore, lean: LeanCore): Generator<void, void, void> {
  const { at: rowsAt, neighbours } = lean.borrowRows()
  const table = lean.borrowTable()
  let place = 0
  let node = 0
  for (let first = 0; first < core.nodeCount; first += NODES_A_SLICE) {
    const rows = rowsOfSlice(core, first)
    for (let at = 0; at < rows.length; at += ROW_WORDS) {
      table[node++] = rowsAt + place * 4
      for (let i = at + 1, end = i + rows[at]!; i < end; i++) neighbours[place++] = rows[i]!
    }
    yield
  }
  table[node] = rowsAt + place * 4
}

function* copyCodes(core: GraphCore, lean: LeanCore): Generator<void, void, void> {
  const { shape, nodeCount } = core
  const isNarrow = lean.kind === FOUR
  const [offset, stride] = isNarrow ? [shape.narrowOffset, shape.narrowStride] : [shape.wideOffset, shape.wideStride]
  let sliceNodes = NODES_A_SLICE
  while (sliceNodes * stride > BYTES_A_SLICE) sliceNodes /= 2
  for (let first = 0; first < nodeCount; first += sliceNodes) {
    const nodes = Math.min(sliceNodes, nodeCount - first)
    lean.borrowCodes(first, nodes).set(core.bytes(core.addressOf(first, offset, stride), nodes * stride))
    yield
  }
}

/** Of codes of one bit: encoded from what the wide codes stand for. */
function* encodeAll(core: GraphCore, lean: LeanCore): Generator<void, void, void> {
  const { dimensions } = core.parameters
  const vectors = new CodedVectors(core)
  const stagedNodes = Math.max(1, Math.floor(STAGED_COMPONENTS / dimensions))
  const bytes = stagedNodes * dimensions * 4
  lean.scratch(THREAD)
  const stagedAt = lean.memory.allocate(bytes)
  for (let first = 0, components = 0; first < core.nodeCount; first += stagedNodes) {
    const count = Math.min(stagedNodes, core.nodeCount - first)
    vectors.copyTo(first, count, new Float32Array(lean.memory.buffer, stagedAt, count * dimensions))
    lean.kernel.encodeRows(THREAD, stagedAt, count, first)
    components += count * dimensions
    if (components < COMPONENTS_A_SLICE) continue
    components = 0
    yield
  }
  lean.memory.release(stagedAt, bytes)
}
