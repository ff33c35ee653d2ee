import type { Metric } from '../metric.ts'
import {
  COSINE,
  DEAD_AT,
  DOT,
  EUCLIDEAN,
  NORMS_AT,
  PIECE_AT,
  PIECE_BYTES,
  PIECE_ROWS,
  QUERY_AT,
  SELECTION_AT,
} from './assembly/layout.ts'
import { bytesOfBase64 } from './base64.ts'
import { KERNEL_BASE64 } from './kernel-binary.generated.ts'
import type { CodeShape, CodingKernel, RowCodes } from './row-codes.ts'
import { checkScan, rowsPerCall } from './scan-arguments.ts'
import type { ScanQuery, ScanRun, Selection } from './scan-kernel.ts'
import { type CodeExports, WasmRowCodes } from './wasm-row-codes.ts'

/** The part of the global that is used here: neither Node's types nor the language's declare it. */
declare const WebAssembly: {
  instantiate(binary: Uint8Array): Promise<{ module: object; instance: { exports: unknown } }>
  readonly Instance: new (module: object) => { readonly exports: unknown }
}

/** What assembly/index.ts exports. */
interface KernelExports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
  prepareQuery(dimensions: number): void
  scan(
    metric: number,
    dimensions: number,
    rows: number,
    firstSlot: number,
    firstBit: number,
    k: number,
    count: number,
    queryNorm: number,
  ): number
}

const METRIC_NUMBERS: Record<Metric, number> = { cosine: COSINE, euclidean: EUCLIDEAN, dot: DOT }
const PAGE_BYTES = 65_536

/** Compiles the SIMD kernel. Each call gives a kernel with a memory of its own. */
export async function loadWasmKernel(): Promise<CodingKernel> {
  const { module, instance } = await WebAssembly.instantiate(bytesOfBase64(KERNEL_BASE64))
  return new WasmKernel(module, instance.exports as KernelExports)
}

/**
 * The kernel reads nothing but its own memory, so a run is copied into it piece by piece; a piece stays in the
 * processor's second-level cache. Views are made anew at each use, because growth detaches older ones.
 */
class WasmKernel implements CodingKernel {
  readonly #module: object
  readonly #exports: KernelExports

  constructor(module: object, exports: KernelExports) {
    this.#module = module
    this.#exports = exports
  }

  rowsPerCall(dimensions: number): number {
    return rowsPerCall(dimensions)
  }

  scan(query: ScanQuery, run: ScanRun, selection: Selection): void {
    checkScan(query, run, selection)
    this.#growFor(selection.k)
    this.#copyQuery(query)
    this.#copySelectionIn(selection)
    const dimensions = query.vector.length
    const rowsPerPiece = Math.min(PIECE_ROWS, Math.floor(PIECE_BYTES / (dimensions * 4)))
    let count = selection.count
    for (let row = 0; row < run.rows; row += rowsPerPiece) {
      const rows = Math.min(rowsPerPiece, run.rows - row)
      this.#copyPiece(query, run, row, rows)
      count = this.#scanPiece(query, rows, run.firstSlot + row, selection.k, count)
    }
    selection.count = count
    this.#copySelectionOut(selection)
  }

  createCodes(metric: Metric, shape: CodeShape): RowCodes {
    const { exports } = new WebAssembly.Instance(this.#module)
    return new WasmRowCodes(exports as CodeExports, metric, shape)
  }

  memoryBytes(): number {
    return this.#exports.memory.buffer.byteLength
  }

  #growFor(k: number): void {
    const missing = SELECTION_AT + k * 12 - this.memoryBytes()
    if (missing > 0) this.#exports.memory.grow(Math.ceil(missing / PAGE_BYTES))
  }

  #copyQuery({ vector }: ScanQuery): void {
    this.#floats(QUERY_AT, vector.length).set(vector)
    this.#exports.prepareQuery(vector.length)
  }

  #copyPiece({ metric, vector }: ScanQuery, run: ScanRun, row: number, rows: number): void {
    const from = row * vector.length
    const length = rows * vector.length
    this.#floats(PIECE_AT, length).set(run.vectors.subarray(from, from + length))
    if (metric === 'cosine') this.#doubles(NORMS_AT, rows).set(run.norms.subarray(row, row + rows))
    this.#copyDead(run.dead, run.firstSlot + row, rows)
  }

  /** Copies whole bytes, so the bit of the first row is `firstSlot % 8`. Slots past the bitmap's end are alive. */
  #copyDead(dead: Uint8Array, firstSlot: number, rows: number): void {
    const firstByte = Math.floor(firstSlot / 8)
    const bytes = Math.floor((firstSlot + rows - 1) / 8) - firstByte + 1
    const present = dead.subarray(firstByte, firstByte + bytes)
    const area = new Uint8Array(this.#exports.memory.buffer, DEAD_AT, bytes)
    area.set(present)
    area.fill(0, present.length)
  }

  #scanPiece({ metric, vector, norm }: ScanQuery, rows: number, firstSlot: number, k: number, count: number): number {
    const firstBit = firstSlot % 8
    return this.#exports.scan(METRIC_NUMBERS[metric], vector.length, rows, firstSlot, firstBit, k, count, norm)
  }

  #copySelectionIn({ k, count, scores, slots }: Selection): void {
    this.#doubles(SELECTION_AT, count).set(scores.subarray(0, count))
    this.#slots(k, count).set(slots.subarray(0, count))
  }

  #copySelectionOut({ k, count, scores, slots }: Selection): void {
    scores.set(this.#doubles(SELECTION_AT, count))
    slots.set(this.#slots(k, count))
  }

  #floats(address: number, length: number): Float32Array {
    return new Float32Array(this.#exports.memory.buffer, address, length)
  }

  #doubles(address: number, length: number): Float64Array {
    return new Float64Array(this.#exports.memory.buffer, address, length)
  }

  #slots(k: number, length: number): Uint32Array {
    return new Uint32Array(this.#exports.memory.buffer, SELECTION_AT + k * 8, length)
  }
}
