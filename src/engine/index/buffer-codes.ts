import type { CollectionView } from '../collection-state.ts'
import { passFreed } from '../freed-chunks.ts'
import type { CodedRange, CodingKernel, RowCodes } from '../kernel/row-codes.ts'
import type { ScanQuery, Selection } from '../kernel/scan-kernel.ts'
import { centreOf } from './buffer-centre.ts'

/** Components of vectors below which a scan is over before codes would have told anything. */
const FEWEST_COMPONENTS = 32 * 1024
/** Bytes of vectors that one search encodes at most: 0.2 ms. */
const ENCODED_BYTES = 256 * 1024
/** Of fewer slots for each hit too many would have to be looked at. */
const SLOTS_PER_HIT = 16
/** Comparing single slots takes so many times longer than scanning them in a row. */
const SLOTS_PER_LOOK = 8
/** Fewer slots than these are not worth a call. */
const FEWEST_SLOTS = 256
const MOST_FAILURES = 6

/**
 * The codes of one collection's buffer. Searches make them, some at a time, of what they have just scanned without; a write
 * does nothing for them. They are let go of when their slots have come into the graph. Whether they are there changes how
 * long a search takes and nothing else.
 */
export class BufferCodes {
  readonly #kernel: CodingKernel
  readonly #view: CollectionView
  #codes: RowCodes | undefined
  /** How often in a row codes have told too little. */
  #failures = 0
  /** Searches that do not ask them because of that. */
  #pause = 0

  constructor(kernel: CodingKernel, view: CollectionView) {
    this.#kernel = kernel
    this.#view = view
  }

  /** Slots from `fromSlot` on that have codes end here; without any, here is `fromSlot`. */
  codedThrough(fromSlot: number): number {
    const codes = this.#current()
    if (codes === undefined || this.#pause > 0) return fromSlot
    return fromSlot < codes.firstSlot ? fromSlot : Math.max(fromSlot, codes.throughSlot)
  }

  /**
   * The slots of a range, all of which have codes, that have to be compared; `undefined` if that is nearly all of them. To be
   * used before anything else is asked.
   */
  borrowNear(query: ScanQuery, range: CodedRange, selection: Selection): ArrayLike<number> | undefined {
    const slots = range.throughSlot - range.fromSlot
    const isFull = selection.count === selection.k
    if (slots < FEWEST_SLOTS || (!isFull && selection.k * SLOTS_PER_HIT > slots)) return undefined
    const near = this.#codes!.findNear(query, range, selection, Math.floor(slots / SLOTS_PER_LOOK))
    this.#note(near !== undefined)
    // What was freed since the range was made cannot be compared any more.
    return this.#view.freedCount === 0 ? near : near?.filter((slot) => !this.#view.isFreed(slot))
  }

  /** To be called once a search: encodes some of the slots below `throughSlot` that have no codes yet. */
  encodeSome(throughSlot: number): void {
    if (this.#pause > 0) {
      this.#pause -= 1
      return
    }
    const { dimensions, index } = this.#view
    if ((throughSlot - index.served.builtThrough) * dimensions < FEWEST_COMPONENTS) return
    const codes = this.#current() ?? this.#create()
    if (codes === undefined) return
    let rowsLeft = Math.max(1, Math.floor(ENCODED_BYTES / (dimensions * 4)))
    while (rowsLeft > 0 && codes.throughSlot < throughSlot) {
      const slot = codes.throughSlot
      const next = passFreed(this.#view, slot)
      if (next > slot) {
        if (!codes.skip(next - slot)) return
        continue
      }
      const run = this.#view.borrowRun(slot, Math.min(rowsLeft, throughSlot - slot))
      if (!codes.append(run)) return
      rowsLeft -= run.rows
    }
  }

  memoryBytes(): number {
    return this.#current()?.memoryBytes() ?? 0
  }

  /** The codes, unless what they are of is not the buffer any more. */
  #current(): RowCodes | undefined {
    if (this.#codes?.firstSlot !== this.#firstSlot() || this.#view.dropped) this.#codes = undefined
    return this.#codes
  }

  /** New codes, unless the system has no memory for them: then searches do without, and ask again much later. */
  #create(): RowCodes | undefined {
    const { metric, dimensions } = this.#view
    const firstSlot = this.#firstSlot()
    try {
      this.#codes = this.#kernel.createCodes(metric, { dimensions, firstSlot, centre: centreOf(this.#view, firstSlot) })
      this.#failures = 0
    } catch {
      this.#pause = 2 ** MOST_FAILURES
    }
    return this.#codes
  }

  #firstSlot(): number {
    const { builtThrough } = this.#view.index.served
    return builtThrough - (builtThrough % 8)
  }

  #note(isGood: boolean): void {
    this.#failures = isGood ? 0 : Math.min(this.#failures + 1, MOST_FAILURES)
    this.#pause = isGood ? 0 : 2 ** this.#failures
  }
}
