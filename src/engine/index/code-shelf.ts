import type { CollectionView } from '../collection-state.ts'
import { hasCodes } from '../kernel/row-codes.ts'
import type { ScanKernel } from '../kernel/scan-kernel.ts'
import { BufferCodes } from './buffer-codes.ts'

/** Each takes addresses for 10 GiB, of which a process has some ten thousand times as much, and graphs need them as well. */
const MOST_COLLECTIONS = 256

/** The codes of the buffers of all collections that are searched with one kernel. */
export class CodeShelf {
  readonly #kernel: ScanKernel
  readonly #codes = new Map<CollectionView, BufferCodes>()

  constructor(kernel: ScanKernel) {
    this.#kernel = kernel
  }

  /** Those of one collection; `undefined` where the kernel has no codes. */
  of(view: CollectionView): BufferCodes | undefined {
    const found = this.#codes.get(view)
    if (found !== undefined || !hasCodes(this.#kernel)) return found
    this.#removeDropped()
    const [oldest] = this.#codes.keys()
    if (oldest !== undefined && this.#codes.size >= MOST_COLLECTIONS) this.#codes.delete(oldest)
    const codes = new BufferCodes(this.#kernel, view)
    this.#codes.set(view, codes)
    return codes
  }

  memoryBytes(): number {
    this.#removeDropped()
    let bytes = 0
    for (const codes of this.#codes.values()) bytes += codes.memoryBytes()
    return bytes
  }

  /** To be called for a collection that was dropped. */
  forget(view: CollectionView): void {
    this.#codes.delete(view)
  }

  #removeDropped(): void {
    for (const view of this.#codes.keys()) if (view.dropped) this.#codes.delete(view)
  }
}
