import { partPath } from './names.ts'
import type { PartEntry } from './part.ts'

/**
 * Files of snapshots that are needed though no snapshot may name them any more: a graph that is in memory for searching only is
 * made whole from them. Those of the newest snapshot, as a rule, so it is damage of a manifest that makes them go.
 */
export class PinnedParts {
  readonly #pins = new Map<string, number>()

  /** Files that are pinned. */
  get size(): number {
    return this.#pins.size
  }

  has(path: string): boolean {
    return this.#pins.has(path)
  }

  /** Keeps files until what this returns is called; each as often as it is pinned. */
  pin(parts: readonly PartEntry[]): () => void {
    const paths = parts.map(partPath)
    for (const path of paths) this.#pins.set(path, (this.#pins.get(path) ?? 0) + 1)
    let isPinned = true
    return () => {
      if (isPinned) for (const path of paths) this.#unpin(path)
      isPinned = false
    }
  }

  #unpin(path: string): void {
    const pins = this.#pins.get(path)! - 1
    if (pins === 0) this.#pins.delete(path)
    else this.#pins.set(path, pins)
  }
}
