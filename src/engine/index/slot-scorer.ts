import type { CollectionView } from '../collection-state.ts'
import { createSelection, type ScanKernel, type ScanQuery, type Selection } from '../kernel/scan-kernel.ts'
import { offer } from '../kernel/selection.ts'
import { RunScratch } from '../run-scratch.ts'
import { CodeShelf } from './code-shelf.ts'

const NO_BITS = new Uint8Array(0)
const NO_NORMS = new Float64Array(0)
const NO_VECTOR = new Float32Array(0)
/** Rows that are waited for together, the components of a cache line, and how far into a row lines are touched. */
const TOGETHER = 32
const LINE_COMPONENTS = 16
const MOST_TOUCHED = 1024

/**
 * Scores single slots on their originals. The rows are copied together and handed to the kernel that scans, so a hit has the
 * same distance, to the bit, however it was found.
 */
export class SlotScorer {
  /** The codes of buffers, which tell their own bytes. */
  readonly codes: CodeShelf
  readonly #kernel: ScanKernel
  #vectors = new Float32Array(0)
  #norms = new Float64Array(0)
  #best = createSelection(1)
  readonly #borrowed: Float32Array[] = []
  /** For who scans runs beside it. */
  readonly scratch = new RunScratch()

  constructor(kernel: ScanKernel) {
    this.#kernel = kernel
    this.codes = new CodeShelf(kernel)
  }

  /** Offers slots, which rise and are none of them freed, to a selection. */
  offer(view: CollectionView, query: ScanQuery, slots: ArrayLike<number>, selection: Selection): void {
    const rowsPerCall = this.#kernel.rowsPerCall(view.dimensions)
    for (let first = 0; first < slots.length; first += rowsPerCall) {
      const rows = Math.min(rowsPerCall, slots.length - first)
      this.#offerSome(view, query, { slots, first, rows }, selection)
    }
  }

  memoryBytes(): number {
    return this.#vectors.byteLength + this.#norms.byteLength + this.scratch.memoryBytes()
  }

  #offerSome(
    view: CollectionView,
    query: ScanQuery,
    { slots, first, rows }: { slots: ArrayLike<number>; first: number; rows: number },
    selection: Selection,
  ): void {
    const { dimensions, metric } = view
    this.#makeRoom(rows, dimensions)
    for (let row = 0; row < rows; row += TOGETHER) {
      this.#copyTogether(view, slots, { first: first + row, count: Math.min(TOGETHER, rows - row), row })
    }
    // Rows rise with their slots, so equal distances come in the order of slots here as well.
    const best = this.#emptySelection(Math.min(selection.k, rows))
    const vectors = this.#vectors.subarray(0, rows * dimensions)
    const norms = metric === 'cosine' ? this.#norms.subarray(0, rows) : NO_NORMS
    this.#kernel.scan(query, { vectors, norms, rows, firstSlot: 0, dead: NO_BITS }, best)
    for (let i = 0; i < best.count; i++) offer(selection, best.scores[i]!, slots[first + best.slots[i]!]!)
  }

  /** Rows lie anywhere in memory, and are waited for together: a word of each line is read before any row is copied. */
  #copyTogether(
    view: CollectionView,
    slots: ArrayLike<number>,
    { first, count, row }: { first: number; count: number; row: number },
  ): void {
    const { dimensions } = view
    if (view.vectorType !== 'float32') {
      this.#widenTogether(view, slots, { first, count, row })
      return
    }
    for (let index = 0; index < count; index++) {
      const { vectors, norms } = view.borrowRun(slots[first + index]!, 1)
      this.#borrowed[index] = vectors
      if (norms.length > 0) this.#norms[row + index] = norms[0]!
    }
    const end = Math.min(dimensions, MOST_TOUCHED)
    let sum = 0
    for (let index = 0; index < count; index++) {
      const vector = this.#borrowed[index]!
      for (let i = 0; i < end; i += LINE_COMPONENTS) sum += vector[i]!
    }
    // Behind all rows, where nobody looks: of what comes to nothing the compiler would leave the reading out.
    this.#vectors[this.#vectors.length - 1] = sum
    for (let index = 0; index < count; index++) {
      this.#vectors.set(this.#borrowed[index]!, (row + index) * dimensions)
      // What is borrowed keeps a chunk in memory.
      this.#borrowed[index] = NO_VECTOR
    }
  }

  /** Rows of other types are written where they are compared, and computing what they stand for reads ahead. */
  #widenTogether(
    view: CollectionView,
    slots: ArrayLike<number>,
    { first, count, row }: { first: number; count: number; row: number },
  ): void {
    for (let index = 0; index < count; index++) {
      const norm = view.copyRow(slots[first + index]!, this.#vectors, (row + index) * view.dimensions)
      this.#norms[row + index] = norm
    }
  }

  /** A selection of `k`, to be used within the call. */
  #emptySelection(k: number): Selection {
    if (this.#best.k !== k) this.#best = createSelection(k)
    this.#best.count = 0
    return this.#best
  }

  #makeRoom(rows: number, dimensions: number): void {
    if (this.#vectors.length <= rows * dimensions) this.#vectors = new Float32Array(rows * dimensions * 2)
    if (this.#norms.length < rows) this.#norms = new Float64Array(rows * 2)
  }
}
