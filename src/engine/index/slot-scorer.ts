import type { CollectionView } from '../collection-state.ts'
import { createSelection, type ScanKernel, type ScanQuery, type Selection } from '../kernel/scan-kernel.ts'
import { offer } from '../kernel/selection.ts'

const NO_BITS = new Uint8Array(0)
const NO_NORMS = new Float64Array(0)

/**
 * Scores single slots on their originals. The rows are copied together and handed to the kernel that scans, so a hit has the
 * same distance, to the bit, however it was found.
 */
export class SlotScorer {
  readonly #kernel: ScanKernel
  #vectors = new Float32Array(0)
  #norms = new Float64Array(0)

  constructor(kernel: ScanKernel) {
    this.#kernel = kernel
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
    return this.#vectors.byteLength + this.#norms.byteLength
  }

  #offerSome(
    view: CollectionView,
    query: ScanQuery,
    { slots, first, rows }: { slots: ArrayLike<number>; first: number; rows: number },
    selection: Selection,
  ): void {
    const { dimensions, metric } = view
    this.#makeRoom(rows, dimensions)
    for (let row = 0; row < rows; row++) {
      this.#norms[row] = view.copyRow(slots[first + row]!, this.#vectors, row * dimensions)
    }
    // Rows rise with their slots, so equal distances come in the order of slots here as well.
    const best = createSelection(Math.min(selection.k, rows))
    const vectors = this.#vectors.subarray(0, rows * dimensions)
    const norms = metric === 'cosine' ? this.#norms.subarray(0, rows) : NO_NORMS
    this.#kernel.scan(query, { vectors, norms, rows, firstSlot: 0, dead: NO_BITS }, best)
    for (let i = 0; i < best.count; i++) offer(selection, best.scores[i]!, slots[first + best.slots[i]!]!)
  }

  #makeRoom(rows: number, dimensions: number): void {
    if (this.#vectors.length < rows * dimensions) this.#vectors = new Float32Array(rows * dimensions * 2)
    if (this.#norms.length < rows) this.#norms = new Float64Array(rows * 2)
  }
}
