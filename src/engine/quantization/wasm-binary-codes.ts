import { check } from '../graph/graph-parameters.ts'
import { SharedMemory } from '../graph/shared-memory.ts'
import * as layout from '../kernel/assembly-graph/binary/layout.ts'
import { checkPosition, checkPositions, checkRange, checkRows, checkVector } from './binary-arguments.ts'
import type { BinaryCodes, Estimates } from './binary-codes.ts'
import { type BinaryKernel, type BinaryModule, instantiateBinaryKernel, loadBinaryModule } from './binary-kernel.ts'
import { writeFrame, writeScratch } from './binary-memory.ts'
import { type BinaryOptions, type BinaryParameters, binaryParameters } from './binary-parameters.ts'

const STAGED_BYTES = 65_536
const { CODE_BLOCK_POSITIONS, CODE_BLOCK_MASK, CODE_BLOCK_SHIFT, MOST_ESTIMATES } = layout

/**
 * The codes in WebAssembly SIMD. They lie in blocks that never move, in a memory that others may have parts of. Views are made
 * anew at each use, because growth leaves older ones short.
 */
export class WasmBinaryCodes implements BinaryCodes {
  readonly parameters: BinaryParameters
  readonly #memory: SharedMemory
  readonly #kernel: BinaryKernel
  readonly #frame: number
  readonly #scratch: number
  readonly #stagedAt: number
  readonly #stagedRows: number
  readonly #fixedBytes: number
  readonly #blocks: number[] = []
  #count = 0

  constructor(module: BinaryModule, options: BinaryOptions, memory = new SharedMemory()) {
    this.parameters = binaryParameters(options)
    this.#memory = memory
    this.#kernel = instantiateBinaryKernel(module, memory.memory)
    const frame = writeFrame(memory, this.parameters)
    const scratch = writeScratch(memory, this.parameters)
    const rowBytes = this.parameters.dimensions * 4
    this.#frame = frame.at
    this.#scratch = scratch.at
    this.#stagedRows = Math.max(1, Math.floor(STAGED_BYTES / rowBytes))
    this.#stagedAt = memory.allocate(this.#stagedRows * rowBytes)
    this.#fixedBytes = frame.bytes + scratch.bytes + this.#stagedRows * rowBytes
    this.#kernel.encodeQuery(this.#frame, this.#scratch)
  }

  static async create(options: BinaryOptions): Promise<WasmBinaryCodes> {
    return new WasmBinaryCodes(await loadBinaryModule(), options)
  }

  get count(): number {
    return this.#count
  }

  encode(position: number, rows: Float32Array): void {
    const count = checkRows(this, position, rows)
    this.#makeRoom(position + count)
    const { dimensions } = this.parameters
    for (let row = 0; row < count; row += this.#stagedRows) {
      const taken = Math.min(this.#stagedRows, count - row)
      const staged = rows.subarray(row * dimensions, (row + taken) * dimensions)
      this.#floats(this.#stagedAt, staged.length).set(staged)
      this.#kernel.encodeRows(this.#frame, this.#scratch, this.#stagedAt, taken, position + row)
    }
    this.#count = Math.max(this.#count, position + count)
  }

  code(position: number): Uint8Array {
    checkPosition(this, position)
    const { codeBytes } = this.parameters
    const at = this.#blocks[position >>> CODE_BLOCK_SHIFT]! + (position & CODE_BLOCK_MASK) * codeBytes
    return new Uint8Array(this.#memory.buffer, at, codeBytes).slice()
  }

  prepareQuery(vector: Float32Array): void {
    checkVector(this, vector)
    this.#floats(this.#partAt(layout.SCRATCH_VECTOR_AT), vector.length).set(vector)
    this.#kernel.encodeQuery(this.#frame, this.#scratch)
  }

  estimate(positions: Uint32Array, estimates: Estimates): void {
    checkPositions(this, positions, estimates)
    for (let from = 0; from < positions.length; from += MOST_ESTIMATES) {
      const some = positions.subarray(from, from + MOST_ESTIMATES)
      new Uint32Array(this.#memory.buffer, this.#partAt(layout.SCRATCH_POSITIONS_AT), some.length).set(some)
      this.#kernel.estimateGathered(this.#frame, this.#scratch, some.length)
      this.#copyOut(estimates, from, some.length)
    }
  }

  estimateRange(from: number, to: number, estimates: Estimates): void {
    checkRange(this, from, to, estimates)
    for (let first = from; first < to; first += MOST_ESTIMATES) {
      const count = Math.min(MOST_ESTIMATES, to - first)
      this.#kernel.estimateRange(this.#frame, this.#scratch, first, count)
      this.#copyOut(estimates, first - from, count)
    }
  }

  rotate(vector: Float32Array): Float32Array {
    checkVector(this, vector)
    const unit = this.#floats(this.#partAt(layout.SCRATCH_UNIT_AT), this.parameters.padded)
    unit.fill(0)
    unit.set(vector)
    this.#kernel.rotateUnit(this.#frame, this.#scratch)
    return unit.slice()
  }

  memoryBytes(): number {
    return this.#fixedBytes + this.#blocks.length * CODE_BLOCK_POSITIONS * this.parameters.codeBytes
  }

  #makeRoom(count: number): void {
    check(count <= layout.MOST_CODE_BLOCKS * CODE_BLOCK_POSITIONS, `too many positions: ${count}`)
    while (this.#blocks.length * CODE_BLOCK_POSITIONS < count) {
      const at = this.#memory.allocate(CODE_BLOCK_POSITIONS * this.parameters.codeBytes)
      const entry = this.#frame + layout.FRAME_BLOCKS + this.#blocks.length * 4
      new Uint32Array(this.#memory.buffer, entry, 1)[0] = at
      this.#blocks.push(at)
    }
  }

  #copyOut({ scores, deviations }: Estimates, from: number, count: number): void {
    scores.set(this.#floats(this.#partAt(layout.SCRATCH_ESTIMATES_AT), count), from)
    deviations.set(this.#floats(this.#partAt(layout.SCRATCH_DEVIATIONS_AT), count), from)
  }

  /** Where a part of the scratch lies. */
  #partAt(setting: number): number {
    return new Uint32Array(this.#memory.buffer, this.#scratch + setting, 1)[0]!
  }

  #floats(at: number, count: number): Float32Array {
    return new Float32Array(this.#memory.buffer, at, count)
  }
}
