import type { Metric } from '../metric.ts'
import {
  BOUNDS_AT,
  CENTRE_AT,
  EXCLUDED_AT,
  FOUND_AT,
  GROUPS_AT,
  groupBytes,
  LOOKED_ROWS,
  MOST_BOUNDS,
  MOST_FOUND,
  STAGED_AT,
  STAGED_BYTES,
  STAGED_NORMS_AT,
  STAGED_ROWS,
  TOO_MANY_FOUND,
} from './assembly/codes-layout.ts'
import { COSINE, DOT, EUCLIDEAN } from './assembly/layout.ts'
import type { CodedRange, CodedRun, CodeShape, RowCodes } from './row-codes.ts'
import type { ScanQuery, Selection } from './scan-kernel.ts'

/** What assembly/index.ts exports for codes. */
export interface CodeExports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
  encodeRows(metric: number, dimensions: number, rows: number, group: number, place: number): void
  encodeQuery(metric: number, dimensions: number): void
  findNear(
    metric: number,
    dimensions: number,
    firstRow: number,
    endRow: number,
    k: number,
    count: number,
    most: number,
    queryNorm: number,
  ): number
}

const METRIC_NUMBERS: Record<Metric, number> = { cosine: COSINE, euclidean: EUCLIDEAN, dot: DOT }
const PAGE_BYTES = 65_536
/** Addresses are 32 bits; nobody scans as much as this in any reasonable time. */
const MOST_BYTES = 1024 * 1024 * 1024

/** Codes in the memory of a kernel instance of their own, which goes when nobody refers to it any more. */
export class WasmRowCodes implements RowCodes {
  readonly firstSlot: number
  readonly #exports: CodeExports
  readonly #metric: Metric
  readonly #dimensions: number
  #rows = 0

  constructor(exports: CodeExports, metric: Metric, { dimensions, firstSlot, centre }: CodeShape) {
    this.#exports = exports
    this.#metric = metric
    this.#dimensions = dimensions
    this.firstSlot = firstSlot
    this.#growTo(GROUPS_AT)
    this.#floats(CENTRE_AT, dimensions).set(centre)
  }

  get throughSlot(): number {
    return this.firstSlot + this.#rows
  }

  append({ vectors, norms, rows }: CodedRun): boolean {
    if (!this.#makeRoom(rows)) return false
    const dimensions = this.#dimensions
    const most = Math.min(STAGED_ROWS, Math.floor(STAGED_BYTES / (dimensions * 4)))
    for (let row = 0; row < rows; row += most) {
      const count = Math.min(most, rows - row)
      this.#floats(STAGED_AT, count * dimensions).set(vectors.subarray(row * dimensions, (row + count) * dimensions))
      if (this.#metric === 'cosine') this.#doubles(STAGED_NORMS_AT, count).set(norms.subarray(row, row + count))
      const group = GROUPS_AT + Math.floor(this.#rows / 4) * groupBytes(dimensions)
      this.#exports.encodeRows(METRIC_NUMBERS[this.#metric], dimensions, count, group, this.#rows % 4)
      this.#rows += count
    }
    return true
  }

  skip(slots: number): boolean {
    const hasRoom = this.#makeRoom(slots)
    if (hasRoom) this.#rows += slots
    return hasRoom
  }

  findNear(query: ScanQuery, range: CodedRange, selection: Selection, most: number): Uint32Array | undefined {
    const { k, count, scores } = selection
    const firstRow = range.fromSlot - this.firstSlot
    const endRow = range.throughSlot - this.firstSlot
    if (k > MOST_BOUNDS || endRow - firstRow > LOOKED_ROWS) return undefined
    const metric = METRIC_NUMBERS[this.#metric]
    this.#floats(STAGED_AT, this.#dimensions).set(query.vector)
    this.#exports.encodeQuery(metric, this.#dimensions)
    this.#copyExcluded(range)
    // A heap of scores and slots, worst first, is one of scores as well.
    this.#doubles(BOUNDS_AT, count).set(scores.subarray(0, count))
    const found = this.#exports.findNear(
      metric,
      this.#dimensions,
      firstRow,
      endRow,
      k,
      count,
      Math.min(most, MOST_FOUND / 2),
      query.norm,
    )
    if (found >>> 0 === TOO_MANY_FOUND) return undefined
    const slots = new Uint32Array(this.#exports.memory.buffer, FOUND_AT, found)
    for (let index = 0; index < found; index++) slots[index]! += this.firstSlot
    return slots
  }

  memoryBytes(): number {
    return this.#exports.memory.buffer.byteLength
  }

  /** Whole bytes from that of the first slot on. Slots past the bitmap's end are alive. */
  #copyExcluded({ fromSlot, throughSlot, dead }: CodedRange): void {
    const firstByte = Math.floor(fromSlot / 8)
    const bytes = Math.ceil(throughSlot / 8) - firstByte
    const present = dead.subarray(firstByte, firstByte + bytes)
    const area = new Uint8Array(this.#exports.memory.buffer, EXCLUDED_AT, bytes)
    area.set(present)
    if (present.length < bytes) area.fill(0, present.length)
  }

  #makeRoom(rows: number): boolean {
    const groups = Math.ceil((this.#rows + rows) / 4)
    return this.#growTo(GROUPS_AT + groups * groupBytes(this.#dimensions))
  }

  #growTo(bytes: number): boolean {
    const missing = bytes - this.memoryBytes()
    if (missing <= 0) return true
    if (bytes > MOST_BYTES) return false
    try {
      this.#exports.memory.grow(Math.ceil(missing / PAGE_BYTES))
      return true
    } catch {
      return false
    }
  }

  #floats(address: number, length: number): Float32Array {
    return new Float32Array(this.#exports.memory.buffer, address, length)
  }

  #doubles(address: number, length: number): Float64Array {
    return new Float64Array(this.#exports.memory.buffer, address, length)
  }
}
