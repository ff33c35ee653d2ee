import * as binary from '../kernel/assembly-graph/binary/layout.ts'
import * as layout from '../kernel/assembly-graph/layout.ts'
import { writeFrame } from '../quantization/binary-memory.ts'
import type { BinaryParameters } from '../quantization/binary-parameters.ts'
import { type BlockShape, blockShape } from './block-shape.ts'
import type { GraphMemory } from './graph-ledger.ts'
import { check, type GraphParameters } from './graph-parameters.ts'
import { instantiateLeanKernel, type LeanKernel, type LeanModule } from './lean-kernel.ts'
import { SharedMemory } from './shared-memory.ts'
import { type ScratchPart, ThreadScratch, walkParts } from './thread-scratch.ts'
import { type WalkCore, writeFrameSettings } from './walk-core.ts'

const WORD_BYTES = 4
/** Entries of walks, the frame, and the ends of areas, generously. */
const SMALL_BYTES = 65_536

/** What fixes how much memory a lean graph takes. */
export interface LeanPlan {
  readonly parameters: GraphParameters
  /** FOUR, EIGHT, FLOAT, or ONE, for which `binary` says how codes are made. */
  readonly kind: number
  readonly binary: BinaryParameters | undefined
  readonly nodeCount: number
  readonly linkedCount: number
  readonly edgeCount: number
  readonly entries: Uint32Array
}

/**
 * The memory of a graph that is only searched: rows one behind the other, each as long as it is, one kind of codes, and marks
 * for threads that search. Whoever makes it fills rows and codes before the first search; after that nothing changes.
 */
export class LeanCore implements WalkCore {
  readonly parameters: GraphParameters
  readonly kind: number
  readonly memory = new SharedMemory()
  readonly kernel: LeanKernel
  readonly module: LeanModule
  readonly nodeCount: number
  readonly linkedCount: number
  readonly edgeCount: number
  /** Where walks begin. */
  readonly entries: Uint32Array
  /** Bytes of a code, its factors included. */
  readonly codeStride: number
  readonly #shape: BlockShape
  readonly #binary: BinaryParameters | undefined
  readonly #tableAt: number
  readonly #rowsAt: number
  readonly #codesAt: number
  readonly #scratch: ThreadScratch[] = []
  #frameBytes = 0

  constructor(module: LeanModule, plan: LeanPlan) {
    const { parameters, kind, nodeCount, edgeCount, entries } = plan
    this.parameters = parameters
    this.kind = kind
    this.module = module
    this.nodeCount = nodeCount
    this.linkedCount = plan.linkedCount
    this.edgeCount = edgeCount
    this.entries = entries
    this.#shape = blockShape(parameters.dimensions)
    this.#binary = plan.binary
    this.codeStride = this.#strideOf(kind)
    this.memory.makeRoomFor((nodeCount + edgeCount) * WORD_BYTES + nodeCount * (this.codeStride + 1) + SMALL_BYTES)
    this.kernel = instantiateLeanKernel(module, this.memory.memory)
    writeFrameSettings(this.memory, parameters)
    this.#codesAt = this.memory.allocate(nodeCount * this.codeStride)
    this.#tableAt = this.memory.allocate((nodeCount + 1) * WORD_BYTES)
    this.#rowsAt = this.memory.allocate(edgeCount * WORD_BYTES)
    this.#writeSettings()
  }

  scratch(thread: number): ThreadScratch {
    check(Number.isInteger(thread) && thread >= 0 && thread < layout.MOST_THREADS, `no such thread: ${thread}`)
    this.#scratch[thread] ??= this.#makeScratch(thread)
    return this.#scratch[thread]
  }

  markOf(thread: number, node: number): number {
    return this.scratch(thread).get(layout.THREAD_MARKS_AT) + node
  }

  writeVector(thread: number, vector: Float32Array): void {
    const { dimensions } = this.parameters
    check(vector.length === dimensions, `the vector must hold ${dimensions}: ${vector.length}`)
    this.scratch(thread).floats(layout.THREAD_VECTOR_AT, dimensions).set(vector)
  }

  /** The address of each row, and where the last ends: to be filled by whoever makes the graph. */
  borrowTable(): Uint32Array {
    return new Uint32Array(this.memory.buffer, this.#tableAt, this.nodeCount + 1)
  }

  /** The neighbours of all nodes, and the address of the first. */
  borrowRows(): { readonly at: number; readonly neighbours: Uint32Array } {
    return { at: this.#rowsAt, neighbours: new Uint32Array(this.memory.buffer, this.#rowsAt, this.edgeCount) }
  }

  /** The codes of some nodes, factors included. */
  borrowCodes(first: number, nodes: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, this.#codesAt + first * this.codeStride, nodes * this.codeStride)
  }

  ledger(): GraphMemory {
    const factorBytes = this.kind === layout.ONE ? binary.CODE_FACTOR_BYTES : layout.FACTOR_BYTES
    const marks = this.#scratch.reduce((count) => count + 1, 0) * this.nodeCount
    const lists = this.#scratch.reduce((sum, scratch) => sum + (scratch?.memoryBytes() ?? 0), 0)
    return {
      codes: this.nodeCount * (this.codeStride - factorBytes),
      factors: this.nodeCount * factorBytes,
      rows: (this.nodeCount + 1 + this.edgeCount) * WORD_BYTES,
      scratch: marks + lists + this.#frameBytes + this.entries.length * WORD_BYTES,
      spare: this.memory.freeBytes,
      total: this.memory.usedBytes,
    }
  }

  #strideOf(kind: number): number {
    if (this.#binary !== undefined) return this.#binary.codeBytes
    return kind === layout.FOUR ? this.#shape.narrowStride : this.#shape.wideStride
  }

  #makeScratch(thread: number): ThreadScratch {
    const { dimensions } = this.parameters
    const parts: ScratchPart[] = walkParts(dimensions, this.#shape, layout.GATHERED_SLOTS)
    const ofBinary = this.#binary && binaryParts(this.#binary)
    if (ofBinary !== undefined) parts.push({ setting: layout.THREAD_BINARY_AT, bytes: ofBinary.bytes })
    const scratch = new ThreadScratch(this.memory, thread, this.memory.allocate(this.nodeCount), parts)
    if (ofBinary !== undefined) this.#shareArrays(scratch, ofBinary)
    return scratch
  }

  /** The kernel of binary codes works with a record of its own, in which most arrays are those of the thread. */
  #shareArrays(scratch: ThreadScratch, { unitAt, planesAt, deviationsAt }: BinaryParts): void {
    const record = scratch.get(layout.THREAD_BINARY_AT)
    this.#setWord(record + binary.SCRATCH_VECTOR_AT, scratch.get(layout.THREAD_VECTOR_AT))
    this.#setWord(record + binary.SCRATCH_WORK_AT, scratch.get(layout.THREAD_WORK_AT))
    this.#setWord(record + binary.SCRATCH_ADDRESSES_AT, scratch.get(layout.THREAD_ADDRESSES_AT))
    this.#setWord(record + binary.SCRATCH_ESTIMATES_AT, scratch.get(layout.THREAD_DISTANCES_AT))
    this.#setWord(record + binary.SCRATCH_UNIT_AT, record + unitAt)
    this.#setWord(record + binary.SCRATCH_PLANES_AT, record + planesAt)
    this.#setWord(record + binary.SCRATCH_DEVIATIONS_AT, record + deviationsAt)
  }

  #writeSettings(): void {
    const entriesAt = this.memory.allocate(this.entries.byteLength)
    new Uint32Array(this.memory.buffer, entriesAt, this.entries.length).set(this.entries)
    this.#setWord(layout.SETTING_ENTRIES_AT, entriesAt)
    this.#setWord(layout.SETTING_ENTRY_COUNT, this.entries.length)
    this.#setWord(layout.SETTING_NODE_LIMIT, this.nodeCount)
    this.#setWord(layout.SETTING_WIDE_KIND, this.#shape.wideKind)
    this.#setWord(layout.SETTING_WALK_KIND, this.kind)
    this.#setWord(layout.SETTING_LEAN_ROWS_AT, this.#tableAt)
    this.#setWord(layout.SETTING_LEAN_CODES_AT, this.#codesAt)
    this.#setWord(layout.SETTING_LEAN_STRIDE, this.codeStride)
    if (this.#binary === undefined) return
    const frame = writeFrame(this.memory, this.#binary)
    this.#frameBytes = frame.bytes
    this.#setWord(layout.SETTING_BINARY_FRAME_AT, frame.at)
  }

  #setWord(at: number, value: number): void {
    new Uint32Array(this.memory.buffer, at, 1)[0] = value
  }
}

interface BinaryParts {
  readonly bytes: number
  readonly unitAt: number
  readonly planesAt: number
  readonly deviationsAt: number
}

/** Behind the record: the rotated direction of a vector, the planes of a query, and the deviations of estimates. */
function binaryParts({ padded }: BinaryParameters): BinaryParts {
  const unitAt = binary.SCRATCH_BYTES
  const planesAt = unitAt + padded * 4
  const deviationsAt = planesAt + (padded / 8) * binary.PLANES
  return { unitAt, planesAt, deviationsAt, bytes: deviationsAt + (layout.GATHERED_SLOTS + 8) * 4 }
}
